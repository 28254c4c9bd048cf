"""A run that somebody else has closed writes nothing more (safety 1, 7)."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

import refooter.jobs.run
from faults.accounts import assert_counts_are_right, read_books
from faults.world import World, hooked, take
from refooter.catalog.journal import Journal, RunState
from refooter.catalog.selection import EVERYTHING, Selection
from refooter.catalog.write import RunClosed
from refooter.errors import RefooterError
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.lake import Lake
from refooter.jobs.migrate import migrate
from refooter.jobs.rollback import rollback
from support.jobs import Told, told
from support.tables import execute, rows


class Held:
    """A run of which some entries are written, while the store's answers for all others are held back until they are let go."""

    def __init__(self, world: World, written: int) -> None:
        self._free = frozenset(world.refetched[:written])
        self._selection = Selection(paths=world.refetched)
        self._let_go = asyncio.Event()
        self._said = Told()
        self.begun = asyncio.Event()
        self.let_go = self._let_go.set

    async def _before(self, path: str) -> None:
        if path not in self._free:
            await self._let_go.wait()

    async def migrated(self, lake: Lake) -> Told:
        try:
            async with aclosing(
                migrate(hooked(lake, self._before), self._selection, MigrateOptions(Strategy.REFETCH))
            ) as events:
                async for event in events:
                    take(self._said, event)
                    if len(self._said.results) == len(self._free):
                        self.begun.set()
        except RefooterError as error:
            self._said.error = error
        return self._said


@pytest.mark.parametrize("state", ["dead", "stopped"])
async def test_a_run_that_was_closed_while_it_waited_for_the_store_writes_nothing_more(
    world: World, state: str
) -> None:
    held = Held(world, 5)
    async with world.lake() as lake:
        running = asyncio.create_task(held.migrated(lake))
        await held.begun.wait()
        execute(world.dsn, "UPDATE refooter.run SET state = %s, finished = clock_timestamp()", state)
        tables, books = world.tables(), read_books(world.dsn)
        held.let_go()
        said = await running
    assert isinstance(said.error, RunClosed)
    assert said.error.exit_code == 3
    assert world.tables() == tables
    assert read_books(world.dsn) == books
    assert books.changed == set(said.results) == set(world.refetched[:5])
    assert_counts_are_right(books)


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
    held = Held(world, 5)
    async with world.lake() as lake:
        running = asyncio.create_task(held.migrated(lake))
        await held.begun.wait()
        execute(world.dsn, "UPDATE refooter.run SET state = 'dead'")
        async with asyncio.timeout(30):
            said = await running  # the reads are never let go
    assert isinstance(said.error, RunClosed)
    assert read_books(world.dsn).changed == set(world.refetched[:5])


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


async def test_going_back_on_a_run_that_is_still_going_on_stops_it_first(world: World) -> None:
    held = Held(world, 20)
    async with world.lake() as lake, world.lake() as other:
        running = asyncio.create_task(held.migrated(lake))
        await held.begun.wait()
        [run_id] = read_books(world.dsn).runs
        back = await told(rollback(other, [run_id]))
        held.let_go()
        said = await running
    assert back.error is None
    assert len(back.results) == 20
    assert isinstance(said.error, RunClosed)
    assert world.tables() == world.original
    books = read_books(world.dsn)
    assert_counts_are_right(books)
    assert books.runs[run_id]["state"] == "stopped"


@pytest.mark.parametrize("job", ["migrate", "rollback"])
async def test_a_run_that_is_left_just_as_it_begins_is_not_left_running(
    world: World, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    async with world.lake() as lake:
        if job == "rollback":
            await told(migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)))
        events = rollback(lake, [1]) if job == "rollback" else migrate(lake, EVERYTHING, MigrateOptions())
        listening = asyncio.create_task(told(events))
        start = Journal.start

        async def started_and_left(journal: Journal, *args: Any) -> int:
            run_id = await start(journal, *args)
            listening.cancel()
            await asyncio.sleep(0)
            return run_id

        monkeypatch.setattr(Journal, "start", started_and_left)
        await asyncio.wait([listening])
    assert listening.cancelled()
    books = read_books(world.dsn)
    assert len(books.runs) == (2 if job == "rollback" else 1)
    assert [run["state"] for run in books.runs.values() if run["state"] == "running"] == []
    assert_counts_are_right(books)
