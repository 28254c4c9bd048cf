"""A bar between two panes that is dragged with the mouse."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from refooter_tui.app.widgets.palette import Painted


class Divider(Painted):
    """One cell wide, as high as there is room. `key` says which of them it is, to whoever hears `Dragged`."""

    DEFAULT_CSS = """
    Divider { width: 1; height: 1fr; background: $background; color: $foreground; }
    """

    lit: reactive[bool] = reactive(False, layout=False)
    """Under the mouse, or in its grip."""

    @dataclass
    class Dragged(Message):
        """The bar is wanted at this column of the screen."""

        key: str
        at: int

    @dataclass
    class Reset(Message):
        """A double click: as it was before anybody dragged it."""

        key: str

    def __init__(self, key: str) -> None:
        super().__init__(id=f"divider-{key}")
        self.key = key
        self._gripped = False
        self.tooltip = "drag to resize, double click to undo"

    def render_line(self, y: int) -> Strip:
        palette = self.palette
        style = palette.base + (palette.accent if self.lit else palette.faded)
        return Strip([Segment("┃" if self.lit else "│", style)], 1)

    def on_enter(self) -> None:
        self.lit = True

    def on_leave(self) -> None:
        self.lit = self._gripped

    def on_mouse_down(self, event: events.MouseDown) -> None:
        event.stop()
        self._gripped = self.lit = True
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._gripped:
            event.stop()
            self.post_message(self.Dragged(self.key, event.screen_x))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._gripped:
            event.stop()
            self._gripped = self.lit = False
            self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        event.stop()
        if event.chain == 2:
            self.post_message(self.Reset(self.key))
