"""A tree of two levels as lines: its leaves exist only while their branch is open, and only those on the screen are painted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType

from refooter_tui.app.widgets.lines import LinePane
from refooter_tui.app.widgets.palette import Palette


class BranchPane(LinePane):
    """A subclass names its branches (`branch_names`, unique), counts and paints the leaves, and calls `branches_changed`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "toggle_node", "Open / close", id="tree.toggle"),
        Binding("right", "open_node", "Open", show=False, id="tree.open"),
        Binding("left", "close_node", "Close", show=False, id="tree.close"),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._open: set[str] = set()
        self._names: list[str] = []
        self._starts: list[int] = []
        self._lines = 0

    # what a subclass says

    def branch_names(self) -> Sequence[str]:
        """The branches in their order."""
        raise NotImplementedError

    def leaf_count(self, branch: int) -> int:
        raise NotImplementedError

    def paint_branch(self, branch: int, width: int, palette: Palette) -> list[Segment]:
        raise NotImplementedError

    def paint_leaf(self, branch: int, leaf: int, width: int, palette: Palette) -> list[Segment]:
        raise NotImplementedError

    def chosen(self, branch: int, leaf: int | None) -> None:
        """`enter` on a branch, or on a leaf of it."""
        raise NotImplementedError

    # lines

    def branches_changed(self) -> None:
        """Branches or leaves have come, gone or moved. The cursor stays with its branch."""
        here = self._place(self._cursor) if self._lines else None
        name = self._names[here[0]] if here else None
        self._names = list(self.branch_names())
        self._starts = []
        self._lines = 0
        for index in range(len(self._names)):
            self._starts.append(self._lines)
            self._lines += 1 + (self.leaf_count(index) if self.is_open(index) else 0)
        if here is not None and name in self._names:
            branch_at = self._names.index(name)
            leaf = -1 if here[1] is None else here[1]
            end = self._starts[branch_at + 1] if branch_at + 1 < len(self._starts) else self._lines
            self._cursor = min(self._starts[branch_at] + 1 + leaf, end - 1)
        self.lines_changed()
        self.show_line(self._cursor)

    @property
    def line_count(self) -> int:
        return self._lines

    @property
    def place(self) -> tuple[int, int | None] | None:
        """The branch, and the leaf in it, under the cursor."""
        return self._place(self._cursor) if self._lines else None

    def _place(self, line: int) -> tuple[int, int | None]:
        branch = bisect_right(self._starts, line) - 1
        leaf = line - self._starts[branch] - 1
        return branch, leaf if leaf >= 0 else None

    def paint(self, line: int, width: int, palette: Palette, cursor: bool) -> list[Segment]:
        branch, leaf = self._place(line)
        mark = Segment("▌" if cursor and self.has_focus else " ", palette.accent)
        if leaf is not None:
            return [mark, Segment("  "), *self.paint_leaf(branch, leaf, width - 3, palette)]
        arrow = " " if not self.leaf_count(branch) else "▾" if self._names[branch] in self._open else "▸"
        return [mark, Segment(f"{arrow} ", palette.muted), *self.paint_branch(branch, width - 3, palette)]

    # opening

    def opened(self) -> None:
        place = self.place
        if place is not None:
            self.chosen(*place)

    def is_open(self, branch: int) -> bool:
        return self._names[branch] in self._open

    def action_toggle_node(self) -> None:
        place = self.place
        if place is not None:
            self._set_open(place[0], not self.is_open(place[0]))

    def action_open_node(self) -> None:
        place = self.place
        if place is not None:
            self._set_open(place[0], True)

    def action_close_node(self) -> None:
        place = self.place
        if place is not None:
            self._set_open(place[0], False)

    def _set_open(self, branch: int, wanted: bool) -> None:
        if wanted == self.is_open(branch) or (wanted and not self.leaf_count(branch)):
            return
        if wanted:
            self._open.add(self._names[branch])
        else:
            self._open.discard(self._names[branch])
            self._cursor = self._starts[branch]
        self.branches_changed()

    def line_clicked(self, line: int, x: int, event: events.Click) -> None:
        super().line_clicked(line, x, event)
        if x <= 2 and self._place(line)[1] is None:
            self.action_toggle_node()
