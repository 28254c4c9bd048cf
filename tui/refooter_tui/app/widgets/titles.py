"""A pane's name with the key that leads there. It stands on the pane's first line, and says where the focus is without colour, too."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from refooter_tui.app.widgets.cells import fit_middle
from refooter_tui.app.widgets.palette import Painted, Palette
from refooter_tui.text import visible

FOCUSED = "▌"


def title(key: str, name: str, palette: Palette, *, focused: bool) -> list[Segment]:
    """`▌3 Entries`: nine cells and the gap behind it."""
    if focused:
        return [Segment(f"{FOCUSED}{key} {name} ", palette.accent)]
    return [Segment(f" {key} ", palette.muted), Segment(f"{name} ", palette.strong)]


class PaneTitle(Painted):
    """The title line of a pane that has none of its own; `said` stands beside it."""

    DEFAULT_CSS = """
    PaneTitle { height: 1; background: $panel; color: $foreground; }
    """

    said: reactive[str] = reactive("", layout=False)
    focused: reactive[bool] = reactive(False, layout=False)

    @dataclass
    class Clicked(Message):
        """The pane of this key was asked for."""

        key: str

    def __init__(self, key: str, name: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pane_key, self._pane_name = key, name

    def render_line(self, y: int) -> Strip:
        palette = self.palette
        width = self.size.width
        segments = title(self._pane_key, self._pane_name, palette, focused=self.focused)
        room = width - sum(cell_len(segment.text) for segment in segments) - 1
        if self.said and room > 0:
            segments.append(Segment(fit_middle(visible(self.said), room), palette.muted))
        return titled(segments, width, palette, focused=self.focused)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(self.Clicked(self._pane_key))


def titled(segments: list[Segment], width: int, palette: Palette, *, focused: bool) -> Strip:
    """The segments as a pane's first line."""
    under = palette.base + (palette.title_focused if focused else palette.title)
    return Strip(Segment.apply_style(segments, under)).adjust_cell_length(width, under)
