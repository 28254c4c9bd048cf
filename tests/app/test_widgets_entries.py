"""The entries table: what it paints of the model, how the cursor and the selection move, and what it tells the app."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from app.some_entries import judged, listing, path_of, some_entries
from app.stage import Stage, lines, styles_at
from refooter.values import Cause, Outcome
from refooter_tui.app.widgets.columns import COLUMN_NAMES, place
from refooter_tui.app.widgets.entries import EntriesTable
from refooter_tui.app.widgets.palette import DARK
from refooter_tui.model.codes import BROKEN
from refooter_tui.model.filter import parse
from refooter_tui.model.order import SORTABLE, Snapshot, Sort, take
from refooter_tui.model.selection import Selection
from refooter_tui.model.table import EntryTable

SIZES = [(80, 24), (160, 50)]


class Shown:
    """A table with its model, everything in it shown unless a filter says otherwise."""

    def __init__(self, filter_text: str = "", sort: Sort | None = None, count: int = 400) -> None:
        self.table = some_entries(count)
        self.selection = Selection(self.table)
        self.snapshot = self.taken(filter_text, sort)
        self.entries = EntriesTable()
        self.stage = Stage(self.entries)

    def taken(self, filter_text: str = "", sort: Sort | None = None) -> Snapshot:
        return take(self.table, parse(filter_text), sort, self.selection)

    def show(self, snapshot: Snapshot | None = None) -> None:
        # an empty snapshot is false
        self.snapshot = self.snapshot if snapshot is None else snapshot
        self.entries.show(self.table, self.snapshot, self.selection)
        self.entries.focus()

    def selected(self) -> list[int]:
        return [int(row) for row in self.selection.rows()]


async def begin(shown: Shown, pilot: Pilot[None]) -> None:
    await pilot.pause()
    shown.show()
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
async def test_every_row_says_its_status_in_a_colour_and_in_a_symbol_and_a_word(size: tuple[int, int]) -> None:
    shown = Shown()
    async with shown.stage.run_test(size=size) as pilot:
        await begin(shown, pilot)
        painted = lines(shown.entries)
        assert "✓ ok" in painted[1]
        assert "○ stale" in painted[2]
        assert "outdated_version" in painted[2]
        assert "· unknown" in painted[4]
        assert "▲ harmful" in painted[6]
        assert styles_at(shown.entries.render_line(2), "stale") == [DARK["status-stale"]]
        assert styles_at(shown.entries.render_line(6), "harmful") == [DARK["status-harmful"]]
        assert painted[0].split()[:3] == ["status", "cause", "path"]


@pytest.mark.parametrize("width", range(60, 201))
def test_columns_fill_any_width_exactly_and_the_least_important_go_first(width: int) -> None:
    placed = place(width, 3)
    assert placed[-1].start + placed[-1].width == width
    assert all(one.start + one.width + 1 == next_.start for one, next_ in pairwise(placed))
    names = [one.column.name for one in placed]
    assert {"status", "cause", "path"} <= set(names)
    ranks = {one.column.rank for one in placed}
    assert ranks == set(range(len(ranks)))


def test_every_column_can_be_sorted_by() -> None:
    assert set(COLUMN_NAMES) <= set(SORTABLE)


async def test_columns_that_are_not_wanted_leave_their_room_to_the_path() -> None:
    shown = Shown()
    async with shown.stage.run_test(size=(120, 24)) as pilot:
        await begin(shown, pilot)
        assert path_of(0) not in lines(shown.entries)[1]
        shown.entries.columns = ("status", "path")
        assert path_of(0) in lines(shown.entries)[1]
        assert "inserted" not in lines(shown.entries)[0]


async def test_a_path_keeps_its_end_and_every_line_its_width_whatever_letters_are_in_it() -> None:
    shown = Shown(count=0)
    batch = listing(range(3)).to_pydict()
    batch["file_path"] = [
        "views/" + "測定" * 60 + "/ende.parquet",
        "views/\x1b[31m\u202e\n/x",
        "views/" + "e\u0301" * 200,
    ]
    shown.table.append(listing(range(3)).from_pydict(batch, schema=listing(range(0)).schema))
    shown.snapshot = shown.taken()
    async with shown.stage.run_test(size=(80, 24)) as pilot:
        await begin(shown, pilot)
        painted = lines(shown.entries)
        assert {cell_len(line) for line in painted} == {shown.entries.line_width}
        assert "ende.parquet" in painted[1]
        assert "…" in painted[1]
        assert "views/\\x1b[31m\\u202e\\n/x" in painted[2]


@pytest.mark.parametrize("size", SIZES)
async def test_keys_move_the_cursor_and_the_app_hears_of_each_entry(size: tuple[int, int]) -> None:
    shown = Shown()
    async with shown.stage.run_test(size=size) as pilot:
        await begin(shown, pilot)
        page = shown.entries.page_lines
        steps = [
            ("down", 1),
            ("j", 2),
            ("k", 1),
            ("G", 399),
            ("up", 398),
            ("g", 0),
            ("pagedown", page - 1),
            ("ctrl+d", None),
        ]
        for key, position in steps:
            await pilot.press(key)
            if position is not None:
                assert shown.entries.cursor == position
        assert shown.entries.cursor in shown.entries.shown_lines
        await pilot.press("enter")
        heard = [message.row for message in shown.stage.said(EntriesTable.Highlighted)]
        assert heard[:6] == [0, 1, 2, 1, 399, 398]
        assert [message.row for message in shown.stage.said(EntriesTable.Opened)] == [shown.entries.row]


async def test_the_cursor_and_the_screen_follow_the_entry_through_another_order() -> None:
    shown = Shown()
    async with shown.stage.run_test(size=(80, 24)) as pilot:
        await begin(shown, pilot)
        shown.entries.highlight(200)
        await pilot.pause()
        above = shown.entries.cursor - shown.entries.scroll_offset.y
        shown.show(shown.taken(sort=Sort("path", True)))
        await pilot.pause()
        assert shown.entries.row == 200
        assert shown.entries.cursor - shown.entries.scroll_offset.y == above
        assert any("▌" in line for line in lines(shown.entries))


async def test_an_entry_that_a_filter_hides_leaves_the_cursor_to_the_next() -> None:
    shown = Shown()
    async with shown.stage.run_test(size=(80, 24)) as pilot:
        await begin(shown, pilot)
        shown.entries.highlight(200)
        shown.show(shown.taken("status:stale"))
        row = shown.entries.row
        assert row is not None
        assert row >= 200
        shown.show(shown.taken("nothing-is-called-this"))
        assert shown.entries.row is None
        await pilot.pause()
        assert shown.stage.said(EntriesTable.Highlighted)[-1].row is None


async def test_a_live_change_recolours_the_row_in_place_and_marks_what_matches_no_longer() -> None:
    shown = Shown("status:legacy,harmful,corrupt")
    async with shown.stage.run_test(size=(120, 24)) as pilot:
        await begin(shown, pilot)
        row = int(shown.snapshot.rows[2])
        before = lines(shown.entries)
        changed = shown.table.judge([judged(row, Cause.PAGE_INDEX_PREFIX, Outcome.MIGRATED)], run=1)
        shown.entries.rows_changed(changed)
        shown.snapshot.refresh(shown.table)
        shown.entries.marks_changed()
        await pilot.pause()
        after = lines(shown.entries)
        assert "~✓ ok" in after[3]
        assert "migrated" in after[3]
        assert [line for y, line in enumerate(after) if y != 3] == [line for y, line in enumerate(before) if y != 3]


async def test_only_rows_on_the_screen_are_painted_again() -> None:
    shown = Shown()
    async with shown.stage.run_test(size=(80, 24)) as pilot:
        await begin(shown, pilot)
        painted: list[int] = []
        refresh_row = shown.entries.refresh_row
        shown.entries.refresh_row = lambda line: (painted.append(line), refresh_row(line))[1]  # type: ignore[method-assign]
        shown.entries.rows_changed(np.array([3, 300, 399], np.int32))
        assert painted == [3]


async def test_what_an_empty_table_would_say_is_no_reason_to_paint_a_full_one_again() -> None:
    shown = Shown()
    painted: list[int] = []
    async with shown.stage.run_test(size=(100, 20)) as pilot:
        await begin(shown, pilot)
        paint = shown.entries.paint
        shown.entries.paint = lambda line, *words: (painted.append(line), paint(line, *words))[1]  # type: ignore[func-returns-value, method-assign]
        shown.entries.placeholder = "400 entries, 399 of them not scanned"
        await pilot.pause()
        assert painted == []
        shown.entries.refresh_row(3)
        await pilot.pause()
        assert painted == [3]


async def test_space_selects_and_moves_on_and_a_range_grows_and_shrinks_without_losing_what_was_selected() -> None:
    shown = Shown()
    async with shown.stage.run_test(size=(80, 24)) as pilot:
        await begin(shown, pilot)
        await pilot.press("j", "j", "j", "space")
        assert shown.selected() == [3]
        assert shown.entries.cursor == 4
        await pilot.press("k", "k", "k", "V", "j", "j", "j", "j")
        assert shown.selected() == [1, 2, 3, 4, 5]
        await pilot.press("k", "k", "k", "k", "k")
        assert shown.selected() == [0, 1, 3]
        await pilot.press("V", "j", "j", "j", "j", "j")
        assert shown.selected() == [0, 1, 3]
        await pilot.press("shift+down", "shift+down", "shift+up")
        assert shown.selected() == [0, 1, 3, 5, 6]
        await pilot.press("j", "j", "shift+up")
        assert shown.selected() == [0, 1, 3, 5, 6, 7, 8]
        assert len(shown.stage.said(EntriesTable.SelectionChanged)) >= 6


async def test_all_invert_and_clear_act_on_what_is_shown_and_hidden_rows_stay_selected() -> None:
    shown = Shown()
    async with shown.stage.run_test(size=(80, 24)) as pilot:
        await begin(shown, pilot)
        await pilot.press("space")
        shown.show(shown.taken("status:stale"))
        stale = [int(row) for row in shown.snapshot.rows]
        await pilot.press("a")
        assert shown.selected() == [0, *stale]
        await pilot.press("i")
        assert shown.selected() == [0]
        assert shown.selection.hidden(shown.snapshot) == 1
        await pilot.press("A")
        assert shown.selected() == []


async def test_selected_rows_carry_a_mark_beside_their_colour() -> None:
    shown = Shown()
    async with shown.stage.run_test(size=(80, 24)) as pilot:
        await begin(shown, pilot)
        await pilot.press("j", "space")
        assert lines(shown.entries)[2][1] == "●"
        assert lines(shown.entries)[3][1] == " "


async def test_n_goes_to_the_next_broken_entry_and_round_the_end() -> None:
    shown = Shown()
    async with shown.stage.run_test(size=(80, 24)) as pilot:
        await begin(shown, pilot)
        broken = [row for row in range(400) if int(shown.table.status[row]) in BROKEN]
        await pilot.press("n")
        assert shown.entries.row == broken[0]
        await pilot.press("n", "n", "N")
        assert shown.entries.row == broken[1]
        await pilot.press("g", "N")
        assert shown.entries.row == broken[-1]
        await pilot.press("n")
        assert shown.entries.row == broken[0]


async def test_without_a_broken_entry_n_says_how_many_are_not_scanned() -> None:
    shown = Shown("status:ok,unknown")
    async with shown.stage.run_test(size=(80, 24)) as pilot:
        await begin(shown, pilot)
        await pilot.press("n")
        assert [message.unknown for message in shown.stage.said(EntriesTable.NothingBroken)] == [100]


async def test_s_asks_to_sort_by_the_chosen_column_and_again_for_the_reverse() -> None:
    shown = Shown()
    async with shown.stage.run_test(size=(160, 24)) as pilot:
        await begin(shown, pilot)
        await pilot.press("right", "s")
        asked = shown.stage.said(EntriesTable.SortAsked)[-1]
        assert (asked.column, asked.reverse) == ("insert_time", False)
        shown.entries.sorted_by = "insert_time"
        assert "inserted (UTC) ↑" in lines(shown.entries)[0]
        await pilot.press("s")
        assert shown.stage.said(EntriesTable.SortAsked)[-1].reverse
        shown.entries.sorted_reverse = True
        assert "inserted (UTC) ↓" in lines(shown.entries)[0]
        await pilot.press("S")
        assert not shown.stage.said(EntriesTable.SortAsked)[-1].reverse


async def test_the_mouse_moves_opens_selects_and_sorts() -> None:
    shown = Shown()
    async with shown.stage.run_test(size=(160, 24)) as pilot:
        await begin(shown, pilot)
        await pilot.click(EntriesTable, offset=(40, 5))
        assert shown.entries.row == 4
        await pilot.click(EntriesTable, offset=(1, 7))
        assert shown.selected() == [6]
        await pilot.click(EntriesTable, offset=(40, 9), shift=True)
        assert shown.selected() == [6, 7, 8]
        await pilot.click(EntriesTable, offset=(5, 0))
        assert shown.stage.said(EntriesTable.SortAsked)[-1].column == "status"
        await pilot.double_click(EntriesTable, offset=(40, 3))
        assert [message.row for message in shown.stage.said(EntriesTable.Opened)] == [2]


async def test_an_empty_table_says_why_and_keys_do_no_harm() -> None:
    entries = EntriesTable()
    stage = Stage(entries)
    async with stage.run_test(size=(80, 24)) as pilot:
        entries.placeholder = "nothing is loaded yet"
        entries.focus()
        keys = [
            "j",
            "k",
            "G",
            "pagedown",
            "ctrl+u",
            "space",
            "V",
            "a",
            "i",
            "A",
            "n",
            "N",
            "s",
            "S",
            "enter",
            "shift+down",
        ]
        await pilot.press(*keys)
        assert any("nothing is loaded yet" in line for line in lines(entries))
        assert not stage.said(EntriesTable.Opened)


async def test_rows_of_another_lake_start_at_the_top() -> None:
    shown = Shown()
    async with shown.stage.run_test(size=(80, 24)) as pilot:
        await begin(shown, pilot)
        await pilot.press("G")
        other = EntryTable()
        other.append(listing(range(50)))
        shown.entries.show(other, take(other), Selection(other))
        assert shown.entries.row == 0


async def test_a_placeholder_of_a_megabyte_is_shown_in_part_and_at_once() -> None:
    pane = EntriesTable()
    async with Stage(pane).run_test(size=(3, 20)) as pilot:
        pane.placeholder = f"no entry matches {'x' * (1 << 20)}"
        await pilot.pause()
        assert any("…" in line or "x" in line for line in lines(pane))
