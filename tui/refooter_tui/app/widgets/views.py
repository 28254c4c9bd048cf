"""The views of the lake: view sets, and in each its instances, with counts and a bar of statuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.reactive import reactive

from refooter.values import Status
from refooter_tui.app.widgets.asking import FilterAsked
from refooter_tui.app.widgets.branches import BranchPane
from refooter_tui.app.widgets.cells import amount, fit, fit_middle
from refooter_tui.app.widgets.palette import SYMBOLS, Palette
from refooter_tui.app.widgets.stacked import stacked_bar
from refooter_tui.model.codes import BROKEN, STATUSES, code_of
from refooter_tui.model.filter import term
from refooter_tui.text import visible

_WORST_FIRST: Final = tuple(code_of(status) for status in (Status.CORRUPT, Status.LEGACY, Status.HARMFUL))
_BROKEN: Final = list(BROKEN)


class ViewsPane(BranchPane):
    """View sets with the instances of those that are open. Thousands of instances cost what is on the screen."""

    BINDING_GROUP_TITLE = "Views"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "order", "Worst first", id="views.order"),
    ]

    worst_first: reactive[bool] = reactive(False, layout=False, init=False)
    """Ordered by the number of broken entries, as it was when this was last asked for; else by name."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.placeholder = "no views yet"
        self._views: list[str] = []
        self._counts = np.zeros((0, len(STATUSES)), dtype=np.int64)
        self._sets: list[str] = []
        self._members: dict[str, np.ndarray] = {}
        self._set_counts: dict[str, np.ndarray] = {}

    def show(self, views: Sequence[str], counts: np.ndarray) -> None:
        """`counts[i, j]`: entries of `views[i]` with status code j. Views are only ever appended to."""
        new = len(views) != len(self._views)
        self._views = list(views) if new else self._views
        self._counts = counts
        if new:
            self._gather()
        for name, members in self._members.items():
            self._set_counts[name] = counts[members].sum(axis=0)
        if new:
            self._sort()
            self.branches_changed()
        else:
            self.refresh()

    def _gather(self) -> None:
        members: dict[str, list[int]] = {}
        for index, view in enumerate(self._views):
            members.setdefault(view.partition("/")[0], []).append(index)
        self._members = {name: np.array(indices) for name, indices in members.items()}

    def _sort(self) -> None:
        by_name = sorted(self._members)
        names = np.array(self._views, dtype=object)
        for name, members in self._members.items():
            self._members[name] = members[np.argsort(names[members], kind="stable")]
        if self.worst_first:
            by_name.sort(key=lambda name: -int(self._set_counts[name][_BROKEN].sum()))
            for name, members in self._members.items():
                broken = self._counts[members][:, _BROKEN].sum(axis=1)
                self._members[name] = members[np.argsort(-broken, kind="stable")]
        self._sets = by_name

    def watch_worst_first(self) -> None:
        self._sort()
        self.branches_changed()
        self.move_to(0)

    def action_order(self) -> None:
        self.worst_first = not self.worst_first

    @property
    def view(self) -> str | None:
        """The view under the cursor: `SET` or `SET/INSTANCE`."""
        place = self.place
        return None if place is None else self._view_at(*place)

    def _view_at(self, branch: int, leaf: int | None) -> str:
        name = self._sets[branch]
        return name if leaf is None else self._views[int(self._members[name][leaf])]

    # the tree

    def branch_names(self) -> Sequence[str]:
        return self._sets

    def leaf_count(self, branch: int) -> int:
        return len(self._members[self._sets[branch]])

    def chosen(self, branch: int, leaf: int | None) -> None:
        self.post_message(FilterAsked(term("view", self._view_at(branch, leaf))))

    def paint_branch(self, branch: int, width: int, palette: Palette) -> list[Segment]:
        name = self._sets[branch]
        return _line(name, self._set_counts[name], width, palette, Style(bold=True))

    def paint_leaf(self, branch: int, leaf: int, width: int, palette: Palette) -> list[Segment]:
        name = self._sets[branch]
        index = int(self._members[name][leaf])
        return _line(self._views[index].partition("/")[2], self._counts[index], width, palette, Style.null())


def _line(name: str, counts: np.ndarray, width: int, palette: Palette, style: Style) -> list[Segment]:
    """Name, entries, what is worst and how many are broken, and the bar: the bar goes first where there is no room."""
    bar = 0 if width < 28 else min(12, 4 + (width - 28) // 3)
    count_width = 4 if width < 25 else 5 if width < 30 else 7 if width < 44 else 9
    broken_width = 4 if width < 25 else 5 if width < 30 else 6 if width < 44 else 8
    name_width = max(4, width - count_width - broken_width - 2 - (bar + 1 if bar else 0))
    total = int(counts.sum())
    broken = int(counts[_BROKEN].sum())
    worst = next((code for code in _WORST_FIRST if counts[code]), -1)
    segments = [
        Segment(fit_middle(visible(name), name_width), style),
        Segment(f" {fit(amount(total, count_width), count_width, right=True)} "),
        Segment(
            fit(f"{SYMBOLS[worst]}{amount(broken, broken_width - 1)}" if broken else "", broken_width, right=True),
            palette.status[worst],
        ),
    ]
    if bar:
        segments += [Segment(" "), *stacked_bar(counts.tolist(), bar, palette)]
    return segments
