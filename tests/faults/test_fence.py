"""A run that somebody else has closed writes nothing more (safety 1, 7)."""

from __future__ import annotations

import asyncio

import pytest

import refooter.jobs.run
from faults.accounts import assert_counts_are_right, read_books
from faults.world import World, hooked
from refooter.catalog.journal import RunState
from refooter.catalog.selection import EVERYTHING
from refooter.catalog.write import RunClosed
from refooter.jobs.decide import MigrateOptions
from refooter.jobs.migrate import migrate
from refooter.jobs.rollback import rollback
from support.jobs import told
from support.tables import execute, rows


class Held:
    """Store reads that wait until they are let go; `reached` is set when the first one waits."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.let_go = asyncio.Event()

    async def __call__(self, _: str) -> None:
        self.reached.set()
        await self.let_go.wait()


@pytest.mark.parametrize("state", ["dead", "stopped"])
async def test_a_run_that_was_closed_while_it_waited_for_the_store_stops_without_writing(
    world: World, state: str
) -> None:
    held = Held()
    async with world.lake() as lake:
        running = asyncio.create_task(told(migrate(hooked(lake, held), EVERYTHING, MigrateOptions())))
        await held.reached.wait()
        execute(world.dsn, "UPDATE refooter.run SET state = %s, finished = clock_timestamp()", state)
        before = rows(world.dsn, "SELECT * FROM refooter.run")
        held.let_go.set()
        said = await running
    assert isinstance(said.error, RunClosed)
    assert said.error.exit_code == 3
    assert said.results == {}
    assert world.tables() == world.original
    assert rows(world.dsn, "SELECT * FROM refooter.run") == before
    books = read_books(world.dsn)
    assert (books.changes, books.results) == ({}, {})


async def test_a_run_that_was_closed_between_two_batches_keeps_the_first_and_writes_no_second(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter.jobs.run, "BATCH_ENTRIES", 10)
    apply, batches = refooter.jobs.run.Writer.apply, 0

    async def closed_after_the_first(writer, *args, **named):  # type: ignore[no-untyped-def]
        nonlocal batches
        batches += 1
        if batches == 2:
            execute(world.dsn, "UPDATE refooter.run SET state = 'dead'")
        return await apply(writer, *args, **named)

    monkeypatch.setattr(refooter.jobs.run.Writer, "apply", closed_after_the_first)
    said = await world.migrate()
    assert isinstance(said.error, RunClosed)
    books = read_books(world.dsn)
    assert_counts_are_right(books)
    [run] = books.runs.values()
    assert run["state"] == "dead"
    assert sum(run[name] for name in ("migrated", "skipped", "failed")) == len(said.results) == 10


async def test_a_heartbeat_finds_a_closed_run_even_while_nothing_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter.jobs.run, "HEARTBEAT_SECONDS", 0.05)
    held = Held()
    async with world.lake() as lake:
        running = asyncio.create_task(told(migrate(hooked(lake, held), EVERYTHING, MigrateOptions())))
        await held.reached.wait()
        execute(world.dsn, "UPDATE refooter.run SET state = 'dead'")
        said = await running  # the reads are never let go
    assert isinstance(said.error, RunClosed)
    assert world.tables() == world.original


@pytest.mark.parametrize(("age", "state"), [("61 seconds", RunState.DEAD), ("5 seconds", RunState.STOPPED)])
async def test_a_run_whose_heartbeat_is_old_is_closed_as_dead_and_a_fresh_one_as_stopped(
    world: World, age: str, state: RunState
) -> None:
    async with world.lake() as lake:
        await lake.journal.ensure()
        [(run_id,)] = rows(
            world.dsn,
            "INSERT INTO refooter.run (kind, who, program_version, catalog_version, target, selection, strategy, heartbeat)"
            " VALUES ('migrate', 'me', '0', 5, 't', '{}', 'refetch', clock_timestamp() - %s::interval) RETURNING run_id",
            age,
        )
        assert await lake.journal.close_other(run_id) is state
        assert read_books(world.dsn).runs[run_id]["state"] == state.value
        assert not await lake.journal.heartbeat(run_id)
        # A closed run is not closed again, nor finished by its own process when that wakes up.
        assert await lake.journal.close_other(run_id) is state
        assert not await lake.journal.finish(run_id, RunState.FINISHED, None)
        assert read_books(world.dsn).runs[run_id]["state"] == state.value
        assert await lake.journal.close_other(run_id + 1) is None


async def test_going_back_on_a_run_that_is_still_going_on_stops_it_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter.jobs.run, "BATCH_ENTRIES", 20)
    held, seen = Held(), 0
    held.let_go.set()

    async def holds_later_reads(path: str) -> None:
        nonlocal seen
        seen += 1
        # The proof and the first batches go through; the rest waits until the rollback is over.
        if seen > 40:
            held.reached.set()
            await held.let_go.wait()

    held.let_go.clear()
    async with world.lake() as lake, world.lake() as other:
        running = asyncio.create_task(told(migrate(hooked(lake, holds_later_reads), EVERYTHING, MigrateOptions())))
        await held.reached.wait()
        [(run_id,)] = rows(world.dsn, "SELECT run_id FROM refooter.run")
        back = await told(rollback(other, [run_id]))
        held.let_go.set()
        said = await running
    assert back.error is None
    assert isinstance(said.error, RunClosed)
    assert world.tables() == world.original
    books = read_books(world.dsn)
    assert_counts_are_right(books)
    assert books.runs[run_id]["state"] == "stopped"
