"""A page to read: made once for its width, in a thread, and scrolled without another layout of the screen."""

from __future__ import annotations

import asyncio
from typing import ClassVar, Final

from rich.style import Style
from rich.text import Text
from textual import work
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.strip import Strip

from refooter_tui.app.report import Report
from refooter_tui.app.widgets.scrolled import Scrolled

_PRINTING: Final = "printing"


class PageView(Scrolled, can_focus=True):
    """`show` what is to be read. Its lines are made when it is seen, and again when its width is another one; until they are, those
    from before stay."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "Down", show=False, id="move.down"),
        Binding("up,k", "scroll_up", "Up", show=False, id="move.up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="move.page_down"),
        Binding("pageup", "page_up", "Page up", show=False, id="move.page_up"),
        Binding("ctrl+d", "half(1)", "Half a page down", show=False, id="move.half_down"),
        Binding("ctrl+u", "half(-1)", "Half a page up", show=False, id="move.half_up"),
        Binding("g,home", "scroll_home", "First", show=False, id="move.first"),
        Binding("G,end", "scroll_end", "Last", show=False, id="move.last"),
    ]
    DEFAULT_CSS = """
    PageView {
        padding: 0 1;
        overflow-x: hidden;
        /* always: one that comes and goes from entry to entry has the screen laid out anew each time */
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        background: $surface;
        color: $foreground;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._what: Report | Text = Text()
        self._strips: list[Strip] = []
        self._made_for = -1
        self._waiting = False
        self._from_top = False
        self._under = Style.null()

    def show(self, what: Report | Text) -> None:
        """Something else to read, from its beginning. A sentence is there at once, a report as soon as it is printed."""
        self.workers.cancel_group(self, _PRINTING)
        self._what = what
        self._made_for = -1
        self._from_top = True
        self._make()

    @property
    def made(self) -> bool:
        """Whether the lines are those of what is to be read, at the width there is; nothing is to be made where there is none."""
        width = self.scrollable_content_region.width
        return width <= 0 or (not self._waiting and self._made_for == width)

    @property
    def lines(self) -> list[str]:
        """What there is to read, as it is laid out; of what was shown before, while this is not `made`."""
        return [strip.text.rstrip() for strip in self._strips]

    def on_resize(self) -> None:
        self._make()

    def _make(self) -> None:
        width = self.scrollable_content_region.width
        if width == self._made_for or width <= 0:
            return
        self._made_for = width
        self.workers.cancel_group(self, _PRINTING)
        what, console = self._what, self.app.console
        self._waiting = isinstance(what, Report)
        if isinstance(what, Report):
            self._print(what, width, console.no_color)
        else:
            options = console.options.update(width=width, height=None, highlight=False)
            self._take([Strip(line) for line in console.render_lines(what, options, pad=False)])

    @work(group=_PRINTING)
    async def _print(self, report: Report, width: int, no_color: bool) -> None:
        self._take(await asyncio.to_thread(report.strips, width, no_color))

    def _take(self, strips: list[Strip]) -> None:
        self._strips = strips
        self._waiting = False
        self.virtual_size = Size(self._made_for, len(strips))
        self.scroll_to(y=0 if self._from_top else self.scroll_y, animate=False, force=True)
        self._from_top = False
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        # found out by way of all that lies below: once, and not for every line
        self._under = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        line = self.scroll_offset.y + y
        under = self._under
        if line >= len(self._strips):
            return Strip.blank(width, under)
        return self._strips[line].apply_style(under).adjust_cell_length(width, under)

    def action_half(self, by: int) -> None:
        self.scroll_relative(y=by * max(1, self.size.height // 2), animate=False)
