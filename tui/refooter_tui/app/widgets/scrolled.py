"""A view of lines that are now more and now fewer, in the same room."""

from __future__ import annotations

from typing import Final

from textual.geometry import Size
from textual.reactive import Reactive
from textual.scroll_view import ScrollView

_EIGHTHS: Final = 8


class Scrolled(ScrollView):
    """Textual lays the whole screen out anew when a view has another number of lines, which takes as long as some frames. Here that
    is done only where the scrollbar comes or goes by it."""

    virtual_size = Reactive(Size(0, 0), layout=False)

    def watch_virtual_size(self, size: Size) -> None:
        room = self.container_size.height
        overflow = self.styles.overflow_y
        if (overflow == "scroll" or (overflow == "auto" and size.height > room)) != self.show_vertical_scrollbar:
            self.refresh(layout=True)
        elif self.show_vertical_scrollbar:
            self.vertical_scrollbar.window_virtual_size = size.height
            self.vertical_scrollbar.window_size = room

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The scrollbar is painted again only where its thumb, drawn in eighths of a cell, would stand elsewhere."""
        if self.show_vertical_scrollbar:
            step = self.virtual_size.height / max(1, self.container_size.height) / _EIGHTHS
            exact = step < 1 or new_value >= self.max_scroll_y
            self.vertical_scrollbar.position = new_value if exact else new_value // step * step
        if round(old_value) != round(new_value):
            self.refresh(self.size.region)
