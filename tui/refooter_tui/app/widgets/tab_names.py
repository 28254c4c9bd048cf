"""The names of a pane's tabs in one line: the one that is seen is always whole, and marks at the ends say that there are more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from refooter_tui.app.widgets.palette import Painted
from refooter_tui.app.widgets.titles import titled

_MORE_BEFORE: Final = "‹"
_MORE_BEHIND: Final = "›"


class TabNames(Painted):
    """`tabs` are (name, label). The one that is seen stands in brackets, so that it reads without colour."""

    DEFAULT_CSS = """
    TabNames { height: 1; background: $panel; color: $foreground; }
    """

    tab: reactive[str] = reactive("", layout=False)

    @dataclass
    class Asked(Message):
        """A tab's name was clicked, or the mark that says that there are more."""

        tab: str

    def __init__(self, tabs: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._tabs = tuple(tabs)
        self._places: list[tuple[range, str]] = []
        self.set_reactive(TabNames.tab, self._tabs[0][0])

    def render_line(self, y: int) -> Strip:
        palette = self.palette
        width = self.size.width
        at = [name for name, _ in self._tabs].index(self.tab)
        shown = _shown([cell_len(label) + 2 for _, label in self._tabs], at, width)
        self._places = []
        segments = [Segment(_MORE_BEFORE if shown.start else " ", palette.accent)]
        if shown.start:
            self._places.append((range(1), self._tabs[shown.start - 1][0]))
        used = 1
        for index in shown:
            name, label = self._tabs[index]
            here = index == at
            segments.append(Segment(f"[{label}]" if here else f" {label} ", palette.strong if here else palette.muted))
            self._places.append((range(used, used := used + cell_len(label) + 2), name))
        if shown.stop < len(self._tabs) and used < width:
            segments.append(Segment(" " * (width - used - 1)))
            segments.append(Segment(_MORE_BEHIND, palette.accent))
            self._places.append((range(used, width), self._tabs[shown.stop][0]))
        return titled(segments, width, palette, focused=False)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        name = next((name for cells, name in self._places if event.x in cells), None)
        if name is not None:
            self.post_message(self.Asked(name))


def _shown(widths: Sequence[int], at: int, width: int) -> range:
    """Which of the labels fit whole between the two marks: the one of `at`, and then, as far as there is room, its neighbours."""
    room = width - 2
    first, stop = at, at + 1
    used = widths[at]
    # the next one first, since it tells where one would come to
    while True:
        if stop < len(widths) and used + widths[stop] <= room and (stop - at <= at - first or not first):
            used += widths[stop]
            stop += 1
        elif first and used + widths[first - 1] <= room:
            first -= 1
            used += widths[first]
        elif stop < len(widths) and used + widths[stop] <= room:
            used += widths[stop]
            stop += 1
        else:
            return range(first, stop)
