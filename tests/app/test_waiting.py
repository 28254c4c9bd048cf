"""Results that come while somebody is at something else: they do not pile up, nor take keys that were meant for something else."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from app.seat import Seat, seated
from refooter.demo.lake import LakeSummary, build_lake
from refooter_tui.app.messages import JobKind
from refooter_tui.app.scoped import EVERY_ENTRY
from refooter_tui.app.screens.help import HelpScreen
from refooter_tui.app.screens.reading import Reading
from refooter_tui.app.screens.result import ResultScreen


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=60)


def waiting(seat: Seat) -> int:
    return sum("waits: o shows it" in record.text for record in seat.app._log_view.records())


async def test_results_that_come_while_a_dialog_is_open_wait_until_they_are_asked_for(
    lake: LakeSummary, tmp_path: Path
) -> None:
    async with seated(lake, tmp_path) as seat:
        app = seat.app
        await seat.press("question_mark")
        await seat.on(HelpScreen)
        app.doings.verify(EVERY_ENTRY)
        await seat.until(lambda: waiting(seat) == 1)
        await seat.press("escape", "a", "m")
        await seat.plan()
        await seat.press("d", "question_mark")
        await seat.until(lambda: waiting(seat) == 2 or isinstance(app.screen, ResultScreen))
        if isinstance(app.screen, ResultScreen):
            # the rehearsal was over before the help was there
            await seat.press("escape")
        else:
            assert isinstance(app.screen, HelpScreen)
            assert len(app.screen_stack) == 2
            await seat.press("escape")
        await seat.press("o")
        await seat.on(Reading)
        assert "Verified: every entry" in seat.text
        await seat.press("escape")
        if waiting(seat) == 2:
            await seat.press("o")
            assert (await seat.result()).summary.run_id is None
            await seat.press("escape")
        # nothing waits any more: the key is that of the runs again
        await seat.press("o")
        await seat.until(lambda: app._left.face == "runs" and app._left.runs.has_focus)
        assert len(app.screen_stack) == 1


async def test_a_result_does_not_interrupt_somebody_who_types(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        await seat.press("slash")
        await seat.until(lambda: isinstance(seat.app.focused, Input))
        seat.app.doings.verify(EVERY_ENTRY)
        await seat.type("view")
        await seat.until(lambda: waiting(seat) == 1)
        await seat.type(":blocks")
        await seat.press("enter")
        assert str(seat.app.lake.filter) == "view:blocks"
        assert len(seat.app.screen_stack) == 1
        await seat.press("u")
        await seat.until(lambda: seat.app._left.face == "runs")
        assert len(seat.app.screen_stack) == 1
        await seat.press("o")
        await seat.on(Reading)


async def test_a_result_opens_by_itself_where_nothing_else_is_open(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        seat.app.doings.verify(EVERY_ENTRY)
        assert seat.app.doings.latest is not None
        assert seat.app.doings.latest.kind is JobKind.VERIFY
        await seat.on(Reading)
        assert not waiting(seat)
