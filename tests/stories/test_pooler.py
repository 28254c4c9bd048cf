"""Through a proxy that pools transactions: every transaction on whatever connection is free, nothing of a session stays (safety 5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection, sql

import refooter
from refooter.catalog.selection import EVERYTHING
from refooter.demo.lake import LakeSummary, build_lake
from refooter.demo.server import Server
from refooter.errors import UsageError
from refooter.jobs.decide import MigrateOptions
from refooter.jobs.lake import Lake
from refooter.jobs.migrate import migrate
from refooter.values import Outcome
from refooter_tui.cli.main import main
from support.jobs import Told, session, told
from support.pooler import POOL, every_server_connection, pooler
from support.tables import execute, rows, table_digests
from support.workers import shared_workers

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def workers() -> Iterator[None]:
    with shared_workers():
        yield


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=120)


@pytest.fixture
def through(lake: LakeSummary) -> Iterator[str]:
    with pooler(lake.dsn) as address:
        yield address


LEFT = {
    # PgBouncer itself keeps a session's tracked settings as its clients want them
    "settings": "SELECT name, setting FROM pg_settings WHERE source = 'session' AND name NOT IN"
    " ('client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings', 'application_name', 'IntervalStyle',"
    " 'transaction_isolation', 'transaction_read_only', 'transaction_deferrable')",
    "prepared statements": "SELECT name FROM pg_prepared_statements",
    "cursors": "SELECT name FROM pg_cursors WHERE is_holdable",
    "temporary tables": "SELECT relname FROM pg_class WHERE relpersistence = 't'",
    "advisory locks": "SELECT objid FROM pg_locks WHERE locktype = 'advisory'",
    "channels": "SELECT pg_listening_channels()",
}


def left(address: str) -> dict[str, list[Any]]:
    """What is still in the sessions behind the proxy."""
    found: dict[str, list[Any]] = {}
    with every_server_connection(address) as connections:
        backends = {connection.execute("SELECT pg_backend_pid()").fetchall()[0] for connection in connections}
        assert len(backends) == POOL
        for connection in connections:
            for what, query in LEFT.items():
                some = connection.execute(query).fetchall()
                if some:
                    found.setdefault(what, []).extend(some)
    return found


def test_what_stays_in_a_session_is_found(through: str) -> None:
    with psycopg.connect(through, autocommit=True) as connection:
        connection.execute("SET work_mem = '1MB'")
        connection.execute("PREPARE staying AS SELECT 1")
        connection.execute("SELECT pg_advisory_lock(1, 2)")
        connection.execute("CREATE TEMPORARY TABLE staying (x int)")
    assert set(left(through)) == {"settings", "prepared statements", "advisory locks", "temporary tables"}


def test_the_whole_walk_goes_through_and_leaves_nothing_in_a_session(
    lake: LakeSummary, through: str, workers: None, tmp_path: Path, capsys: Captured
) -> None:
    assert lake.store is not None
    before = table_digests(lake.dsn)

    def done(*words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = main([*words, "--dsn", through, "--store", lake.store or "", "--json"])
        return code, json.loads(capsys.readouterr().out)

    code, scanned = done("scan", "--deep")
    assert (code, scanned["entries"]) == (1, lake.entries)
    code, viewed = done("views")
    assert (code, sum(view["entries"] for view in viewed["views"])) == (0, lake.entries)
    _, rehearsed = done("migrate", "--dry-run")
    assert table_digests(lake.dsn) == before
    code, saved = done("backup", "-o", str(tmp_path / "backup.parquet"))
    assert (code, saved["entries"]) == (0, lake.entries)
    _, migrated = done("migrate", "--yes")
    assert migrated["migrated"] == rehearsed["would_migrate"] > 0
    assert migrated["conflict"] == 0
    _, verified = done("verify", "--run", str(migrated["run_id"]), "--against-store")
    assert {"lost", "changed"}.isdisjoint(problem["problem"] for problem in verified["problems"])
    code, exported = done("export", "--run", str(migrated["run_id"]), "-o", str(tmp_path / "rows.csv"))
    assert (code, exported["entries"]) == (0, migrated["failed"])
    code, listed = done("runs")
    assert [run["state"] for run in listed["runs"]] == ["finished"]
    code, shown = done("runs", "show", str(migrated["run_id"]))
    assert (code, shown["migrated"]) == (0, migrated["migrated"])
    code, back = done("rollback", str(migrated["run_id"]), "--yes")
    assert (code, back["restored"]) == (0, migrated["migrated"])
    assert table_digests(lake.dsn) == before
    code, again = done("rollback", str(back["run_id"]), "--yes")
    assert (code, again["restored"]) == (0, migrated["migrated"])
    code, restored = done("restore", str(tmp_path / "backup.parquet"), "--yes")
    assert (code, restored["restored"]) == (0, migrated["migrated"])
    assert table_digests(lake.dsn) == before
    assert left(through) == {}


async def run(lake: LakeSummary, address: str) -> Told:
    with session(address, lake.store) as opened:
        async with opened.open() as place:
            return await told(migrate(place, EVERYTHING, MigrateOptions()))


async def test_two_runs_at_once_share_the_proxys_connections_and_change_each_entry_once(
    lake: LakeSummary, through: str
) -> None:
    first, second = await asyncio.gather(run(lake, through), run(lake, through))
    assert first.error is None is second.error
    changed = rows(lake.dsn, "SELECT file_path, count(*) FROM refooter.change GROUP BY 1")
    assert {count for _, count in changed} == {1}
    assert first.summary.count(Outcome.MIGRATED) + second.summary.count(Outcome.MIGRATED) == len(changed) > 0
    counted = rows(lake.dsn, "SELECT migrated FROM refooter.run ORDER BY run_id")
    assert sum(count for (count,) in counted) == len(changed)
    assert left(through) == {}


async def test_an_entry_is_healed_through_it(lake: LakeSummary, through: str) -> None:
    path = lake.paths(kind="prefixed")[0]
    async with await AsyncConnection.connect(through, prepare_threshold=None) as connection:
        assert (await refooter.heal(connection, None, path)).stored
    assert left(through) == {}


def test_an_option_that_the_proxy_refuses_is_named_with_what_to_do(
    lake: LakeSummary, through: str, capsys: Captured
) -> None:
    assert main(["views", "--dsn", f"{through}&options=-csearch_path%3Dpublic"]) == 3
    said = capsys.readouterr().err
    assert "unsupported startup parameter" in said
    assert "leave it out of the connection string" in said


def test_a_search_path_that_the_proxy_passes_over_is_not_taken_for_granted(lake: LakeSummary, capsys: Captured) -> None:
    execute(lake.dsn, "CREATE SCHEMA other")
    with pooler(lake.dsn, more="ignore_startup_parameters = options") as through:
        assert main(["views", "--dsn", f"{through}&options=-csearch_path%3Dother"]) == 2
        assert "asks for the search_path 'other'" in capsys.readouterr().err
        assert main(["views", "--dsn", through]) == 0


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
async def test_a_database_of_another_encoding_is_read_and_mended_through_it(
    server: Server, tmp_path: Path, encoding: str
) -> None:
    name = f"pooled_{encoding.lower()}"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} ENCODING {} TEMPLATE template0 LOCALE 'C'").format(
                sql.Identifier(name), sql.Literal(encoding)
            )
        )
    try:
        dsn = server.dsn(name)
        built = build_lake(f"{dsn}&client_encoding=UTF8", tmp_path / "lake", entries=60)
        with pooler(dsn) as through:
            done = await run(built, through)
            assert done.error is None
            assert done.summary.count(Outcome.MIGRATED) > 0
            with (
                session(f"{through}&client_encoding=SQL_ASCII") as opened,
                pytest.raises(UsageError, match="SQL_ASCII"),
            ):
                async with opened.open() as refused:
                    assert isinstance(refused, Lake)
    finally:
        server.drop_database(name)
