from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import AsyncConnection, sql

from refooter.catalog.version import current_version, find_version
from refooter.demo.server import Server
from refooter.errors import MissingRights, RefooterError, UnsupportedCatalog, UsageError
from support.tables import execute
from test_catalog_rows import Rows, database_of, one_database


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


async def refusal(dsn: str) -> RefooterError:
    with pytest.raises(RefooterError) as refused:
        await database_of(dsn).open()
    return refused.value


@pytest.mark.parametrize(("number", "has_format_version"), [(4, False), (5, True)])
async def test_versions_4_and_5_are_read(dsn: str, number: int, has_format_version: bool) -> None:
    Rows(dsn, version=number).make()
    async with database_of(dsn) as database:
        assert (database.version.number, database.version.has_format_version) == (number, has_format_version)
        async with database.reading() as connection:
            assert await current_version(connection) == number


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("UPDATE lakehouse_migration SET version = 1", "is of version 1: upgrade the catalog first, to version 4 or 5"),
        ("UPDATE lakehouse_migration SET version = 3", "is of version 3: upgrade the catalog first, to version 4 or 5"),
        ("UPDATE lakehouse_migration SET version = 6", "is of version 6, which has no footers to migrate"),
        ("UPDATE lakehouse_migration SET version = 27", "is of version 27, which has no footers to migrate"),
        # what an engine of version 6 really leaves behind, and one of version 3
        ("DROP TABLE partition_metadata; UPDATE lakehouse_migration SET version = 6", "no footers to migrate"),
        ("DROP TABLE partition_metadata; UPDATE lakehouse_migration SET version = 3", "upgrade the catalog first"),
        ("DROP TABLE partition_metadata", "says version 5 but has no table partition_metadata"),
        ("DROP TABLE lakehouse_partitions", "says version 5 but has no table lakehouse_partitions"),
        ("DROP TABLE lakehouse_migration", "has no lakehouse_migration table, so its version is unknown"),
        ("INSERT INTO lakehouse_migration VALUES (5)", "holds 2 rows instead of one: the catalog is damaged"),
        ("DELETE FROM lakehouse_migration", "holds 0 rows instead of one: the catalog is damaged"),
        ("UPDATE lakehouse_migration SET version = NULL", "the catalog is damaged"),
        (
            "ALTER TABLE partition_metadata DROP COLUMN partition_format_version",
            "says version 5, but partition_metadata lacks the column partition_format_version",
        ),
        (
            "ALTER TABLE lakehouse_partitions DROP COLUMN num_rows, DROP COLUMN file_size",
            "says version 5, but lakehouse_partitions lacks the column file_size, num_rows",
        ),
        (
            "UPDATE lakehouse_migration SET version = 4; ALTER TABLE partition_metadata DROP COLUMN insert_time",
            "says version 4, but partition_metadata lacks the column insert_time",
        ),
    ],
)
async def test_any_other_catalog_is_one_clear_sentence(dsn: str, change: str, sentence: str) -> None:
    Rows(dsn).make()
    execute(dsn, change)
    refused = await refusal(dsn)
    assert isinstance(refused, UnsupportedCatalog)
    assert sentence in str(refused)
    assert refused.exit_code == 2


async def test_a_database_without_any_of_the_tables_is_no_catalog(dsn: str) -> None:
    Rows(dsn).make()
    execute(dsn, "DROP TABLE lakehouse_migration, partition_metadata, lakehouse_partitions")
    refused = await refusal(dsn)
    assert isinstance(refused, UnsupportedCatalog)
    assert "this is not a lakehouse catalog" in str(refused)


async def test_a_role_that_may_not_even_read_the_version_is_told_so(dsn: str) -> None:
    made = Rows(dsn).make()
    refused = await refusal(made.role("version_blind"))
    made.drop_role("version_blind")
    assert isinstance(refused, MissingRights)
    assert "missing right: SELECT on lakehouse_migration" in str(refused)


async def test_a_version_that_is_no_longer_there_is_none(dsn: str) -> None:
    Rows(dsn).make()
    async with database_of(dsn) as database:
        execute(dsn, "DROP TABLE lakehouse_migration")
        async with database.reading() as connection:
            assert await current_version(connection) is None


ASKING = "&client_encoding=UTF8"


@pytest.fixture
def in_encoding(server: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty catalog in a database of the encoding that the test names, which asks for no encoding itself."""
    name = f"in_{request.param.lower()}"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} ENCODING {} TEMPLATE template0 LOCALE 'C'").format(
                sql.Identifier(name), sql.Literal(request.param)
            )
        )
    try:
        Rows(server.dsn(name) + ASKING).make()
        yield server.dsn(name)
    finally:
        server.drop_database(name)


@pytest.mark.parametrize("in_encoding", ["SQL_ASCII", "LATIN1"], indirect=True)
async def test_a_client_that_asks_for_utf8_reads_the_catalog_of_a_database_of_another_encoding(
    in_encoding: str,
) -> None:
    async with database_of(in_encoding + ASKING) as database:
        assert database.version.number == 5


@pytest.mark.parametrize("in_encoding", ["SQL_ASCII"], indirect=True)
async def test_a_connection_that_gives_bytes_for_text_is_told_to_ask_for_utf8(in_encoding: str) -> None:
    async with await AsyncConnection.connect(in_encoding) as connection:
        with pytest.raises(UsageError, match="client_encoding=UTF8"):
            await find_version(connection, "somewhere")
