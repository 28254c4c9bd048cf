"""What changed behind a plan: its entries' stamps before it read anything, and again when somebody says go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from refooter.catalog.pages import count_entries
from refooter.catalog.rights import check_may_read
from refooter.catalog.selection import Selection
from refooter.catalog.stamps import Stamps, stamp_pages
from refooter.events import Progress
from refooter.jobs.examine import entry_result, examined
from refooter.jobs.lake import Lake
from refooter.jobs.meter import Meter
from refooter.values import EntryResult

LISTED = 1_000


@dataclass(frozen=True, slots=True)
class Drift:
    """How many entries changed (they or their partition rows), are gone, and are new to the selection.

    Of each kind at most `LISTED`, in the order of the primary key: the changed ones as they are judged now, except those that vanished
    while they were being judged. `now` is what a later look has to be compared with.
    """

    changed: int
    gone: int
    new: int
    changed_entries: tuple[EntryResult, ...]
    gone_paths: tuple[str, ...]
    new_paths: tuple[str, ...]
    now: Stamps

    @property
    def total(self) -> int:
        """0: everything is as it was."""
        return self.changed + self.gone + self.new


async def stamps(lake: Lake, selection: Selection) -> AsyncGenerator[Progress | Stamps, None]:
    """What the selected entries are; not one value is read. Ends with `Stamps`. Raises `MissingRights`.

    Where a verdict selects, these are all entries among which it does: a change of any of them is a change then.
    """
    await check_may_read(lake.database)
    async with aclosing(_stamps(lake, selection, await count_entries(lake.database, selection))) as told:
        async for one in told:
            yield one


async def drift(lake: Lake, selection: Selection, before: Stamps) -> AsyncGenerator[Progress | Drift, None]:
    """What of the selection is not as it was. A run of ours since then changed its entries like anybody else. Ends with `Drift`."""
    await check_may_read(lake.database)
    now = Stamps()
    async with aclosing(_stamps(lake, selection, len(before))) as told:
        async for one in told:
            if isinstance(one, Stamps):
                now = one
            else:
                yield one
    found = await asyncio.to_thread(before.difference, now, LISTED)
    yield Drift(
        found.changed,
        found.gone,
        found.new,
        await _judged(lake, found.changed_paths),
        found.gone_paths,
        found.new_paths,
        now,
    )


async def _stamps(lake: Lake, selection: Selection, total: int) -> AsyncGenerator[Progress | Stamps, None]:
    meter = Meter(total)
    pages: list[Stamps] = []
    async with aclosing(stamp_pages(lake.database, selection)) as read:
        async for page in read:
            pages.append(page)
            progress = meter.add(len(page), {})
            if progress is not None:
                yield progress
    yield Stamps.of(pages)


async def _judged(lake: Lake, paths: tuple[str, ...]) -> tuple[EntryResult, ...]:
    if not paths:
        return ()
    judged: dict[str, EntryResult] = {}
    async with aclosing(examined(lake, Selection(paths=paths, allow_empty=True))) as batches:
        async for batch in batches:
            judged |= {entry.file_path: entry_result(entry, diagnosis) for entry, diagnosis in batch}
    return tuple(judged[path] for path in paths if path in judged)
