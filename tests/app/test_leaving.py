"""The ways out: what is asked when something would be cut short, and what the journal says afterwards."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from app.seat import Seat, seated
from refooter.demo.lake import LakeSummary, build_lake
from refooter.jobs.decide import MigrateOptions
from refooter_tui.app.engine import Engine, Scope
from refooter_tui.app.screens.result import ResultScreen
from support.tables import rows


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=120)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run takes its time."""
    migrate = Engine.migrate

    def slowly(self: Engine, what: Scope, options: MigrateOptions) -> int:
        return migrate(self, what, replace(options, max_rate=8))

    monkeypatch.setattr(Engine, "migrate", slowly)


async def _begin_a_run(seat: Seat) -> int:
    """Of everything that is broken; its job."""
    seat.app.filter_by("status:legacy,corrupt,harmful")
    await seat.until(lambda: len(seat.shown) < 120)
    await seat.press("a", "m")
    await seat.plan()
    await seat.press("y")
    await seat.until(lambda: seat.app.doings.running is not None and seat.app.doings.running.run_id)
    going = seat.app.doings.running
    assert going is not None
    return going.job


async def test_nothing_going_on_is_left_at_once(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        await seat.press("q")
        await seat.until(lambda: not seat.app.is_running)
    assert seat.app.return_value == 0


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
@pytest.mark.usefixtures("slow")
async def test_a_run_is_asked_about_and_recorded_as_interrupted(lake: LakeSummary, tmp_path: Path, key: str) -> None:
    async with seated(lake, tmp_path) as seat:
        await _begin_a_run(seat)
        await seat.press(key)
        await seat.question()
        await seat.press("escape")
        await seat.until(lambda: len(seat.app.screen_stack) == 1)
        assert seat.app.doings.running is not None
        await seat.press(key)
        await seat.question()
        await seat.press("f")
        await seat.until(lambda: not seat.app.is_running)
    [(state, migrated)] = rows(lake.dsn, "SELECT state, migrated FROM refooter.run")
    assert state == "interrupted"
    assert rows(lake.dsn, "SELECT count(*) FROM refooter.change") == [(migrated,)]


@pytest.mark.usefixtures("slow")
async def test_a_run_may_end_first(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        await _begin_a_run(seat)
        await seat.press("q")
        await seat.question()
        await seat.press("w")
        await seat.until(lambda: len(seat.app.screen_stack) == 1)
        assert seat.app.is_running
        await seat.until(lambda: not seat.app.is_running)
    assert rows(lake.dsn, "SELECT state, migrated > 0 FROM refooter.run") == [("finished", True)]


@pytest.mark.usefixtures("slow")
async def test_ctrl_c_kills_nothing(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        await _begin_a_run(seat)
        await seat.press("ctrl+c", "ctrl+c")
        await seat.pilot.pause()
        assert seat.app.is_running
        await seat.until(lambda: isinstance(seat.app.screen, ResultScreen))


@pytest.mark.usefixtures("slow")
async def test_pause_is_shown_for_the_run_and_not_taken_away_by_other_jobs(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        job = await _begin_a_run(seat)
        going = seat.app.doings.going(job)
        assert going is not None
        await seat.press("p", "p")
        assert not going.paused
        await seat.press("p")
        assert seat.app.run_bar.paused
        await seat.press("r")
        await seat.until(lambda: seat.app.doings.latest is going)
        await asyncio.sleep(0)
        assert seat.app.run_bar.paused
        await seat.press("p")
        await seat.until(lambda: isinstance(seat.app.screen, ResultScreen))
