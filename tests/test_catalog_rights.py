from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from footer_corpus import framed, prefixed
from refooter.catalog.grants import Ground, init_sql
from refooter.catalog.journal_schema import journal_ddl
from refooter.catalog.rights import check_may_read, check_may_write
from refooter.catalog.selection import EVERYTHING
from refooter.demo.server import Server
from refooter.diagnosis import Diagnosis
from refooter.diagnosis.safely import diagnose_safely, undiagnosed
from refooter.errors import MissingRights
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.migrate import migrate
from refooter.jobs.plan import plan
from refooter.jobs.rollback import rollback
from refooter.jobs.scan import scan, views
from refooter.jobs.verify import verify
from refooter.target.target import ARROW_57
from refooter.target.workers import Judges
from refooter.values import Outcome
from support.jobs import told
from support.tables import execute, rows, table_digests
from test_catalog_rows import Rows, database_of, lake_of, one_database, path_of, small_file


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


SELECT = "SELECT ON partition_metadata, lakehouse_partitions, lakehouse_migration"
METADATA = "UPDATE (metadata, partition_format_version) ON partition_metadata"
PARTITIONS = "UPDATE (partition_format_version) ON lakehouse_partitions"
ROLE = "limited"


@pytest.fixture(scope="module")
def judges() -> Iterator[Judges[Diagnosis]]:
    with Judges(ARROW_57, diagnose_safely, undiagnosed, workers=1) as started:
        yield started


@pytest.fixture
def made(dsn: str, tmp_path: Path) -> Iterator[Rows]:
    """One healthy entry and one to be mended."""
    made = Rows(dsn, tmp_path).make()
    sound, broken = small_file(12), small_file(30)
    made.file(path_of(1), sound, framed(sound.footer), version=2)
    made.file(path_of(2), broken, prefixed(broken))
    yield made
    open_again(dsn)
    if rows(dsn, "SELECT FROM pg_roles WHERE rolname = %s", ROLE):
        made.drop_role(ROLE)


async def test_a_role_with_select_only_scans_plans_rehearses_and_verifies(
    made: Rows, judges: Judges[Diagnosis]
) -> None:
    before = table_digests(made.dsn)
    async with lake_of(made.role(ROLE, SELECT), judges, made.root) as lake:
        scanned = (await told(scan(lake, EVERYTHING, deep=True))).summary
        assert (scanned.entries, scanned.not_ok) == (2, 1)
        assert [view.entries for view in (await told(views(lake))).summary] == [2]
        assert (await told(plan(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)))).summary.by_step == {
            "skip": 1,
            "refetch": 1,
        }
        rehearsed = (await told(migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH, dry_run=True)))).summary
        assert rehearsed.outcomes == {Outcome.SKIPPED: 1, Outcome.WOULD_MIGRATE: 1}
        assert (await told(verify(lake, EVERYTHING, against_store=True))).summary.by_problem == {"page_index_prefix": 1}
    assert table_digests(made.dsn) == before
    assert rows(made.dsn, "SELECT FROM pg_namespace WHERE nspname = 'refooter'") == []


def open_again(dsn: str) -> None:
    """As a new database is."""
    [(database,)] = rows(dsn, "SELECT current_database()")
    execute(dsn, f"GRANT CONNECT, TEMPORARY ON DATABASE {database} TO PUBLIC")


def granted(made: Rows) -> str:
    """The address of a role that has what `init --sql` grants, in a database where nobody else may do anything."""
    address = made.role(ROLE)
    [(database,)] = rows(made.dsn, "SELECT current_database()")
    execute(made.dsn, f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    execute(made.dsn, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    with psycopg.connect(made.dsn) as connection:
        connection.execute(init_sql(Ground(made.version >= 5), role=ROLE))  # type: ignore[call-overload]
    return address


async def test_with_exactly_the_rights_that_it_needs_a_role_migrates_and_goes_back(
    made: Rows, judges: Judges[Diagnosis]
) -> None:
    before = table_digests(made.dsn)
    async with lake_of(granted(made), judges, made.root) as lake:
        migrated = (await told(migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)))).summary
        assert migrated.outcomes == {Outcome.SKIPPED: 1, Outcome.MIGRATED: 1}
        back = (await told(rollback(lake, [migrated.run_id]))).summary
        assert back.outcomes == {Outcome.RESTORED: 1}
    assert table_digests(made.dsn) == before


ONE_RIGHT = {
    "CONNECT on the database": "CONNECT ON DATABASE {database}",
    "USAGE on the schema public, which holds the tables of the catalog in": "USAGE ON SCHEMA public",
    "SELECT on lakehouse_migration": "SELECT ON lakehouse_migration",
    "SELECT on partition_metadata": "SELECT ON partition_metadata",
    "SELECT on lakehouse_partitions": "SELECT ON lakehouse_partitions",
    "UPDATE (metadata) on partition_metadata": "UPDATE (metadata) ON partition_metadata",
    "UPDATE (partition_format_version) on partition_metadata": "UPDATE (partition_format_version) ON partition_metadata",
    "UPDATE (partition_format_version) on lakehouse_partitions": "UPDATE (partition_format_version) ON lakehouse_partitions",
    "USAGE on the schema refooter (the journal)": "USAGE ON SCHEMA refooter",
    "SELECT on refooter.journal_version (the journal)": "SELECT ON refooter.journal_version",
    "SELECT on refooter.run (the journal)": "SELECT ON refooter.run",
    "INSERT on refooter.run (the journal)": "INSERT ON refooter.run",
    "UPDATE on refooter.run (the journal)": "UPDATE ON refooter.run",
    "SELECT on refooter.change (the journal)": "SELECT ON refooter.change",
    "INSERT on refooter.change (the journal)": "INSERT ON refooter.change",
    "SELECT on refooter.result (the journal)": "SELECT ON refooter.result",
    "INSERT on refooter.result (the journal)": "INSERT ON refooter.result",
}


@pytest.mark.parametrize("right", ONE_RIGHT)
async def test_a_single_missing_right_is_named_before_the_store_is_asked_anything(
    made: Rows, judges: Judges[Diagnosis], right: str
) -> None:
    address = granted(made)
    before = table_digests(made.dsn)
    [(database,)] = rows(made.dsn, "SELECT current_database()")
    execute(made.dsn, f"REVOKE {ONE_RIGHT[right].format(database=database)} FROM {ROLE}")
    asked: list[int] = []

    async def migrated() -> None:
        async with lake_of(address, judges, made.root) as lake:
            assert lake.store is not None
            try:
                await told(migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)))
            finally:
                asked.append(lake.store.counts.requests)

    with pytest.raises(MissingRights) as refused:
        await migrated()
    assert asked in ([], [0])
    said = str(refused.value)
    assert said.startswith(f"missing right: {right} ")
    assert ";" not in said
    assert refused.value.exit_code == 2
    assert table_digests(made.dsn) == before
    assert rows(made.dsn, "SELECT FROM refooter.run") == []


async def test_several_missing_rights_are_named_together(made: Rows, judges: Judges[Diagnosis]) -> None:
    execute(made.dsn, journal_ddl("refooter"))
    async with database_of(made.role(ROLE, SELECT, METADATA)) as database:
        with pytest.raises(MissingRights) as refused:
            await check_may_write(database, "refooter")
    assert "missing rights: UPDATE (partition_format_version) on lakehouse_partitions; USAGE on the schema" in str(
        refused.value
    )


@pytest.mark.parametrize(
    ("setting_up", "said"),
    [("SELECT 1", "CREATE on the database"), ("CREATE SCHEMA refooter", "CREATE on the schema refooter")],
)
async def test_a_journal_that_could_not_be_made_is_foreseen(made: Rows, setting_up: str, said: str) -> None:
    execute(made.dsn, setting_up)
    async with database_of(made.role(ROLE, SELECT, METADATA, PARTITIONS)) as database:
        with pytest.raises(MissingRights, match=said):
            await check_may_write(database, "refooter")


async def test_a_schema_that_the_role_owns_is_enough_for_the_journal(made: Rows) -> None:
    role = made.role(ROLE, SELECT, METADATA, PARTITIONS)
    execute(made.dsn, f"CREATE SCHEMA refooter AUTHORIZATION {ROLE}")
    async with database_of(role) as database:
        await check_may_write(database, "refooter")


async def test_a_version_4_catalog_needs_a_right_on_its_partitions_only_to_lock_them(dsn: str) -> None:
    made = Rows(dsn, version=4).make()
    address = granted(made)
    try:
        async with database_of(address) as database:
            await check_may_write(database, "refooter")
            execute(dsn, f"REVOKE UPDATE (updated) ON lakehouse_partitions FROM {ROLE}")
            with pytest.raises(
                MissingRights, match=r"UPDATE \(updated\) on lakehouse_partitions \(to lock its rows\) for"
            ):
                await check_may_write(database, "refooter")
    finally:
        open_again(dsn)
        made.drop_role(ROLE)


async def test_a_read_only_session_may_read_and_not_write(made: Rows) -> None:
    async with database_of(made.dsn, read_only=True) as database:
        await check_may_read(database)
        with pytest.raises(MissingRights, match="leave out --read-only"):
            await check_may_write(database, "refooter")
        with pytest.raises(PermissionError):
            async with database.writing():
                pass
