"""The panes of the running app: their places and sizes, their titles, the log, the columns, and what is kept of it all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.seat import Seat, seated
from refooter.demo.lake import LakeSummary, build_lake
from refooter.events import Severity
from refooter_tui.app.messages import Lost
from refooter_tui.app.news import EngineNews
from refooter_tui.app.screens.columns import ColumnsScreen
from refooter_tui.app.state import Looks, load_looks, save_looks
from refooter_tui.app.widgets.counts import CountLine
from refooter_tui.app.widgets.divider import Divider
from refooter_tui.app.widgets.keys_line import KeysLine
from refooter_tui.app.widgets.log import LogRecord
from refooter_tui.app.widgets.log_pane import LogTitle
from refooter_tui.app.widgets.one_line import OneLine

TITLES = {"1": "▌1", "3": "▌3 Entries", "4": "▌4 Timeline", "5": "▌5 Detail", "6": "▌6 Log"}


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=60)


def line(seat: Seat, kind: type[KeysLine] | type[CountLine] | type[LogTitle]) -> str:
    return seat.app.screen.query_one(kind).render_line(0).text


async def test_every_pane_has_its_number_in_its_title_and_the_title_says_where_the_focus_is(
    lake: LakeSummary, tmp_path: Path
) -> None:
    async with seated(lake, tmp_path) as seat:
        for key, title in TITLES.items():
            await seat.press(key)
            await seat.until(lambda title=title: title in seat.text)  # type: ignore[misc]
            assert seat.text.count("▌") >= 1
            others = [other for other in TITLES.values() if other != title]
            await seat.until(lambda others=others: not any(other in seat.text for other in others))  # type: ignore[misc]
        assert re.search(r"2 +/ filter the entries", seat.text)


@pytest.mark.parametrize("size", [(80, 24), (100, 24), (119, 40)])
async def test_a_small_window_has_twelve_rows_a_low_timeline_and_one_line_of_log(
    lake: LakeSummary, tmp_path: Path, size: tuple[int, int]
) -> None:
    async with seated(lake, tmp_path, size) as seat:
        app = seat.app
        assert app._entries.page_lines >= 12
        assert app._timeline.size.height == 2
        assert app._log_pane.size.height == app._log_view.size.height == 1
        keys = line(seat, KeysLine)
        assert len(keys) == size[0]
        assert keys.rstrip().endswith("? help")
        app._log_pane.write([LogRecord(app._log_view.records()[0].time, Severity.INFO, f"{n}") for n in range(20)])
        await seat.press("6", "k")
        await seat.until(lambda: "scrolled: G" in seat.text)
        assert app._log_pane.size.height == 1


async def test_keys_and_the_mouse_resize_the_panes_and_the_centre_keeps_its_columns(
    lake: LakeSummary, tmp_path: Path
) -> None:
    async with seated(lake, tmp_path) as seat:
        app = seat.app
        await seat.press("1")
        before = app._left.size.width
        await seat.press("greater_than_sign")
        await seat.until(lambda: app._left.size.width == before + 4)
        await seat.press("less_than_sign", "less_than_sign")
        await seat.until(lambda: app._left.size.width == before - 4)
        await seat.press("6", *["greater_than_sign"] * 20)
        await seat.until(lambda: app._entries.page_lines == 12)
        await seat.press("3", *["less_than_sign"] * 12)
        await seat.until(lambda: app._entries.size.width == 50)
        bar = app.query_one("#divider-left", Divider)
        await seat.pilot.mouse_down(bar, offset=(0, 5))
        await seat.pilot.hover(offset=(3, 10))
        await seat.pilot.mouse_up(bar, offset=(0, 5))
        await seat.until(lambda: app._left.size.width == 22)
        await seat.pilot.click(bar, times=2)
        await seat.until(lambda: app.looks.left == 0)


async def test_how_it_looks_is_kept_and_comes_back(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        app = seat.app
        app.theme = "refooter-light"
        await seat.press("1", "greater_than_sign", "right_square_bracket", "6", "greater_than_sign")
        await seat.press("3", "right", "right", "right", "s", "S", "C")
        screen = await seat.on(ColumnsScreen)
        await seat.press("G", "space", "enter")
        await seat.until(lambda: app.screen is not screen)
        looks = app.looks_now()
        assert (looks.theme, looks.face, looks.sort, looks.reverse) == ("refooter-light", "causes", "insert_time", True)
        assert "error" in looks.columns
        save_looks(tmp_path / "state", looks)
        left, log = app._left.size.width, app._log_pane.size.height
    async with seated(lake, tmp_path) as seat:
        app = seat.app
        await seat.until(lambda: app._left.face == "causes")
        assert app.looks_now() == looks == load_looks(tmp_path / "state")
        assert app.theme == "refooter-light"
        assert (app._left.size.width, app._log_pane.size.height) == (left, log)


async def test_sizes_that_do_not_fit_now_are_kept_for_a_window_where_they_do(lake: LakeSummary, tmp_path: Path) -> None:
    save_looks(tmp_path / "state", Looks(left=70, detail=90, log=30))
    async with seated(lake, tmp_path, (130, 40)) as seat:
        app = seat.app
        assert app._entries.size.width >= 50
        assert app._entries.page_lines >= 12
        assert (app.looks_now().left, app.looks_now().detail, app.looks_now().log) == (70, 90, 30)


async def test_status_and_path_cannot_be_left_out(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        await seat.press("C")
        screen = await seat.on(ColumnsScreen)
        await seat.press(*["space", "down"] * 15, "enter")
        await seat.until(lambda: seat.app.screen is not screen)
        assert {"status", "path", "view", "layout", "causes", "last_run", "error"} == set(seat.app._entries.columns)
        await seat.press("C", "escape")
        await seat.until(lambda: not isinstance(seat.app.screen, ColumnsScreen))
        assert "view" in seat.app._entries.columns


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_the_log_is_filtered_by_text_and_its_title_says_so(
    lake: LakeSummary, tmp_path: Path, size: tuple[int, int]
) -> None:
    async with seated(lake, tmp_path, size) as seat:
        app = seat.app
        await seat.press("6", "slash")
        await seat.until(lambda: isinstance(app.focused, OneLine))
        await seat.type("catalog has")
        await seat.until(lambda: app._log_view.line_count == 1)
        await seat.press("enter")
        await seat.until(lambda: "“catalog has”" in line(seat, LogTitle))
        assert app.focused is app._log_view
        assert app.lake.filter.empty


async def test_a_click_on_an_offer_does_what_it_offers(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        app = seat.app
        app.filter_by("status:ok")
        await seat.until(lambda: len(seat.shown) < 60)
        app.lake.table.retire([int(app.lake.snapshot.rows[0])])
        app._refresh_marks()
        await seat.until(lambda: "1 retired: = " in line(seat, CountLine))
        shown = len(seat.shown)
        await seat.pilot.click(CountLine, offset=(line(seat, CountLine).index("1 retired"), 0))
        await seat.until(lambda: len(seat.shown) == shown - 1)


async def test_a_click_on_a_key_in_the_last_line_presses_it(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        await seat.pilot.click(KeysLine, offset=(line(seat, KeysLine).index("filter"), 0))
        await seat.until(lambda: isinstance(seat.app.focused, OneLine))


async def test_a_lost_database_is_told_in_the_sentence_on_top_and_what_was_there_stays(
    lake: LakeSummary, tmp_path: Path
) -> None:
    async with seated(lake, tmp_path) as seat:
        app = seat.app
        app.post_message(EngineNews(Lost("the server does not answer", "database_unreachable")))
        await seat.until(lambda: "as it was: the server does not answer" in seat.text)
        assert len(seat.shown) == 60


@pytest.mark.parametrize("key", ["3", "4", "5", "6"])
async def test_a_maximised_pane_has_the_window_and_gives_it_back(lake: LakeSummary, tmp_path: Path, key: str) -> None:
    async with seated(lake, tmp_path, (130, 40)) as seat:
        await seat.press(key)
        await seat.until(lambda: TITLES[key] in seat.text)
        focused = seat.app.focused
        assert focused is not None
        before = focused.region
        await seat.press("z")
        await seat.until(lambda: focused.region.width >= 125 and focused.region.height >= 30)
        await seat.press("z")
        await seat.until(lambda: focused.region == before)
