"""Row-level security: what a role does not see is never taken for something that is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import AsyncConnection

import refooter
from footer_corpus import prefixed
from refooter.catalog.grants import look_at
from refooter.catalog.row_security import READ, WRITE, tables_with_hidden_rows
from refooter.catalog.selection import EVERYTHING
from refooter.demo.server import Server
from refooter.diagnosis import Diagnosis
from refooter.diagnosis.safely import diagnose_safely, undiagnosed
from refooter.errors import MissingRights
from refooter.events import Severity
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.migrate import migrate
from refooter.jobs.rollback import rollback
from refooter.jobs.scan import scan
from refooter.jobs.verify import verify
from refooter.store import open_store
from refooter.target.target import ARROW_57
from refooter.target.workers import Judges
from refooter.values import Outcome
from support.jobs import Told, told
from support.tables import rows, table_digests
from test_catalog_rights import granted, open_again
from test_catalog_rows import Rows, database_of, lake_of, one_database, path_of, small_file

ROLE = "limited"
TABLES = ("partition_metadata", "lakehouse_partitions")
SEEN, HIDDEN = path_of(1), path_of(2)


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


@pytest.fixture(scope="module")
def judges() -> Iterator[Judges[Diagnosis]]:
    with Judges(ARROW_57, diagnose_safely, undiagnosed, workers=1) as started:
        yield started


@pytest.fixture
def made(dsn: str, tmp_path: Path) -> Iterator[Rows]:
    """Two entries to be mended."""
    made = Rows(dsn, tmp_path).make()
    for number, path in enumerate((SEEN, HIDDEN)):
        file = small_file(10 + number)
        made.file(path, file, prefixed(file))
    yield made
    open_again(dsn)
    made.drop_role(ROLE)


def run(dsn: str, *statements: str) -> None:
    with psycopg.connect(dsn) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


def secure(made: Rows, table: str, *policies: str) -> None:
    run(made.dsn, f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY", *policies)


def hides(table: str, command: str = "ALL") -> str:
    return f"CREATE POLICY less ON {table} FOR {command} TO PUBLIC USING (file_path = '{SEEN}')"


def shows(table: str, command: str = "ALL", to: str = ROLE) -> str:
    return f"CREATE POLICY more_{command.lower()} ON {table} FOR {command} TO {to} USING (true)"


def warnings(said: Told) -> list[str]:
    return [notice.text for notice in said.notices if notice.severity is Severity.WARNING]


@pytest.mark.parametrize("table", TABLES)
async def test_what_only_reads_says_that_it_may_not_have_seen_all(
    made: Rows, judges: Judges[Diagnosis], table: str
) -> None:
    address = granted(made)
    secure(made, table, hides(table))
    expected = f"row-level security is on for {table}: the role {ROLE} may not see every row"
    async with lake_of(address, judges, made.root) as lake:
        for job in (
            scan(lake, EVERYTHING),
            migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH, dry_run=True)),
            verify(lake, EVERYTHING),
        ):
            said = await told(job)
            assert any(text.startswith(expected) for text in warnings(said))
            assert "no_metadata" not in {problem.problem for problem in said.problems}
        assert (await told(scan(lake, EVERYTHING))).summary.entries == (1 if table == "partition_metadata" else 2)


@pytest.mark.parametrize("command", ["ALL", "SELECT", "UPDATE"])
@pytest.mark.parametrize("table", TABLES)
async def test_what_writes_is_refused_before_the_store_is_asked_anything(
    made: Rows, judges: Judges[Diagnosis], table: str, command: str
) -> None:
    address = granted(made)
    other = {"ALL": (), "SELECT": (shows(table, "UPDATE"),), "UPDATE": (shows(table, "SELECT"),)}[command]
    secure(made, table, hides(table, command), *other)
    before = table_digests(made.dsn)
    async with lake_of(address, judges, made.root) as lake:
        with pytest.raises(MissingRights, match=f"to see and update every row of {table}, .* BYPASSRLS") as refused:
            await told(migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)))
        assert lake.store is not None
        assert lake.store.counts.requests == 0
        assert refused.value.exit_code == 2
        assert bool(warnings(await told(scan(lake, EVERYTHING)))) == (command != "UPDATE")
    assert table_digests(made.dsn) == before
    assert rows(made.dsn, "SELECT FROM refooter.run") == []


@pytest.mark.parametrize("table", TABLES)
async def test_neither_a_run_is_accounted_for_nor_rolled_back_by_a_role_that_does_not_see_all_of_it(
    made: Rows, judges: Judges[Diagnosis], table: str
) -> None:
    address = granted(made)
    async with lake_of(address, judges, made.root) as lake:
        done = (await told(migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)))).summary
        assert done.outcomes == {Outcome.MIGRATED: 2}
        after = table_digests(made.dsn)
        secure(made, table, hides(table))
        with pytest.raises(MissingRights, match=f"to see every row of {table}"):
            await told(verify(lake, EVERYTHING, run_id=done.run_id))
        with pytest.raises(MissingRights, match=f"every row of {table}"):
            await told(rollback(lake, [done.run_id]))
        assert table_digests(made.dsn) == after
        run(made.dsn, f"ALTER ROLE {ROLE} BYPASSRLS")
        assert (await told(verify(lake, EVERYTHING, run_id=done.run_id))).summary.run == {"holds": 2}
        assert (await told(rollback(lake, [done.run_id]))).summary.outcomes == {Outcome.RESTORED: 2}


Setting = Callable[[str], tuple[str, ...]]
PATHS: dict[str, tuple[Setting, str]] = {
    "no policy at all, which shows nothing": (lambda table: (), "rw"),
    "a policy of its own": (lambda table: (shows(table),), ""),
    "a policy for everybody": (lambda table: (shows(table, to="PUBLIC"),), ""),
    "a policy beside one that shows less": (lambda table: (hides(table), shows(table)), ""),
    "a policy of a group": (lambda table: (f"GRANT pg_monitor TO {ROLE}", shows(table, to="pg_monitor")), ""),
    "a policy of somebody else": (lambda table: (shows(table, to="pg_monitor"),), "rw"),
    "a policy for reading only": (lambda table: (shows(table, "SELECT"),), "w"),
    "a policy that lets nothing be written": (lambda table: (shows(table) + " WITH CHECK (false)",), "w"),
    "a restrictive policy": (
        lambda table: (shows(table), hides(table).replace(" FOR ALL", " AS RESTRICTIVE FOR ALL")),
        "rw",
    ),
    "a restrictive policy of somebody else": (
        lambda table: (
            shows(table),
            hides(table).replace(" FOR ALL TO PUBLIC", " AS RESTRICTIVE FOR ALL TO pg_monitor"),
        ),
        "",
    ),
    "BYPASSRLS": (lambda table: (f"ALTER ROLE {ROLE} BYPASSRLS",), ""),
    "row_security off, where PostgreSQL refuses": (lambda table: (f"ALTER ROLE {ROLE} SET row_security = off",), "rw"),
}


@pytest.mark.parametrize("what", PATHS)
async def test_policies_are_read_as_postgresql_applies_them(made: Rows, what: str) -> None:
    address = made.role(ROLE, "SELECT ON ALL TABLES IN SCHEMA public")
    statements, hidden = PATHS[what]
    table = TABLES[1]
    secure(made, table, *statements(table))
    async with database_of(address) as database, database.reading() as connection:
        assert await tables_with_hidden_rows(connection, READ) == ([table] if "r" in hidden else [])
        assert await tables_with_hidden_rows(connection, WRITE) == ([table] if hidden else [])


@pytest.mark.parametrize("forced", [False, True])
async def test_the_tables_owner_is_subject_to_it_only_where_it_is_forced(made: Rows, forced: bool) -> None:
    address = granted(made)
    for table in TABLES:
        run(made.dsn, f"ALTER TABLE {table} OWNER TO {ROLE}")
        secure(made, table, hides(table))
        if forced:
            run(made.dsn, f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    async with database_of(address) as database, database.reading() as connection:
        assert await tables_with_hidden_rows(connection, READ) == (list(TABLES) if forced else [])
        found = await look_at(connection, "here", "refooter")
        assert found.secured == tuple(sorted(TABLES))


@pytest.mark.parametrize("table", TABLES)
async def test_nothing_is_healed_into_a_catalog_of_which_rows_may_be_hidden(made: Rows, table: str) -> None:
    address = granted(made)
    secure(made, table, hides(table))
    before = table_digests(made.dsn)
    assert made.root is not None
    async with await AsyncConnection.connect(address) as connection, open_store(made.root.as_uri()) as store:
        healed = await refooter.heal(connection, store, SEEN)
        assert healed.why_not == f"row-level security may keep rows of {table} from this role"
        run(made.dsn, f"ALTER ROLE {ROLE} BYPASSRLS")
        assert table_digests(made.dsn) == before
        assert (await refooter.heal(connection, store, SEEN)).stored


async def test_a_hidden_version_is_not_taken_for_a_damaged_catalog(made: Rows) -> None:
    address = granted(made)
    secure(made, "lakehouse_migration")
    with pytest.raises(MissingRights, match="row of lakehouse_migration"):
        async with database_of(address):
            pass


async def test_a_policy_that_shows_every_row_is_enough_to_migrate(made: Rows, judges: Judges[Diagnosis]) -> None:
    address = granted(made)
    for table in TABLES:
        secure(made, table, hides(table), shows(table))
    async with lake_of(address, judges, made.root) as lake:
        done = (await told(migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)))).summary
    assert done.outcomes == {Outcome.MIGRATED: 2}
