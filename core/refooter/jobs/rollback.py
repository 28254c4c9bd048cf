"""Going back: a run's before images put in their places again, in a run of its own that can itself be rolled back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from itertools import pairwise
from typing import Any

from refooter import __version__
from refooter.catalog.changes import Change, Settled
from refooter.catalog.journal import ChangeRecord, RunRecord, RunStart, RunState
from refooter.catalog.pages import read_entries
from refooter.catalog.rights import check_may_write
from refooter.catalog.selection import EVERYTHING, Selection
from refooter.errors import NothingSelected
from refooter.events import Event, Notice, Severity, Started
from refooter.jobs.examine import entry_result, judged
from refooter.jobs.lake import Lake
from refooter.jobs.run import Control, Item, Run, Tally, item_queue, who_am_i
from refooter.jobs.story import story
from refooter.values import NOT_JUDGED, Cause, Entry, EntryResult, Outcome, Partitions, view_of_path


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

    A run that is still going on is stopped first. Ends with a `RunSummary` of kind `rollback`. Raises `NothingSelected`, `MissingRights`.
    """
    await check_may_write(lake.database, lake.journal.schema)
    runs = await rollback_plan(lake, run_ids)
    job = _Rollback(lake, runs, selection, control or Control())
    async with aclosing(job.events()) as events:
        async for event in events:
            yield event


class _Rollback:
    def __init__(self, lake: Lake, runs: list[RunRecord], selection: Selection, control: Control) -> None:
        self._lake = lake
        self._runs = runs
        self._selection = selection
        self._paths = None if selection.paths is None else frozenset(selection.paths)
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
        names = {"runs": [run.run_id for run in self._runs], **self._selection.described()}
        start = RunStart("rollback", who_am_i(), __version__, str(self._lake.target), names, "before_image")
        run_id = await self._run.begin(start, total)
        yield Started("rollback", total, self._lake.target, run_id=run_id)
        told = story("rollback", self._run, self._work(), self._events, self._control, self._lake.target, total)
        async with aclosing(told) as events:
            async for event in events:
                yield event

    async def _work(self) -> None:
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
        items = []
        for group in page:
            entry = entries.get(group[0].file_path)
            if await self._selected(entry, group[0].file_path):
                items.append(self._item(_result(entry, group[0]), group))
        self._tally.selected += len(items)
        return items

    def _item(self, result: EntryResult, changes: list[ChangeRecord]) -> Item:
        """One step back over all that these runs did to an entry: from what the newest wrote to what the oldest found."""
        as_now = self._lake.database.version.as_now
        for newer, older in pairwise(changes):
            if (newer.old_digest, as_now(newer.old_version)) != (older.new_digest, as_now(older.new_version)):
                said = f"between runs {older.run_id} and {newer.run_id} something else changed this entry: go back run by run"
                return Item(result, settled=Settled(result.file_path, Outcome.CONFLICT, sentence=said))
        newest, oldest = changes[0], changes[-1]
        value = next((one.old_value for one in reversed(changes) if one.old_value is not None), None)
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
                new_value=value,
                new_version=as_now(oldest.old_version),
                partitions=None,
                cause=Cause.NONE.value,
                repair="before_image",
                proved=False,
                stamps=tuple(stamps.values()),
                done=Outcome.RESTORED,
            ),
        )

    async def _selected(self, entry: Entry | None, file_path: str) -> bool:
        """A rollback's selection is looked at here: a run's changes are few beside the lake, and some rows are gone."""
        wanted = self._selection
        if wanted.everything:
            return True
        if self._paths is not None and file_path not in self._paths:
            return False
        view_set, instance = entry.view if entry is not None else view_of_path(file_path)
        if wanted.views and not any(
            view.set == view_set and view.instance in (None, instance) for view in wanted.views
        ):
            return False
        if wanted.since is not None or wanted.until is not None:
            if entry is None or entry.insert_time is None:
                return False
            if wanted.since is not None and entry.insert_time < wanted.since:
                return False
            if wanted.until is not None and entry.insert_time >= wanted.until:
                return False
        if wanted.statuses or wanted.causes:
            if entry is None:
                return False
            [(_, diagnosis)] = await judged(self._lake, [entry])
            return wanted.judges(diagnosis)
        return True


def _result(entry: Entry | None, record: ChangeRecord) -> EntryResult:
    """What events show of an entry that is being put back; of one that is gone, only its path."""
    if entry is None:
        entry = Entry(record.file_path, None, 0, None, None, Partitions())
    return entry_result(entry, NOT_JUDGED)


async def _nothing() -> None:
    """A rollback needs no store, so nothing has to be proved before its first write."""
