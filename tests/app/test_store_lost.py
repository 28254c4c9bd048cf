"""A store that goes away is told of once, and tried until it is back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import refooter_tui.app.lifeline
from app.seat import seated
from refooter.demo.lake import LakeSummary, build_lake
from refooter.store import Store, StoreFailure
from refooter.values import Reason


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=60)


async def test_a_banner_says_that_the_store_is_lost_until_it_answers_again(
    lake: LakeSummary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter_tui.app.lifeline, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(refooter_tui.app.lifeline, "LONGEST_STORE_PAUSE", 0.05)
    away = True
    read, asked = Store.read_footer, 0

    async def read_or_not(self: Store, *args: Any, **named: Any) -> Any:
        nonlocal asked
        asked += 1
        if away:
            raise StoreFailure(Reason.STORE_UNREACHABLE, "the object store does not answer")
        return await read(self, *args, **named)

    monkeypatch.setattr(Store, "read_footer", read_or_not)
    async with seated(lake, tmp_path) as seat:
        seat.app.filter_by("cause:truncated")
        await seat.until(lambda: 0 < len(seat.shown) < 60)
        await seat.press("a", "m")
        await seat.plan()
        await seat.press("d")
        await seat.until(lambda: "tried again until it answers" in seat.text)
        before = asked
        await seat.until(lambda: asked > before + 2)
        assert "tried again until it answers" in seat.text
        away = False
        await seat.until(lambda: "do not decode" in seat.text and "tried again until it answers" not in seat.text)


async def test_a_rehearsal_that_ended_early_says_why(
    lake: LakeSummary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreadable(self: Store, *args: Any, **named: Any) -> Any:
        raise StoreFailure(Reason.STORE_UNREACHABLE, "the store answered 418")

    monkeypatch.setattr(Store, "read_footer", unreadable)
    async with seated(lake, tmp_path) as seat:
        seat.app.filter_by("cause:truncated")
        await seat.until(lambda: 0 < len(seat.shown) < 60)
        await seat.press("a", "m")
        await seat.plan()
        await seat.press("d")
        result = await seat.result()
        assert result.summary.error is not None
        await seat.until(lambda: "It ended early: " in seat.text and "the store answered 418" in seat.text)
