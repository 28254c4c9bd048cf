"""What a DBA runs before refooter is let in: the journal's tables and the exact grants, as one transaction of plain SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Any, Final

from psycopg import AsyncConnection, sql

from refooter.catalog.journal_schema import JournalSchema, journal_ddl
from refooter.catalog.places import ENTRIES, PARTITIONS, find_places
from refooter.catalog.rights import (
    JOURNAL_READING,
    JOURNAL_WRITING,
    PRUNING,
    READING,
    Right,
    inserting,
    writing,
)
from refooter.errors import UnsupportedCatalog, UsageError

DEFAULT_ROLE: Final = "refooter"
DEFAULT_READER: Final = "refooter_reader"
_NAME_BYTES: Final = 63


@dataclass(frozen=True, slots=True)
class Ground:
    """The database that the grants are for, as it was found; the defaults are those of a usual one that nobody has looked at.

    `has_journal`, `has_journal_schema`: they are there already. `secured`: the tables whose row-level security is on.
    """

    versioned: bool = True
    schema: str = "public"
    database: str | None = None
    has_journal: bool = False
    has_journal_schema: bool = False
    secured: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Block:
    """Statements with a word on what they are for. What is not `asked` for is printed as a comment."""

    title: str
    statements: tuple[str, ...]
    asked: bool = True


async def look_at(connection: AsyncConnection[Any], shown: str, journal_schema: str) -> Ground:
    """Needs no right but to connect. Raises `UnsupportedCatalog` where there is no catalog, or one too many."""
    places = [place for place in await find_places(connection) if place.table == ENTRIES]
    of_it = [place for place in places if place.found] or places
    if not of_it:
        raise UnsupportedCatalog(
            f"there is no table {ENTRIES} in {shown}, so there is nothing to grant: check the database's name"
        )
    if len(of_it) > 1:
        raise UnsupportedCatalog(
            f"several schemas of {shown} hold a catalog: name one with options=-csearch_path=... in the connection string"
        )
    schema = of_it[0].schema
    row = await (
        await connection.execute(
            "SELECT current_database()::text, EXISTS (SELECT FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            "  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %(schema)s AND c.relname = %(entries)s"
            "  AND a.attname = 'partition_format_version' AND NOT a.attisdropped),"
            " EXISTS (SELECT FROM pg_namespace WHERE nspname = %(journal)s),"
            " EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            "  WHERE n.nspname = %(journal)s AND c.relname = 'journal_version'),"
            " array(SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            "  WHERE n.nspname = %(schema)s AND c.relname = ANY(%(tables)s) AND c.relrowsecurity ORDER BY 1)",
            {"schema": schema, "entries": ENTRIES, "tables": [ENTRIES, PARTITIONS], "journal": journal_schema},
        )
    ).fetchone()
    assert row is not None
    database, versioned, has_journal_schema, has_journal, secured = row
    return Ground(versioned, schema, database, has_journal, has_journal_schema, tuple(secured))


def init_sql(
    ground: Ground, *, role: str | None = None, reader: str | None = None, journal_schema: str = "refooter"
) -> str:
    """Plain SQL, one transaction, for psql or any driver. `role` migrates and goes back, `reader` only looks; where only one is named, the
    other's block is a comment, and where none is, `role` is `DEFAULT_ROLE`. Raises `UsageError` for a name that cannot be written."""
    JournalSchema(journal_schema)  # which knows what it cannot be called
    for name, what in (
        (role, "role"),
        (reader, "role"),
        (journal_schema, "journal's schema"),
        (ground.schema, "catalog's schema"),
        (ground.database, "database"),
    ):
        _check_name(name, what)
    writer, reading = role or DEFAULT_ROLE, reader or DEFAULT_READER
    of_writer = role is not None or reader is None
    blocks = [
        _journal(ground, journal_schema),
        _Block(
            f"{_name(writer)} migrates, verifies and goes back. It has to be there: CREATE ROLE {_name(writer)} LOGIN;",
            (
                *_entrance(ground, writer, journal_schema),
                *_granted(READING, writer, ground.schema),
                *_granted(writing(ground.versioned), writer, ground.schema),
                *_granted(JOURNAL_WRITING, writer, journal_schema),
            ),
            of_writer,
        ),
        _row_security(ground, writer, "ALL", of_writer),
        _Block(
            f"{_name(writer)} may bring rows back that vanished (`restore --missing`), and go back on that",
            tuple(_granted(inserting(ground.versioned), writer, ground.schema)),
            False,
        ),
        _Block(
            f"{_name(writer)} may drop before images (`runs prune`)",
            tuple(_granted(PRUNING, writer, journal_schema)),
            False,
        ),
        _Block(
            f"{_name(reading)} looks, and changes nothing. It has to be there: CREATE ROLE {_name(reading)} LOGIN;",
            (
                *_entrance(ground, reading, journal_schema),
                *_granted(READING, reading, ground.schema),
                *_granted(JOURNAL_READING, reading, journal_schema),
            ),
            reader is not None,
        ),
        _row_security(ground, reading, "SELECT", reader is not None),
    ]
    return "\n".join(
        [
            _heading(ground),
            "BEGIN;\n",
            *(_text(block) for block in blocks if block.statements or block is blocks[0]),
            "COMMIT;\n",
        ]
    )


def _heading(ground: Ground) -> str:
    version = 5 if ground.versioned else 4
    whose = (
        f"for a catalog of version {version} in the schema {_name(ground.schema)}, as is usual; no database was looked at"
        if ground.database is None
        else f"for the catalog of version {version} in the schema {_name(ground.schema)} of the database {_name(ground.database)}"
    )
    return (
        f"-- What refooter needs, {whose}.\n"
        "-- For a superuser, or the owner of the catalog's tables with CREATE on the database. Take the comment signs away from what\n"
        "-- else is wanted. It is one transaction.\n"
    )


def _journal(ground: Ground, schema: str) -> _Block:
    if ground.has_journal:
        return _Block(f"The journal is there already, in the schema {_name(schema)}", ())
    made = journal_ddl(schema)
    if ground.has_journal_schema:
        made = made.removeprefix(f"CREATE SCHEMA {_name(schema)};").lstrip()
    return _Block("The journal: runs, before images, failures", (made.rstrip(),))


def _entrance(ground: Ground, role: str, journal_schema: str) -> Iterable[str]:
    if ground.database is None:
        to_role = f"format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), {_literal(role)})"
        yield f"DO {_literal(f'BEGIN EXECUTE {to_role}; END')};"
    else:
        yield f"GRANT CONNECT ON DATABASE {_name(ground.database)} TO {_name(role)};"
    yield f"GRANT USAGE ON SCHEMA {_name(ground.schema)}, {_name(journal_schema)} TO {_name(role)};"


def _granted(rights: Sequence[Right], role: str, schema: str) -> Iterable[str]:
    """One statement a table, with all that is granted on it."""
    for table, some in groupby(sorted(rights, key=lambda right: right.table), lambda right: right.table):
        what = ", ".join(
            right.privilege + (f" ({', '.join(map(_name, right.columns))})" if right.columns else "") for right in some
        )
        yield f"GRANT {what} ON {_name(schema)}.{_name(table)} TO {_name(role)};"


def _row_security(ground: Ground, role: str, command: str, asked: bool) -> _Block:
    """Nothing where it is known not to be needed."""
    check = " WITH CHECK (true)" if command == "ALL" else ""
    statements = []
    for table in (ENTRIES, PARTITIONS) if ground.database is None else ground.secured:
        named = f"{_name(_policy(role))} ON {_name(ground.schema)}.{_name(table)}"
        statements.append(f"DROP POLICY IF EXISTS {named};")
        statements.append(f"CREATE POLICY {named} FOR {command} TO {_name(role)} USING (true){check};")
    return _Block(
        f"{_name(role)} sees every row where row-level security is on (but for a restrictive policy: BYPASSRLS then)",
        tuple(statements),
        asked and ground.database is not None,
    )


def _policy(role: str) -> str:
    name = f"refooter {role}"
    return name if len(name.encode()) <= _NAME_BYTES else f"refooter {sha256(role.encode()).hexdigest()[:32]}"


def _text(block: _Block) -> str:
    lines = [line for statement in block.statements for line in statement.splitlines()]
    return "\n".join([f"-- {block.title}", *(lines if block.asked else (f"-- {line}" for line in lines))]) + "\n"


def _name(name: str) -> str:
    return sql.Identifier(name).as_string(None)


def _literal(text: str) -> str:
    return sql.Literal(text).as_string(None).strip()


def _check_name(name: str | None, what: str) -> None:
    if name is not None and not (name and name.isprintable() and len(name.encode()) <= _NAME_BYTES):
        raise UsageError(
            f"{name!r} cannot be the name of the {what} here: one of 1 to {_NAME_BYTES} bytes without control characters is needed"
        )
