from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from footer_corpus import framed, prefixed
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
SCHEMA = "USAGE ON SCHEMA refooter"
VERSION = "SELECT ON refooter.journal_version"
RUN = "SELECT, INSERT, UPDATE ON refooter.run"
CHANGE = "SELECT, INSERT ON refooter.change"
RESULT = "SELECT, INSERT ON refooter.result"
EVERY_RIGHT = (SELECT, METADATA, PARTITIONS, SCHEMA, VERSION, RUN, CHANGE, RESULT)
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


async def test_with_exactly_the_rights_that_it_needs_a_role_migrates_and_goes_back(
    made: Rows, judges: Judges[Diagnosis]
) -> None:
    before = table_digests(made.dsn)
    execute(made.dsn, journal_ddl("refooter"))
    execute(made.dsn, "REVOKE CREATE, TEMPORARY ON DATABASE " + made.dsn.split("@/")[1].split("?")[0] + " FROM PUBLIC")
    async with lake_of(made.role(ROLE, *EVERY_RIGHT), judges, made.root) as lake:
        migrated = (await told(migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)))).summary
        assert migrated.outcomes == {Outcome.SKIPPED: 1, Outcome.MIGRATED: 1}
        back = (await told(rollback(lake, [migrated.run_id]))).summary
        assert back.outcomes == {Outcome.RESTORED: 1}
    assert table_digests(made.dsn) == before


LACKING = {
    "SELECT on lakehouse_partitions": ("SELECT ON partition_metadata, lakehouse_migration",),
    "SELECT on partition_metadata": ("SELECT ON lakehouse_partitions, lakehouse_migration",),
    "UPDATE on lakehouse_partitions": (SELECT, METADATA),
    "UPDATE (metadata) on partition_metadata": (SELECT, PARTITIONS),
    "UPDATE (partition_format_version) on partition_metadata": (SELECT, PARTITIONS, "UPDATE (metadata) ON partition_metadata"),
    "UPDATE (partition_format_version) on lakehouse_partitions": (
        SELECT, METADATA, "UPDATE (updated) ON lakehouse_partitions",
    ),
    "USAGE on the schema refooter": (SELECT, METADATA, PARTITIONS),
    "SELECT on refooter.journal_version": tuple(right for right in EVERY_RIGHT if right != VERSION),
    "SELECT on refooter.run": tuple(right for right in EVERY_RIGHT if right != RUN),
    "UPDATE on refooter.run": (SELECT, METADATA, PARTITIONS, SCHEMA, VERSION, "SELECT, INSERT ON refooter.run", CHANGE, RESULT),
    "INSERT on refooter.change": (SELECT, METADATA, PARTITIONS, SCHEMA, VERSION, RUN, "SELECT ON refooter.change", RESULT),
    "SELECT on refooter.result": (SELECT, METADATA, PARTITIONS, SCHEMA, VERSION, RUN, CHANGE, "INSERT ON refooter.result"),
}  # fmt: skip


@pytest.mark.parametrize("right", LACKING)
async def test_the_first_missing_right_is_named_before_the_store_is_asked_anything(
    made: Rows, judges: Judges[Diagnosis], right: str
) -> None:
    execute(made.dsn, journal_ddl("refooter"))
    before = table_digests(made.dsn)
    async with lake_of(made.role(ROLE, *LACKING[right]), judges, made.root) as lake:
        with pytest.raises(MissingRights) as refused:
            await told(migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)))
        assert lake.store is not None
        assert lake.store.counts.requests == 0
    said = str(refused.value)
    assert "missing right: " in said
    assert all(word in said for word in right.split(" on "))
    assert refused.value.exit_code == 2
    assert table_digests(made.dsn) == before
    assert rows(made.dsn, "SELECT FROM refooter.run") == []


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
    execute(dsn, journal_ddl("refooter"))
    journal = (SCHEMA, VERSION, RUN, CHANGE, RESULT)
    try:
        async with database_of(
            made.role(ROLE, SELECT, "UPDATE (metadata) ON partition_metadata", *journal)
        ) as database:
            with pytest.raises(MissingRights, match=r"UPDATE on lakehouse_partitions .* to lock its rows"):
                await check_may_write(database, "refooter")
            execute(dsn, f"GRANT UPDATE (updated) ON lakehouse_partitions TO {ROLE}")
            await check_may_write(database, "refooter")
    finally:
        made.drop_role(ROLE)


async def test_a_read_only_session_may_read_and_not_write(made: Rows) -> None:
    async with database_of(made.dsn, read_only=True) as database:
        await check_may_read(database)
        with pytest.raises(MissingRights, match="leave out --read-only"):
            await check_may_write(database, "refooter")
        with pytest.raises(PermissionError):
            async with database.writing():
                pass
