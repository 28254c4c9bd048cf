"""What the database role may do, looked up before the first read, and said in words where it is too little (safety 20)."""

from __future__ import annotations

from refooter.catalog.connection import Database
from refooter.errors import MissingRights


async def check_may_read(database: Database) -> None:
    """Raises `MissingRights` naming the first missing SELECT."""
    async with database.reading() as connection:
        row = await (
            await connection.execute(
                "SELECT current_user::text, has_any_column_privilege('partition_metadata', 'SELECT'),"
                " has_any_column_privilege('lakehouse_partitions', 'SELECT')"
            )
        ).fetchone()
    assert row is not None
    for table, allowed in (("partition_metadata", row[1]), ("lakehouse_partitions", row[2])):
        if not allowed:
            raise MissingRights(f"missing right: SELECT on {table} for the role {row[0]}")


async def check_may_write(database: Database, schema: str) -> None:
    """Raises `MissingRights` naming what a run needs and does not have: UPDATE on the columns that we change, and the
    journal's tables, or the right to create them."""
    await check_may_read(database)
    if database.read_only:
        raise MissingRights("this session is read-only: leave out --read-only to write")
    columns = [("partition_metadata", "metadata")]
    if database.version.has_format_version:
        columns += [
            ("partition_metadata", "partition_format_version"),
            ("lakehouse_partitions", "partition_format_version"),
        ]
    async with database.reading() as connection:
        role = await (await connection.execute("SELECT current_user::text, pg_is_in_recovery()")).fetchone()
        assert role is not None
        if role[1]:
            raise MissingRights(f"{database.address.shown} is a standby, which takes no writes: connect to the primary")
        lockable = await (
            await connection.execute("SELECT has_any_column_privilege('lakehouse_partitions', 'UPDATE')")
        ).fetchone()
        if lockable is None or not lockable[0]:
            # also at version 4, where nothing in it is written: a row lock needs the right (safety 1)
            raise MissingRights(
                f"missing right: UPDATE on lakehouse_partitions for the role {role[0]}, to lock its rows"
            )
        for table, column in columns:
            row = await (
                await connection.execute("SELECT has_column_privilege(%s, %s, 'UPDATE')", (table, column))
            ).fetchone()
            if row is None or not row[0]:
                raise MissingRights(f"missing right: UPDATE ({column}) on {table} for the role {role[0]}")
        row = await (
            await connection.execute(
                "SELECT (SELECT oid FROM pg_namespace WHERE nspname = %(s)s) IS NOT NULL,"
                " coalesce((SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = %(s)s), false),"
                " coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = %(s)s), false),"
                " has_database_privilege(current_database(), 'CREATE'),"
                " EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                "  WHERE n.nspname = %(s)s AND c.relname = 'journal_version')",
                {"s": schema},
            )
        ).fetchone()
        assert row is not None
        has_schema, usage, create_in_schema, create_in_database, has_journal = row
        if has_journal and not usage:
            raise MissingRights(f"missing right: USAGE on the schema {schema} (the journal) for the role {role[0]}")
        if has_journal:
            for table, privilege in (
                ("journal_version", "SELECT"),
                ("run", "SELECT,INSERT,UPDATE"),
                ("change", "SELECT,INSERT"),
                ("result", "SELECT,INSERT"),
            ):
                for one in privilege.split(","):
                    allowed = await (
                        await connection.execute(
                            "SELECT has_table_privilege(format('%%I.%%I', %s::text, %s::text), %s)",
                            (schema, table, one),
                        )
                    ).fetchone()
                    if allowed is None or not allowed[0]:
                        raise MissingRights(
                            f"missing right: {one} on {schema}.{table} (the journal) for the role {role[0]}"
                        )
        elif not (create_in_schema if has_schema else create_in_database):
            where = f"the schema {schema}" if has_schema else "the database"
            raise MissingRights(
                f"missing right: CREATE on {where} for the role {role[0]}, to make the journal of before images;"
                f" or have a DBA make a schema {schema} that the role owns"
            )
