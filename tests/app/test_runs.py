"""Runs after the fact: of the journal, of another process, of one that died; looked at, tried again in part, rolled back in part."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.seat import Seat, seated
from refooter.catalog.selection import Selection
from refooter.demo.lake import LakeSummary, build_lake
from refooter.events import RunSummary
from refooter.jobs.decide import MigrateOptions
from refooter.jobs.migrate import migrate
from refooter.values import Outcome, Reason
from refooter_tui.app.screens.question import Question
from refooter_tui.app.screens.result import ResultScreen
from support.jobs import session, told
from support.tables import execute, rows, table_digests, values


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=120)


async def _migrated(lake: LakeSummary) -> RunSummary:
    """A run of another session, before the app is there."""
    with session(lake.dsn, lake.store) as opened:
        async with opened.open() as there:
            found = await told(migrate(there, Selection(), MigrateOptions()))
    assert isinstance(found.summary, RunSummary)
    return found.summary


async def _open_first(seat: Seat) -> ResultScreen:
    await seat.press("o")
    await seat.until(lambda: seat.app.query_one("RunsPane").line_count)  # type: ignore[attr-defined]
    await seat.press("enter")
    return await seat.result()


async def test_a_run_of_the_journal_opens_with_its_outcomes_and_filters(lake: LakeSummary, tmp_path: Path) -> None:
    run = await _migrated(lake)
    async with seated(lake, tmp_path) as seat:
        result = await _open_first(seat)
        assert result.summary.outcomes == run.outcomes
        counts = {(group.outcome, group.reason): group.count for group in result.groups}
        assert counts[Outcome.FAILED, Reason.FILE_MISSING] == run.reasons[Reason.FILE_MISSING]
        for group in result.groups:
            seat.app.filter_by(group.filter)
            await seat.until(lambda group=group: len(seat.shown) == group.count)  # type: ignore[misc]
        changed = {path for (path,) in rows(lake.dsn, "SELECT file_path FROM refooter.change WHERE run_id = 1")}
        seat.app.filter_by("run:1 outcome:migrated")
        await seat.until(lambda: set(seat.shown) == changed)


async def test_only_the_selected_entries_of_a_run_are_rolled_back(lake: LakeSummary, tmp_path: Path) -> None:
    before = values(lake.dsn)
    await _migrated(lake)
    changed = sorted(
        path for (path,) in rows(lake.dsn, "SELECT file_path FROM refooter.change WHERE old_value IS NOT NULL")
    )
    async with seated(lake, tmp_path) as seat:
        table = seat.app.lake.table
        seat.app.lake.selection.select(table.rows_of(changed[:2]))
        await seat.press("o", "u")
        question = await seat.question()
        assert "--path" in question.command
        await seat.press("s")
        await seat.until(
            lambda: isinstance(seat.app.screen, ResultScreen) and seat.app.screen.summary.kind == "rollback"
        )
        assert seat.app.screen.summary.count(Outcome.RESTORED) == 2
    after = values(lake.dsn)
    assert [path for path in changed if after[path] == before[path]] == changed[:2]


async def test_a_run_that_died_is_told_as_dead(lake: LakeSummary, tmp_path: Path) -> None:
    await _migrated(lake)
    execute(
        lake.dsn,
        "UPDATE refooter.run SET state = 'running', finished = NULL, heartbeat = clock_timestamp() - interval '2 minutes'",
    )
    async with seated(lake, tmp_path) as seat:
        result = await _open_first(seat)
        assert result.summary.state == "dead"
        assert not result.going_on


_ELSEWHERE = """
import asyncio, sys
from refooter.catalog.selection import Selection
from refooter.jobs.decide import MigrateOptions
from refooter.jobs.lake import Session
from refooter.jobs.migrate import migrate
from refooter.settings import Settings

async def main():
    with Session(Settings(dsn=sys.argv[1], store=sys.argv[2])) as session:
        async with session.open() as lake:
            async for event in migrate(lake, Selection(), MigrateOptions(max_rate=8)):
                pass

asyncio.run(main())
"""


async def test_a_run_of_another_process_is_followed_live(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        other = subprocess.Popen([sys.executable, "-c", _ELSEWHERE, lake.dsn, str(lake.store)], start_new_session=True)
        try:
            for _ in range(600):
                if rows(lake.dsn, "SELECT to_regclass('refooter.run')")[0][0] and rows(
                    lake.dsn, "SELECT 1 FROM refooter.run WHERE migrated > 0 AND state = 'running'"
                ):
                    break
                await asyncio.sleep(0.05)
            result = await _open_first(seat)
            assert result.going_on
            first = result.summary.count(Outcome.MIGRATED)
            await seat.until(lambda: result.summary.count(Outcome.MIGRATED) > first)
            await seat.until(lambda: not result.going_on)
            assert result.summary.state == "finished"
            assert other.wait(30) == 0
        finally:
            if other.poll() is None:
                os.killpg(other.pid, signal.SIGKILL)
                other.wait()
        counts = rows(lake.dsn, "SELECT migrated FROM refooter.run")[0][0]
        assert result.summary.count(Outcome.MIGRATED) == counts


async def test_a_read_only_session_asks_for_no_rollback(lake: LakeSummary, tmp_path: Path) -> None:
    await _migrated(lake)
    before = table_digests(lake.dsn)
    async with seated(lake, tmp_path, read_only=True) as seat:
        await _open_first(seat)
        await seat.press("u")
        await seat.pilot.pause()
        assert not isinstance(seat.app.screen, Question)
    assert table_digests(lake.dsn) == before
    assert rows(lake.dsn, "SELECT count(*) FROM refooter.run") == [(1,)]
