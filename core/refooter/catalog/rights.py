"""What the database role may do: each right that a job needs, as data; looked up before the first read, and said in words where
one is missing (safety 20). `refooter.catalog.grants` writes the same data down for a DBA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from refooter.catalog.connection import Connection, Database
from refooter.catalog.places import ENTRIES, PARTITIONS, VERSION
from refooter.catalog.row_security import READ, WRITE, tables_with_hidden_rows
from refooter.errors import MissingRights

_STAMP: Final = "partition_format_version"


@dataclass(frozen=True, slots=True)
class Right:
    """A privilege on a table of the catalog, or of the journal; on all of it where no columns are named."""

    privilege: str
    table: str
    columns: tuple[str, ...] = ()


READING: Final = (Right("SELECT", VERSION), Right("SELECT", ENTRIES), Right("SELECT", PARTITIONS))
JOURNAL_READING: Final = tuple(Right("SELECT", table) for table in ("journal_version", "run", "change", "result"))
JOURNAL_WRITING: Final = (
    *JOURNAL_READING,
    Right("INSERT", "run"),
    Right("UPDATE", "run"),
    Right("INSERT", "change"),
    Right("INSERT", "result"),
)
PRUNING: Final = (Right("UPDATE", "change", ("old_value",)),)


def writing(versioned: bool) -> tuple[Right, ...]:
    """What a run changes. At version 4 it changes no partition row, but to lock one needs the right to update some column (safety 1)."""
    return (
        Right("UPDATE", ENTRIES, ("metadata", _STAMP) if versioned else ("metadata",)),
        Right("UPDATE", PARTITIONS, (_STAMP,) if versioned else ("updated",)),
    )


def inserting(versioned: bool) -> tuple[Right, ...]:
    """What `restore --missing` does besides, and going back on it."""
    columns = ("file_path", "metadata", "insert_time")
    return (Right("INSERT", ENTRIES, (*columns, _STAMP) if versioned else columns), Right("DELETE", ENTRIES))


async def check_may_read(database: Database) -> str | None:
    """Raises `MissingRights` naming every missing SELECT. Returns a sentence where row-level security may keep rows from the role: what
    it reads is then perhaps not all there is."""
    async with database.reading() as connection:
        role = await _role(connection)
        _refuse(await _missing(connection, READING), role, database)
        hidden = await tables_with_hidden_rows(connection, READ)
    if not hidden:
        return None
    return (
        f"row-level security is on for {' and '.join(hidden)}: the role {role} may not see every row, and what is hidden is neither read"
        " nor counted"
    )


async def check_sees_all(database: Database) -> None:
    """Raises `MissingRights` where row-level security may keep rows from the role: for what is worth nothing unless it is complete."""
    async with database.reading() as connection:
        await _refuse_hidden(connection, READ, await _role(connection))


async def check_may_write(database: Database, schema: str) -> None:
    """Raises `MissingRights` naming what a run needs and does not have: to see and to update every row, UPDATE on the columns that we
    change, and the journal's tables, or the right to create them."""
    if database.read_only:
        raise MissingRights("this session is read-only: leave out --read-only to write")
    async with database.reading() as connection:
        row = await (await connection.execute("SELECT pg_is_in_recovery()")).fetchone()
        assert row is not None
        if row[0]:
            raise MissingRights(f"{database.address.shown} is a standby, which takes no writes: connect to the primary")
        role = await _role(connection)
        missing = await _missing(connection, (*READING, *writing(database.version.has_format_version)))
        missing += await _missing_of_journal(connection, schema)
        _refuse(missing, role, database)
        await _refuse_hidden(connection, WRITE, role)


def _refuse(missing: Sequence[str], role: str, database: Database) -> None:
    if missing:
        one = "missing right" if len(missing) == 1 else "missing rights"
        raise MissingRights(
            f"{one}: {'; '.join(missing)} for the role {role} in {database.address.shown} (`refooter init --sql` prints the grants)"
        )


async def _refuse_hidden(connection: Connection, command: str, role: str) -> None:
    hidden = await tables_with_hidden_rows(connection, command)
    if hidden:
        raise MissingRights(
            f"missing right: to {'see' if command == READ else 'see and update'} every row of {' and '.join(hidden)}, which row-level"
            f" security may keep from the role {role}: have it given a policy with USING (true), as `refooter init --sql` prints it, or"
            " BYPASSRLS"
        )


async def _role(connection: Connection) -> str:
    row = await (await connection.execute("SELECT current_user::text")).fetchone()
    assert row is not None
    return str(row[0])


async def _missing(connection: Connection, rights: Sequence[Right], schema: str | None = None) -> list[str]:
    """In words, the rights that the role does not have. `schema` is the journal's."""
    asked = [(n, right, column) for n, right in enumerate(rights) for column in right.columns or (None,)]
    rows = await (
        await connection.execute(
            "SELECT u.n, u.col FROM unnest(%(n)s::int4[], %(table)s::text[], %(col)s::text[], %(privilege)s::text[])"
            " WITH ORDINALITY u(n, tab, col, privilege, place)"
            " CROSS JOIN LATERAL (SELECT CASE WHEN %(schema)s::text IS NULL THEN to_regclass(u.tab)::oid ELSE (SELECT c.oid FROM pg_class c"
            "  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %(schema)s AND c.relname = u.tab) END AS oid) c"
            " WHERE NOT CASE WHEN u.col IS NULL THEN has_table_privilege(c.oid, u.privilege)"
            "  ELSE has_column_privilege(c.oid, u.col, u.privilege) END ORDER BY u.place",
            {
                "n": [n for n, _, _ in asked],
                "table": [right.table for _, right, _ in asked],
                "col": [column for _, _, column in asked],
                "privilege": [right.privilege for _, right, _ in asked],
                "schema": schema,
            },
        )
    ).fetchall()
    columns: dict[int, list[str]] = {}
    for n, column in rows:
        columns.setdefault(n, []).extend([] if column is None else [column])
    return [_in_words(rights[n], of, schema) for n, of in columns.items()]


def _in_words(right: Right, columns: Sequence[str], schema: str | None) -> str:
    what = f"{right.privilege} ({', '.join(columns)})" if columns else right.privilege
    if schema is not None:
        return f"{what} on {schema}.{right.table} (the journal)"
    return f"{what} on {right.table}" + (" (to lock its rows)" if columns == ["updated"] else "")


async def _missing_of_journal(connection: Connection, schema: str) -> list[str]:
    row = await (
        await connection.execute(
            "SELECT n.oid IS NOT NULL, has_schema_privilege(n.oid, 'USAGE'), has_schema_privilege(n.oid, 'CREATE'),"
            " has_database_privilege(current_database(), 'CREATE'),"
            " EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'journal_version')"
            " FROM (SELECT) one LEFT JOIN pg_namespace n ON n.nspname = %s",
            (schema,),
        )
    ).fetchone()
    assert row is not None
    has_schema, usage, create_in_schema, create_in_database, has_journal = row
    if has_journal:
        barred = [] if usage else [f"USAGE on the schema {schema} (the journal)"]
        return barred + await _missing(connection, JOURNAL_WRITING, schema)
    if create_in_schema if has_schema else create_in_database:
        return []
    where = f"the schema {schema}" if has_schema else "the database"
    return [f"CREATE on {where} (to make the journal of before images)"]
