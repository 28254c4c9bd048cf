"""`refooter verify`: whether it worked."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from refooter_tui.cli import options
from refooter_tui.cli.shell import Shell

if TYPE_CHECKING:
    from refooter.catalog.selection import Selection
    from refooter.events import Event, VerifySummary
    from refooter.jobs.lake import Session


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser("verify", help="check that every entry decodes, does no harm and is accounted for")
    options.add_selection(parser)
    parser.add_argument(
        "--run", dest="run_id", type=options.count, metavar="RUN_ID", help="account for all that this run changed"
    )
    parser.add_argument("--against-store", action="store_true", help="compare each value with its file's own footer")
    options.add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shell: Shell) -> int:
    from refooter.jobs.lake import Session

    shell.answer.put(entries=0, ok=0)
    shell.answer.put_list("problems", [])
    selection = options.selection_of(args)
    with Session(options.settings_of(args)) as session:
        return shell.run(_verify(args, shell, session, selection))


async def _verify(args: argparse.Namespace, shell: Shell, session: Session, selection: Selection) -> int:
    from refooter.events import ProblemsFound, VerifySummary
    from refooter.jobs.verify import verify
    from refooter_tui.cli.follow import Tally, follow
    from refooter_tui.cli.reports import show_verification

    tally = Tally()

    def see(event: Event) -> None:
        tally.see(event)
        if isinstance(event, ProblemsFound):
            shell.answer.put_list("problems", tally.problems, tally.problems_total)

    def finished(summary: VerifySummary) -> None:
        shell.answer.put(**verify_fields(summary))
        options.refuse_nothing(summary.entries + summary.problems, selection)
        if not shell.json:
            show_verification(shell.out, summary, tally)

    async with session.open() as lake:
        summary = await follow(
            verify(lake, selection, run_id=args.run_id, against_store=args.against_store),
            shell,
            "Verifying",
            VerifySummary,
            see=see,
            finished=finished,
        )
    return 1 if summary.problems else 0


def verify_fields(summary: VerifySummary) -> dict[str, Any]:
    """All but the list of problems."""
    return {
        "entries": summary.entries,
        "ok": summary.ok,
        "by_problem": summary.by_problem,
        "run": summary.run or None,
        "store_requests": summary.store_requests,
        "store_bytes": summary.store_bytes,
        "seconds": summary.seconds,
        "target": summary.target,
    }
