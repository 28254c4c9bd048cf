"""Somebody else's connection: one entry read from it, one change written to it, and not a trace of us left in it.

Their transaction is neither committed nor rolled back: inside of one we are a savepoint, on an idle connection a short
transaction of our own. No row lock is ever waited for.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection, AsyncCursor, errors
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from refooter.catalog.changes import Change
from refooter.catalog.connection import Connection, limit, lost
from refooter.catalog.journal import RunStart
from refooter.catalog.journal_schema import JournalSchema
from refooter.catalog.pages import read_entries_on
from refooter.catalog.row_security import WRITE, tables_with_hidden_rows
from refooter.catalog.rows import Uneven, lock_rows, sort, write_rows
from refooter.catalog.storable import storable
from refooter.catalog.version import CatalogVersion, current_version, find_version
from refooter.errors import MissingRights, UsageError
from refooter.values import Entry

_SECONDS: Final = 20.0
# Of the two-integer space (safety 5); the second integer is the run's id.
_RUN_LOCK: Final = 0x7EF1


@dataclass(frozen=True, slots=True)
class Found:
    """What the catalog says, and whether this connection may write. `address` tells catalogs apart."""

    address: str
    version: CatalogVersion
    entry: Entry | None
    may_write: bool


class NotStored(Exception):
    """The change was not written, and nothing else was; the text says why."""


async def find_entry(connection: AsyncConnection[Any], file_path: str) -> Found:
    """Raises `UsageError` for a connection that cannot be used just now, `UnsupportedCatalog`."""
    address = _address(connection)
    async with _lent(connection) as ours:
        version = await find_version(ours, address)
        entries = await read_entries_on(ours, [file_path], version.has_format_version)
        row = await (
            await ours.execute("SELECT current_setting('transaction_read_only') = 'off' AND NOT pg_is_in_recovery()")
        ).fetchone()
        assert row is not None
    return Found(address, version, entries[0] if entries else None, bool(row[0]))


async def write_change(
    connection: AsyncConnection[Any],
    journal: JournalSchema,
    version: CatalogVersion,
    run_id: int | None,
    start: RunStart,
    change: Change,
) -> int:
    """Writes one change behind its before image, in the run `run_id` or, where there is none or it was closed, a new one.

    Returns the run's id. Raises `NotStored`, and what psycopg raises when the connection is lost.
    """
    ours_alone = is_idle(connection)
    try:
        async with _lent(connection) as ours:
            hidden = await tables_with_hidden_rows(ours, WRITE)
            if hidden:
                # rows that nobody sees could have vouched for something else, and would not be stamped
                raise NotStored(f"row-level security may keep rows of {' and '.join(hidden)} from this role")
            if ours_alone:
                await journal.make(ours)
            elif await journal.version(ours) is None:
                # Made in here, it would be locked for everybody else until this transaction ends.
                raise NotStored(
                    "there is no journal yet: heal once on an idle connection, or run `refooter init --sql`"
                )
            run = await _run(ours, journal, version, run_id, start, change.file_path)
            await _write(ours, journal, version, run, change)
            return run
    except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction, MissingRights, UsageError) as error:
        raise NotStored(_words(error)) from None
    except errors.SerializationFailure:
        raise NotStored("another session changed the row since this transaction began") from None
    except errors.LockNotAvailable:
        raise NotStored("another session holds a lock on the catalog's tables") from None
    except psycopg.DatabaseError as error:
        if connection.broken or lost(error):
            raise
        raise NotStored(f"PostgreSQL refused this row: {_words(error)}") from None


async def _run(
    connection: Connection,
    journal: JournalSchema,
    version: CatalogVersion,
    run_id: int | None,
    start: RunStart,
    file_path: str,
) -> int:
    """The run that a change may be journaled in, kept from being closed until the transaction ends (safety 7)."""
    if run_id is not None:
        held = await _one(
            connection,
            journal.sql(
                "SELECT EXISTS (SELECT FROM {change} WHERE run_id = %s AND file_path = %s) FROM {run}"
                " WHERE run_id = %s AND state = 'running' FOR SHARE SKIP LOCKED"
            ),
            (run_id, file_path, run_id),
        )
        if held == (False,):
            return run_id
        if held is None:
            await _explain(connection, journal, run_id)
    begun = await _one(
        connection,
        journal.sql(
            "INSERT INTO {run} (kind, who, program_version, catalog_version, target, selection, strategy)"
            " VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s) RETURNING run_id"
        ),
        (
            start.kind,
            storable(connection, start.who),
            start.program_version,
            version.number,
            start.target,
            json.dumps(start.selection, ensure_ascii=False),
            start.strategy,
        ),
    )
    assert begun is not None
    run_id = int(begun[0])
    # Nobody else knows the id, so this never waits; it tells our other connections that the run is on its way.
    await connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_RUN_LOCK, run_id % 2**31))
    return run_id


async def _explain(connection: Connection, journal: JournalSchema, run_id: int) -> None:
    """A run that could not be had: returns where a new one is to be begun, else raises `NotStored`."""
    row = await _one(connection, journal.sql("SELECT state FROM {run} WHERE run_id = %s"), (run_id,))
    if row is not None:
        if row[0] == "running":
            raise NotStored("another session holds the run just now")
        return
    got = await _one(connection, "SELECT pg_try_advisory_xact_lock(%s, %s)", (_RUN_LOCK, run_id % 2**31))
    if got != (True,):
        raise NotStored("the transaction that began this program's run is still open")


async def _write(
    connection: Connection, journal: JournalSchema, version: CatalogVersion, run_id: int, change: Change
) -> None:
    locked = await lock_rows(connection, [change.file_path], versioned=version.has_format_version)
    if await current_version(connection) != version.number:
        raise NotStored("the catalog's version changed meanwhile")
    ready, ended, busy = sort([change], locked)
    if busy:
        raise NotStored("another session holds the row")
    if ended:
        raise NotStored(ended[0].sentence or "the row changed")
    try:
        await write_rows(connection, journal, run_id, ready, locked, versioned=version.has_format_version)
    except Uneven:
        raise NotStored("the update was suppressed by a trigger or a policy") from None


async def _one(connection: Connection, query: Any, params: tuple[Any, ...]) -> tuple[Any, ...] | None:
    return await (await connection.execute(query, params)).fetchone()


async def beat(connection: AsyncConnection[Any], journal: JournalSchema, run_id: int) -> None:
    """A sign of life of the run, on an idle connection; passed over where somebody holds the run's row."""
    async with _lent(connection) as ours:
        await ours.execute(
            journal.sql(
                "UPDATE {run} SET heartbeat = clock_timestamp() WHERE run_id ="
                " (SELECT run_id FROM {run} WHERE run_id = %s AND state = 'running' FOR NO KEY UPDATE SKIP LOCKED)"
            ),
            (run_id,),
        )


def is_idle(connection: AsyncConnection[Any]) -> bool:
    """Whether no transaction is open on it."""
    return connection.info.transaction_status is TransactionStatus.IDLE


@asynccontextmanager
async def _lent(connection: AsyncConnection[Any]) -> AsyncIterator[Connection]:
    """The connection with plain cursors and our timeouts, both as before afterwards."""
    status = connection.info.transaction_status
    if status is TransactionStatus.INERROR:
        raise UsageError("the connection's transaction has failed: roll it back first")
    if status not in (TransactionStatus.IDLE, TransactionStatus.INTRANS):
        raise UsageError("the connection is busy or closed")
    rows, cursors = connection.row_factory, connection.cursor_factory
    connection.row_factory, connection.cursor_factory = tuple_row, AsyncCursor
    try:
        async with connection.transaction():
            before = await (
                await connection.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
            ).fetchone()
            await limit(connection, _SECONDS)
            yield connection
            # An error rolls back to the savepoint, and the settings with it.
            await connection.execute(
                "SELECT set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)", before
            )
    finally:
        connection.row_factory, connection.cursor_factory = rows, cursors


def _address(connection: AsyncConnection[Any]) -> str:
    info = connection.info
    return f"{info.user}@{info.host or 'localhost'}:{info.port}/{info.dbname}"


def _words(error: Exception) -> str:
    said = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return said or str(error)
