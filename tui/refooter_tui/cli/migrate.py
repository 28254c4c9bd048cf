"""`refooter migrate`: the main job."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from refooter.errors import PlanRefused, UsageError
from refooter_tui.cli import options
from refooter_tui.cli.shell import Shell

if TYPE_CHECKING:
    from refooter.catalog.selection import Selection
    from refooter.events import Plan
    from refooter.jobs.decide import MigrateOptions
    from refooter.jobs.lake import Lake, Session


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser(
        "migrate",
        help="mend what is broken of the selection",
        description="Mends broken entries from what their values still hold, where that is proved to give the file's own footer,"
        " and from the files where it is not; checks each new value, and writes it behind a before image.",
    )
    options.add_selection(parser)
    group = parser.add_argument_group("migration")
    group.add_argument(
        "--strategy",
        choices=("auto", "refetch", "repair"),
        default="auto",
        help="where new values come from: the old value where it proves the file's own footer, else the file (auto); always the"
        " file (refetch); never the store (repair)",
    )
    group.add_argument(
        "--accept-unproved",
        action="store_true",
        help="write repairs that nothing proves, too: with auto only where the file is missing",
    )
    group.add_argument("--dry-run", action="store_true", help="read and check everything, write nothing, ask nothing")
    group.add_argument("--force", action="store_true", help="derive healthy entries anew, too")
    group.add_argument("--orphans", action="store_true", help="entries without a partition row, too")
    group.add_argument("--yes", action="store_true", help="do not show the plan and ask")
    group.add_argument("--concurrency", type=options.count, default=64, metavar="N", help="store requests at once (64)")
    group.add_argument("--max-rate", type=options.rate, metavar="N", help="entries a second at most")
    options.add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shell: Shell) -> int:
    from refooter.jobs.lake import Session
    from refooter_tui.cli.outcome import nothing_done

    shell.answer.put(**nothing_done(), dry_run=args.dry_run)
    selection = options.selection_of(args)
    if args.read_only and not args.dry_run:
        raise UsageError("--read-only allows a --dry-run only")
    if not (args.yes or args.dry_run) and (args.paths_from == "-" or not shell.can_ask):
        raise UsageError("there is no terminal to ask on: say --yes to migrate, or --dry-run to see what would happen")
    with Session(options.settings_of(args)) as session:
        return shell.run(_migrate(args, shell, session, selection))


async def _migrate(args: argparse.Namespace, shell: Shell, session: Session, selection: Selection) -> int:
    from refooter.jobs.decide import MigrateOptions, Strategy
    from refooter.jobs.migrate import migrate
    from refooter.jobs.run import Control
    from refooter_tui.cli.outcome import amiss, carry_out

    wanted = MigrateOptions(
        strategy=Strategy(args.strategy),
        accept_unproved=args.accept_unproved,
        force=args.force,
        orphans=args.orphans,
        dry_run=args.dry_run,
        max_rate=args.max_rate,
        named=frozenset(selection.paths or ()),
    )
    async with session.open() as lake:
        if args.dry_run or not args.yes:
            if wanted.strategy is not Strategy.REPAIR:
                lake.need_store()
            if not args.dry_run:
                await lake.need_rights_to_write()
            plan = await _show_plan(shell, lake, selection, wanted)
            options.refuse_nothing(plan.selected, selection)
            if not args.dry_run:
                await _ask(shell, plan)
        control = Control()
        doing = "Rehearsing" if args.dry_run else "Migrating"
        with shell.stopping_with(control.cancel):
            summary = await carry_out(migrate(lake, selection, wanted, control), shell, doing)
    if summary.state != "interrupted":
        options.refuse_nothing(summary.selected, selection)
    return 1 if amiss(summary) else 0


async def _show_plan(shell: Shell, lake: Lake, selection: Selection, wanted: MigrateOptions) -> Plan:
    from refooter.events import Plan
    from refooter.jobs.plan import plan
    from refooter_tui.cli.follow import Tally, follow
    from refooter_tui.cli.reports import show_plan

    def finished(found: Plan) -> None:
        store = None if lake.store is None else lake.store.shown
        show_plan(shell.err, found, lake.database.address.shown, journal=lake.journal.schema, store=store)

    return await follow(plan(lake, selection, wanted), shell, "Planning", Plan, see=Tally().see, finished=finished)


async def _ask(shell: Shell, plan: Plan) -> None:
    """Raises `PlanRefused`."""
    from refooter_tui.cli.render import entries

    changed = plan.changed
    if changed and not await shell.ask(f"Migrate {entries(changed)}?"):
        raise PlanRefused("not migrated: the answer was no, and nothing was written")
