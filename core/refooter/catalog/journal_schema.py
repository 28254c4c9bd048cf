"""The schema that holds the journal: its tables, its version, its names in our statements."""

from __future__ import annotations

from typing import Final

from psycopg import errors, sql

from refooter.catalog.connection import Connection
from refooter.errors import MissingRights, UsageError

JOURNAL_VERSION = 2
# The two-integer form: the engine's own advisory locks are in the bigint space (safety 5).
LOCK = (0x7EF0, 0x07E2)

_DDL = """
CREATE TABLE {schema}.journal_version (version int4 NOT NULL);
INSERT INTO {schema}.journal_version VALUES ({version});

CREATE TABLE {schema}.run (
    run_id          int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            text NOT NULL CHECK (kind IN ('migrate', 'rollback', 'restore', 'heal')),
    who             text NOT NULL,
    started         timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished        timestamptz,
    heartbeat       timestamptz NOT NULL DEFAULT clock_timestamp(),
    state           text NOT NULL DEFAULT 'running'
                    CHECK (state IN ('running', 'finished', 'interrupted', 'stopped', 'dead')),
    program_version text NOT NULL,
    catalog_version int4 NOT NULL,
    target          text NOT NULL,
    selection       jsonb NOT NULL,
    strategy        text NOT NULL,
    selected        int8 NOT NULL DEFAULT 0,
    migrated        int8 NOT NULL DEFAULT 0,
    restored        int8 NOT NULL DEFAULT 0,
    skipped         int8 NOT NULL DEFAULT 0,
    failed          int8 NOT NULL DEFAULT 0,
    conflict        int8 NOT NULL DEFAULT 0,
    gone            int8 NOT NULL DEFAULT 0,
    proved          int8 NOT NULL DEFAULT 0,
    store_requests  int8 NOT NULL DEFAULT 0,
    store_bytes     int8 NOT NULL DEFAULT 0,
    message         text
);

CREATE TABLE {schema}.change (
    run_id      int8 NOT NULL REFERENCES {schema}.run,
    file_path   varchar(2047) NOT NULL,
    old_digest  bytea NOT NULL,
    new_digest  bytea NOT NULL,
    old_value   bytea,
    old_version int4,
    new_version int4,
    partitions  jsonb NOT NULL,
    cause       text NOT NULL,
    repair      text NOT NULL,
    proved      boolean NOT NULL,
    insert_time timestamptz,
    changed     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, file_path)
);
CREATE INDEX change_by_path ON {schema}.change (file_path, run_id);
COMMENT ON COLUMN {schema}.change.old_value IS 'the before image; null where only the version was stamped and the value stayed;'
    ' empty beside the digest of something else where it was dropped';
COMMENT ON COLUMN {schema}.run.selection IS 'what was selected; its key images_dropped says who dropped before images, when and how much';
COMMENT ON COLUMN {schema}.change.old_digest IS 'empty where there was no row: it was inserted';
COMMENT ON COLUMN {schema}.change.new_digest IS 'empty where the row was deleted: an insert was undone';
COMMENT ON COLUMN {schema}.change.insert_time IS 'of a row that was deleted';

CREATE TABLE {schema}.result (
    run_id    int8 NOT NULL REFERENCES {schema}.run,
    file_path varchar(2047) NOT NULL,
    outcome   text NOT NULL,
    reason    text,
    sentence  text NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, file_path)
);
"""
# What version 2 has more: a run that inserts rows needs it, and so does one that takes them away again. Nothing else does.
_UPGRADE: Final = (
    "ALTER TABLE {schema}.change ADD COLUMN insert_time timestamptz; UPDATE {schema}.journal_version SET version = 2"
)
_TABLES: Final = ("journal_version", "run", "change", "result")


def journal_ddl(schema: str) -> str:
    """The statements that make the journal, schema included, for a person to read or run."""
    name = sql.Identifier(schema)
    text = sql.SQL("CREATE SCHEMA {schema};\n" + _DDL).format(schema=name, version=sql.Literal(JOURNAL_VERSION))
    return text.as_string(None).strip() + "\n"


class JournalSchema:
    """Everything about the journal but what is in it. Its methods take a connection in a transaction of somebody's."""

    def __init__(self, schema: str = "refooter") -> None:
        if not schema or "%" in schema or "\0" in schema or len(schema.encode()) > 63:
            raise UsageError(f"{schema!r} cannot be the journal's schema: a name of 1 to 63 bytes without % is needed")
        self.schema = schema

    def sql(self, text: str) -> sql.Composed:
        """`text` with `{run}`, `{change}` and `{result}` replaced by the journal's tables."""
        names = {
            table: sql.SQL("{}.{}").format(sql.Identifier(self.schema), sql.Identifier(table)) for table in _TABLES
        }
        return sql.SQL(text).format(**names)  # every text is a literal of ours

    async def version(self, connection: Connection) -> int | None:
        """`None` where there is no journal. Raises `UsageError` for one of a version that this program does not know."""
        row = await (
            await connection.execute(
                "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname = %s AND c.relname = 'journal_version')",
                (self.schema,),
            )
        ).fetchone()
        if row is None or not row[0]:
            return None
        try:
            found = await (await connection.execute(self.sql("SELECT version FROM {journal_version}"))).fetchone()
        except errors.InsufficientPrivilege:
            raise MissingRights(
                f"missing right: USAGE on the schema {self.schema} and SELECT on its tables (the journal of runs)"
            ) from None
        version = int(found[0]) if found else 0
        if not 1 <= version <= JOURNAL_VERSION:
            raise UsageError(
                f"the journal in the schema {self.schema} is of version {version}, this program writes version {JOURNAL_VERSION}:"
                " use the program that made it, or another --journal-schema"
            )
        return version

    async def make(self, connection: Connection) -> None:
        """Makes the journal unless there is one. Looked up first: `CREATE SCHEMA IF NOT EXISTS` needs the right to create even
        when a DBA has already made it (safety 20), and where there is one nobody has to wait for anybody."""
        if await self.version(connection) is not None:
            return
        await connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", LOCK)
        if await self.version(connection) is not None:
            return
        row = await (
            await connection.execute("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)", (self.schema,))
        ).fetchone()
        assert row is not None
        statements = sql.SQL(_DDL).format(schema=sql.Identifier(self.schema), version=sql.Literal(JOURNAL_VERSION))
        try:
            if not row[0]:
                await connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(self.schema)))
            await connection.execute(statements)
        except errors.InsufficientPrivilege:
            where = f"the schema {self.schema}" if row[0] else "the database"
            raise MissingRights(
                f"missing right: CREATE on {where}, to make the journal of before images;"
                f" or have a DBA make a schema {self.schema} that this role owns"
            ) from None

    async def upgrade(self, connection: Connection) -> None:
        """Makes a journal of version 1 one that can hold inserted rows; nothing else needs that. Raises `MissingRights`."""
        if await self.version(connection) != 1:
            return
        await connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", LOCK)
        if await self.version(connection) != 1:
            return
        statements = sql.SQL(_UPGRADE).format(schema=sql.Identifier(self.schema))
        try:
            await connection.execute(statements)
        except errors.InsufficientPrivilege:
            raise MissingRights(
                f"the journal in the schema {self.schema} is of version 1, and inserted rows need version 2: have the owner of its tables"
                f" run: {statements.as_string(None)}"
            ) from None
