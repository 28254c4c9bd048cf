"""What is wrong with entries: causes with their counts, and under each the target parser's own messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rich.segment import Segment
from rich.style import Style

from refooter.values import Cause, Status
from refooter_tui.app.widgets.asking import FilterAsked
from refooter_tui.app.widgets.branches import BranchPane
from refooter_tui.app.widgets.cells import amount, fit
from refooter_tui.app.widgets.palette import SYMBOLS, Palette
from refooter_tui.model.codes import CAUSES, code_of
from refooter_tui.model.filter import term
from refooter_tui.text import visible

_COUNT: Final = 7
Listing = Callable[[Cause], Sequence[tuple[str, int]]]


def _nothing(cause: Cause) -> Sequence[tuple[str, int]]:
    return ()


class CausesPane(BranchPane):
    """Causes that occur, the most frequent first, `none` left out."""

    BINDING_GROUP_TITLE = "Causes"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.placeholder = "nothing wrong is known yet"
        self._causes: list[tuple[Cause, int]] = []
        self._listed: Listing = _nothing
        self._messages: dict[Cause, Sequence[tuple[str, int]]] = {}

    def show(self, counts: Sequence[int], messages: Listing) -> None:
        """`counts` by the code of the cause. `messages` lists the parser's messages of a cause with their counts, in the order they
        are to be shown in; it is asked only for the causes that are open."""
        known = [(cause, count) for cause, count in zip(CAUSES, counts, strict=True) if count]
        self._causes = sorted((one for one in known if one[0] is not Cause.NONE), key=lambda one: -one[1])
        self._listed = messages
        self._messages = {}
        self.branches_changed()

    @property
    def cause(self) -> Cause | None:
        """The cause that the cursor is on, or in."""
        place = self.place
        return None if place is None else self._causes[place[0]][0]

    def branch_names(self) -> Sequence[str]:
        return [cause.value for cause, _ in self._causes]

    def leaf_count(self, branch: int) -> int:
        cause = self._causes[branch][0]
        if self.is_open(branch):
            return len(self._messages_of(cause))
        # only a rejected value has a message
        return 1 if cause.status in (Status.LEGACY, Status.CORRUPT) else 0

    def _messages_of(self, cause: Cause) -> Sequence[tuple[str, int]]:
        if cause not in self._messages:
            self._messages[cause] = self._listed(cause)
        return self._messages[cause]

    def chosen(self, branch: int, leaf: int | None) -> None:
        cause = self._causes[branch][0]
        asked = term("cause", cause.value)
        if leaf is not None:
            asked = f"{asked} {term('error', self._messages_of(cause)[leaf][0])}"
        self.post_message(FilterAsked(asked))

    def paint_branch(self, branch: int, width: int, palette: Palette) -> list[Segment]:
        cause, count = self._causes[branch]
        code = code_of(cause.status)
        name = fit(f"{SYMBOLS[code]} {cause.value}", max(1, width - _COUNT - 1))
        return [Segment(name, palette.status[code]), _count(count)]

    def paint_leaf(self, branch: int, leaf: int, width: int, palette: Palette) -> list[Segment]:
        message, count = self._messages_of(self._causes[branch][0])[leaf]
        return [Segment(fit(visible(message), max(1, width - _COUNT - 1)), Style.null()), _count(count)]


def _count(count: int) -> Segment:
    return Segment(f" {fit(amount(count, _COUNT), _COUNT, right=True)}")
