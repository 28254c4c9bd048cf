"""Rows that PostgreSQL itself keeps back (safety 18; issue 3): a trigger or a policy fails its own entry only, the batch goes on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import psycopg
import pytest

import refooter.jobs.run
from faults.accounts import Books, Tables, assert_before_images_match, assert_counts_are_right, read_books
from faults.world import Once, World, hooked
from refooter.catalog.selection import EVERYTHING
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.migrate import migrate
from refooter.values import Outcome, Reason
from support.jobs import Told, told

_TRIGGERS = {
    "raises": ("partition_metadata", "BEFORE UPDATE", "RAISE EXCEPTION 'not this one, says the trigger';"),
    "suppresses": ("partition_metadata", "BEFORE UPDATE", "RETURN NULL;"),
    "raises_in_partitions": (
        "lakehouse_partitions",
        "BEFORE UPDATE",
        "RAISE EXCEPTION 'not this one, says the trigger';",
    ),
    "suppresses_in_partitions": ("lakehouse_partitions", "BEFORE UPDATE", "RETURN NULL;"),
    "raises_at_commit": ("partition_metadata", "AFTER UPDATE", "RAISE EXCEPTION 'not this one, says the trigger';"),
}


@dataclass(frozen=True)
class Refused:
    world: World
    paths: dict[str, str]
    told: Told
    now: Tables
    books: Books


@pytest.fixture(scope="module")
def run(shared_world: World) -> Refused:
    world = shared_world
    # Each of them has a value and a partition row to be written; the first and the last of the batch among them.
    both = [path for path in world.refetched if [version for _, version in world.original.partitions[path]] == [1]]
    both = both[: len(_TRIGGERS) - 1] + both[-1:]
    paths = dict(zip(_TRIGGERS, both, strict=True))
    with psycopg.connect(world.dsn) as connection:
        for name, (table, when, body) in _TRIGGERS.items():
            connection.execute(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN IF OLD.file_path = '{paths[name]}' THEN {body} END IF; RETURN NEW; END $$"
            )
            constraint, deferred = (
                ("CONSTRAINT", "DEFERRABLE INITIALLY DEFERRED") if when.startswith("AFTER") else ("", "")
            )
            connection.execute(
                f"CREATE {constraint} TRIGGER {name} {when} ON {table} {deferred} FOR EACH ROW EXECUTE FUNCTION {name}()"
            )
    said = asyncio.run(world.migrate())
    return Refused(world, paths, said, world.tables(), read_books(world.dsn))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("raises", "not this one, says the trigger"),
        ("suppresses", "the update was suppressed by a trigger or a policy"),
        ("raises_in_partitions", "not this one, says the trigger"),
        ("suppresses_in_partitions", "the update was suppressed by a trigger or a policy"),
        ("raises_at_commit", "not this one, says the trigger"),
    ],
)
def test_an_entry_whose_row_is_refused_fails_with_postgresqls_own_words_and_stays_as_it_was(
    run: Refused, what: str, words: str
) -> None:
    path = run.paths[what]
    result = run.told.results[path]
    assert (result.outcome, result.reason) == (Outcome.FAILED, Reason.DATABASE)
    assert result.sentence == f"PostgreSQL refused this row: {words}"
    [row] = [told[path] for told in run.books.results.values()]
    assert row == ("failed", "database", result.sentence)
    assert run.now.entries[path] == run.world.original.entries[path]
    assert run.now.partitions[path] == run.world.original.partitions[path]
    assert path not in run.books.changes


def test_the_rest_of_the_batch_is_migrated_as_if_nothing_had_happened(run: Refused) -> None:
    refused = set(run.paths.values())
    assert run.now.without(*refused) == run.world.migrated.without(*refused)
    for path, outcome in run.world.outcomes.items():
        assert path in refused or run.told.results[path].outcome is outcome


def test_the_journal_counts_halved_batches_once(run: Refused) -> None:
    assert_counts_are_right(run.books)
    assert_before_images_match(run.world.original, run.now, run.books)
    [row] = run.books.runs.values()
    assert row["state"] == "finished"
    for outcome in (Outcome.MIGRATED, Outcome.SKIPPED, Outcome.FAILED):
        assert row[outcome.value] == run.told.summary.count(outcome)
    assert row["skipped"] == list(run.world.outcomes.values()).count(Outcome.SKIPPED)
    assert row["store_requests"] == run.told.summary.store_requests
    assert row["store_bytes"] == run.told.summary.store_bytes


async def test_a_row_that_a_security_policy_made_in_mid_run_hides_is_not_migrated_and_the_others_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was there before is refused before anything is read. PostgreSQL applies an UPDATE policy to locking reads too, so that
    such a row is seen but never locked."""
    monkeypatch.setattr(refooter.jobs.run, "BUSY_SECONDS", 0.02)
    hidden = world.refetched[0]
    role = "policed"

    def hide() -> None:
        with psycopg.connect(world.dsn) as connection:
            connection.execute("ALTER TABLE partition_metadata ENABLE ROW LEVEL SECURITY")
            connection.execute("CREATE POLICY sees_all ON partition_metadata FOR SELECT USING (true)")
            connection.execute(f"CREATE POLICY most ON partition_metadata FOR UPDATE USING (file_path <> '{hidden}')")

    with psycopg.connect(world.dsn) as connection:
        database = connection.info.dbname
        connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(f"GRANT CREATE ON DATABASE {database} TO {role}")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        connection.execute(f"GRANT UPDATE ON partition_metadata, lakehouse_partitions TO {role}")
    try:
        async with world.lake(dsn=world.dsn.replace("postgres@", f"{role}@")) as lake:
            said = await told(migrate(hooked(lake, Once(hide)), EVERYTHING, MigrateOptions(Strategy.REFETCH)))
        now, books = world.tables(), read_books(world.dsn)
    finally:
        with psycopg.connect(world.dsn) as connection:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")
    assert said.results[hidden].outcome in (Outcome.FAILED, Outcome.CONFLICT)
    assert now.entries[hidden] == world.original.entries[hidden]
    assert now.without(hidden) == world.migrated.without(hidden)
    assert_counts_are_right(books)
    assert_before_images_match(world.original, now, books)
