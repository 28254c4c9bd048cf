"""Rows that come back, and rows that go again: the inserts of a restore, and the deletes that undo them.

Nothing else in this program adds a row to the lake's tables or takes one away.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.adapt import Dumper
from psycopg.pq import Format

from refooter.catalog.changes import Change
from refooter.catalog.connection import LOCK_SECONDS, Connection, Database
from refooter.catalog.journal_schema import JournalSchema
from refooter.errors import MissingRights

# Whoever has just inserted the same key, and not committed, is not waited for; and gone before anybody looks for a deadlock.
_INSERT_MILLISECONDS: Final = 100


class KeyTaken(Exception):
    """Another session has just inserted one of the keys, or is about to: what it has done is to be looked at again."""


class Instant(int):
    """A timestamptz as PostgreSQL has it: microseconds since `PG_EPOCH`, the infinities at the ends."""


class _InstantDumper(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["timestamptz"].oid

    def dump(self, obj: Any) -> bytes:
        return struct.pack("!q", obj)


async def insert_rows(
    connection: Connection,
    journal: JournalSchema,
    run_id: int,
    changes: Sequence[Change],
    notes: Sequence[str],
    *,
    versioned: bool,
) -> tuple[int, int]:
    """Inserts and journals; returns how many rows each of the two wrote. Raises `KeyTaken`; then the transaction is lost."""
    cursor = connection.cursor()
    cursor.adapters.register_dumper(Instant, _InstantDumper)
    await cursor.execute("SELECT set_config('lock_timeout', %s, true)", (str(_INSERT_MILLISECONDS),))
    try:
        await cursor.execute(
            "INSERT INTO partition_metadata (file_path, metadata, insert_time"
            + (
                ", partition_format_version) SELECT path, value, at, version"
                if versioned
                else ") SELECT path, value, at"
            )
            + " FROM unnest(%b::text[], %b::bytea[], %b::timestamptz[], %b::int4[]) u(path, value, at, version)",
            (
                [change.file_path for change in changes],
                [change.new_value for change in changes],
                [Instant(change.insert_time or 0) for change in changes],
                [change.new_version for change in changes],
            ),
        )
    except (errors.UniqueViolation, errors.LockNotAvailable) as error:
        raise KeyTaken from error
    inserted = cursor.rowcount
    await cursor.execute("SELECT set_config('lock_timeout', %s, true)", (str(LOCK_SECONDS * 1000),))
    await cursor.execute(
        journal.sql(
            "INSERT INTO {change} (run_id, file_path, old_digest, new_digest, new_version, partitions, cause, repair, proved)"
            " SELECT %s, u.path, '', u.new_digest, u.version, u.partitions::jsonb, u.cause, u.repair, false"
            " FROM unnest(%b::text[], %b::bytea[], %b::int4[], %b::text[], %b::text[], %b::text[])"
            " u(path, new_digest, version, partitions, cause, repair)"
        ),
        (
            run_id,
            [change.file_path for change in changes],
            [change.new_digest for change in changes],
            [change.new_version for change in changes],
            list(notes),
            [change.cause for change in changes],
            [change.repair for change in changes],
        ),
    )
    return inserted, cursor.rowcount


async def delete_rows(
    connection: Connection,
    journal: JournalSchema,
    run_id: int,
    changes: Sequence[Change],
    notes: Sequence[str],
    *,
    versioned: bool,
) -> tuple[int, int]:
    """Journals whole rows, insert time included, and deletes them; returns how many rows each of the two touched."""
    column = "m.partition_format_version" if versioned else "NULL::int4"
    paths = [change.file_path for change in changes]
    journaled = await connection.execute(
        journal.sql(
            "INSERT INTO {change} (run_id, file_path, old_digest, new_digest, old_value, old_version, insert_time, partitions,"
            " cause, repair, proved)"
            f" SELECT %s, m.file_path, u.old_digest, '', m.metadata, {column}, m.insert_time, u.partitions::jsonb, u.cause, u.repair,"
            " false FROM unnest(%b::text[], %b::bytea[], %b::text[], %b::text[], %b::text[])"
            " u(path, old_digest, partitions, cause, repair) JOIN partition_metadata m ON m.file_path = u.path"
        ),
        (
            run_id,
            paths,
            [change.old_digest for change in changes],
            list(notes),
            [change.cause for change in changes],
            [change.repair for change in changes],
        ),
    )
    deleted = await connection.execute("DELETE FROM partition_metadata WHERE file_path = ANY(%b)", (paths,))
    return deleted.rowcount, journaled.rowcount


async def needed_to_go_back(journal: JournalSchema, database: Database, run_ids: Sequence[int]) -> tuple[bool, bool]:
    """Whether going back over these runs deletes rows that they inserted, and whether it inserts rows that they deleted."""
    async with database.reading(60) as connection:
        row = await (
            await connection.execute(
                journal.sql(
                    "SELECT EXISTS (SELECT FROM {change} WHERE run_id = ANY(%(runs)s) AND old_digest = ''),"
                    " EXISTS (SELECT FROM {change} WHERE run_id = ANY(%(runs)s) AND new_digest = '')"
                ),
                {"runs": list(run_ids)},
            )
        ).fetchone()
    assert row is not None
    return bool(row[0]), bool(row[1])


async def insert_times(
    journal: JournalSchema, database: Database, run_ids: Sequence[int], paths: Sequence[str]
) -> dict[tuple[int, str], int]:
    """Of rows that these runs deleted, by run and path, when each had been inserted."""
    async with database.reading() as connection:
        cursor = connection.cursor(binary=True)
        await cursor.execute(
            journal.sql(
                "SELECT run_id, file_path::text, insert_time FROM {change}"
                " WHERE run_id = ANY(%s) AND file_path = ANY(%s) AND new_digest = ''"
            ),
            (list(run_ids), list(paths)),
        )
        return {(run_id, path): at for run_id, path, at in await cursor.fetchall()}


async def check_may_insert(database: Database) -> None:
    """Raises `MissingRights` naming the first column of `partition_metadata` that the role may not give a new row."""
    columns = ["file_path", "metadata", "insert_time"]
    if database.version.has_format_version:
        columns.append("partition_format_version")
    async with database.reading() as connection:
        row = await (
            await connection.execute(
                "SELECT current_user::text, array(SELECT name FROM unnest(%s::text[]) name"
                " WHERE NOT has_column_privilege('partition_metadata', name, 'INSERT'))",
                (columns,),
            )
        ).fetchone()
    assert row is not None
    if row[1]:
        raise MissingRights(
            f"missing right: INSERT ({', '.join(row[1])}) on partition_metadata for the role {row[0]}, to bring back rows that vanished"
            " (`refooter init --sql` prints the grants)"
        )


async def check_may_delete(database: Database) -> None:
    """Raises `MissingRights` where the role may not undo an insert."""
    async with database.reading() as connection:
        row = await (
            await connection.execute("SELECT current_user::text, has_table_privilege('partition_metadata', 'DELETE')")
        ).fetchone()
    assert row is not None
    if not row[1]:
        raise MissingRights(
            f"missing right: DELETE on partition_metadata for the role {row[0]}, to take away rows that the run inserted"
            " (`refooter init --sql` prints the grants)"
        )
