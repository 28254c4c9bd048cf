"""A page to read: made once for its width, and scrolled without another layout of the screen."""

from __future__ import annotations

from typing import ClassVar

from rich.console import RenderableType
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip


class PageView(ScrollView, can_focus=True):
    """`show` what is to be read. Its lines are made when it is seen, and again when its width is another one."""

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
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        background: $surface;
        color: $foreground;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._what: RenderableType = ""
        self._strips: list[Strip] = []
        self._made_for = -1

    def show(self, what: RenderableType) -> None:
        """Something else to read, from its beginning."""
        self._what = what
        self._made_for = -1
        self._make()
        self.scroll_to(y=0, animate=False, force=True)

    @property
    def lines(self) -> list[str]:
        """What there is to read, as it is laid out."""
        self._make()
        return [strip.text.rstrip() for strip in self._strips]

    def on_resize(self) -> None:
        self._make()

    def _make(self) -> None:
        width = self.scrollable_content_region.width
        if width == self._made_for or width <= 0:
            return
        self._made_for = width
        console = self.app.console
        options = console.options.update(width=width, height=None, highlight=False)
        self._strips = [Strip(line) for line in console.render_lines(self._what, options, pad=False)]
        self.virtual_size = Size(width, len(self._strips))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        line = self.scroll_offset.y + y
        under = self.rich_style
        if line >= len(self._strips):
            return Strip.blank(width, under)
        return self._strips[line].apply_style(under).adjust_cell_length(width, under)

    def action_half(self, by: int) -> None:
        self.scroll_relative(y=by * max(1, self.size.height // 2), animate=False)
