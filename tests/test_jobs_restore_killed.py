"""A restore that dies at any moment (safety 8, 9)."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from refooter.demo.server import Server
from refooter.values import Outcome
from support.tables import rows
from test_catalog_rows import one_database
from test_jobs_restore import MISSING, SOUND, Story
from test_jobs_restore import judges as judges
from test_jobs_restore import story as story


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


_PROGRAM = """
import asyncio, os, signal, sys
import psycopg
import refooter.jobs.restore, refooter.jobs.run
from refooter.events import Started
from refooter.jobs.lake import Session
from refooter.settings import Settings

refooter.jobs.run.BATCH_ENTRIES = refooter.jobs.restore._AT_ONCE = 2
dsn, backup, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
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

async def main():
    async with Session(Settings(dsn=dsn), judging=False).open() as lake:
        opened = await refooter.jobs.restore.open_backup(lake, backup)
        counted(psycopg.AsyncConnection, "execute")
        counted(psycopg.AsyncCursor, "execute")
        counted(psycopg.AsyncConnection, "commit")
        async for event in refooter.jobs.restore.restore(lake, opened, options=refooter.jobs.restore.RestoreOptions(missing=True)):
            if isinstance(event, Started):
                begun = steps
    print(begun, steps, flush=True)

asyncio.run(main())
"""


def _run_to_its_death(story: Story, last: int) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, story.dsn, story.target, str(last)], capture_output=True, text=True
    )
    return done.returncode, done.stdout


async def test_a_restore_that_is_killed_leaves_whole_entries_and_right_counts_and_the_next_one_completes(
    story: Story,
) -> None:
    before = story.digests()
    await story.backup()
    await story.migrate()
    story.forget(SOUND)
    code, said = await asyncio.to_thread(_run_to_its_death, story, -1)
    assert code == 0
    begun, ended = map(int, said.split())
    assert story.digests() == before
    partly = 0
    for moment in (begun + (ended - begun) * share // 10 for share in (1, 4, 6, 9)):
        await story.migrate()
        story.forget(SOUND)
        assert await asyncio.to_thread(_run_to_its_death, story, moment) == (-signal.SIGKILL, "")
        async with asyncio.timeout(20):
            while rows(
                story.dsn,
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'refooter'",
            ):
                await asyncio.sleep(0.02)
        [(run, state, restored)] = rows(
            story.dsn, "SELECT run_id, state, restored FROM refooter.run ORDER BY run_id DESC LIMIT 1"
        )
        assert state == "running"
        assert rows(story.dsn, "SELECT count(*) FROM refooter.change WHERE run_id = %s", run) == [(restored,)]
        assert (await story.restore(options=MISSING)).summary.count(Outcome.RESTORED) == 5 - restored
        assert story.digests() == before
        partly += 0 < restored < 5
    assert partly > 0
