"""What holds of every transaction, of memory, and of every plan, whatever the job: rules 2, 5, 6 and 22 for everything that writes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from refooter.catalog import connection, pages
from refooter.demo.server import Server
from refooter.jobs import examine, migrate, run
from safety_rules import RULES
from support.workers import shared_workers
from test_catalog_rows import Rows, database_of, one_database
from test_cli_commands import Captured, CommandLine
from test_jobs_rollback import fill

TESTS = Path(__file__).parent
_TIMEOUTS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


def test_every_rule_has_tests_that_are_there() -> None:
    assert list(RULES) == list(range(1, 23))
    for name in {name for names in RULES.values() for name in names}:
        file, _, test = name.partition("::")
        defined = {
            node.name
            for node in ast.parse((TESTS / file).read_text()).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert any(one.startswith("test_") for one in defined)
        assert not test or test in defined, name


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


async def test_rule_2_every_transaction_limits_statements_locks_and_silence_and_rule_5_no_session_keeps_it(
    dsn: str,
) -> None:
    Rows(dsn).make()
    with psycopg.connect(dsn) as plain:
        before = [plain.execute(f"SHOW {name}").fetchone() for name in _TIMEOUTS]
    async with database_of(dsn) as database:
        assert database._pool is not None
        for transaction in (database.reading(), database.writing(), database.writing(seconds=7)):
            async with transaction as open_:
                inside = [await (await open_.execute(f"SHOW {name}")).fetchone() for name in _TIMEOUTS]
            assert inside[1:] == [(f"{connection.LOCK_SECONDS}s",), (f"{connection.IDLE_SECONDS}s",)]
            assert inside[0] in {("20s",), ("30s",), ("7s",)}
        async with database._pool.connection() as same:
            assert [await (await same.execute(f"SHOW {name}")).fetchone() for name in _TIMEOUTS] == before


def test_rule_6_all_that_a_migration_may_hold_at_a_time_is_64_mib() -> None:
    """One page being read, those ahead, one being looked at; what waits for the store, for the check, for the writer; one batch."""
    read = (examine._PAGES_AHEAD + 2) * pages.PAGE_BYTES
    waiting = 2 * migrate._QUEUE_BYTES + run.item_queue()._most_bytes
    assert read + waiting + run.BATCH_BYTES <= 64 << 20


def test_rule_22_the_plan_shows_how_much_log_table_and_journal_will_grow(
    dsn: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(Rows(dsn, tmp_path).make())
    monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", dsn)
    monkeypatch.setenv("MICROMEGAS_OBJECT_STORE_URI", tmp_path.as_uri())
    with shared_workers():
        code, _, said = CommandLine(capsys).told("migrate", "--dry-run")
    assert code == 0
    lines = {line.split("  ")[0]: line for line in said.splitlines()}
    for name in ("WAL", "table growth", "journal"):
        assert any(unit in lines[name] for unit in ("Bytes", "KiB", "MiB")), said
