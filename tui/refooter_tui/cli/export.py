"""`refooter export`: a run's failures, or any selection, as a file for other tools."""

from __future__ import annotations

import argparse
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from refooter_tui.cli import options
from refooter_tui.cli.shell import Shell

if TYPE_CHECKING:
    from refooter.catalog.selection import Selection
    from refooter.events import Event
    from refooter.jobs.export import RowFile
    from refooter.jobs.lake import Lake, Session


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser("export", help="write a run's failures, or any selection, to a file")
    options.add_selection(parser)
    parser.add_argument("--run", dest="run_id", type=options.count, metavar="RUN_ID", help="what this run could not do")
    parser.add_argument(
        "-o", dest="output", metavar="FILE", required=True, help="a .csv, .jsonl or .parquet file, here or at a URI"
    )
    options.add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shell: Shell) -> int:
    from refooter.jobs.export import RowFile
    from refooter.jobs.lake import Session
    from refooter.store.shown import shown

    shell.answer.put(entries=0, path=shown(args.output))
    selection = options.selection_of(args)
    rows = RowFile(args.output)
    with Session(options.settings_of(args)) as session:
        return shell.run(_export(args, shell, session, selection, rows))


async def _export(args: argparse.Namespace, shell: Shell, session: Session, selection: Selection, rows: RowFile) -> int:
    from refooter_tui.cli.render import entries, say

    async with session.open() as lake:
        with rows:
            if args.run_id is None:
                await _write_scan(shell, lake, selection, rows)
            else:
                await _write_run(lake, args.run_id, selection, rows)
            options.refuse_nothing(rows.rows, selection)
    shell.answer.put(entries=rows.rows)
    if not shell.json:
        say(shell.out, f"Wrote {entries(rows.rows)} to {rows.target}")
    return 0


async def _write_scan(shell: Shell, lake: Lake, selection: Selection, rows: RowFile) -> None:
    from refooter.events import EntriesDone, ScanSummary
    from refooter.jobs.scan import scan
    from refooter_tui.cli.follow import follow

    def see(event: Event) -> None:
        if isinstance(event, EntriesDone):
            rows.write(event.results)
            shell.answer.put(entries=rows.rows)

    await follow(scan(lake, selection), shell, "Writing", ScanSummary, see=see, finished=lambda summary: None)


async def _write_run(lake: Lake, run_id: int, selection: Selection, rows: RowFile) -> None:
    from refooter.events import EntriesDone
    from refooter.jobs.export import export_run, of_selection

    events: AsyncGenerator[Event, None] = export_run(lake, run_id)
    async with aclosing(events) as stream:
        async for event in stream:
            if isinstance(event, EntriesDone):
                rows.write(of_selection(selection, event.results))
