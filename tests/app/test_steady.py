"""Screens at bad moments: a window that is dragged, an app that ends while a dialog is being opened, a filter that showed nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual import events
from textual.geometry import Size

from app.seat import seated
from refooter.demo.lake import LakeSummary, build_lake
from refooter_tui.app.screens.help import HelpScreen


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=40)


async def test_two_resizes_under_way_at_a_time_do_not_follow_each_other_for_ever(
    lake: LakeSummary, tmp_path: Path
) -> None:
    async with seated(lake, tmp_path, (100, 30)) as seat:
        await seat.press("question_mark")
        help = await seat.on(HelpScreen)
        last, before = Size(161, 19), Size(121, 54)
        await seat.pilot.resize_terminal(*last)
        await seat.until(lambda: help.size == last)
        laid_out = 0

        def counted() -> None:
            nonlocal laid_out
            laid_out += 1

        help.screen_layout_refresh_signal.subscribe(help, lambda _: counted(), immediate=True)
        for size in (before, last, before, last):
            help.post_message(events.Resize(size, size))
            # Textual makes one of two that are next to each other
            help.call_later(lambda: None)
        done = asyncio.Event()
        help.call_later(done.set)
        await done.wait()
        assert laid_out < 20
        await seat.until(lambda: help.size == last)


@pytest.mark.parametrize("key", ["colon", "e", "c"])
async def test_an_app_that_ends_while_a_dialog_is_being_opened_ends_without_a_traceback(
    lake: LakeSummary, tmp_path: Path, key: str
) -> None:
    for steps in range(3, 10):
        async with seated(lake, tmp_path) as seat:
            character = {"colon": ":"}.get(key, key)
            seat.app.post_message(events.Key(key, character))
            for _ in range(steps):
                await asyncio.sleep(0)
            seat.app.exit(0)
            await seat.until(lambda app=seat.app: not app.is_running)


async def test_an_entry_is_shown_again_after_a_filter_that_showed_none(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        await seat.until(lambda: "target parser" in seat.text)
        seat.app.filter_by("status:nothing-like-it path:nowhere")
        await seat.until(lambda: "no entry matches" in seat.text)
        seat.app.filter_by("")
        await seat.until(lambda: len(seat.shown) == 40 and "no entry matches" not in seat.text)
        await seat.until(lambda: "target parser" in seat.text)
