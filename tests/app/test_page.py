"""The page to read: its reports are printed beside the app, and no other page lays the screen out anew."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text
from textual.screen import Screen

from app.stage import Stage, until
from refooter_tui.app.report import Report
from refooter_tui.app.widgets.page import PageView

PATIENCE = 30.0


class Held:
    """A report that is not printed before somebody lets it."""

    def __init__(self, said: str) -> None:
        self._said = said
        self.let, self.begun, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.report = Report(self._show)

    def _show(self, console: Console) -> None:
        self.begun.set()
        assert self.let.wait(PATIENCE)
        console.print(self._said)
        self.ended.set()


async def test_while_a_report_is_printed_the_app_goes_on_and_what_was_there_stays() -> None:
    page, held = PageView(), Held("a report")
    async with Stage(page).run_test(size=(40, 10)) as pilot:
        page.show(Text("a sentence"))
        page.show(held.report)
        assert await asyncio.to_thread(held.begun.wait, PATIENCE)
        await pilot.pause()
        assert page.lines == ["a sentence"]
        assert not page.made
        held.let.set()
        await pilot.app.workers.wait_for_complete()
        assert page.lines == ["a report"]
        assert page.made


async def test_a_report_that_something_else_came_after_is_never_shown() -> None:
    page, held = PageView(), Held("too late")
    async with Stage(page).run_test(size=(40, 10)) as pilot:
        for later in (Report(lambda console: console.print("another")), Text("a sentence")):
            page.show(held.report)
            assert await asyncio.to_thread(held.begun.wait, PATIENCE)
            page.show(later)
            held.let.set()
            assert await asyncio.to_thread(held.ended.wait, PATIENCE)
            await until(pilot, lambda: page.made)
            await pilot.app.workers.wait_for_complete()
            assert page.lines == ["another" if isinstance(later, Report) else "a sentence"]
            held = Held("too late")


async def test_a_report_is_printed_again_for_another_width_and_stays_where_it_was_scrolled_to() -> None:
    page = PageView()
    async with Stage(page).run_test(size=(40, 10)) as pilot:
        page.show(Report(lambda console: console.print("\n".join(f"{n} of {console.width}" for n in range(40)))))
        await pilot.app.workers.wait_for_complete()
        page.scroll_to(y=12, animate=False)
        await pilot.resize_terminal(60, 10)
        await until(pilot, lambda: page.made and page.outer_size.width == 60)
        assert page.lines[7] == f"7 of {page.scrollable_content_region.width}"
        assert page.scroll_offset.y == 12


async def test_a_page_of_another_length_lays_nothing_out_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    page = PageView()
    async with Stage(page).run_test(size=(40, 10)) as pilot:
        page.show(Text("one line"))
        await pilot.pause()
        layouts = []
        lay_out = Screen._refresh_layout

        def counted(screen: Screen[None], *words: Any, **more: Any) -> None:
            layouts.append(screen)
            lay_out(screen, *words, **more)

        monkeypatch.setattr(Screen, "_refresh_layout", counted)
        for count in (30, 5, 80):
            page.show(Text("\n".join(f"line {n}" for n in range(count))))
            page.scroll_end(animate=False)
            await until(pilot, lambda count=count: page.lines[-1] == f"line {count - 1}")  # type: ignore[misc]
            await pilot.pause()
            assert page.max_scroll_y == max(0, count - 10)
            assert page.vertical_scrollbar.position == page.scroll_y == page.max_scroll_y
        assert not layouts


async def test_the_bar_of_very_many_lines_moves_only_when_its_thumb_would_and_ends_at_the_end() -> None:
    page = PageView()
    async with Stage(page).run_test(size=(40, 10)) as pilot:
        page.show(Text("\n".join(str(n) for n in range(8_000))))
        await pilot.pause()
        places = set()
        for line in range(250):
            page.scroll_to(y=line, animate=False)
            await pilot.pause()
            places.add(page.vertical_scrollbar.position)
        assert sorted(places) == [0, 100, 200]
        page.scroll_end(animate=False)
        await pilot.pause()
        assert page.vertical_scrollbar.position == page.max_scroll_y == 7_990
