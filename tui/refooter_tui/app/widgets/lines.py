"""A pane of lines with a cursor, painted one `Strip` a line: only what is on the screen is ever made, however many there are."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.strip import Strip

from refooter_tui.app.widgets.cells import ELLIPSIS, fit, wrapped
from refooter_tui.app.widgets.palette import Painted, Palette
from refooter_tui.app.widgets.scrolled import Scrolled

_MOST_SAID: Final = 600


class LinePane(Scrolled, Painted, can_focus=True):
    """Lines 0 to `line_count` below `header_lines` that do not scroll. A subclass says how many there are, paints them, and hears
    of the cursor (`cursor_moved`), of `enter` or a double click (`opened`) and of clicks on the header (`header_clicked`)."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="move.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="move.up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="move.page_down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="move.page_up"),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False, id="move.half_down"),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False, id="move.half_up"),
        Binding("g,home", "first", "First", show=False, id="move.first"),
        Binding("G,end", "last", "Last", show=False, id="move.last"),
        Binding("enter", "open", "Open", show=False, id="open"),
    ]
    DEFAULT_CSS = """
    LinePane {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        background: $surface;
        color: $foreground;
    }
    """

    header_lines: ClassVar[int] = 0
    placeholder: reactive[str] = reactive("", layout=False, repaint=False)
    """What an empty pane says, visible already: why it is empty, and what to do about it. Wrapped, in the middle."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._cursor = 0
        self._wrapped: tuple[tuple[str, int], list[str]] | None = None

    # what a subclass says

    @property
    def line_count(self) -> int:
        raise NotImplementedError

    def paint(self, line: int, width: int, palette: Palette, cursor: bool) -> list[Segment]:
        """The line's segments, `width` cells in all; `cursor`: the cursor stands on it."""
        raise NotImplementedError

    def row_style(self, line: int, palette: Palette, cursor: bool) -> Style:
        """What lies under the line's segments."""
        return palette.cursor if cursor else Style.null()

    def paint_header(self, line: int, width: int, palette: Palette) -> list[Segment]:
        return []

    def cursor_moved(self, before: int) -> None:
        """The cursor was on `before` and is on `cursor` now."""

    def opened(self) -> None:
        """The line under the cursor was asked for."""

    def header_clicked(self, line: int, x: int) -> None:
        """A click on a line of the header, at a cell."""

    # what it offers

    @property
    def cursor(self) -> int:
        """The line that the cursor is on; 0 without lines."""
        return self._cursor

    @property
    def line_width(self) -> int:
        """The cells that a line has, the scrollbar's left out."""
        return self.scrollable_content_region.width

    @property
    def page_lines(self) -> int:
        """How many lines can be seen at once."""
        return max(1, self.size.height - self.header_lines)

    @property
    def shown_lines(self) -> range:
        """The lines on the screen now."""
        top = self.scroll_offset.y
        return range(min(top, self.line_count), min(top + self.page_lines, self.line_count))

    def move_to(self, line: int, *, centre: bool = False) -> None:
        """Puts the cursor on a line (the nearest there is) and scrolls as little as it must, or the line into the middle."""
        before = self._cursor
        self._cursor = max(0, min(line, self.line_count - 1))
        self.show_line(self._cursor, centre=centre)
        if self._cursor != before:
            self.refresh_row(before)
            self.refresh_row(self._cursor)
            self.cursor_moved(before)

    def show_line(self, line: int, *, centre: bool = False) -> None:
        """Scrolls until the line can be seen."""
        top = self.scroll_offset.y
        page = self.page_lines
        if top <= line < top + page:
            return
        nearest = line if line < top else line - page + 1
        wanted = line - page // 2 if centre else nearest
        self.scroll_to(y=max(0, wanted), animate=False, force=True)

    def lines_changed(self) -> None:
        """There are other lines, or another number of them: to be called after `line_count` has changed."""
        self._cursor = max(0, min(self._cursor, self.line_count - 1))
        self.virtual_size = Size(0, self.line_count + self.header_lines)
        self.refresh()

    def refresh_row(self, line: int) -> None:
        """Paints one line again, if it can be seen."""
        y = line - self.scroll_offset.y
        if 0 <= y < self.page_lines:
            self.refresh(Region(0, y + self.header_lines, self.line_width, 1))

    # painting

    def render_line(self, y: int) -> Strip:
        width = self.line_width
        palette = self.palette
        if y < self.header_lines:
            under = palette.base + palette.header
            return _strip(self.paint_header(y, width, palette), under, width)
        line = self.scroll_offset.y + y - self.header_lines
        if 0 <= line < self.line_count:
            cursor = line == self._cursor
            under = palette.base + self.row_style(line, palette, cursor)
            return _strip(self.paint(line, width, palette, cursor), under, width)
        if not self.line_count:
            return self._placeholder_strip(y - self.header_lines, width, palette)
        return Strip.blank(width, palette.base)

    def _placeholder_strip(self, y: int, width: int, palette: Palette) -> Strip:
        lines = self._placeholder_lines(max(1, width - 2))
        y -= max(0, (self.page_lines - len(lines)) // 3)
        if not 0 <= y < len(lines):
            return Strip.blank(width, palette.base)
        blanks = " " * max(0, (width - cell_len(lines[y])) // 2)
        return Strip([Segment(fit(blanks + lines[y], width), palette.base + palette.muted)], width)

    def _placeholder_lines(self, width: int) -> list[str]:
        """Wrapped once for a width, and no more of it than anybody reads: a filter that was pasted can be a megabyte long."""
        text = self.placeholder
        if len(text) > _MOST_SAID:
            text = f"{text[:_MOST_SAID]}{ELLIPSIS}"
        if self._wrapped is None or self._wrapped[0] != (text, width):
            self._wrapped = ((text, width), wrapped(text, width))
        return self._wrapped[1]

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        # Textual tells the bar where it stands only while it is there
        if shown:
            self.vertical_scrollbar.position = self.scroll_y

    def watch_placeholder(self) -> None:
        # it counts what has not been judged yet: ten times a second, while it is not even seen
        if self.is_mounted and not self.line_count:
            self.refresh()

    # keys and mouse

    def action_move(self, by: int) -> None:
        self.move_to(self._cursor + by)

    def action_page(self, pages: float) -> None:
        step = max(1, int(abs(pages) * (self.page_lines - (1 if abs(pages) >= 1 else 0))))
        self.move_to(self._cursor + (step if pages > 0 else -step))

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(self.line_count - 1)

    def action_open(self) -> None:
        if self.line_count:
            self.opened()

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        event.stop()
        if offset.y < self.header_lines:
            self.header_clicked(offset.y, offset.x)
            return
        line = self.scroll_offset.y + offset.y - self.header_lines
        if line >= self.line_count:
            return
        self.line_clicked(line, offset.x, event)
        if event.chain == 2:
            self.opened()

    def line_clicked(self, line: int, x: int, event: events.Click) -> None:
        """A click on a line, at a cell: moves the cursor there."""
        self.move_to(line)

    def on_resize(self) -> None:
        # the cursor stays in sight when the pane shrinks around it
        if self.line_count:
            self.show_line(self._cursor)


def _strip(segments: list[Segment], under: Style, width: int) -> Strip:
    return Strip(Segment.apply_style(segments, under)).adjust_cell_length(width, under)
