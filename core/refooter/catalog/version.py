"""Which version of the lake's catalog this is, and what that means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection, errors

from refooter.catalog.address import Address
from refooter.catalog.places import TABLES, found_tables
from refooter.errors import MissingRights, UnsupportedCatalog, UsageError

_ENTRY_COLUMNS = {"file_path", "metadata", "insert_time"}
_PARTITION_COLUMNS = {
    "view_set_name",
    "view_instance_id",
    "begin_insert_time",
    "end_insert_time",
    "updated",
    "file_path",
    "file_size",
    "num_rows",
}
_FORMAT = "partition_format_version"
# What `ALTER TABLE` gave every row when a catalog went from version 4, which knew no format versions, to 5.
DEFAULT_FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class CatalogVersion:
    """`lakehouse_migration.version`. Since 5, both tables have a `partition_format_version`."""

    number: int

    @property
    def has_format_version(self) -> bool:
        return self.number >= 5

    def as_now(self, recorded: int | None) -> int | None:
        """A format version that the journal recorded, as this catalog would say it: a run made at 4 knew none."""
        return DEFAULT_FORMAT_VERSION if recorded is None and self.has_format_version else recorded


async def find_version(connection: AsyncConnection[Any], shown: str) -> CatalogVersion:
    """Raises `UnsupportedCatalog` with the sentence for each version that has no footers to migrate, and `UsageError` for a
    connection that gives no text."""
    _check_encoding(connection, shown)
    found = await found_tables(connection, shown)
    has_version, has_entries, has_partitions = (table in found for table in TABLES)
    if not has_version and not has_entries and not has_partitions:
        raise UnsupportedCatalog(
            f"this is not a lakehouse catalog: {shown} has none of its tables; check the database's name"
        )
    if not has_version:
        raise UnsupportedCatalog(f"the catalog in {shown} has no lakehouse_migration table, so its version is unknown")
    try:
        versions = await (await connection.execute("SELECT version FROM lakehouse_migration")).fetchall()
    except errors.InsufficientPrivilege:
        raise MissingRights(
            f"missing right: SELECT on lakehouse_migration in {shown} (`refooter init --sql` prints the grants)"
        ) from None
    if not versions and await _is_secured(connection):
        raise MissingRights(
            f"missing right: to see the row of lakehouse_migration in {shown}, which row-level security keeps from the role"
        )
    if len(versions) != 1:
        raise UnsupportedCatalog(
            f"lakehouse_migration in {shown} holds {len(versions)} rows instead of one: the catalog is damaged"
        )
    if versions[0][0] is None:
        raise UnsupportedCatalog(f"lakehouse_migration in {shown} holds no version: the catalog is damaged")
    number = int(versions[0][0])
    if number >= 6:
        raise UnsupportedCatalog(
            f"the catalog in {shown} is of version {number}, which has no footers to migrate: its engine reads them from object storage"
        )
    if number <= 3:
        raise UnsupportedCatalog(
            f"the catalog in {shown} is of version {number}: upgrade the catalog first, to version 4 or 5, with the lake's own service"
        )
    if not has_entries or not has_partitions:
        missing = "partition_metadata" if not has_entries else "lakehouse_partitions"
        raise UnsupportedCatalog(f"the catalog in {shown} says version {number} but has no table {missing}")
    await _check_columns(connection, number, shown)
    return CatalogVersion(number)


async def _is_secured(connection: AsyncConnection[Any]) -> bool:
    row = await (await connection.execute("SELECT row_security_active('lakehouse_migration')")).fetchone()
    return row is not None and bool(row[0])


def _check_encoding(connection: AsyncConnection[Any], shown: str) -> None:
    """With SQL_ASCII as the encoding of both sides nobody says what the bytes of a text mean: psycopg gives bytes then, where a
    path or a column's name is expected. A client that asks for UTF-8, as the engine's does, is given it, or an error."""
    if connection.info.parameter_status("client_encoding") == "SQL_ASCII":
        raise UsageError(
            f"the connection to {shown} gives text as bytes of no known encoding (SQL_ASCII, as the database's own may be):"
            " ask for UTF-8 with client_encoding=UTF8 in the connection string, or PGCLIENTENCODING=UTF8"
        )


async def check_search_path(connection: AsyncConnection[Any], address: Address) -> None:
    """Raises `UsageError` where a proxy has passed over the search path that the connection string asks for: another catalog might
    be found on the one that there is."""
    wanted = address.search_path
    if wanted is None:
        return
    row = await (await connection.execute("SELECT current_setting('search_path')")).fetchone()
    if row is None or _plain_path(row[0]) != _plain_path(wanted):
        raise UsageError(
            f"the connection string asks for the search_path {wanted!r}, and {address.shown} gives {None if row is None else row[0]!r}:"
            " a proxy passes such options over; have the search_path set for the role or the database instead"
        )


def _plain_path(search_path: str) -> list[str]:
    return [name.strip().strip('"') for name in search_path.split(",")]


async def _check_columns(connection: AsyncConnection[Any], number: int, shown: str) -> None:
    rows = await (
        await connection.execute(
            "SELECT attrelid = 'partition_metadata'::regclass, attname::text FROM pg_attribute"
            " WHERE attrelid IN ('partition_metadata'::regclass, 'lakehouse_partitions'::regclass)"
            " AND attnum > 0 AND NOT attisdropped"
        )
    ).fetchall()
    versioned = {_FORMAT} if number >= 5 else set()
    for of_entries, table, needed in (
        (True, "partition_metadata", _ENTRY_COLUMNS | versioned),
        (False, "lakehouse_partitions", _PARTITION_COLUMNS | versioned),
    ):
        missing = needed - {name for of, name in rows if of == of_entries}
        if missing:
            raise UnsupportedCatalog(
                f"the catalog in {shown} says version {number}, but {table} lacks the column {', '.join(sorted(missing))}"
            )


async def current_version(connection: AsyncConnection[Any]) -> int | None:
    """The version as it is now, in a write transaction that already holds its row locks; `None`: no longer readable."""
    try:
        row = await (await connection.execute("SELECT max(version) FROM lakehouse_migration")).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return None if row is None or row[0] is None else int(row[0])
