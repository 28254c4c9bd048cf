"""`refooter runs`: the journal, newest first; `refooter runs show`: one run and what it could not do."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from refooter_tui.cli import options
from refooter_tui.cli.output import LIST_LIMIT
from refooter_tui.cli.shell import Shell

if TYPE_CHECKING:
    from refooter.catalog.journal import RunRecord
    from refooter.jobs.lake import Session


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser("runs", help="what was done, from the journal")
    options.add_connection(parser)
    parser.set_defaults(run=run_list)
    parts = parser.add_subparsers(metavar="", title="more")
    show = parts.add_parser("show", help="one run, with everything that failed")
    show.add_argument("run_id", type=options.count, metavar="RUN_ID")
    options.add_connection(show)
    show.set_defaults(run=run_show)


def run_list(args: argparse.Namespace, shell: Shell) -> int:
    from refooter.jobs.lake import Session

    shell.answer.put_list("runs", [])
    with Session(options.settings_of(args), judging=False) as session:
        return shell.run(_list(shell, session))


async def _list(shell: Shell, session: Session) -> int:
    from refooter.jobs.runs import runs
    from refooter_tui.cli.journal import show_runs

    async with session.open() as lake:
        found = await runs(lake)
    shell.answer.put_list("runs", [record_fields(record) for record in found])
    if not shell.json:
        show_runs(shell.out, found)
    return 0


def run_show(args: argparse.Namespace, shell: Shell) -> int:
    from refooter.jobs.lake import Session

    shell.answer.put(run_id=args.run_id)
    with Session(options.settings_of(args), judging=False) as session:
        return shell.run(_show(args.run_id, shell, session))


async def _show(run_id: int, shell: Shell, session: Session) -> int:
    from refooter.jobs.runs import find_run, run_outcomes
    from refooter_tui.cli.journal import show_outcomes, show_record

    failures: list[dict[str, Any]] = []
    total = 0
    async with session.open() as lake:
        record = await find_run(lake, run_id)
        shell.answer.put(**record_fields(record))
        if not shell.json:
            show_record(shell.out, record)
        async for page in run_outcomes(lake, run_id):
            total += len(page)
            if not shell.json:
                show_outcomes(shell.out, page)
            room = LIST_LIMIT - len(failures)
            failures += [
                {"file_path": one.file_path, "outcome": one.outcome, "reason": one.reason, "sentence": one.sentence}
                for one in page[:room]
            ]
            shell.answer.put_list("failures", failures, total)
        shell.answer.put_list("failures", failures, total)
    return 0


def record_fields(record: RunRecord) -> dict[str, Any]:
    from refooter.values import time_text

    return {
        "run_id": record.run_id,
        "kind": record.kind,
        "who": record.who,
        "started": time_text(record.started),
        "finished": time_text(record.finished),
        "state": record.state,
        "strategy": record.strategy,
        **record.counts,
        "selection": {
            name: time_text(value) if name in ("since", "until") else value for name, value in record.selection.items()
        },
        "target": record.target,
        "program_version": record.program_version,
        "catalog_version": record.catalog_version,
        "message": record.message,
    }
