"""Both tables as they were at one moment: what a backup reads, in the one transaction of ours that stays open (safety 4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from refooter.catalog.connection import Connection, Database
from refooter.errors import DatabaseBusy

PAGE_BYTES = 4 << 20
_FIRST_KEYS, _MOST_KEYS = 256, 4_000
_BARE_ROWS: Final = 4_000
_STATEMENT_SECONDS: Final = 300.0
# Waiting for a table, before the first row is read: nothing of ours is held up by it, and nobody else by us.
_LOCK_MILLISECONDS: Final = 60_000

Identity = tuple[str | None, str | None, int | None, int | None, int | None]


@dataclass(frozen=True, slots=True)
class PartitionRow:
    """A row of `lakehouse_partitions`: the columns that identify it, what it says of its file, and its stamp (`None` at version 4).

    Times are microseconds since `PG_EPOCH`.
    """

    view_set: str | None
    view_instance: str | None
    begin: int | None
    end: int | None
    updated: int | None
    num_rows: int
    file_size: int | None
    version: int | None

    @property
    def identity(self) -> Identity:
        return self.view_set, self.view_instance, self.begin, self.end, self.updated


@dataclass(frozen=True, slots=True)
class CopiedRow:
    """An entry with its partition rows; or one partition row that has no entry (`value` `None`), and perhaps no file either."""

    file_path: str | None
    value: bytes | None
    insert_time: int | None
    version: int | None
    partitions: tuple[PartitionRow, ...]


@dataclass(frozen=True, slots=True)
class DatabaseIdentity:
    """What tells databases apart. `system` is the cluster's identifier, `None` where the role may not ask for it; `tables` are the
    oids of the two tables, which a dump restored elsewhere does not keep."""

    name: str
    oid: int
    tables: tuple[int, int]
    system: str | None

    def same_as(self, other: DatabaseIdentity) -> bool:
        """A rename does not make it another one. A copy of the disk is the same, as far as anybody can tell."""
        if self.system is not None and other.system is not None and self.system != other.system:
            return False
        return (self.oid, self.tables) == (other.oid, other.tables)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`taken` is microseconds since `PG_EPOCH` by the server's clock; `size` the bytes that `partition_metadata` takes on its disk."""

    identity: DatabaseIdentity
    taken: int
    entries: int
    size: int
    versioned: bool
    connection: Connection

    async def pages(self) -> AsyncGenerator[list[CopiedRow], None]:
        """Entries in the order of the primary key, then partition rows without an entry; about `PAGE_BYTES` of values at most."""
        after: str | None = None
        keys = _FIRST_KEYS
        while True:
            sizes = await _rows(
                self.connection,
                "SELECT file_path::text, octet_length(metadata) FROM partition_metadata"
                " WHERE %(after)s::text IS NULL OR file_path > %(after)s ORDER BY file_path LIMIT %(keys)s",
                {"after": after, "keys": keys},
            )
            if not sizes:
                break
            taken = total = 0
            for _, size in sizes:
                if taken and total + size > PAGE_BYTES:
                    break
                taken, total = taken + 1, total + size
            last = sizes[taken - 1][0]
            yield await self._entries(after, last)
            if taken == len(sizes) < keys:
                break
            after = last
            keys = max(1, min(PAGE_BYTES * taken // max(total, 1), keys * 4, _MOST_KEYS))
        async for page in self._bare():
            yield page

    async def _entries(self, after: str | None, upto: str) -> list[CopiedRow]:
        version = "partition_format_version" if self.versioned else "NULL::int4"
        entries = await _rows(
            self.connection,
            f"SELECT file_path::text, metadata, insert_time, {version} FROM partition_metadata"
            " WHERE (%(after)s::text IS NULL OR file_path > %(after)s) AND file_path <= %(upto)s ORDER BY file_path",
            {"after": after, "upto": upto},
        )
        partitions = await partition_rows(self.connection, [row[0] for row in entries], versioned=self.versioned)
        return [
            CopiedRow(path, value, at, version, tuple(row for row, _ in partitions.get(path, ())))
            for path, value, at, version in entries
        ]

    async def _bare(self) -> AsyncGenerator[list[CopiedRow], None]:
        async with self.connection.cursor("refooter_bare") as cursor:
            await cursor.execute(
                f"SELECT p.file_path::text, {_columns(self.versioned)} FROM lakehouse_partitions p WHERE p.file_path IS NULL"
                " OR NOT EXISTS (SELECT FROM partition_metadata m WHERE m.file_path = p.file_path)",
                binary=True,
            )
            while rows := await cursor.fetchmany(_BARE_ROWS):
                yield [CopiedRow(path, None, None, None, (PartitionRow(*columns),)) for path, *columns in rows]


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[Snapshot]:
    """One snapshot of the catalog for as long as it is open. Writes nothing, and works through a transaction-pooling proxy."""
    async with database.reading(_STATEMENT_SECONDS) as connection:
        # Between two pages a slow store is waited for; whoever limits that has not meant a backup.
        await connection.execute(
            "SELECT set_config(name, '0', true) FROM pg_settings"
            " WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')"
        )
        await connection.execute("SELECT set_config('lock_timeout', %s, true)", (str(_LOCK_MILLISECONDS),))
        # This locks both tables against being altered, until the end.
        [(entries, size, taken)] = await _rows(
            connection,
            "SELECT (SELECT count(*) FROM partition_metadata), pg_total_relation_size('partition_metadata'), clock_timestamp()"
            " FROM (SELECT FROM lakehouse_partitions LIMIT 1) locked RIGHT JOIN (SELECT) one ON true",
        )
        identity = await identity_on(connection)
        await _check_rewritten(connection)
        yield Snapshot(identity, taken, entries, size, database.version.has_format_version, connection)


async def _check_rewritten(connection: Connection) -> None:
    """A table that another session rewrote after our snapshot and before our lock looks empty to us. Raises `DatabaseBusy`."""
    rewritten = await _rows(
        connection,
        # the function tells what is there now, the column what the snapshot shows
        "SELECT relname::text FROM pg_class WHERE oid IN ('partition_metadata'::regclass, 'lakehouse_partitions'::regclass)"
        " AND relfilenode <> pg_relation_filenode(oid)",
    )
    if rewritten:
        raise DatabaseBusy(
            f"another session rewrote the table {rewritten[0][0]} just when the backup began: run again when it is done"
        )


async def database_identity(database: Database) -> DatabaseIdentity:
    async with database.reading() as connection:
        return await identity_on(connection)


async def identity_on(connection: Connection) -> DatabaseIdentity:
    [(name, oid, entries, partitions, may_ask)] = await _rows(
        connection,
        "SELECT datname::text, oid::int8, 'partition_metadata'::regclass::oid::int8, 'lakehouse_partitions'::regclass::oid::int8,"
        " has_function_privilege('pg_control_system()', 'EXECUTE') FROM pg_database WHERE datname = current_database()",
    )
    system = None
    if may_ask:
        [(system,)] = await _rows(connection, "SELECT system_identifier::text FROM pg_control_system()")
    return DatabaseIdentity(name, oid, (entries, partitions), system)


def _in_utc(column: str) -> str:
    """As a session whose time zone is UTC writes a timestamptz into JSON."""
    return f"CASE WHEN isfinite({column}) THEN (to_json({column} AT TIME ZONE 'UTC')#>>'{{}}') || '+00:00' ELSE {column}::text END"


# As the journal keeps it: the same in every session, since whoever goes back may sit in another time zone than whoever migrated.
IDENTITY: Final = (
    f"json_build_array(view_set_name, view_instance_id, {_in_utc('begin_insert_time')}, {_in_utc('end_insert_time')},"
    f" {_in_utc('updated')})::text"
)


async def partition_rows(
    connection: Connection, paths: list[str], *, versioned: bool
) -> dict[str, list[tuple[PartitionRow, str]]]:
    """By path, each with its `IDENTITY`, in one fixed order."""
    found: dict[str, list[tuple[PartitionRow, str]]] = defaultdict(list)
    for path, identity, *columns in await _rows(
        connection,
        f"SELECT file_path::text, {IDENTITY}, {_columns(versioned)} FROM lakehouse_partitions p WHERE file_path = ANY(%(paths)s)",
        {"paths": paths},
    ):
        found[path].append((PartitionRow(*columns), identity))
    for rows in found.values():
        rows.sort(key=lambda one: repr(one[0]))
    return found


def _columns(versioned: bool) -> str:
    version = "p.partition_format_version" if versioned else "NULL::int4"
    return (
        "p.view_set_name::text, p.view_instance_id::text, p.begin_insert_time, p.end_insert_time, p.updated, p.num_rows, p.file_size,"
        f" {version}"
    )


async def _rows(connection: Connection, query: str, params: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    cursor = connection.cursor(binary=True)
    await cursor.execute(query, params)
    return await cursor.fetchall()
