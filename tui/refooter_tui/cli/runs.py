"""`refooter runs`: the journal, newest first; `refooter runs show`: one run, what it could not do, and what came after it."""

from __future__ import annotations

import argparse
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from refooter_tui.cli import options, prune
from refooter_tui.cli.output import LIST_LIMIT
from refooter_tui.cli.shell import Shell

if TYPE_CHECKING:
    from refooter.catalog.audit import Audit
    from refooter.catalog.journal import RunRecord
    from refooter.jobs.export import RowFile
    from refooter.jobs.lake import Lake, Session


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser("runs", help="what was done, from the journal")
    options.add_connection(parser)
    parser.set_defaults(run=run_list)
    parts = parser.add_subparsers(metavar="", title="more")
    show = parts.add_parser("show", help="one run, with everything that failed")
    show.add_argument("run_id", type=options.count, metavar="RUN_ID")
    show.add_argument(
        "-o", dest="output", metavar="FILE", help="write all that it could not do to a .csv, .jsonl or .parquet file"
    )
    options.add_connection(show)
    show.set_defaults(run=run_show)
    prune.add(parts)


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
    from refooter.jobs.export import RowFile
    from refooter.jobs.lake import Session

    shell.answer.put(run_id=args.run_id)
    shell.answer.put_list("failures", [])
    rows = None if args.output is None else RowFile(args.output)
    # Only rows in a file say how the entries are now.
    with Session(options.settings_of(args), judging=rows is not None) as session:
        return shell.run(_show(args.run_id, rows, shell, session))


async def _show(run_id: int, rows: RowFile | None, shell: Shell, session: Session) -> int:
    from refooter.jobs.runs import find_run, run_audit
    from refooter_tui.cli.journal import show_audit, show_record
    from refooter_tui.cli.render import entries, say

    async with session.open() as lake:
        record = await find_run(lake, run_id)
        shell.answer.put(
            **record_fields(record), catalog=lake.database.address.shown, journal_schema=lake.journal.schema
        )
        audit = await run_audit(lake, run_id)
        shell.answer.put(**audit_fields(audit))
        if not shell.json:
            show_record(shell.out, record)
            show_audit(shell.out, audit)
        await _failures(lake, run_id, shell)
        if rows is not None:
            await _save(lake, run_id, rows)
            shell.answer.put(path=rows.target)
            if not shell.json:
                say(shell.out, f"Wrote {entries(rows.rows)} to {rows.target}")
    return 0


async def _failures(lake: Lake, run_id: int, shell: Shell) -> None:
    from refooter.jobs.runs import run_outcomes
    from refooter_tui.cli.journal import show_outcomes

    failures: list[dict[str, Any]] = []
    total = 0
    async with aclosing(run_outcomes(lake, run_id)) as pages:
        async for page in pages:
            total += len(page)
            if not shell.json:
                show_outcomes(shell.out, page)
            room = LIST_LIMIT - len(failures)
            failures += [
                {"file_path": one.file_path, "outcome": one.outcome, "reason": one.reason, "sentence": one.sentence}
                for one in page[:room]
            ]
            shell.answer.put_list("failures", failures, total)


async def _save(lake: Lake, run_id: int, rows: RowFile) -> None:
    from refooter.events import EntriesDone
    from refooter.jobs.export import export_run

    with rows:
        async with aclosing(export_run(lake, run_id)) as events:
            async for event in events:
                if isinstance(event, EntriesDone):
                    rows.write(event.results)


def record_fields(record: RunRecord) -> dict[str, Any]:
    """All that the journal's row says. `seconds` is until its end, or its last heartbeat."""
    from refooter.values import time_text

    dropped = record.images_dropped
    return {
        "run_id": record.run_id,
        "kind": record.kind,
        "who": record.who,
        "started": time_text(record.started),
        "finished": time_text(record.finished),
        "heartbeat": time_text(record.heartbeat),
        "heartbeat_age": record.heartbeat_age,
        "seconds": record.seconds,
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
        "images_dropped": None
        if dropped is None
        else {"who": dropped.who, "when": time_text(dropped.when), "entries": dropped.entries, "bytes": dropped.bytes},
    }


def audit_fields(audit: Audit) -> dict[str, Any]:
    """What its changes and failures come to, and what came after it."""
    from refooter.values import time_text

    return {
        "by_cause": audit.by_cause,
        "by_repair": audit.by_repair,
        "by_reason": audit.by_reason,
        "rolled_back_by": [one.run_id for one in audit.later if one.undoes],
        "later": [
            {
                "run_id": one.run_id,
                "kind": one.kind,
                "who": one.who,
                "started": time_text(one.started),
                "entries": one.entries,
            }
            for one in audit.later
        ],
    }
