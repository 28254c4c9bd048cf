"""That somebody wrote to the catalog, told by PostgreSQL's counters."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from refooter.catalog import activity
from refooter.catalog.activity import Activity, Changes
from refooter.demo.server import Server
from test_catalog_rows import Rows, database_of, one_database, path_of


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


@pytest.fixture
def made(dsn: str) -> Rows:
    rows = Rows(dsn).make()
    wrote(dsn, *(_entry(number) for number in range(5)))
    return rows


def wrote(dsn: str, *statements: str) -> None:
    """Somebody's statements, each a transaction, counted by the server when this returns."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]
            connection.execute("SELECT pg_stat_force_next_flush()")


def _entry(number: int) -> str:
    return f"INSERT INTO partition_metadata VALUES ('{path_of(number)}', 'value', now(), 1)"


PARTITION = "INSERT INTO lakehouse_partitions (file_path, num_rows) VALUES ('a', 1)"
UPDATE = "UPDATE partition_metadata SET metadata = 'x'"
DELETE = f"DELETE FROM partition_metadata WHERE file_path = '{path_of(0)}'"


async def test_the_first_look_is_what_the_next_ones_are_compared_with(made: Rows) -> None:
    async with database_of(made.dsn) as database:
        seen = Activity(database)
        assert await seen.look() == Changes()
        assert await seen.look() == Changes()
        wrote(made.dsn, _entry(7), PARTITION)
        assert await seen.look() == Changes(inserted=2)
        wrote(made.dsn, UPDATE)
        assert await seen.look() == Changes(updated=6)
        wrote(made.dsn, DELETE)
        assert await seen.look() == Changes(deleted=1)
        assert await seen.look() == Changes()


async def test_what_is_written_to_other_tables_is_nobodys_business(made: Rows) -> None:
    async with database_of(made.dsn) as database:
        seen = Activity(database)
        await seen.look()
        wrote(made.dsn, "INSERT INTO temporary_files VALUES ('a', 1, now())", "CREATE SCHEMA refooter")
        assert await seen.look() == Changes()


async def test_a_table_that_was_emptied_is_told_as_deleted(made: Rows) -> None:
    async with database_of(made.dsn) as database:
        seen = Activity(database)
        await seen.look()
        wrote(made.dsn, "VACUUM (FULL) partition_metadata", "VACUUM (FULL) lakehouse_partitions")
        assert await seen.look() == Changes()
        wrote(made.dsn, "TRUNCATE partition_metadata")
        assert await seen.look() == Changes(deleted=5)
        wrote(made.dsn, "TRUNCATE partition_metadata")
        assert await seen.look() == Changes()


async def test_a_table_that_was_made_anew_is_told_by_what_came_into_it(made: Rows) -> None:
    async with database_of(made.dsn) as database:
        seen = Activity(database)
        await seen.look()
        wrote(
            made.dsn,
            "CREATE TABLE copy AS SELECT * FROM partition_metadata",
            "DROP TABLE partition_metadata",
            "ALTER TABLE copy RENAME TO partition_metadata",
        )
        assert await seen.look() == Changes(inserted=5)


async def test_after_a_reset_of_the_statistics_what_came_since_is_told(made: Rows) -> None:
    async with database_of(made.dsn) as database:
        seen = Activity(database)
        await seen.look()
        wrote(made.dsn, "SELECT pg_stat_reset()")
        assert await seen.look() == Changes()
        wrote(made.dsn, _entry(7), "SELECT pg_stat_reset()", _entry(8))
        assert await seen.look() == Changes(inserted=1)
        assert await seen.look() == Changes()


async def test_where_nothing_is_counted_nothing_is_told(made: Rows) -> None:
    async with database_of(made.dsn) as database:
        seen = Activity(database)
        await seen.look()
        wrote(made.dsn, "SET track_counts = off", _entry(7), UPDATE, "TRUNCATE lakehouse_partitions")
        assert await seen.look() == Changes()


async def test_a_catalog_without_its_tables_is_quiet(made: Rows) -> None:
    async with database_of(made.dsn) as database:
        seen = Activity(database)
        await seen.look()
        wrote(made.dsn, "DROP TABLE partition_metadata, lakehouse_partitions")
        assert await seen.look() == Changes()


async def test_no_right_is_needed_and_whoever_may_not_count_is_told_nothing(made: Rows) -> None:
    counted = "FUNCTION pg_stat_get_tuples_inserted(oid)"
    address = made.role("onlooker", "SELECT ON lakehouse_migration")
    try:
        async with database_of(address) as database:
            seen = Activity(database)
            await seen.look()
            wrote(made.dsn, _entry(7))
            assert await seen.look() == Changes(inserted=1)
            wrote(made.dsn, f"REVOKE EXECUTE ON {counted} FROM PUBLIC", _entry(8))
            assert await seen.look() == Changes()
            wrote(made.dsn, f"GRANT EXECUTE ON {counted} TO PUBLIC")
            assert await seen.look() == Changes(inserted=1)
    finally:
        made.drop_role("onlooker")


async def test_a_look_waits_for_nobodys_lock(made: Rows) -> None:
    async with database_of(made.dsn) as database:
        seen = Activity(database)
        with psycopg.connect(made.dsn) as connection:
            connection.execute("LOCK TABLE partition_metadata, lakehouse_partitions IN ACCESS EXCLUSIVE MODE")
            assert await seen.look() == Changes()


@pytest.mark.parametrize(("how", "unseen"), [(signal.SIGINT, 1), (signal.SIGQUIT, 0)])
async def test_a_server_that_started_anew_has_kept_its_counters_or_lost_them_and_neither_is_an_alarm(
    how: signal.Signals, unseen: int
) -> None:
    """SIGINT: it writes them down as it shuts down; SIGQUIT, PostgreSQL's word for at once: it does not."""
    with TemporaryDirectory(prefix="refooter-tests-") as directory, Server() as server:
        # Not the settings for speed: with them a server that ended at once has lost the last transactions, too.
        server.start(Path(directory) / "pg", {"fsync": "off"})
        made = Rows(server.create_database("lake")).make()
        wrote(made.dsn, *(_entry(number) for number in range(5)))
        async with database_of(made.dsn) as database:
            seen = Activity(database)
            await seen.look()
            wrote(made.dsn, _entry(6))
            assert server.pid is not None
            os.kill(server.pid, how)
            server.stop()
            server.start(Path(directory) / "pg", {"fsync": "off"})
            assert await seen.look() == Changes(inserted=unseen)
            wrote(made.dsn, _entry(7))
            assert await seen.look() == Changes(inserted=1)
            assert await seen.look() == Changes()


async def test_two_servers_behind_one_address_are_no_alarm_that_repeats(
    made: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database_of(made.dsn) as database:
        seen = Activity(database)
        told = []
        for turn in range(6):
            counters = "0" if turn % 2 else "1000"
            one = activity._QUERY.replace("pg_postmaster_start_time()::text", f"'server {turn % 2}'")
            for name in ("inserted", "deleted", "updated"):
                one = one.replace(f"pg_stat_get_tuples_{name}(oid)", f"{counters}::int8")
            with monkeypatch.context() as patched:
                patched.setattr(activity, "_QUERY", one)
                told.append(await seen.look())
        assert told == [Changes()] * 6
