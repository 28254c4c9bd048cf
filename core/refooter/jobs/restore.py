"""Back to what a backup holds, in a run of its own: journaled, locked and undoable like any other (safety 9)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from refooter import __version__
from refooter.catalog.connection import patiently
from refooter.catalog.insertions import check_may_insert
from refooter.catalog.journal import RunStart
from refooter.catalog.present import Present, described, present
from refooter.catalog.rights import check_may_read, check_may_write
from refooter.catalog.selection import EVERYTHING, Selection
from refooter.catalog.snapshot import CopiedRow, database_identity
from refooter.errors import NothingSelected, RunStopped, UsageError
from refooter.events import Event, Finished, RestorePlan, Started
from refooter.jobs.backup_file import BackupReader, BadBackup, Facts, check_seal
from refooter.jobs.choose import Chooser
from refooter.jobs.compare import SENTENCES, Fate, change_of, fate
from refooter.jobs.examine import entry_result
from refooter.jobs.growth import Growth
from refooter.jobs.lake import Lake
from refooter.jobs.meter import Meter
from refooter.jobs.off_loop import in_thread
from refooter.jobs.place import reading
from refooter.jobs.run import Control, Item, Run, Tally, failure, item_queue, who_am_i
from refooter.jobs.story import story
from refooter.store.shown import shown
from refooter.values import NOT_JUDGED, Entry, EntryResult, Question, Reason, Status, TargetName

_AT_ONCE = 500


class BackupChanged(RunStopped):
    """The file is not the one that was verified any more."""

    code = "backup_changed"


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """`missing`: rows that vanished come back, while a partition names their file. `force`: also into another database."""

    missing: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup every byte of which was verified: what `open_backup` gives, and a restore takes. `shown` is where it is, for people."""

    address: str
    shown: str
    facts: Facts


class Opening:
    """Reads a backup twice from end to end, every byte and then every row; `backup` is there when `events` have ended."""

    def __init__(self, address: str, target: TargetName, selection: Selection = EVERYTHING) -> None:
        self._address = address
        self._target = target
        self._selection = selection
        self.backup: Backup | None = None

    async def events(self) -> AsyncGenerator[Event, None]:
        """Ends with a `BackupSummary`. Raises as `open_backup` does."""
        place = shown(self._address)
        meter = Meter(0)
        yield Started("verify", 0, self._target)
        try:
            with ExitStack() as stack:
                file = await in_thread(stack.enter_context, reading(self._address))
                steps = check_seal(file)
                size = 0
                while (read := await in_thread(next, steps, None)) is not None:
                    size = read
                    if (progress := meter.add(0, {}, size=size)) is not None:
                        yield progress
                reader = await in_thread(BackupReader, file)
                meter.total = reader.facts.entries
                async for checked in _check_rows(reader, self._selection):
                    if (progress := meter.add(checked, {})) is not None:
                        yield progress
        except BadBackup as bad:
            raise BadBackup(f"cannot restore from {place}: {bad}; name another backup; nothing was written") from None
        self.backup = Backup(self._address, place, reader.facts)
        yield Finished(reader.facts.summary(place, size, meter.seconds))


async def open_backup(lake: Lake, address: str, selection: Selection = EVERYTHING) -> Backup:
    """The backup at `address`, a path or a URI of any fsspec file system, once all of it has been verified.

    Raises `BadBackup` for one that is damaged, truncated or no backup at all, `UsageError` for one that is not there,
    `NothingSelected` for a path of the selection that it does not have, `PlaceFailed` where it cannot be read.
    """
    opening = Opening(address, lake.target, selection)
    async with aclosing(opening.events()) as events:
        async for _ in events:
            pass
    assert opening.backup is not None, "otherwise it has raised"
    return opening.backup


async def _check_rows(reader: BackupReader, selection: Selection) -> AsyncGenerator[int, None]:
    """Every digest and every count, and that every path that is asked for is there. Yields how many entries each row group has."""
    wanted = set() if selection.allow_empty else set(selection.paths or ())
    entries = partitions = size = 0
    for group in range(reader.groups):
        rows = await in_thread(reader.rows, group)
        found = sum(row.value is not None for row in rows)
        yield found
        entries += found
        partitions += sum(len(row.partitions) for row in rows)
        size += sum(len(row.value or b"") for row in rows)
        wanted.difference_update(row.file_path or "" for row in rows if row.value is not None)
    facts = reader.facts
    if (entries, partitions, size) != (facts.entries, facts.partitions, facts.value_bytes):
        raise BadBackup("it does not hold as many rows as it says: it is damaged")
    if wanted:
        raise NothingSelected(f"no entry {min(wanted)!r} in the backup; leave it out, or name another backup")


async def check_may_restore(lake: Lake, options: RestoreOptions) -> None:
    """Raises `MissingRights` naming what the role lacks."""
    await check_may_write(lake.database, lake.journal.schema)
    if options.missing:
        await check_may_insert(lake.database)


async def check_same_database(lake: Lake, backup: Backup, options: RestoreOptions) -> None:
    """Raises `UsageError` for a backup of another database, unless that is meant."""
    if options.force:
        return
    here = await database_identity(lake.database)
    if not backup.facts.database.same_as(here):
        raise UsageError(
            f"the backup is of another database ({backup.facts.database.name!r}), not of {lake.database.address.shown}:"
            " --force restores it here all the same"
        )


async def restore_plan(
    lake: Lake, backup: Backup, selection: Selection, options: RestoreOptions
) -> AsyncGenerator[Event, None]:
    """What a restore would do, and what that costs; binds nothing. Ends with a `RestorePlan`."""
    await check_may_read(lake.database)
    await check_same_database(lake, backup, options)
    meter = Meter(backup.facts.entries)
    yield Started("plan", meter.total, lake.target, dry_run=True)
    fates: Counter[str] = Counter()
    growth = Growth()
    harmful = 0
    async with aclosing(_compared(lake, backup, selection, options)) as pieces:
        async for looked_at, piece in pieces:
            fates.update(one.fate.value for one in piece)
            written = [one for one in piece if one.fate in (Fate.RESTORE, Fate.INSERT)]
            for one in written:
                change = change_of(one.row, one.now, lake.database.version)
                if change.new_value is None:
                    growth.stamp()
                else:
                    growth.value(len(change.new_value), 0 if one.now.entry is None else one.now.entry.size)
            harmful += await _harmful(lake, written)
            progress = meter.add(looked_at, dict(fates))
            if progress is not None:
                yield progress
    yield Finished(
        RestorePlan(
            selected=fates.total(),
            by_fate=dict(fates),
            harmful=harmful,
            wal_bytes=round(growth.wal),
            table_bytes=round(growth.table),
            journal_bytes=round(growth.journal),
            seconds=meter.seconds,
        )
    )


async def _harmful(lake: Lake, written: list[_Compared]) -> int:
    questions = []
    for one in written:
        partitions = one.entry.partitions
        if one.row.value is not None:
            questions.append(Question(one.row.value, partitions.agreed_num_rows, partitions.agreed_file_size))
    if not questions:
        return 0
    return sum(
        diagnosis.status in (Status.HARMFUL, Status.LEGACY, Status.CORRUPT)
        for diagnosis in await lake.judges.examine(questions)
    )


async def restore(
    lake: Lake,
    backup: Backup,
    selection: Selection = EVERYTHING,
    options: RestoreOptions | None = None,
    control: Control | None = None,
) -> AsyncGenerator[Event, None]:
    """Writes back what differs from the backup: values, versions, and the stamps of partition rows that still exist.

    Rows inserted since are untouched. What harms is restored too: it is what was there. Ends with a `RunSummary` of kind `restore`;
    `control` pauses and cancels it as it does any run. Raises `MissingRights` and `UsageError` before anything is written.
    """
    options = options or RestoreOptions()
    await check_may_restore(lake, options)
    await check_same_database(lake, backup, options)
    job = _Restore(lake, backup, selection, options, control or Control())
    async with aclosing(job.events()) as events:
        async for event in events:
            yield event


class _Restore:
    def __init__(
        self, lake: Lake, backup: Backup, selection: Selection, options: RestoreOptions, control: Control
    ) -> None:
        self._lake = lake
        self._backup = backup
        self._selection = selection
        self._options = options
        self._control = control
        self._tally = Tally()
        self._events: asyncio.Queue[Event] = asyncio.Queue(maxsize=64)
        self._run = Run(lake.journal, self._tally, control, self._events.put)

    async def events(self) -> AsyncGenerator[Event, None]:
        if self._options.missing:
            await self._room_for_inserts()
        total = self._backup.facts.entries
        told = story("restore", self._run, self._work(), self._events, self._control, self._lake.target, total)
        async with aclosing(told) as events:
            async for event in events:
                yield event

    async def _before_first_write(self) -> None:
        """A selection of nothing leaves no run behind."""
        if self._run.run_id is not None:
            return
        total = self._backup.facts.entries
        asked: dict[str, Any] = {"backup": self._backup.shown, "digest": self._backup.facts.digest}
        if self._options.missing:
            asked["missing"] = "yes"
        asked |= self._selection.described()
        start = RunStart("restore", who_am_i(), __version__, str(self._lake.target), asked, "backup")
        run_id = await self._run.begin(start, total)
        await self._events.put(Started("restore", total, self._lake.target, run_id=run_id))

    async def _room_for_inserts(self) -> None:
        journal = self._lake.journal
        await journal.ensure()
        async with self._lake.database.writing() as connection:
            await journal.upgrade(connection)

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(self._run.heartbeat())
            queue = item_queue()
            writing = group.create_task(self._run.write_all(queue, self._before_first_write))
            compared = _compared(self._lake, self._backup, self._selection, self._options)
            async with aclosing(compared) as pieces:
                async for _, piece in pieces:
                    self._tally.selected += len(piece)
                    for one in piece:
                        await self._control.gate()
                        await queue.put(self._item(one))
            await queue.close()
            await writing
            beating.cancel()

    def _item(self, one: _Compared) -> Item:
        if one.fate in (Fate.RESTORE, Fate.INSERT):
            return Item(one.result(), change_of(one.row, one.now, self._lake.database.version))
        sentence = SENTENCES[one.fate]
        if one.fate is Fate.OTHER_FILE:
            return failure(one.result(), Reason.MISMATCH, sentence)
        unchanged = one.fate is Fate.UNCHANGED
        return Item(one.result(None if unchanged else sentence), unchanged=unchanged)


@dataclass(frozen=True, slots=True)
class _Compared:
    """An entry of the backup beside what there is of it; `entry` describes it as it is now, or was where it is gone."""

    row: CopiedRow
    now: Present
    entry: Entry
    fate: Fate

    def result(self, sentence: str | None = None) -> EntryResult:
        said = entry_result(self.entry, NOT_JUDGED)
        return said if sentence is None else replace(said, sentence=sentence)


async def _compared(
    lake: Lake, backup: Backup, selection: Selection, options: RestoreOptions
) -> AsyncGenerator[tuple[int, list[_Compared]], None]:
    """The backup's entries that are selected, in pieces, each with how many were looked at for it. Every row group's digest is
    compared again before its rows are used. Raises `BackupChanged`."""
    chooser = Chooser(lake, selection)
    named = None if selection.paths is None else frozenset(selection.paths)
    with ExitStack() as stack:
        file = await in_thread(stack.enter_context, reading(backup.address))
        try:
            reader = await in_thread(BackupReader, file)
            if reader.facts != backup.facts:
                raise BadBackup("it says something else of itself than before")
            for group in range(reader.groups):
                rows = await in_thread(reader.rows, group)
                some = [row for row in rows if row.value is not None and (named is None or row.file_path in named)]
                skipped = sum(row.value is not None for row in rows) - len(some)
                for at in range(0, len(some), _AT_ONCE):
                    piece = some[at : at + _AT_ONCE]
                    yield len(piece) + skipped, await _compare(lake, chooser, piece, options)
                    skipped = 0
        except BadBackup as bad:
            raise BackupChanged(
                f"{backup.shown} changed while it was being restored from: {bad}; run again from a file that stays as it is"
            ) from None


async def _compare(lake: Lake, chooser: Chooser, rows: list[CopiedRow], options: RestoreOptions) -> list[_Compared]:
    by_path = {row.file_path: row for row in rows if row.file_path is not None}
    now = await patiently(partial(present, lake.database, list(by_path)))
    entries = {path: _described(row, now[path]) for path, row in by_path.items()}
    gone = frozenset(path for path in by_path if now[path].entry is None)
    chosen = await chooser.chosen(list(entries.values()), gone)
    catalog = lake.database.version
    return [
        _Compared(row, now[path], entries[path], fate(row, now[path], catalog, missing=options.missing))
        for path, row in by_path.items()
        if path in chosen
    ]


def _described(row: CopiedRow, now: Present) -> Entry:
    assert row.file_path is not None
    partitions = tuple(one for one, _ in now.partitions)
    if now.entry is None:
        return described(
            row.file_path, len(row.value or b""), row.version, row.insert_time, partitions or row.partitions
        )
    return described(row.file_path, now.entry.size, now.entry.version, now.entry.insert_time, partitions)
