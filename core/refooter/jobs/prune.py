"""Dropping before images: the journal keeps what every run did, and lets go of the values that only a rollback would need."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from refooter.catalog.images import Images, check_may_drop, count_images, drop_images, missing_images
from refooter.catalog.journal import RunRecord, RunState
from refooter.errors import NothingSelected, UsageError
from refooter.jobs.run import who_am_i
from refooter.values import time_text

if TYPE_CHECKING:
    from refooter.catalog.selection import Selection
    from refooter.jobs.lake import Lake


class ImagesGone(UsageError):
    """A rollback needs before images that were dropped."""

    code = "images_dropped"


@dataclass(frozen=True, slots=True)
class Prunable:
    """A run, and what dropping its before images would drop."""

    run: RunRecord
    images: Images


@dataclass(frozen=True, slots=True)
class Pruned:
    """A committed batch of one run's images: how many entries can no longer be rolled back, and the bytes that they held."""

    run_id: int
    entries: int
    bytes: int


async def prune_plan(lake: Lake, run_ids: Sequence[int] = (), before: int | None = None) -> list[Prunable]:
    """What would be dropped: of the runs named, or of those that ended before a time (microseconds since `PG_EPOCH`), newest first.

    Changes nothing. Raises `NothingSelected` for a run that the journal does not have, `UsageError` for one that still goes on,
    `MissingRights`.
    """
    known = {run.run_id: run for run in await lake.journal.runs()}
    for run_id in run_ids:
        if run_id not in known:
            raise NothingSelected(f"no run {run_id} in the journal; `refooter runs` lists them")
        if known[run_id].state is RunState.RUNNING:
            raise UsageError(f"run {run_id} still goes on: its before images stay; stop it, or wait for its end")
    named = set(run_ids)
    if before is not None:
        named |= {run.run_id for run in known.values() if _ended_before(run, before)}
    if not named:
        return []
    await check_may_drop(lake.journal)
    held = await count_images(lake.journal, sorted(named))
    return [Prunable(known[run_id], held.get(run_id, Images())) for run_id in sorted(named, reverse=True)]


def _ended_before(run: RunRecord, before: int) -> bool:
    ended = run.finished if run.finished is not None else run.heartbeat
    return run.state is not RunState.RUNNING and ended is not None and ended < before


async def prune(lake: Lake, plan: Sequence[Prunable]) -> AsyncGenerator[Pruned, None]:
    """Drops the images of these runs for good, batch by batch: what was committed stays dropped, however this ends.

    A dead run is set `dead` first, so that it writes nothing more should it wake up. Raises `RunStopped` for a run that somebody is just
    going back on, `MissingRights`.
    """
    await check_may_drop(lake.journal)
    who = who_am_i()
    for one in plan:
        run_id = one.run.run_id
        if one.run.state is RunState.DEAD:
            await lake.journal.close_dead(run_id)
        after: str | None = None
        while one.images.entries:
            batch = await drop_images(lake.journal, run_id, who, after)
            if batch.last is None:
                break
            yield Pruned(run_id, batch.entries, batch.bytes)
            after = batch.last


async def refuse_without_images(lake: Lake, runs: Sequence[RunRecord], selection: Selection) -> None:
    """Raises `ImagesGone` where going back on these runs needs an image that was dropped.

    Of the entries that the selection names, if it names any; otherwise of all that these runs changed. What was only stamped, and what
    an older of these runs has the image of, needs none.
    """
    dropped = {run.run_id: run.images_dropped for run in runs if run.images_dropped is not None}
    if not dropped:
        return
    missing = await missing_images(lake.journal, [run.run_id for run in runs], selection.paths)
    for run_id, entries in missing.items():
        by = dropped.get(run_id)
        when = "" if by is None else f" by {by.who} on {(time_text(by.when) or '')[:10]}"
        raise ImagesGone(
            f"run {run_id} cannot be rolled back: the before images of {entries:,} of its entries were dropped{when};"
            " restore them from a backup, or name with --path entries that still can be rolled back"
        )
