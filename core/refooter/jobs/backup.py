"""A copy of the footers and of both tables' stamps as they are at one moment, in one file."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from refooter import __version__
from refooter.catalog.rights import check_may_read, check_sees_all
from refooter.catalog.snapshot import CopiedRow, Snapshot, snapshot
from refooter.events import Event, Finished, Notice, Severity, Started
from refooter.jobs.backup_file import BackupWriter, Prepared, prepare
from refooter.jobs.flow import overlap
from refooter.jobs.lake import Lake
from refooter.jobs.meter import Meter
from refooter.jobs.off_loop import in_thread
from refooter.jobs.place import NewFile

# Measured on two cores, client and server together: what a backup comes to where entries are many, and where they are large.
_ENTRIES_A_SECOND, _BYTES_A_SECOND = 8_000, 60_000_000


async def backup(lake: Lake, target: str) -> AsyncGenerator[Event, None]:
    """Copies everything to `target`, a path or a URI of any fsspec file system. Ends with a `BackupSummary`. Writes nothing to the
    catalog, and needs SELECT only.

    All of it is one snapshot, which is held until the last row is read; a `Notice` says before how long that will about be. Memory does
    not grow with the number of entries. The file appears when it is complete; after an error, or when this is left early, nothing
    is there. Raises `UsageError` where something is there already, `PlaceFailed`, `MissingRights`, `DatabaseUnreachable`: a
    connection that is lost takes the snapshot along, so that nothing can be resumed.
    """
    await check_may_read(lake.database)
    await check_sees_all(lake.database)
    file = NewFile(target)
    try:
        await in_thread(file.open)
        writer = await in_thread(BackupWriter, file)
        try:
            async with snapshot(lake.database) as shot:
                meter = Meter(shot.entries)
                yield Started("backup", shot.entries, lake.target)
                yield Notice(Severity.INFO, _how_long(shot))
                async with aclosing(overlap(shot.pages(), _prepared, 1)) as groups:
                    async for group in groups:
                        await in_thread(writer.write, group)
                        progress = meter.add(group.entries, {}, size=file.bytes)
                        if progress is not None:
                            yield progress
            number = lake.database.version.number
            facts = await in_thread(writer.finish, __version__, number, shot.identity, shot.taken)
        except BaseException:
            await in_thread(writer.give_up)
            raise
        await in_thread(file.commit)
    except BaseException:
        await in_thread(file.discard)
        raise
    yield Finished(facts.summary(file.shown, file.bytes, meter.seconds))


async def _prepared(rows: list[CopiedRow]) -> Prepared:
    return await in_thread(prepare, rows)


def _how_long(shot: Snapshot) -> str:
    seconds = max(shot.entries / _ENTRIES_A_SECOND, shot.size / _BYTES_A_SECOND)
    about = f"{max(round(seconds), 1)} s" if seconds < 120 else f"{round(seconds / 60)} minutes"
    return (
        f"one snapshot of {shot.entries:,} entries ({shot.size / 1e6:,.1f} MB in the database) will be held for about {about}:"
        " until then vacuum removes nothing that it can see, and ALTER TABLE waits"
    )
