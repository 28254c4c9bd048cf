"""`refooter runs prune`: lets go of before images, after saying what can then not be rolled back."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import aclosing, nullcontext
from typing import TYPE_CHECKING, Any

from refooter.errors import PlanRefused, UsageError
from refooter_tui.cli import options
from refooter_tui.cli.shell import Shell

if TYPE_CHECKING:
    from refooter.jobs.lake import Lake, Session
    from refooter.jobs.prune import Prunable


def add(parts: options.Subparsers) -> None:
    parser = parts.add_parser(
        "prune",
        help="drop the before images of runs, to free their space",
        description="Drops the before images of these runs for good: they can then not be rolled back. What they did stays in the"
        " journal, and `verify --run` can still account for it.",
    )
    parser.add_argument("run_ids", nargs="*", type=options.count, metavar="RUN_ID")
    parser.add_argument("--before", metavar="TIME", help="of all runs that ended before it, such as 2025-06-14")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options.add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shell: Shell) -> int:
    from refooter.catalog.selection import parse_time
    from refooter.jobs.lake import Session

    shell.answer.put(entries=0, bytes=0)
    shell.answer.put_list("runs", [])
    if bool(args.run_ids) == (args.before is not None):
        raise UsageError("name the runs to prune, or say --before TIME for all that ended before it")
    before = None if args.before is None else parse_time(args.before)
    if args.read_only:
        raise UsageError("--read-only allows no pruning: leave it out")
    if not (args.yes or shell.can_ask):
        raise UsageError("there is no terminal to ask on: say --yes to drop before images for good")
    with Session(options.settings_of(args), judging=False) as session:
        return shell.run(_prune(args, before, shell, session))


async def _prune(args: argparse.Namespace, before: int | None, shell: Shell, session: Session) -> int:
    from refooter.jobs.prune import prune_plan
    from refooter_tui.cli.render import say

    async with session.open() as lake:
        found = await prune_plan(lake, args.run_ids, before)
        left = [one for one in found if one.images.entries]
        if not left:
            if not shell.json:
                say(shell.out, _nothing(found))
            return 0
        if not args.yes and not await shell.ask(_question(left)):
            raise PlanRefused("not pruned: the answer was no, and nothing was dropped")
        await _drop(shell, lake, left)
    return 0


async def _drop(shell: Shell, lake: Lake, left: Sequence[Prunable]) -> None:
    """Keeps the answer true meanwhile: what was committed is dropped, however this ends."""
    from refooter.jobs.prune import prune
    from refooter_tui.cli.render import entries, say, size

    done: dict[int, dict[str, Any]] = {}
    total = sum(one.images.entries for one in left)
    waiting = shell.err.status("Dropping") if shell.err.is_terminal else nullcontext()
    with waiting as status:
        async with aclosing(prune(lake, left)) as batches:
            async for batch in batches:
                of_run = done.setdefault(batch.run_id, {"run_id": batch.run_id, "entries": 0, "bytes": 0})
                of_run["entries"] += batch.entries
                of_run["bytes"] += batch.bytes
                dropped = sum(one["entries"] for one in done.values())
                freed = sum(one["bytes"] for one in done.values())
                shell.answer.put(entries=dropped, bytes=freed)
                shell.answer.put_list("runs", list(done.values()))
                if status is not None:
                    status.update(f"Dropping before images: {dropped:,} of {total:,}")
    if shell.json:
        return
    dropped, freed = shell.answer.fields["entries"], shell.answer.fields["bytes"]
    say(shell.out, f"Dropped the before images of {entries(dropped)} ({size(freed)}) of {_runs(list(done))}.")
    table = f"{lake.journal.schema}.change"
    say(
        shell.out,
        f"The next VACUUM of {table} frees the space for new rows; VACUUM FULL gives it back to the disk.",
        "dim",
    )


def _runs(run_ids: Sequence[int]) -> str:
    from refooter_tui.cli.render import plural

    few = sorted(run_ids)
    if len(few) > 10:
        return plural(len(few), "run")
    return f"run{'' if len(few) == 1 else 's'} {', '.join(map(str, few))}"


def _question(left: Sequence[Prunable]) -> str:
    from refooter_tui.cli.render import entries, number, size

    gone = sum(one.images.entries for one in left)
    stamped = sum(one.images.stamped for one in left)
    said = f"{_runs([one.run.run_id for one in left])}: the before images of {entries(gone)} would be dropped for good"
    freed = size(sum(one.images.bytes for one in left))
    what = f"{said} ({freed}); none of these could be rolled back any more"
    if stamped:
        what += f", the {number(stamped)} that were only stamped still could"
    return f"{what[0].upper()}{what[1:]}. Drop them?"


def _nothing(found: Sequence[Prunable]) -> str:
    if not found:
        return "No run ended before that: there is nothing to drop."
    runs = _runs([one.run.run_id for one in found])
    return f"{runs[0].upper()}{runs[1:]}: no before image was left to drop."
