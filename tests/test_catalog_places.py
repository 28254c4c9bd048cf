"""Catalogs in schemas of other names: found by the search path, as the engine finds them, and never half of one and half of another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from footer_corpus import prefixed
from refooter.catalog.selection import EVERYTHING
from refooter.demo.server import Server
from refooter.diagnosis import Diagnosis
from refooter.diagnosis.safely import diagnose_safely, undiagnosed
from refooter.errors import MissingRights, UnsupportedCatalog
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.migrate import migrate
from refooter.jobs.rollback import rollback
from refooter.jobs.verify import verify
from refooter.target.target import ARROW_57
from refooter.target.workers import Judges
from refooter.values import Outcome
from support.jobs import told
from support.tables import rows
from test_catalog_rows import Rows, database_of, lake_of, one_database, path_of, small_file

TABLES = ("lakehouse_migration", "partition_metadata", "lakehouse_partitions")
ROLE = "elsewhere"


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


@pytest.fixture(scope="module")
def judges() -> Iterator[Judges[Diagnosis]]:
    with Judges(ARROW_57, diagnose_safely, undiagnosed, workers=1) as started:
        yield started


@pytest.fixture
def role(dsn: str) -> Iterator[str]:
    run(dsn, f"CREATE ROLE {ROLE} LOGIN")
    yield dsn.replace("postgres@", f"{ROLE}@")
    run(dsn, f"DROP OWNED BY {ROLE}", f"DROP ROLE {ROLE}")


def run(dsn: str, *statements: str) -> None:
    with psycopg.connect(dsn) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


def two_lakes(dsn: str, tmp_path: Path) -> Rows:
    """The same catalog in the schemas `public` and `other lake`."""
    made = Rows(dsn, tmp_path).make()
    file = small_file(10)
    made.file(path_of(1), file, prefixed(file))
    run(dsn, 'CREATE SCHEMA "other lake"')
    run(
        dsn,
        *(f'CREATE TABLE "other lake".{table} (LIKE public.{table} INCLUDING ALL)' for table in TABLES),
        *(f'INSERT INTO "other lake".{table} SELECT * FROM public.{table}' for table in TABLES),
    )
    return made


def values(dsn: str, schema: str) -> list[tuple[bytes, int]]:
    return rows(dsn, f'SELECT metadata, partition_format_version FROM "{schema}".partition_metadata')


OTHER = "&options[search_path]=%22other%5C%20lake%22,public"


async def test_the_first_catalog_of_the_search_path_is_migrated_and_the_other_left_alone(
    dsn: str, tmp_path: Path, judges: Judges[Diagnosis]
) -> None:
    made = two_lakes(dsn, tmp_path)
    before = values(dsn, "public")
    async with lake_of(dsn + OTHER, judges, made.root) as lake:
        done = (await told(migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)))).summary
        assert done.outcomes == {Outcome.MIGRATED: 1}
        assert (await told(verify(lake, EVERYTHING, run_id=done.run_id))).problems == []
        assert values(dsn, "other lake") != before
        assert values(dsn, "public") == before
        assert (await told(rollback(lake, [done.run_id]))).summary.outcomes == {Outcome.RESTORED: 1}
    assert values(dsn, "other lake") == before


async def test_a_search_path_may_be_the_roles_own(dsn: str, tmp_path: Path, role: str) -> None:
    two_lakes(dsn, tmp_path)
    run(
        dsn,
        "DROP TABLE public.partition_metadata, public.lakehouse_partitions, public.lakehouse_migration",
        f'GRANT USAGE ON SCHEMA "other lake" TO {ROLE}',
        f'GRANT SELECT ON ALL TABLES IN SCHEMA "other lake" TO {ROLE}',
        f'ALTER ROLE {ROLE} SET search_path = "other lake"',
    )
    async with database_of(role) as database:
        assert database.version.number == 5


REFUSED = {
    "no search path leads there": (
        ("ALTER SCHEMA public RENAME TO hidden_lake",),
        UnsupportedCatalog,
        "are in the schema hidden_lake, which the role's search_path does not name: put options=-csearch_path=",
    ),
    "the schema may not be used": (
        ("ALTER SCHEMA public RENAME TO barred", "REVOKE ALL ON SCHEMA barred FROM PUBLIC"),
        MissingRights,
        "missing right: USAGE on the schema barred, which holds the tables of the catalog in",
    ),
    "half of one and half of another": (
        (
            "CREATE SCHEMA aside",
            "ALTER TABLE partition_metadata SET SCHEMA aside",
            "GRANT USAGE ON SCHEMA aside TO PUBLIC",
            f"ALTER ROLE {ROLE} SET search_path = public, aside",
        ),
        UnsupportedCatalog,
        "are found in different schemas (aside, public)",
    ),
    "in many schemas, none of them named": (
        (
            "ALTER SCHEMA public RENAME TO lake_1",
            *(f"CREATE SCHEMA lake_{n}" for n in range(2, 6)),
            *(f"CREATE TABLE lake_{n}.partition_metadata (LIKE lake_1.partition_metadata)" for n in range(2, 6)),
            *(f"GRANT USAGE ON SCHEMA lake_{n} TO PUBLIC" for n in range(2, 6)),
        ),
        UnsupportedCatalog,
        "are in the schema lake_1, lake_2, lake_3 and 2 more, which",
    ),
    "no catalog at all": (("DROP SCHEMA public CASCADE",), UnsupportedCatalog, "this is not a lakehouse catalog"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_catalog_that_is_not_found_is_told_of_with_where_it_is(dsn: str, role: str, what: str) -> None:
    statements, kind, said = REFUSED[what]
    Rows(dsn).make()
    run(dsn, *statements)
    with pytest.raises(kind) as refused:
        async with database_of(role):
            pass
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
