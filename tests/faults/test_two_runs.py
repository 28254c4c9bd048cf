"""Two different runs on one catalog (safety 19): each entry is changed once, and both count rightly."""

from __future__ import annotations

import asyncio

import pytest

import refooter.jobs.run
from faults.accounts import assert_before_images_match, assert_counts_are_right, read_books
from faults.world import World, hooked
from refooter.catalog.selection import EVERYTHING
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.migrate import migrate
from refooter.values import Outcome
from support.jobs import Told, told


class Rendezvous:
    """Nobody gets anything from the store before all have asked: then both runs have read the same catalog."""

    def __init__(self, parties: int) -> None:
        self._missing = parties
        self._all = asyncio.Event()

    def party(self):  # type: ignore[no-untyped-def]
        first = True

        async def before(_: str) -> None:
            nonlocal first
            if first:
                first = False
                self._missing -= 1
                if not self._missing:
                    self._all.set()
            await self._all.wait()

        return before


@pytest.mark.parametrize("batch", [10, 500])
async def test_two_runs_at_once_change_each_entry_once_and_both_count_rightly(
    world: World, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(refooter.jobs.run, "BATCH_ENTRIES", batch)
    monkeypatch.setattr(refooter.jobs.run, "BUSY_SECONDS", 0.02)
    meeting = Rendezvous(2)

    async def one() -> Told:
        async with world.lake() as lake:
            return await told(migrate(hooked(lake, meeting.party()), EVERYTHING, MigrateOptions(Strategy.REFETCH)))

    both = await asyncio.gather(one(), one())

    assert world.tables() == world.migrated
    books = read_books(world.dsn)
    assert_counts_are_right(books)
    assert_before_images_match(world.original, world.tables(), books)
    assert books.changed == world.changed
    assert [run["state"] for run in books.runs.values()] == ["finished", "finished"]
    assert sum(run["migrated"] for run in books.runs.values()) == len(world.changed)
    for said in both:
        assert said.error is None
        run = books.runs[said.summary.run_id]
        assert len(said.results) == len(world.outcomes) == run["selected"]
        for outcome in (Outcome.MIGRATED, Outcome.SKIPPED, Outcome.FAILED, Outcome.CONFLICT, Outcome.GONE):
            assert run[outcome.value] == said.summary.count(outcome)
        assert said.summary.count(Outcome.GONE) == 0
        for path in world.changed:
            assert said.results[path].outcome in (Outcome.MIGRATED, Outcome.CONFLICT)
    migrated = [{p for p, r in said.results.items() if r.outcome is Outcome.MIGRATED} for said in both]
    assert not migrated[0] & migrated[1]
    assert migrated[0] | migrated[1] == world.changed


async def test_a_conflict_with_another_run_of_ours_names_it(world: World) -> None:
    async with world.lake() as lake, world.lake() as other:
        done = False

        async def overtaken(_: str) -> None:
            nonlocal done
            if not done:
                done = True
                await told(migrate(other, EVERYTHING, MigrateOptions(Strategy.REFETCH)))

        said = await told(migrate(hooked(lake, overtaken), EVERYTHING, MigrateOptions(Strategy.REFETCH)))
    [early] = {change.run_id for changes in read_books(world.dsn).changes.values() for change in changes}
    assert early != said.summary.run_id
    sentences = {said.results[path].sentence for path in world.changed}
    assert sentences == {
        f"the row was changed by another session after it was read; run {early} is the last of ours that changed it"
    }
    assert world.tables() == world.migrated


async def test_two_first_runs_at_once_make_one_journal(world: World) -> None:
    async with world.lake() as lake, world.lake() as other:
        await asyncio.gather(lake.journal.ensure(), other.journal.ensure())
        assert await lake.journal.exists()
    assert read_books(world.dsn).runs == {}
