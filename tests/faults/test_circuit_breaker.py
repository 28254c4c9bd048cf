"""Failures of the same world in a row are not the entries' (safety 17): the run stops, and they count as not attempted."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest

import refooter.jobs.run
from faults.accounts import assert_before_images_match, assert_counts_are_right, read_books
from faults.program import answered
from faults.world import World, take
from refooter.catalog.selection import EVERYTHING, Selection
from refooter.errors import RunStopped
from refooter.events import Event
from refooter.jobs.breaker import TRIPS_AT
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.lake import Lake
from refooter.jobs.migrate import migrate
from refooter.store import open_store
from refooter.store.retry import Patience
from refooter.values import Outcome, Reason
from stores.quirky import Asked, QuirkyServer
from support.jobs import Told, told
from support.tables import execute, rows

_LITTLE = Patience(budget=0.3, attempt=10.0, first_wait=0.005, longest_wait=0.02)
# what hangs is only given up when its time is over
_SHORT = Patience(budget=0.15, attempt=0.1, first_wait=0.005, longest_wait=0.02)
_EVERY = MigrateOptions(Strategy.REFETCH, force=True)


@asynccontextmanager
async def _lake(world: World, *, concurrency: int, patience: Patience = _LITTLE) -> AsyncIterator[Lake]:
    async with (
        world.lake(store=None, concurrency=concurrency) as lake,
        open_store("s3://lake", patience=patience) as store,
    ):
        yield replace(lake, store=store)


@pytest.mark.parametrize("answer", ["503 SlowDown", "500 InternalError", "403 AccessDenied", "hang", "reset"])
async def test_a_store_that_fails_in_mid_run_stops_the_run_and_what_was_committed_stays(
    world: World, s3: QuirkyServer, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(refooter.jobs.run, "BATCH_ENTRIES", 8)
    monkeypatch.setattr(refooter.jobs.run, "LINGER_SECONDS", 0.01)
    committed = threading.Event()
    good = 30

    def fails_once_something_was_committed(asked: Asked) -> None:
        if len(s3.asked) >= good and not s3.quirks:
            with s3.lock:
                s3.quirks = {path: [answer] for path in world.original.entries}
        if len(s3.asked) > good:
            assert committed.wait(30)

    s3.before_answer = fails_once_something_was_committed
    said = Told()

    async def watched(job: AsyncGenerator[Event, None]) -> None:
        async with aclosing(job) as events:
            async for event in events:
                take(said, event)
                if any(result.outcome is Outcome.MIGRATED for result in said.results.values()):
                    committed.set()

    async with _lake(world, concurrency=16, patience=_SHORT if answer == "hang" else _LITTLE) as lake:
        with pytest.raises(RunStopped) as stopped:
            await watched(migrate(lake, EVERYTHING, _EVERY))

    assert stopped.value.exit_code == 3
    assert str(TRIPS_AT) in str(stopped.value)
    assert said.summary.state == "stopped"
    assert said.summary.error == str(stopped.value)
    failed = [result.reason for result in said.results.values() if result.outcome is Outcome.FAILED]
    assert not {Reason.STORE_UNREACHABLE, Reason.STORE_DENIED} & set(failed)
    books, now = read_books(world.dsn), world.tables()
    [run] = books.runs.values()
    assert (run["state"], run["message"]) == ("stopped", str(stopped.value))
    assert run["migrated"] > 0
    assert books.changed == {path for path, result in said.results.items() if result.outcome is Outcome.MIGRATED}
    assert_counts_are_right(books)
    assert_before_images_match(world.original, now, books)

    s3.before_answer, s3.quirks = None, {}
    async with _lake(world, concurrency=4) as lake:
        await told(migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)))
    after = world.tables()
    assert after.without(*books.changed) == world.migrated.without(*books.changed)
    assert {path: after.entries[path] for path in books.changed} == {path: now.entries[path] for path in books.changed}


def _in_order(world: World) -> list[str]:
    """Entries whose file is there, in the order in which a run reads them."""
    ordered = rows(world.dsn, "SELECT file_path FROM partition_metadata ORDER BY file_path")
    return [path for (path,) in ordered if path in world.changed and (world.directory / path).exists()]


async def test_one_failure_fewer_followed_by_a_success_are_the_entries_own_and_are_recorded(
    world: World, s3: QuirkyServer
) -> None:
    paths = _in_order(world)
    denied = paths[1:TRIPS_AT]
    s3.quirks = {path: ["403 AccessDenied"] for path in denied}
    async with _lake(world, concurrency=1) as lake:
        said = await told(migrate(lake, Selection(paths=tuple(paths)), _EVERY))
    assert len(denied) == TRIPS_AT - 1
    assert said.error is None
    assert {path for path, result in said.results.items() if result.reason is Reason.STORE_DENIED} == set(denied)
    books = read_books(world.dsn)
    [(run_id, run)] = books.runs.items()
    assert run["state"] == "finished"
    assert {path for path, (_, reason, _) in books.results[run_id].items() if reason == "store_denied"} == set(denied)
    assert_counts_are_right(books)
    assert run["selected"] == len(paths) == len(said.results)
    assert books.changed == set(paths) - set(denied)


async def test_the_fiftieth_in_a_row_stops_the_run_and_none_of_them_is_recorded(world: World, s3: QuirkyServer) -> None:
    paths = _in_order(world)
    denied = paths[1 : TRIPS_AT + 1]
    s3.quirks = {path: ["403 AccessDenied"] for path in denied}
    async with _lake(world, concurrency=1) as lake:
        said = await told(migrate(lake, Selection(paths=tuple(paths)), _EVERY))
    assert isinstance(said.error, RunStopped)
    assert said.error.exit_code == 3
    assert set(said.results) <= {paths[0]}
    # The proof of the store may look at any file; what comes after the fiftieth is not asked for by the run itself.
    assert said.summary.store_requests < len(paths)
    books = read_books(world.dsn)
    assert books.results == {}
    assert_counts_are_right(books)


async def test_a_database_that_refuses_every_row_stops_the_run_too(world: World) -> None:
    execute(
        world.dsn,
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'read the manual'; END $$",
    )
    execute(world.dsn, "CREATE TRIGGER no BEFORE UPDATE ON partition_metadata FOR EACH ROW EXECUTE FUNCTION no()")
    said = await world.migrate()
    assert isinstance(said.error, RunStopped)
    assert "read the manual" in str(said.error)
    assert world.tables() == world.original
    books = read_books(world.dsn)
    assert books.changes == {}
    assert not [1 for told_of in books.results.values() for _, reason, _ in told_of.values() if reason == "database"]
    assert_counts_are_right(books)


def test_the_command_line_says_that_the_store_stopped_it_with_exit_code_3(world: World, s3: QuirkyServer) -> None:
    good = 30

    def goes_bad(_: Asked) -> None:
        if len(s3.asked) >= good and not s3.quirks:
            s3.quirks = {path: ["403 AccessDenied"] for path in world.original.entries}

    s3.before_answer = goes_bad
    code, answer = answered(world, "migrate", "--strategy", "refetch", "--force", "--yes", store="s3://lake")
    assert (code, answer["error"]["code"]) == (3, "circuit_breaker")
    assert f"stopped after {TRIPS_AT} failures in a row of the object store" in answer["error"]["message"]
    assert "store_denied" not in answer["by_reason"]
    books = read_books(world.dsn)
    for run_id, run in books.runs.items():
        assert (run_id, run["state"], run["message"]) == (answer["run_id"], "stopped", answer["error"]["message"])
        assert (run["migrated"], run["failed"]) == (answer["migrated"], answer["failed"])
    assert_counts_are_right(books)
    assert_before_images_match(world.original, world.tables(), books)
