"""`refooter rollback`: puts before images back."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from refooter.errors import PlanRefused, UsageError
from refooter_tui.cli import options
from refooter_tui.cli.shell import Shell

if TYPE_CHECKING:
    from refooter.catalog.journal import RunRecord
    from refooter.catalog.selection import Selection
    from refooter.jobs.lake import Session


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser(
        "rollback",
        help="undo runs",
        description="Puts the before images of these runs back, newest first, in a run of its own that can itself be undone.",
    )
    parser.add_argument("run_ids", nargs="+", type=options.count, metavar="RUN_ID")
    options.add_selection(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options.add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shell: Shell) -> int:
    from refooter.jobs.lake import Session
    from refooter_tui.cli.outcome import nothing_done

    shell.answer.put(**nothing_done())
    selection = options.selection_of(args)
    if args.read_only:
        raise UsageError("--read-only allows no rollback: leave it out")
    if not args.yes and (args.paths_from == "-" or not shell.can_ask):
        raise UsageError("there is no terminal to ask on: say --yes to roll back")
    with Session(options.settings_of(args)) as session:
        return shell.run(_rollback(args, shell, session, selection))


async def _rollback(args: argparse.Namespace, shell: Shell, session: Session, selection: Selection) -> int:
    from refooter.jobs.rollback import rollback, rollback_plan
    from refooter.jobs.run import Control
    from refooter_tui.cli.outcome import amiss, carry_out

    async with session.open() as lake:
        await lake.need_rights_to_write()
        runs = await rollback_plan(lake, args.run_ids)
        if not args.yes and not await shell.ask(_question(runs, selection.everything)):
            raise PlanRefused("not rolled back: the answer was no, and nothing was written")
        control = Control()
        with shell.stopping_with(control.cancel):
            summary = await carry_out(rollback(lake, args.run_ids, selection, control), shell, "Rolling back")
    if summary.state != "interrupted":
        options.refuse_nothing(summary.selected, selection)
    return 1 if amiss(summary) else 0


def _question(runs: list[RunRecord], everything: bool) -> str:
    from refooter_tui.cli.render import number, plural

    changed = [record.counts.get("migrated", 0) + record.counts.get("restored", 0) for record in runs]
    said = ", ".join(
        f"run {record.run_id} ({record.kind}, {number(count)} changed)"
        for record, count in zip(runs, changed, strict=True)
    )
    what = plural(sum(changed), "change") if everything else f"the selected of {plural(sum(changed), 'change')}"
    return f"Roll back {what}: {said}?"
