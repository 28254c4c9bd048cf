"""What other sessions do between our read and our write (safety 1, 2, 3, 10): each the right outcome, and nothing overwritten.

One run for all of them: everything happens when the store is first asked, which is after all entries were read and judged and
before anything may be written (safety 16).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

import refooter.catalog.connection
import refooter.catalog.pages
import refooter.jobs.run
from faults.accounts import Books, Tables, assert_counts_are_right, read_books
from faults.world import Once, World, hooked
from refooter.catalog.changes import Written
from refooter.catalog.selection import EVERYTHING
from refooter.catalog.write import Writer
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.migrate import migrate
from refooter.values import Outcome, Reason
from support.jobs import Told, told
from support.tables import execute

NEW_PATH = "views/zzz/global/2026-01-01/00-00-00_new.parquet"
_BUSY_SECONDS = 0.02

_SECOND_ROW = """
INSERT INTO lakehouse_partitions SELECT view_set_name, view_instance_id, begin_insert_time - interval '1 hour',
  end_insert_time - interval '1 hour', min_event_time, max_event_time, updated, file_path, file_size, file_schema_hash,
  source_data_hash, num_rows + %s, 1 FROM lakehouse_partitions WHERE file_path = %s
"""

# What is done to an entry, in one transaction; every %s is its path, except in the rows that name more.
_COMMITTED: dict[str, list[str]] = {
    "value_changed": ["UPDATE partition_metadata SET metadata = 'a value of theirs' WHERE file_path = %s"],
    "version_changed": ["UPDATE partition_metadata SET partition_format_version = 7 WHERE file_path = %s"],
    "rows_changed": ["UPDATE lakehouse_partitions SET num_rows = num_rows + 1 WHERE file_path = %s"],
    "size_changed": ["UPDATE lakehouse_partitions SET file_size = file_size + 1 WHERE file_path = %s"],
    "partition_deleted": ["DELETE FROM lakehouse_partitions WHERE file_path = %s"],
    "both_deleted": [
        "DELETE FROM lakehouse_partitions WHERE file_path = %s",
        "DELETE FROM partition_metadata WHERE file_path = %s",
    ],
    "entry_deleted": ["DELETE FROM partition_metadata WHERE file_path = %s"],
    "moved": ["UPDATE lakehouse_partitions SET file_path = file_path || '.moved' WHERE file_path = %s"],
    "same_again": [_SECOND_ROW.replace("%s", "0", 1)],
    "other_again": [_SECOND_ROW.replace("%s", "5", 1)],
    "touched": ["UPDATE lakehouse_partitions SET updated = updated + interval '1 day' WHERE file_path = %s"],
    "reinserted": [
        "WITH old AS (DELETE FROM partition_metadata WHERE file_path = %s RETURNING *)"
        " INSERT INTO partition_metadata SELECT * FROM old"
    ],
}
_STAMPED = ("value_changed", "partition_deleted")
_LOCKED = {
    "entry_locked": "SELECT 1 FROM partition_metadata WHERE file_path = %s FOR UPDATE",
    "partition_locked": "SELECT 1 FROM lakehouse_partitions WHERE file_path = %s FOR UPDATE",
    "entry_being_changed": "UPDATE partition_metadata SET metadata = 'never committed' WHERE file_path = %s",
    "partition_being_deleted": "DELETE FROM lakehouse_partitions WHERE file_path = %s",
}
_BRIEFLY = ("entry_locked", "partition_locked")


@dataclass(frozen=True)
class Disturbed:
    """`paths`: what was done, and to which entry. `theirs`: the tables after the others had done it, before our first write."""

    world: World
    paths: dict[str, str]
    theirs: Tables
    now: Tables
    books: Books
    told: Told

    def outcome(self, what: str) -> tuple[Outcome | None, str]:
        result = self.told.results[self.paths[what]]
        return result.outcome, result.sentence or ""

    def untouched(self, what: str) -> bool:
        """Whether the entry and its partition rows are as the other session left them, and the journal holds no change."""
        path = self.paths[what]
        same = self.now.entries.get(path) == self.theirs.entries.get(path)
        return (
            same
            and self.now.partitions.get(path) == self.theirs.partitions.get(path)
            and path not in self.books.changes
        )

    def migrated(self, what: str) -> bool:
        path = self.paths[what]
        return self.now.entries[path] == self.world.migrated.entries[path] and len(self.books.changes[path]) == 1


@pytest.fixture(scope="module")
def run(shared_world: World) -> Disturbed:
    world = shared_world
    single = [path for path in world.refetched if len(world.original.partitions.get(path, [])) == 1]
    names = [*_COMMITTED, *_LOCKED, *(f"{name}_briefly" for name in _BRIEFLY)]
    paths = dict(zip(names, single, strict=False))
    paths |= dict(zip((f"stamped_{name}" for name in _STAMPED), world.stamped, strict=False))
    locks: dict[str, psycopg.Connection[Any]] = {}
    theirs: list[Tables] = []

    def disturb() -> None:
        for name, statements in _COMMITTED.items():
            for path in (paths[name], *([paths[f"stamped_{name}"]] if name in _STAMPED else [])):
                with psycopg.connect(world.dsn) as connection:
                    for statement in statements:
                        connection.execute(statement, (path,))
        execute(
            world.dsn,
            "INSERT INTO partition_metadata SELECT %s, metadata, insert_time, 1 FROM partition_metadata WHERE file_path = %s",
            NEW_PATH,
            world.refetched[0],
        )
        theirs.append(world.tables())
        for name in [*_LOCKED, *(f"{name}_briefly" for name in _BRIEFLY)]:
            locks[name] = psycopg.connect(world.dsn)
            locks[name].execute(_LOCKED[name.removesuffix("_briefly")], (paths[name],))

    apply = Writer.apply

    async def released_when_seen_busy(writer: Writer, *args: Any, **named: Any) -> Written:
        written = await apply(writer, *args, **named)
        for name in _BRIEFLY:
            if paths[f"{name}_briefly"] in written.busy:
                locks[f"{name}_briefly"].rollback()
        return written

    async def migrated() -> Told:
        async with world.lake() as lake:
            return await told(migrate(hooked(lake, Once(disturb)), EVERYTHING, MigrateOptions(Strategy.REFETCH)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Writer, "apply", released_when_seen_busy)
        patch.setattr(refooter.jobs.run, "BUSY_SECONDS", _BUSY_SECONDS)
        try:
            said = asyncio.run(migrated())
        finally:
            for connection in locks.values():
                connection.close()
    return Disturbed(world, paths, theirs[0], world.tables(), read_books(world.dsn), said)


@pytest.mark.parametrize("what", ["value_changed", "version_changed", "rows_changed", "size_changed", "other_again"])
def test_a_row_changed_after_it_was_read_is_a_conflict_and_stays_as_the_other_session_left_it(
    run: Disturbed, what: str
) -> None:
    outcome, sentence = run.outcome(what)
    assert (outcome, sentence) == (
        Outcome.CONFLICT,
        "the row was changed by another session after it was read",
    )
    assert run.untouched(what)


@pytest.mark.parametrize("what", ["partition_deleted", "both_deleted", "entry_deleted", "moved"])
def test_what_was_retired_after_it_was_read_is_gone(run: Disturbed, what: str) -> None:
    assert run.outcome(what)[0] is Outcome.GONE
    assert run.untouched(what)


def test_an_entry_that_only_needs_its_stamp_is_bound_to_what_was_read_too(run: Disturbed) -> None:
    assert run.outcome("stamped_value_changed")[0] is Outcome.CONFLICT
    assert run.untouched("stamped_value_changed")
    assert run.outcome("stamped_partition_deleted")[0] is Outcome.GONE
    assert run.untouched("stamped_partition_deleted")


@pytest.mark.parametrize("what", list(_LOCKED))
def test_a_row_that_stays_locked_is_a_conflict_that_says_so(run: Disturbed, what: str) -> None:
    assert run.outcome(what) == (Outcome.CONFLICT, "the row stayed locked by another session")
    assert run.untouched(what)


@pytest.mark.parametrize("what", [f"{name}_briefly" for name in _BRIEFLY])
def test_a_row_that_is_locked_for_a_moment_is_migrated(run: Disturbed, what: str) -> None:
    assert run.outcome(what)[0] is Outcome.MIGRATED
    assert run.migrated(what)


def test_a_second_partition_row_that_says_the_same_is_stamped_with_the_first_and_journaled(run: Disturbed) -> None:
    assert run.outcome("same_again")[0] is Outcome.MIGRATED
    assert run.migrated("same_again")
    path = run.paths["same_again"]
    assert [version for _, version in run.now.partitions[path]] == [2, 2]
    [change] = run.books.changes[path]
    assert sorted(one["old"] for one in change.partitions) == sorted(v for _, v in run.theirs.partitions[path])
    assert [one["new"] for one in change.partitions] == [2, 2]


@pytest.mark.parametrize("what", ["touched", "reinserted"])
def test_a_row_that_still_says_what_was_read_is_migrated(run: Disturbed, what: str) -> None:
    assert run.outcome(what)[0] is Outcome.MIGRATED
    assert run.migrated(what)


def test_an_entry_inserted_after_the_read_is_left_alone(run: Disturbed) -> None:
    assert NEW_PATH not in run.told.results
    assert run.now.entries[NEW_PATH] == run.theirs.entries[NEW_PATH]


def test_the_others_of_the_batch_are_migrated_as_if_nothing_had_happened(run: Disturbed) -> None:
    disturbed = {*run.paths.values(), NEW_PATH, run.paths["moved"] + ".moved"}
    assert run.now.without(*disturbed) == run.world.migrated.without(*disturbed)
    for path, outcome in run.world.outcomes.items():
        assert path in disturbed or run.told.results[path].outcome is outcome


def test_the_journal_counts_every_outcome_once(run: Disturbed) -> None:
    assert_counts_are_right(run.books)
    [row] = run.books.runs.values()
    assert row["state"] == "finished"
    assert row["conflict"] == 6 + len(_LOCKED)
    assert row["gone"] == 5
    assert row["selected"] == len(run.world.outcomes)
    assert sum(row[name] for name in ("migrated", "skipped", "failed", "conflict", "gone")) == row["selected"]
    assert {name for _, (outcome, name, _) in run.books.results[row["run_id"]].items() if outcome == "failed"} <= set(
        Reason
    )


async def test_a_table_that_is_locked_as_a_whole_costs_no_entry_its_outcome(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine's ALTER TABLE holds a table for longer than we wait for a lock: what was in the batch beside the changes (failures,
    skipped entries) is still recorded, once, and the changes are tried again."""
    monkeypatch.setattr(refooter.catalog.connection, "LOCK_SECONDS", 0.1)
    monkeypatch.setattr(refooter.jobs.run, "BUSY_SECONDS", 0.1)
    apply, locked = Writer.apply, False

    with psycopg.connect(world.dsn) as altering:

        async def locked_out(writer: Writer, *args: Any, **named: Any) -> Written:
            nonlocal locked
            if not locked:
                locked = True
                altering.execute("LOCK TABLE partition_metadata IN ACCESS EXCLUSIVE MODE")
            written = await apply(writer, *args, **named)
            if written.busy:
                altering.rollback()
            return written

        monkeypatch.setattr(Writer, "apply", locked_out)
        said = await world.migrate()
    assert {path: result.outcome for path, result in said.results.items()} == world.outcomes
    assert world.tables() == world.migrated
    books = read_books(world.dsn)
    assert_counts_are_right(books)
    [row] = books.runs.values()
    assert sum(row[name] for name in ("migrated", "skipped", "failed", "conflict", "gone")) == row["selected"]
    assert row["store_requests"] == said.summary.store_requests


async def test_a_table_that_is_locked_while_it_is_read_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same between two pages: a page that did not get its lock in time is read again."""
    monkeypatch.setattr(refooter.catalog.connection, "LOCK_SECONDS", 0.1)
    monkeypatch.setattr(refooter.catalog.pages, "_FIRST_KEYS", 20)
    read, pages = refooter.catalog.pages._read_page, 0

    with psycopg.connect(world.dsn) as altering:

        async def locked_at_the_second(*args: Any) -> Any:
            nonlocal pages
            pages += 1
            if pages == 2:
                altering.execute("LOCK TABLE partition_metadata IN ACCESS EXCLUSIVE MODE")
            try:
                return await read(*args)
            finally:
                altering.rollback()

        monkeypatch.setattr(refooter.catalog.pages, "_read_page", locked_at_the_second)
        said = await world.migrate()
    assert said.error is None
    assert {path: result.outcome for path, result in said.results.items()} == world.outcomes
    assert world.tables() == world.migrated
