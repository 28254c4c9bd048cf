"""Going back: a run's before images put in their places again, in a run of its own that can itself be rolled back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from itertools import pairwise
from typing import Any

from refooter import __version__
from refooter.catalog.changes import NO_ROW, Change, Settled
from refooter.catalog.insertions import check_may_delete, check_may_insert, insert_times, needed_to_go_back
from refooter.catalog.journal import ChangeRecord, RunRecord, RunStart, RunState
from refooter.catalog.pages import read_entries
from refooter.catalog.rights import check_may_write
from refooter.catalog.selection import EVERYTHING, Selection
from refooter.errors import NothingSelected
from refooter.events import Event, Notice, Severity, Started
from refooter.jobs.choose import Chooser
from refooter.jobs.examine import entry_result
from refooter.jobs.lake import Lake
from refooter.jobs.prune import refuse_without_images
from refooter.jobs.run import Control, Item, Run, Tally, item_queue, who_am_i
from refooter.jobs.story import story
from refooter.values import NOT_JUDGED, Cause, Entry, EntryResult, Outcome, Partitions


async def rollback_plan(lake: Lake, run_ids: Sequence[int]) -> list[RunRecord]:
    """The runs to go back, newest first. Raises `NothingSelected` for one that the journal does not have."""
    known = {run.run_id: run for run in await lake.journal.runs()}
    for run_id in run_ids:
        if run_id not in known:
            raise NothingSelected(f"no run {run_id} in the journal; `refooter runs` lists them")
    return [known[run_id] for run_id in sorted(set(run_ids), reverse=True)]


async def rollback(
    lake: Lake, run_ids: Sequence[int], selection: Selection = EVERYTHING, control: Control | None = None
) -> AsyncGenerator[Event, None]:
    """Puts back what the runs found, newest run first, wherever a row still holds that run's new value and version.

    Rows that a run inserted are deleted, those that one deleted are inserted. A run that is still going on is stopped first. Ends with a
    `RunSummary` of kind `rollback`. Raises `NothingSelected`, `MissingRights`, `ImagesGone`.
    """
    await check_may_write(lake.database, lake.journal.schema)
    runs = await rollback_plan(lake, run_ids)
    await refuse_without_images(lake, runs, selection)
    deletes, inserts = await needed_to_go_back(lake.journal, lake.database, run_ids)
    if deletes:
        await check_may_delete(lake.database)
    if inserts:
        await check_may_insert(lake.database)
    job = _Rollback(lake, runs, selection, control or Control())
    async with aclosing(job.events()) as events:
        async for event in events:
            yield event


class _Rollback:
    def __init__(self, lake: Lake, runs: list[RunRecord], selection: Selection, control: Control) -> None:
        self._lake = lake
        self._runs = runs
        self._selection = selection
        self._chooser = Chooser(lake, selection)
        self._control = control
        self._tally = Tally()
        self._events: asyncio.Queue[Event] = asyncio.Queue(maxsize=64)
        self._run = Run(lake.journal, self._tally, control, self._events.put)

    async def events(self) -> AsyncGenerator[Event, None]:
        for run in self._runs:
            before = run.state
            after = await self._lake.journal.close_other(run.run_id)
            if before is RunState.RUNNING and after is not None:
                yield Notice(Severity.WARNING, f"run {run.run_id} was still going on: it is {after.value} now")
        # Counted again: a run that was just stopped may have committed a batch meanwhile.
        self._runs = await rollback_plan(self._lake, [run.run_id for run in self._runs])
        total = sum(run.counts["migrated"] + run.counts["restored"] for run in self._runs)
        told = story("rollback", self._run, self._work(total), self._events, self._control, self._lake.target, total)
        async with aclosing(told) as events:
            async for event in events:
                yield event

    async def _begin(self, total: int) -> None:
        """Part of the work, so that whoever leaves just then finds the run closed too."""
        names = {"runs": [run.run_id for run in self._runs], **self._selection.described()}
        start = RunStart("rollback", who_am_i(), __version__, str(self._lake.target), names, "before_image")
        run_id = await self._run.begin(start, total)
        await self._events.put(Started("rollback", total, self._lake.target, run_id=run_id))

    async def _work(self, total: int) -> None:
        await self._begin(total)
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(self._run.heartbeat())
            queue = item_queue()
            writing = group.create_task(self._run.write_all(queue, _nothing))
            async for page in self._lake.journal.changes([run.run_id for run in self._runs]):
                for item in await self._items(page):
                    await queue.put(item)
            await queue.close()
            await writing
            beating.cancel()

    async def _items(self, page: list[list[ChangeRecord]]) -> list[Item]:
        paths = [group[0].file_path for group in page]
        entries = {entry.file_path: entry for entry in await read_entries(self._lake.database, paths)}
        now = [entries.get(path) or Entry(path, None, 0, None, None, Partitions()) for path in paths]
        chosen = await self._chooser.chosen(now, frozenset(path for path in paths if path not in entries))
        times = await self._insert_times(page)
        items = [
            self._item(entry_result(entry, NOT_JUDGED), group, times.get((group[0].run_id, entry.file_path)))
            for entry, group in zip(now, page, strict=True)
            if entry.file_path in chosen
        ]
        self._tally.selected += len(items)
        return items

    async def _insert_times(self, page: list[list[ChangeRecord]]) -> dict[tuple[int, str], int]:
        """Of rows that were deleted, when they had been inserted. Hardly ever asked: only undoing a restore deletes anything."""
        deleted = [group[0] for group in page if group[0].new_digest == NO_ROW]
        if not deleted:
            return {}
        runs, paths = [one.run_id for one in deleted], [one.file_path for one in deleted]
        return await insert_times(self._lake.journal, self._lake.database, runs, paths)

    def _item(self, result: EntryResult, changes: list[ChangeRecord], insert_time: int | None) -> Item:
        """One step back over all that these runs did to an entry: from what the newest wrote to what the oldest found."""
        as_now = self._lake.database.version.as_now
        for newer, older in pairwise(changes):
            if (newer.old_digest, as_now(newer.old_version)) != (older.new_digest, as_now(older.new_version)):
                said = f"between runs {older.run_id} and {newer.run_id} something else changed this entry: go back run by run"
                return Item(result, settled=Settled(result.file_path, Outcome.CONFLICT, sentence=said))
        newest, oldest = changes[0], changes[-1]
        deletes = oldest.old_digest == NO_ROW
        if deletes and newest.new_digest == NO_ROW:
            return Item(result, unchanged=True)
        image = next((one for one in reversed(changes) if one.old_value is not None or one.dropped), None)
        if image is not None and image.dropped and not deletes:
            said = f"the before image of run {image.run_id} was dropped meanwhile"
            return Item(result, settled=Settled(result.file_path, Outcome.CONFLICT, sentence=said))
        stamps: dict[str, dict[str, Any]] = {}
        for change in changes:
            for row in change.partitions:
                stamp = stamps.setdefault(
                    json.dumps(row["identity"]), {"identity": row["identity"], "from": row["new"]}
                )
                # A row that one of these runs stamped, and that had no version before all of them, got the default.
                stamp["to"] = as_now(row["old"]) if stamp["from"] is not None else row["old"]
        return Item(
            result,
            Change(
                file_path=result.file_path,
                old_digest=newest.new_digest,
                old_version=as_now(newest.new_version),
                new_digest=oldest.old_digest,
                new_value=None if deletes or image is None else image.old_value,
                new_version=None if deletes else as_now(oldest.old_version),
                partitions=None,
                cause=Cause.NONE.value,
                repair="before_image",
                proved=False,
                stamps=tuple(stamps.values()),
                done=Outcome.RESTORED,
                insert_time=insert_time,
            ),
        )


async def _nothing() -> None:
    """A rollback needs no store, so nothing has to be proved before its first write."""
