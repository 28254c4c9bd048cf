"""The table in the centre: all entries that the filter shows, one line each, painted straight from the model's arrays."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from refooter_tui.app.widgets.cells import fit
from refooter_tui.app.widgets.columns import COLUMN_NAMES, USUAL_COLUMNS, Placed, place
from refooter_tui.app.widgets.lines import LinePane
from refooter_tui.app.widgets.palette import Palette
from refooter_tui.model.codes import UNKNOWN, Mask
from refooter_tui.model.columns import Int32s
from refooter_tui.model.order import Snapshot
from refooter_tui.model.selection import Selection
from refooter_tui.model.table import EntryTable

CURSOR_MARK: Final = "▌"
SELECTED_MARK: Final = "●"
CHANGED_MARK: Final = "~"
RETIRED_MARK: Final = "†"
ORPHAN_MARK: Final = "°"
MARKS: Final = {
    SELECTED_MARK: "selected",
    CHANGED_MARK: "no longer matches the filter (= applies it again)",
    RETIRED_MARK: "retired from the catalog meanwhile",
    ORPHAN_MARK: "orphan: no partition names it",
}
_GUTTER: Final = 3
_GAP: Final = Segment(" ")


class EntriesTable(LinePane):
    """Rows of the model in a snapshot's order. The cursor follows its entry through every new snapshot."""

    BINDING_GROUP_TITLE = "Entries"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "column(-1)", "Column to the left", show=False, id="entries.column_left"),
        Binding("right", "column(1)", "Column to the right", show=False, id="entries.column_right"),
        Binding("s", "sort", "Sort", id="entries.sort"),
        Binding("S", "reverse", "Reverse", show=False, id="entries.reverse"),
        Binding("n", "broken(1)", "Next broken", id="entries.next_broken"),
        Binding("N", "broken(-1)", "Previous broken", show=False, id="entries.previous_broken"),
        Binding("space", "toggle_row", "Select", id="entries.toggle"),
        Binding("V", "range", "Range", id="entries.range"),
        Binding("shift+down", "extend(1)", "Extend down", show=False, id="entries.extend_down"),
        Binding("shift+up", "extend(-1)", "Extend up", show=False, id="entries.extend_up"),
        Binding("shift+pagedown", "extend_page(1)", "Extend a page down", show=False, id="entries.extend_page_down"),
        Binding("shift+pageup", "extend_page(-1)", "Extend a page up", show=False, id="entries.extend_page_up"),
        Binding("a", "all", "All shown", id="entries.all"),
        Binding("i", "invert", "Invert", show=False, id="entries.invert"),
        Binding("A", "clear", "Clear", show=False, id="entries.clear"),
    ]

    header_lines = 1
    sorted_by: reactive[str] = reactive("", layout=False)
    """The column that the snapshot is sorted by, as the header shows it; empty: in the catalog's order."""
    sorted_reverse: reactive[bool] = reactive(False, layout=False)
    ranging: reactive[bool] = reactive(False, layout=False)
    """Whether moving extends a range that `V` began."""

    @dataclass
    class Highlighted(Message):
        """The cursor is on another entry; `row` is `None` when nothing is shown."""

        row: int | None

    @dataclass
    class Opened(Message):
        """The entry under the cursor was asked for."""

        row: int

    class SelectionChanged(Message):
        """The selection has changed by a key or a click in the table."""

    @dataclass
    class SortAsked(Message):
        """Another order is asked for; it comes back with `show` and `sorted_by`, `sorted_reverse`."""

        column: str
        reverse: bool

    @dataclass
    class NothingBroken(Message):
        """`n` or `N` found no broken entry among those shown, of which `unknown` are not scanned."""

        unknown: int

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._table: EntryTable | None = None
        self._snapshot: Snapshot | None = None
        self._selection: Selection | None = None
        self._wanted: tuple[str, ...] = USUAL_COLUMNS
        self._placed: list[Placed] = []
        self._placed_for = -1
        self._column = "path"
        self._highlighted: int | None = None
        self._range: _Range | None = None
        self._extending = False

    # what the app tells it

    def show(self, table: EntryTable, snapshot: Snapshot, selection: Selection) -> None:
        """Another snapshot, or another catalog. The cursor stays on its entry, and the entry where it is on the screen; if it is
        not shown any more, the next one takes its place."""
        older = self._snapshot if table is self._table else None
        above = self._cursor - self.scroll_offset.y
        self._table, self._snapshot, self._selection = table, snapshot, selection
        self._end_range()
        self._cursor = (snapshot.place_of(older, self._cursor) if older is not None else None) or 0
        self.lines_changed()
        if 0 <= above < self.page_lines:
            self.scroll_to(y=max(0, self._cursor - above), animate=False, force=True)
        self.show_line(self._cursor)
        self._tell()

    def marks_changed(self) -> None:
        """The snapshot was refreshed: other rows than before match no longer."""
        self.refresh()

    def rows_changed(self, rows: Int32s) -> None:
        """Paints again those of these row ids that can be seen."""
        if self._snapshot is None:
            return
        shown = self.shown_lines
        visible_rows = self._snapshot.rows[shown.start : shown.stop]
        for line in np.flatnonzero(np.isin(visible_rows, rows)):
            self.refresh_row(shown.start + int(line))

    def selection_changed(self) -> None:
        """The selection was changed from elsewhere."""
        self._end_range()
        self.refresh()

    def highlight(self, row: int, *, centre: bool = True) -> bool:
        """Puts the cursor on an entry; `False` if the snapshot does not show it."""
        position = None if self._snapshot is None else self._snapshot.position_of(row)
        if position is None:
            return False
        self.move_to(position, centre=centre)
        return True

    @property
    def row(self) -> int | None:
        """The row id under the cursor."""
        return self._row_at(self._cursor) if self.line_count else None

    @property
    def rows_on_screen(self) -> Int32s:
        """The row ids that can be seen now, in their order."""
        shown = self.shown_lines
        return np.empty(0, dtype=np.int32) if self._snapshot is None else self._snapshot.rows[shown.start : shown.stop]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are wanted; which of them fit depends on the width."""
        return self._wanted

    @columns.setter
    def columns(self, names: Collection[str]) -> None:
        self._wanted = tuple(name for name in COLUMN_NAMES if name in names)
        self._placed_for = -1
        self.refresh()

    # painting

    @property
    def line_count(self) -> int:
        return 0 if self._snapshot is None else len(self._snapshot.rows)

    def _row_at(self, line: int) -> int:
        assert self._snapshot is not None
        return int(self._snapshot.rows[line])

    def _is_selected(self, row: int) -> bool:
        return self._selection is not None and row in self._selection

    def _places(self, width: int) -> list[Placed]:
        if self._placed_for != width:
            self._placed = place(width, _GUTTER, self._wanted)
            self._placed_for = width
            if self._column not in {placed.column.name for placed in self._placed}:
                self._column = "path"
        return self._placed

    def row_style(self, line: int, palette: Palette, cursor: bool) -> Style:
        if cursor:
            return palette.cursor
        return palette.selected if self._is_selected(self._row_at(line)) else Style.null()

    def paint(self, line: int, width: int, palette: Palette, cursor: bool) -> list[Segment]:
        table, snapshot = self._table, self._snapshot
        assert table is not None
        assert snapshot is not None
        row = self._row_at(line)
        matches = not snapshot.is_changed(row)
        mark = " "
        if bool(table.retired[row]):
            mark = RETIRED_MARK
        elif not matches:
            mark = CHANGED_MARK
        elif bool(table.orphan[row]):
            mark = ORPHAN_MARK
        segments = [
            Segment(CURSOR_MARK if cursor else " ", palette.accent),
            Segment(SELECTED_MARK if self._is_selected(row) else " ", palette.accent),
            Segment(mark, palette.muted),
        ]
        faded = palette.faded if not matches or mark == RETIRED_MARK else None
        for placed in self._places(width):
            text, style = placed.column.cell(table, row, placed.width, palette)
            segments.append(Segment(text, style if faded is None else style + faded))
            segments.append(_GAP)
        return segments[:-1]

    def paint_header(self, line: int, width: int, palette: Palette) -> list[Segment]:
        segments = [Segment(" " * _GUTTER)]
        for placed in self._places(width):
            column = placed.column
            text = column.title
            if column.name == self.sorted_by:
                arrow = "↓" if self.sorted_reverse else "↑"
                text = f"{arrow}{text}" if column.right else f"{text[: placed.width - 2]} {arrow}"
            chosen = self.has_focus and column.name == self._column
            style = palette.accent if column.name == self.sorted_by else Style.null()
            segments.append(
                Segment(fit(text[: placed.width], placed.width, right=column.right), style + Style(underline=chosen))
            )
            segments.append(_GAP)
        return segments[:-1]

    def watch_sorted_by(self) -> None:
        self.refresh()

    def watch_sorted_reverse(self) -> None:
        self.refresh()

    # the cursor

    def cursor_moved(self, before: int) -> None:
        if self.ranging:
            self._extend_range()
        elif not self._extending:
            self._end_range()
        self._tell()

    def _tell(self) -> None:
        row = self.row
        if row != self._highlighted:
            self._highlighted = row
            self.post_message(self.Highlighted(row))

    def opened(self) -> None:
        row = self.row
        if row is not None:
            self.post_message(self.Opened(row))

    def action_broken(self, direction: int) -> None:
        if self._table is None or self._snapshot is None:
            return
        found = self._snapshot.next_broken(self._table, self._cursor, backwards=direction < 0)
        if found is None:
            unknown = int(np.count_nonzero(self._table.status[self._snapshot.rows] == UNKNOWN))
            self.post_message(self.NothingBroken(unknown))
        else:
            self.move_to(found, centre=True)

    # sorting

    def action_column(self, by: int) -> None:
        names = [placed.column.name for placed in self._places(self.line_width)]
        at = names.index(self._column) + by
        self._column = names[max(0, min(at, len(names) - 1))]
        self.refresh()

    def action_sort(self) -> None:
        self._ask_sort(self._column)

    def action_reverse(self) -> None:
        if self.sorted_by:
            self.post_message(self.SortAsked(self.sorted_by, not self.sorted_reverse))

    def _ask_sort(self, column: str) -> None:
        reverse = not self.sorted_reverse if column == self.sorted_by else False
        self.post_message(self.SortAsked(column, reverse))

    def header_clicked(self, line: int, x: int) -> None:
        for placed in self._places(self.line_width):
            if placed.start <= x <= placed.start + placed.width:
                self._column = placed.column.name
                self._ask_sort(self._column)

    # selecting

    def action_toggle_row(self) -> None:
        if self.ranging:
            self._end_range()
            return
        self._toggle_here()
        self.move_to(self._cursor + 1)

    def _toggle_here(self) -> None:
        row = self.row
        if self._selection is None or row is None:
            return
        self._selection.toggle(row)
        self.refresh_row(self._cursor)
        self._tell_selection()

    def action_range(self) -> None:
        if self.ranging:
            self._end_range()
        elif self._begin_range():
            self.ranging = True
            self._extend_range()

    def action_extend(self, by: int) -> None:
        if self._range is None and not self._begin_range():
            return
        self._extending = True
        try:
            self.move_to(self._cursor + by)
        finally:
            self._extending = False
        self._extend_range()

    def action_extend_page(self, pages: int) -> None:
        self.action_extend(pages * max(1, self.page_lines - 1))

    def action_all(self) -> None:
        if self._selection is not None and self._snapshot is not None:
            self._selection.select_shown(self._snapshot)
            self._whole_selection_changed()

    def action_invert(self) -> None:
        if self._selection is not None and self._snapshot is not None:
            self._selection.invert_shown(self._snapshot)
            self._whole_selection_changed()

    def action_clear(self) -> None:
        if self._selection is not None:
            self._selection.clear()
            self._whole_selection_changed()

    def _whole_selection_changed(self) -> None:
        self._end_range()
        self.refresh()
        self._tell_selection()

    def _tell_selection(self) -> None:
        self.post_message(self.SelectionChanged())

    def line_clicked(self, line: int, x: int, event: events.Click) -> None:
        if event.shift:
            self.action_extend(line - self._cursor)
            return
        self.move_to(line)
        if x < _GUTTER or event.ctrl:
            self._toggle_here()

    def _begin_range(self) -> bool:
        if self._selection is None or not self.line_count:
            return False
        self._range = _Range(self._cursor, self._cursor, self._selection.mask.copy())
        return True

    def _extend_range(self) -> None:
        """Selects from the range's anchor to the cursor; what the range has left again is as it was before it."""
        span, selection, snapshot = self._range, self._selection, self._snapshot
        assert span is not None
        assert selection is not None
        assert snapshot is not None
        here = self._cursor
        old = range(min(span.anchor, span.end), max(span.anchor, span.end) + 1)
        new = range(min(span.anchor, here), max(span.anchor, here) + 1)
        for start, stop in ((old.start, min(old.stop, new.start)), (max(old.start, new.stop), old.stop)):
            if start < stop:
                left = snapshot.rows[start:stop]
                was = np.zeros(len(left), dtype=bool)
                known = left < len(span.before)
                was[known] = span.before[left[known]]
                selection.deselect(left[~was])
        selection.select(snapshot.rows[new.start : new.stop])
        self._range = _Range(span.anchor, here, span.before)
        self.refresh()
        self._tell_selection()

    def _end_range(self) -> None:
        self._range = None
        self.ranging = False


@dataclass(frozen=True, slots=True)
class _Range:
    """Positions of a range's two ends, and the selection's mask before it."""

    anchor: int
    end: int
    before: Mask
