"""The timeline: what it paints, what the arrows, the mouse and the zoom do, and which range it asks for."""

from __future__ import annotations

from typing import ClassVar

import pytest
from textual.binding import Binding, BindingType
from textual.pilot import Pilot

from app.some_entries import FIRST, HOUR, judged, listing, some_entries
from app.stage import Stage, lines, styles_at
from refooter.values import Cause
from refooter_tui.app.widgets.palette import DARK
from refooter_tui.app.widgets.timeline import TimelineBar
from refooter_tui.model.table import EntryTable
from refooter_tui.model.timeline import Timeline, TimeRange

SIZES = [(80, 24), (160, 50)]
TALL = "Screen > TimelineBar { height: 7; }"
SHORT = "Screen > TimelineBar { height: 2; }"


def three_broken_of(count: int) -> EntryTable:
    """Sound entries, an hour apart, but for three in one hour in the middle."""
    table = EntryTable()
    table.append(listing(range(count)))
    broken = range(count // 2, count // 2 + 3)
    table.judge([judged(number, Cause.TRUNCATED if number in broken else Cause.NONE) for number in range(count)])
    return table


async def shown(bar: TimelineBar, table: EntryTable, pilot: Pilot[None]) -> None:
    await pilot.pause()
    bar.show(Timeline(table))
    bar.focus()
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("css", [TALL, SHORT])
async def test_three_broken_entries_are_seen_among_thousands_and_marked(size: tuple[int, int], css: str) -> None:
    bar = TimelineBar()
    async with Stage(bar, css=css).run_test(size=size) as pilot:
        await pilot.pause()
        bar.show(Timeline(three_broken_of(4_000)))
        await pilot.pause()
        axis_at = bar.size.height - 1
        colours = [
            colour for y in range(axis_at) for char in "▁▂▃▄▅▆▇█" for colour in styles_at(bar.render_line(y), char)
        ]
        assert DARK["status-corrupt"] in colours
        axis = lines(bar)[axis_at]
        assert axis.count("↑") == 1
        assert abs(axis.index("↑") - size[0] // 2) <= 1
        assert "2025-" in axis


async def test_the_words_say_the_range_and_the_counts_under_the_cursor() -> None:
    bar = TimelineBar()
    async with Stage(bar, css=TALL).run_test(size=(100, 24)) as pilot:
        await shown(bar, three_broken_of(100), pilot)
        assert lines(bar)[0].strip() == "▌4 Timeline  2025-06-14 09:00:00 – 09:59:24  ✓ 1"
        await pilot.press(*["right"] * 50, *["shift+right"] * 2)
        assert "✗ 3" in lines(bar)[0]


async def test_without_the_focus_the_title_says_the_whole_range_the_worst_first() -> None:
    bar = TimelineBar()
    async with Stage(bar, css=TALL).run_test(size=(100, 24)) as pilot:
        await pilot.pause()
        bar.show(Timeline(three_broken_of(100)))
        await pilot.pause()
        assert lines(bar)[0].strip() == "4 Timeline  2025-06-14 – 2025-06-18  ✗ 3 ✓ 97"


async def test_shift_and_arrows_brush_a_range_and_enter_asks_for_it() -> None:
    bar = TimelineBar()
    stage = Stage(bar, css=TALL)
    async with stage.run_test(size=(80, 24)) as pilot:
        table = some_entries()
        await shown(bar, table, pilot)
        await pilot.press("right", "right", "shift+right", "shift+right", "shift+left", "enter")
        timeline = Timeline(table)
        assert [message.range for message in stage.said(TimelineBar.RangeChosen)] == [timeline.range_of(2, 3, 80)]
        await pilot.press("escape", "enter")
        assert stage.said(TimelineBar.RangeChosen)[-1].range == timeline.range_of(3, 3, 80)


async def test_escape_takes_the_brush_away_first_and_then_belongs_to_the_app() -> None:
    class Around(Stage):
        BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave")]
        left = 0

        def action_leave(self) -> None:
            self.left += 1

    bar = TimelineBar()
    around = Around(bar, css=TALL)
    async with around.run_test(size=(80, 24)) as pilot:
        await shown(bar, some_entries(), pilot)
        await pilot.press("shift+right", "escape")
        assert around.left == 0
        await pilot.press("escape")
        assert around.left == 1


async def test_dragging_brushes_and_a_double_click_asks() -> None:
    bar = TimelineBar()
    stage = Stage(bar, css=TALL)
    async with stage.run_test(size=(80, 24)) as pilot:
        table = some_entries()
        await shown(bar, table, pilot)
        await pilot.mouse_down(TimelineBar, offset=(10, 1))
        await pilot.hover(TimelineBar, offset=(15, 1))
        await pilot.hover(TimelineBar, offset=(20, 1))
        await pilot.mouse_up(TimelineBar, offset=(20, 1))
        assert bar.brushed == Timeline(table).range_of(10, 20, 80)
        await pilot.press("enter")
        assert stage.said(TimelineBar.RangeChosen)[-1].range == Timeline(table).range_of(10, 20, 80)
        await pilot.double_click(TimelineBar, offset=(30, 1))
        assert stage.said(TimelineBar.RangeChosen)[-1].range == Timeline(table).range_of(30, 30, 80)


async def test_plus_zooms_into_the_brush_and_minus_out_to_everything_again() -> None:
    bar = TimelineBar()
    async with Stage(bar, css=TALL).run_test(size=(80, 24)) as pilot:
        timeline = Timeline(some_entries())
        await pilot.pause()
        bar.show(timeline)
        bar.focus()
        everything = timeline.shown
        await pilot.press("right", "right", "shift+right", "shift+right")
        brushed = bar.brushed
        await pilot.press("+")
        assert timeline.shown == brushed
        await pilot.press(*["-"] * 8)
        assert timeline.shown == everything
        assert not timeline.zoomed


async def test_the_cursor_moves_a_zoomed_timeline_on_at_its_end() -> None:
    bar = TimelineBar()
    async with Stage(bar, css=TALL).run_test(size=(80, 24)) as pilot:
        timeline = Timeline(some_entries())
        await pilot.pause()
        bar.show(timeline)
        bar.focus()
        await pilot.press("+", "+")
        before = timeline.shown
        assert before is not None
        await pilot.press("G", "right", "right")
        after = timeline.shown
        assert after is not None
        assert after.since > before.since
        assert after.length == before.length


async def test_new_verdicts_are_painted_when_the_bar_is_told() -> None:
    bar = TimelineBar()
    async with Stage(bar, css=TALL).run_test(size=(80, 24)) as pilot:
        table = three_broken_of(100)
        await shown(bar, table, pilot)
        table.judge([judged(0, Cause.MALFORMED)])
        bar.data_changed()
        await pilot.pause()
        assert "✗ 1" in lines(bar)[0]
        assert lines(bar)[-1].startswith("↑")


async def test_a_lake_without_times_says_so_and_keys_do_no_harm() -> None:
    bar = TimelineBar()
    stage = Stage(bar, css=TALL)
    async with stage.run_test(size=(80, 24)) as pilot:
        keys = ["left", "right", "shift+left", "+", "-", "enter", "g", "G", "escape"]
        await shown(bar, EntryTable(), pilot)
        await pilot.press(*keys)
        assert "no insert times yet" in lines(bar)[1]
        assert not stage.said(TimelineBar.RangeChosen)


async def test_another_width_keeps_the_cursor_inside() -> None:
    bar = TimelineBar()
    stage = Stage(bar, css=TALL)
    async with stage.run_test(size=(160, 24)) as pilot:
        await shown(bar, some_entries(), pilot)
        await pilot.press("G")
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        await pilot.press("enter")
        chosen = stage.said(TimelineBar.RangeChosen)[-1].range
        assert chosen.until == FIRST + 398 * HOUR + 1
        assert isinstance(chosen, TimeRange)
