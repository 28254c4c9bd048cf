"""`refooter restore`: back to what a backup holds."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from refooter.errors import PlanRefused, UsageError
from refooter_tui.cli import options
from refooter_tui.cli.shell import Shell

if TYPE_CHECKING:
    from refooter.catalog.selection import Selection
    from refooter.events import Event, RestorePlan, RunSummary
    from refooter.jobs.lake import Lake, Session
    from refooter.jobs.restore import Backup, RestoreOptions


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser(
        "restore",
        help="go back to a backup",
        description="Writes back what differs from a backup, in a run that can itself be undone. Entries that came since are untouched.",
    )
    parser.add_argument("backup", metavar="URI", help="what `refooter backup` wrote, here or at a URI")
    options.add_selection(parser)
    group = parser.add_argument_group("restore")
    group.add_argument(
        "--missing",
        action="store_true",
        help="bring back entries that vanished, while a partition still names their file",
    )
    group.add_argument("--force", action="store_true", help="also into another database than the one it was made of")
    group.add_argument("--yes", action="store_true", help="do not show the plan and ask")
    options.add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shell: Shell) -> int:
    from refooter.jobs.lake import Session
    from refooter_tui.cli.outcome import nothing_done

    shell.answer.put(**nothing_done(), unchanged=0, inserted=0)
    selection = options.selection_of(args)
    settings = options.settings_of(args)
    if settings.read_only:
        raise UsageError("--read-only, or the profile's read_only, allows no restore: leave it out")
    if not args.yes and (args.paths_from == "-" or not shell.can_ask):
        raise UsageError("there is no terminal to ask on: say --yes to restore")
    with Session(settings) as session:
        return shell.run(_restore(args, shell, session, selection))


async def _restore(args: argparse.Namespace, shell: Shell, session: Session, selection: Selection) -> int:
    from refooter.jobs.restore import RestoreOptions, check_may_restore, check_same_database, restore
    from refooter.jobs.run import Control
    from refooter_tui.cli.outcome import amiss, carry_out

    wanted = RestoreOptions(missing=args.missing, force=args.force)
    async with session.open() as lake:
        await check_may_restore(lake, wanted)
        backup = await _opened(args.backup, shell, lake, selection)
        await check_same_database(lake, backup, wanted)
        if not args.yes:
            await _ask(shell, lake, backup, selection, wanted)
        control = Control()
        with shell.stopping_with(control.cancel):
            events = _split(restore(lake, backup, selection, wanted, control), shell)
            summary = await carry_out(events, shell, "Restoring")
    if summary.state != "interrupted":
        options.refuse_nothing(summary.selected, selection)
    return 1 if amiss(summary) else 0


async def _opened(address: str, shell: Shell, lake: Lake, selection: Selection) -> Backup:
    from refooter.events import BackupSummary
    from refooter.jobs.restore import Opening
    from refooter_tui.cli.follow import Tally, follow

    opening = Opening(address, lake.target, selection)
    await follow(opening.events(), shell, "Verifying", BackupSummary, see=Tally().see, finished=lambda summary: None)
    assert opening.backup is not None
    return opening.backup


async def _split(events: AsyncGenerator[Event, None], shell: Shell) -> AsyncGenerator[Event, None]:
    """The events as they are. The answer counts by outcome; here it learns of what is told apart beyond that."""
    from refooter.events import EntriesDone, Finished, RunSummary
    from refooter.values import Outcome

    why: Counter[str] = Counter()
    async with aclosing(events) as stream:
        async for event in stream:
            if isinstance(event, EntriesDone):
                why.update(
                    one.sentence for one in event.results if one.outcome is Outcome.SKIPPED and one.sentence is not None
                )
            # Whoever listens is done with an event when it asks for the next one.
            yield event
            if isinstance(event, Finished) and isinstance(event.summary, RunSummary):
                shell.answer.put(**_counts(event.summary))
                if not shell.json:
                    _show_split(shell, event.summary, why)


def _counts(summary: RunSummary) -> dict[str, Any]:
    from refooter.values import Outcome

    return {
        "restored": summary.count(Outcome.RESTORED) - summary.inserted,
        "inserted": summary.inserted,
        "unchanged": summary.unchanged,
        "skipped": summary.count(Outcome.SKIPPED) - summary.unchanged,
    }


def _show_split(shell: Shell, summary: RunSummary, why: Counter[str]) -> None:
    from refooter_tui.cli.render import entries, facts, gap, number, table

    pairs = [("inserted", f"{entries(summary.inserted)} of the restored had vanished")] if summary.inserted else []
    if summary.unchanged:
        pairs.append(("unchanged", f"{entries(summary.unchanged)} as the backup has them"))
    if pairs:
        gap(shell.out)
        facts(shell.out, pairs)
    rows = ([number(count), sentence] for sentence, count in why.most_common())
    table(shell.out, [("skipped", "number"), ("why", "fold")], rows)


async def _ask(shell: Shell, lake: Lake, backup: Backup, selection: Selection, wanted: RestoreOptions) -> None:
    """Shows the plan. Raises `PlanRefused`, and `NothingSelected`."""
    from refooter.events import RestorePlan
    from refooter.jobs.restore import restore_plan
    from refooter_tui.cli.follow import Tally, follow
    from refooter_tui.cli.render import entries

    def finished(plan: RestorePlan) -> None:
        _show_plan(shell, plan, backup, lake)

    plan = await follow(
        restore_plan(lake, backup, selection, wanted),
        shell,
        "Planning",
        RestorePlan,
        see=Tally().see,
        finished=finished,
    )
    options.refuse_nothing(plan.selected, selection)
    if plan.changed and not await shell.ask(f"Restore {entries(plan.changed)}?"):
        raise PlanRefused("not restored: the answer was no, and nothing was written")


def _show_plan(shell: Shell, plan: RestorePlan, backup: Backup, lake: Lake) -> None:
    from refooter.jobs.compare import SENTENCES, Fate
    from refooter.values import time_text
    from refooter_tui.cli.render import entries, facts, gap, number, say, size, table

    words = {
        Fate.RESTORE: "written back as the backup has them",
        Fate.INSERT: "vanished, and inserted again",
        **SENTENCES,
    }
    where = lake.database.address.shown
    verb = "is" if plan.changed == 1 else "are"
    count = f"{number(plan.changed)} of {entries(plan.selected)}"
    say(shell.err, f"{count} {verb} to be written, as far as the catalog at {where} tells.", "bold")
    rows = ([number(plan.by_fate[one]), words[one]] for one in Fate if plan.by_fate.get(one))
    table(shell.err, [("entries", "number"), ("what becomes of them", "fold")], rows)
    pairs = [
        ("backup", f"of {time_text(backup.facts.taken)}, catalog version {backup.facts.catalog_version}"),
        ("WAL", size(plan.wal_bytes)),
        ("table growth", size(plan.table_bytes)),
        ("journal", f"{size(plan.journal_bytes)} of before images in the schema {lake.journal.schema}"),
    ]
    if plan.harmful:
        pairs.append(("harm", f"{entries(plan.harmful)} of these do not decode or do harm: they are what was there"))
    gap(shell.err)
    facts(shell.err, pairs)
    gap(shell.err)
