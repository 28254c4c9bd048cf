"""The rows of both tables in a write transaction that somebody else began: locked first, then looked at, then written
(safety 1 and 2). Nothing here waits for a row, and nothing commits."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from refooter.catalog.changes import (
    Change,
    LockedEntry,
    LockedPartition,
    Settled,
    decide_locked,
    partition_stamps,
)
from refooter.catalog.connection import Connection
from refooter.catalog.insertions import delete_rows, insert_rows
from refooter.catalog.journal_schema import JournalSchema
from refooter.catalog.snapshot import IDENTITY
from refooter.values import Outcome


class Uneven(Exception):
    """Fewer rows were updated than journaled: a trigger or a policy kept one back."""


@dataclass(frozen=True, slots=True)
class Locked:
    """What we hold, and what a plain look afterwards finds: entries that we do not hold, partition rows by path."""

    entries: dict[str, LockedEntry]
    partitions: dict[str, list[LockedPartition]]
    existing: set[str]
    partition_counts: dict[str, int]


async def lock_rows(connection: Connection, paths: list[str], *, versioned: bool) -> Locked:
    """Never waits for a row: what another session holds is simply not among the rows that come back."""
    if not paths:
        return Locked({}, {}, set(), {})
    column = "partition_format_version" if versioned else "NULL::int4"
    cursor = connection.cursor(binary=True)
    await cursor.execute(
        f"SELECT file_path::text, sha256(metadata), {column} FROM partition_metadata"
        " WHERE file_path = ANY(%b) ORDER BY file_path FOR NO KEY UPDATE SKIP LOCKED",
        (paths,),
    )
    entries = {path: LockedEntry(found, version) for path, found, version in await cursor.fetchall()}
    await cursor.execute(
        "SELECT file_path::text, ctid::text, num_rows, file_size,"
        f" {column}, {IDENTITY}"
        " FROM lakehouse_partitions WHERE file_path = ANY(%b) ORDER BY file_path FOR NO KEY UPDATE SKIP LOCKED",
        (paths,),
    )
    partitions: dict[str, list[LockedPartition]] = defaultdict(list)
    for path, ctid, rows, size, version, identity in await cursor.fetchall():
        partitions[path].append(LockedPartition(ctid, json.loads(identity), rows, size, version))
    await cursor.execute(
        "SELECT m.file_path::text FROM partition_metadata m WHERE m.file_path = ANY(%s)",
        ([p for p in paths if p not in entries],),
    )
    existing = {path for (path,) in await cursor.fetchall()}
    await cursor.execute(
        "SELECT file_path::text, count(*) FROM lakehouse_partitions WHERE file_path = ANY(%b) GROUP BY file_path",
        (paths,),
    )
    return Locked(entries, partitions, existing, dict(await cursor.fetchall()))


async def write_rows(
    connection: Connection,
    journal: JournalSchema,
    run_id: int,
    ready: Sequence[Change],
    locked: Locked,
    *,
    versioned: bool,
) -> list[Settled]:
    """Journals and updates what `sort` found ready. Raises `Uneven` where a row would not be written."""
    if not ready:
        return []
    stamped: list[tuple[LockedPartition, int]] = []
    notes: dict[str, str] = {}
    for change in ready:
        rows = locked.partitions.get(change.file_path, [])
        stamps = partition_stamps(change, rows)
        stamped += stamps
        now = {p.ctid: to for p, to in stamps}
        # All of them, also those that keep their version: going back has to know whether there were any.
        notes[change.file_path] = json.dumps(
            [{"identity": p.identity, "old": p.version, "new": now.get(p.ctid, p.version)} for p in rows],
            # where the database's encoding is SQL_ASCII, jsonb takes \u escapes of ASCII only
            ensure_ascii=False,
        )
    inserted = [change for change in ready if change.inserts]
    deleted = [change for change in ready if change.deletes]
    for some, write in ((inserted, insert_rows), (deleted, delete_rows)):
        if some:
            said = [notes[change.file_path] for change in some]
            for count in await write(connection, journal, run_id, some, said, versioned=versioned):
                _even(count, len(some))
    kept = [change for change in ready if not change.inserts and not change.deletes]
    if kept:
        await _journal_changes(connection, journal, run_id, kept, [notes[one.file_path] for one in kept], versioned)
    valued = [change for change in kept if change.new_value is not None]
    if valued:
        await _update_values(connection, valued, versioned)
    bare = [change for change in kept if change.new_value is None]
    if bare and versioned:
        updated = await connection.execute(
            "UPDATE partition_metadata m SET partition_format_version = u.version"
            " FROM unnest(%s::text[], %s::int4[]) u(path, version) WHERE m.file_path = u.path",
            ([change.file_path for change in bare], [change.new_version for change in bare]),
        )
        _even(updated.rowcount, len(bare))
    if stamped:
        paths = [change.file_path for change in ready]
        updated = await connection.execute(
            "UPDATE lakehouse_partitions p SET partition_format_version = u.version"
            " FROM unnest(%b::text[]::tid[], %b::int4[]) u(row, version) WHERE p.file_path = ANY(%b) AND p.ctid = u.row",
            ([p.ctid for p, _ in stamped], [to for _, to in stamped], paths),
        )
        _even(updated.rowcount, len(stamped))
    return [Settled.changed(change) for change in ready]


async def _journal_changes(
    connection: Connection,
    journal: JournalSchema,
    run_id: int,
    ready: Sequence[Change],
    notes: list[str],
    versioned: bool,
) -> None:
    column = "m.partition_format_version" if versioned else "NULL::int4"
    inserted = await connection.execute(
        journal.sql(
            "INSERT INTO {change} (run_id, file_path, old_digest, new_digest, old_value, old_version, new_version, partitions,"
            " cause, repair, proved) SELECT %s, m.file_path, u.old_digest, u.new_digest, CASE WHEN u.valued THEN m.metadata END,"
            f" {column}, u.new_version, u.partitions::jsonb, u.cause, u.repair, u.proved"
            " FROM unnest(%b::text[], %b::bytea[], %b::bytea[], %b::bool[], %b::int4[], %b::text[], %b::text[], %b::text[],"
            " %b::bool[])"
            " u(path, old_digest, new_digest, valued, new_version, partitions, cause, repair, proved)"
            " JOIN partition_metadata m ON m.file_path = u.path"
        ),
        (
            run_id,
            [change.file_path for change in ready],
            [change.old_digest for change in ready],
            [change.new_digest for change in ready],
            [change.new_value is not None for change in ready],
            [change.new_version for change in ready],
            notes,
            [change.cause for change in ready],
            [change.repair for change in ready],
            [change.proved for change in ready],
        ),
    )
    _even(inserted.rowcount, len(ready))


async def _update_values(connection: Connection, valued: Sequence[Change], versioned: bool) -> None:
    cursor = connection.cursor()
    await cursor.execute(
        "UPDATE partition_metadata m SET metadata = u.value"
        + (", partition_format_version = u.version" if versioned else "")
        + " FROM unnest(%b::text[], %b::bytea[], %b::int4[]) u(path, value, version) WHERE m.file_path = u.path",
        (
            [change.file_path for change in valued],
            [change.new_value for change in valued],
            [change.new_version for change in valued],
        ),
    )
    _even(cursor.rowcount, len(valued))


def sort(changes: Sequence[Change], locked: Locked) -> tuple[list[Change], list[Settled], list[str]]:
    """What may be written, how the others ended, and the paths that another session holds."""
    ready: list[Change] = []
    ended: list[Settled] = []
    busy: list[str] = []
    for change in changes:
        path = change.file_path
        said = decide_locked(
            change,
            locked.entries.get(path),
            path in locked.existing,
            locked.partitions.get(path, []),
            locked.partition_counts.get(path, 0),
        )
        if said is None:
            ready.append(change)
        elif said == "busy":
            busy.append(path)
        elif said is Outcome.GONE:
            ended.append(Settled(path, Outcome.GONE, sentence="the entry or its partition was retired meanwhile"))
        else:
            did = (
                "inserted by another session meanwhile"
                if change.inserts
                else "changed by another session after it was read"
            )
            ended.append(Settled(path, Outcome.CONFLICT, sentence=f"the row was {did}"))
    return ready, ended, busy


def _even(updated: int, journaled: int) -> None:
    if updated != journaled:
        raise Uneven(f"{updated} rows updated, {journaled} journaled")
