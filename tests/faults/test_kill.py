"""A migration that dies at any moment, or is cancelled (safety 1, 8; issue 3): before images match, counts are right, a rerun completes."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys

import psutil
import pytest

import refooter.jobs.run
from faults.accounts import assert_before_images_match, assert_counts_are_right, read_books
from faults.world import World, take
from refooter.catalog.selection import EVERYTHING
from refooter.events import EntriesDone
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.migrate import migrate
from refooter.jobs.run import Control
from refooter.values import Outcome
from support.jobs import Told
from support.tables import rows

# Ends itself, as the kernel would, at the n-th of its steps: every footer that is read, every statement that is sent.
_PROGRAM = """
import asyncio, os, signal, sys
import psycopg
import refooter.jobs.run
from refooter.catalog.selection import EVERYTHING
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.lake import Session
from refooter.jobs.migrate import migrate
from refooter.settings import Settings
from refooter.store import Store

dsn, store, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
refooter.jobs.run.BATCH_ENTRIES = 20
steps = 0

def counted(owner, name):
    original = getattr(owner, name)
    async def step(*args, **named):
        global steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return await original(*args, **named)
    setattr(owner, name, step)

async def main(session):
    async with session.open() as lake:
        counted(psycopg.AsyncConnection, "execute")
        counted(psycopg.AsyncCursor, "execute")
        counted(psycopg.AsyncConnection, "commit")
        counted(Store, "read_footer")
        async for event in migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)):
            pass
    print(steps, flush=True)

with Session(Settings(dsn=dsn, store=store, workers=2)) as session:
    print(*session.judges.pids, flush=True)
    asyncio.run(main(session))
"""
_chance = random.Random(20261122)
# A whole run takes about 300 steps on this lake; the first 20 are before anything is written.
_MOMENTS = sorted(_chance.sample(range(20, 280), 10))


def _run_to_its_death(world: World, last: int) -> tuple[list[psutil.Process], int, str]:
    """The workers that the program had, its exit code, and what else it said."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, world.dsn, world.root, str(last)], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in program.stdout.readline().split()]
        said = program.stdout.read()
        return workers, program.wait(), said


async def _no_session_of_ours_is_left(world: World) -> None:
    """Returns once the server has noticed that the program is gone: until then its last transaction may still be going on."""
    async with asyncio.timeout(20):
        while rows(
            world.dsn,
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'refooter'",
        ):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("moment", _MOMENTS)
async def test_a_run_that_is_killed_leaves_whole_entries_and_matching_before_images_and_a_rerun_completes(
    world: World, moment: int
) -> None:
    workers, code, said = _run_to_its_death(world, moment)
    assert (code, said) == (-signal.SIGKILL, "")
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert len(workers) == 2
    assert not alive, "worker processes outlived their program"
    await _no_session_of_ours_is_left(world)

    books = read_books(world.dsn)
    assert [run["state"] for run in books.runs.values()] in ([], ["running"])
    assert_counts_are_right(books)
    assert_before_images_match(world.original, world.tables(), books)

    again = await world.migrate()
    assert again.error is None
    assert world.tables() == world.migrated
    books = read_books(world.dsn)
    assert_counts_are_right(books)
    assert_before_images_match(world.original, world.tables(), books)
    assert books.changed == world.changed
    assert list(books.runs.values())[-1]["state"] == "finished"


async def test_the_moments_of_death_are_spread_over_the_run(world: World) -> None:
    """Otherwise the test above would show less than it says."""
    _, code, said = await asyncio.to_thread(_run_to_its_death, world, -1)
    assert code == 0
    assert max(_MOMENTS) < int(said)
    assert max(_MOMENTS) > int(said) * 0.6


async def test_a_run_that_is_cancelled_finishes_its_batch_and_is_recorded_as_interrupted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter.jobs.run, "BATCH_ENTRIES", 20)
    control = Control()
    said = Told()
    async with world.lake() as lake:
        async for event in migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH), control):
            take(said, event)
            if isinstance(event, EntriesDone):
                control.cancel()
    assert said.summary.state == "interrupted"
    assert 0 < len(said.results) < len(world.outcomes)
    books = read_books(world.dsn)
    [run] = books.runs.values()
    assert run["state"] == "interrupted"
    assert run["finished"] is not None
    assert_counts_are_right(books)
    assert_before_images_match(world.original, world.tables(), books)
    assert books.changed == {p for p, result in said.results.items() if result.outcome is Outcome.MIGRATED}

    again = await world.migrate()
    assert world.tables() == world.migrated
    assert read_books(world.dsn).changed == world.changed
    assert again.summary.count(Outcome.MIGRATED) == len(world.changed) - run["migrated"]
