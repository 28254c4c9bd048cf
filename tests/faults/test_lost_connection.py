"""Connections that are lost in mid-run (safety 1, 8, 18): the run goes on, each entry is changed once, and counts are right."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

import refooter.catalog.connection
import refooter.catalog.pages
import refooter.jobs.run
from faults.accounts import Books, assert_before_images_match, assert_counts_are_right, read_books
from faults.server_link import Cut, server_link
from faults.world import Once, World, hooked, take
from refooter.catalog import rows as catalog_rows
from refooter.catalog import write
from refooter.catalog.selection import EVERYTHING, Selection
from refooter.catalog.write import Writer
from refooter.errors import DatabaseUnreachable
from refooter.events import Notice
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.migrate import migrate
from refooter.values import Outcome
from support.jobs import Told, told
from support.tables import execute

# What every batch sends, whether it changes anything or only counts.
_BATCH = b"heartbeat = clock_timestamp() WHERE run_id"
_CHANGES = b'INSERT INTO "refooter"."change"'


def _cut_off(dsn: str) -> None:
    """Ends all sessions of ours at the server, whatever they are doing."""
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'refooter'"
        )


def _assert_complete(world: World, said: Told) -> Books:
    assert said.error is None
    assert {path: result.outcome for path, result in said.results.items()} == world.outcomes
    assert world.tables() == world.migrated
    books = read_books(world.dsn)
    assert_counts_are_right(books)
    assert_before_images_match(world.original, world.tables(), books)
    [run] = books.runs.values()
    assert run["state"] == "finished"
    assert run["skipped"] == said.summary.count(Outcome.SKIPPED)
    assert run["proved"] == said.summary.proved
    assert (run["store_requests"], run["store_bytes"]) == (said.summary.store_requests, said.summary.store_bytes)
    return books


async def test_a_run_goes_on_after_its_idle_connections_were_cut_off(world: World) -> None:
    async with world.lake() as lake:
        store = Once(lambda: _cut_off(world.dsn))
        said = await told(migrate(hooked(lake, store), EVERYTHING, MigrateOptions(Strategy.REFETCH)))
    _assert_complete(world, said)


@pytest.mark.parametrize(
    ("where", "step"),
    [(write, "lock_rows"), (catalog_rows, "_journal_changes"), (catalog_rows, "_update_values"), (Writer, "_record")],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_run_goes_on_after_it_was_cut_off_in_a_write_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch, where: Any, step: str
) -> None:
    monkeypatch.setattr(refooter.jobs.run, "BATCH_ENTRIES", 60)
    original, calls = getattr(where, step), 0

    async def cut_off_at_the_second(*args: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            _cut_off(world.dsn)
        return await original(*args, **named)

    monkeypatch.setattr(where, step, cut_off_at_the_second)
    said = await world.migrate()
    assert calls > 2
    _assert_complete(world, said)
    assert "the database is back" in [notice.text for notice in said.notices]


async def test_a_run_goes_on_after_it_was_cut_off_between_two_pages(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter.catalog.pages, "_FIRST_KEYS", 20)
    read, pages = refooter.catalog.pages.read_entries_on, 0

    async def cut_off_at_the_second(*args: Any) -> Any:
        nonlocal pages
        pages += 1
        if pages == 2:
            _cut_off(world.dsn)
        return await read(*args)

    monkeypatch.setattr(refooter.catalog.pages, "read_entries_on", cut_off_at_the_second)
    said = await world.migrate()
    _assert_complete(world, said)
    assert pages > 2


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
async def test_a_batch_whose_commit_got_no_answer_is_written_and_counted_once(
    world: World, monkeypatch: pytest.MonkeyPatch, cut: Cut
) -> None:
    monkeypatch.setattr(refooter.jobs.run, "BATCH_ENTRIES", 60)
    with server_link(world.dsn, _CHANGES, {1: cut, 2: cut}) as link:
        said = await world.migrate(dsn=link.dsn)
        assert link.cut == 2
    _assert_complete(world, said)


async def test_a_batch_that_only_counts_is_counted_once_too(world: World) -> None:
    """Nothing of a batch in which all entries were skipped is in `change` or `result`: only `run` can tell."""
    await world.migrate()
    sound = [path for path, outcome in world.outcomes.items() if outcome in (Outcome.MIGRATED, Outcome.SKIPPED)]
    with server_link(world.dsn, _BATCH, {1: Cut.AFTER}) as link:
        async with world.lake(dsn=link.dsn) as lake:
            said = await told(migrate(lake, Selection(paths=tuple(sound)), MigrateOptions(Strategy.REFETCH)))
        assert link.cut == 1
    assert said.summary.outcomes == {Outcome.SKIPPED: len(sound)}
    assert list(read_books(world.dsn).runs.values())[-1]["skipped"] == len(sound)


async def test_a_commit_that_is_still_going_on_when_the_connection_is_lost_is_waited_for(world: World) -> None:
    """The server takes a second over the COMMIT, and does not notice that nobody waits for its answer any more."""
    execute(
        world.dsn,
        "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$",
    )
    execute(
        world.dsn,
        "CREATE CONSTRAINT TRIGGER slowly AFTER UPDATE ON partition_metadata DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        f" WHEN (OLD.file_path = '{world.refetched[0]}') EXECUTE FUNCTION slowly()",
    )
    with server_link(world.dsn, _CHANGES, {1: Cut.DURING}) as link:
        said = await world.migrate(dsn=link.dsn)
        assert link.cut == 1
    _assert_complete(world, said)


async def test_a_session_that_is_ended_by_the_server_during_its_commit_has_written_nothing_and_writes_it_again(
    world: World,
) -> None:
    """The deferred trigger ends its own session the first time, in the middle of the COMMIT."""
    execute(world.dsn, "CREATE SEQUENCE times")
    execute(
        world.dsn,
        "CREATE FUNCTION ends_itself() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('times') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(10); END IF; RETURN NULL; END $$",
    )
    execute(
        world.dsn,
        "CREATE CONSTRAINT TRIGGER ends_itself AFTER UPDATE ON partition_metadata DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        f" WHEN (OLD.file_path = '{world.refetched[0]}') EXECUTE FUNCTION ends_itself()",
    )
    said = await world.migrate()
    _assert_complete(world, said)
    assert "the database is back" in [notice.text for notice in said.notices]


async def test_a_run_waits_for_a_database_that_is_away_for_a_while(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter.catalog.connection, "CONNECT_SECONDS", 2)
    monkeypatch.setattr(refooter.jobs.run, "BATCH_ENTRIES", 60)
    with server_link(world.dsn, _CHANGES, {2: Cut.BEFORE}) as link:
        link.down_after_cut = True
        said = Told()
        async with world.lake(dsn=link.dsn) as lake:
            async for event in migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)):
                take(said, event)
                if isinstance(event, Notice) and "trying again" in event.text:
                    assert link.down
                    link.down = False
        assert link.cut == 1
    _assert_complete(world, said)


async def test_a_database_that_does_not_come_back_stops_the_run_and_a_rerun_completes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter.catalog.connection, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(refooter.jobs.run, "RECONNECT_SECONDS", 1.0)
    monkeypatch.setattr(refooter.jobs.run, "BATCH_ENTRIES", 60)
    with server_link(world.dsn, _CHANGES, {2: Cut.BEFORE}) as link:
        link.down_after_cut = True
        said = await world.migrate(dsn=link.dsn)
    assert isinstance(said.error, DatabaseUnreachable)
    assert said.error.exit_code == 3
    books = read_books(world.dsn)
    [run] = books.runs.values()
    # Nobody could close it: its heartbeat will tell.
    assert run["state"] == "running"
    assert books.changed == {path for path, result in said.results.items() if result.outcome is Outcome.MIGRATED}
    assert books.changed
    assert_counts_are_right(books)
    assert_before_images_match(world.original, world.tables(), books)
    await world.migrate()
    assert world.tables() == world.migrated
