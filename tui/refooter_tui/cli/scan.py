"""`refooter scan`: judges every selected entry."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from refooter.values import Cause, FileState, Status
from refooter_tui.cli import options
from refooter_tui.cli.shell import Shell

if TYPE_CHECKING:
    from refooter.catalog.selection import Selection
    from refooter.events import Event, ScanSummary
    from refooter.jobs.export import RowFile
    from refooter.jobs.lake import Session


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser("scan", help="judge every selected entry")
    options.add_selection(parser)
    parser.add_argument("--deep", action="store_true", help="look for each entry's file, too (one small read each)")
    parser.add_argument(
        "-o", dest="output", metavar="FILE", help="write every entry to a .csv, .jsonl or .parquet file"
    )
    options.add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shell: Shell) -> int:
    from refooter.jobs.export import RowFile
    from refooter.jobs.lake import Session

    selection = options.selection_of(args)
    shell.answer.put(entries=0, by_status=dict.fromkeys(Status, 0), by_cause=dict.fromkeys(Cause, 0))
    rows = RowFile(args.output) if args.output is not None else None
    with Session(options.settings_of(args)) as session:
        return shell.run(_scan(args, shell, session, selection, rows))


async def _scan(
    args: argparse.Namespace, shell: Shell, session: Session, selection: Selection, rows: RowFile | None
) -> int:
    from refooter.events import EntriesDone, ScanSummary
    from refooter.jobs.scan import scan
    from refooter_tui.cli.follow import Tally, follow
    from refooter_tui.cli.reports import show_scan

    tally = Tally()

    def see(event: Event) -> None:
        tally.see(event)
        if isinstance(event, EntriesDone):
            shell.answer.put(
                entries=tally.entries,
                by_status={status: tally.by_status[status] for status in Status},
                by_cause={cause: tally.by_cause[cause] for cause in Cause},
            )
            if rows is not None:
                rows.write(event.results)

    def finished(summary: ScanSummary) -> None:
        shell.answer.put(**scan_fields(summary, deep=args.deep))
        options.refuse_nothing(summary.entries, selection)
        if not shell.json:
            show_scan(shell.out, summary)

    async with session.open() as lake:
        with rows if rows is not None else nullcontext():
            summary = await follow(
                scan(lake, selection, deep=args.deep), shell, "Judging", ScanSummary, see=see, finished=finished
            )
    if rows is not None:
        from refooter_tui.cli.render import entries, say

        shell.answer.put(path=rows.target)
        say(shell.err, f"Wrote {entries(rows.rows)} to {rows.target}")
    return 1 if summary.not_ok else 0


def scan_fields(summary: ScanSummary, *, deep: bool = False) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "entries": summary.entries,
        "not_ok": summary.not_ok,
        "by_status": {status: summary.by_status.get(status, 0) for status in Status},
        "by_cause": {cause: summary.by_cause.get(cause, 0) for cause in Cause},
        "orphans": summary.orphans,
        "partitions": summary.partitions,
        "partitions_without_file": summary.partitions_without_file,
        "partitions_without_metadata": summary.partitions_without_metadata,
        "seconds": summary.seconds,
        "target": summary.target,
    }
    if deep:
        fields["by_file_state"] = {state: summary.by_file_state.get(state.value, 0) for state in FileState}
    return fields
