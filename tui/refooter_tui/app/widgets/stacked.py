"""A bar of statuses, side by side in one line. Thin where nothing is wrong, thick where something is: it reads without colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.segment import Segment
from rich.style import Style

from refooter.values import Status
from refooter_tui.app.widgets.palette import Palette
from refooter_tui.model.codes import STATUSES, WORST_FIRST

# worst first, so that what matters stands at the left edge of every bar and can be compared
_ORDER: Final = WORST_FIRST
_CHARACTERS: Final = {Status.STALE: "▬", Status.OK: "─", Status.UNKNOWN: "┄"}
_BY_CODE: Final = tuple(_CHARACTERS.get(status, "█") for status in STATUSES)


def stacked_bar(counts: Sequence[int], width: int, palette: Palette) -> list[Segment]:
    """`counts` by status code in `width` cells. What is there has at least one cell, as long as there are enough of them."""
    cells = shares([int(counts[code]) for code in _ORDER], width)
    return [
        Segment(_BY_CODE[code] * count, Style(color=palette.fill[code]))
        for code, count in zip(_ORDER, cells, strict=True)
        if count
    ] or [Segment(" " * width)]


def shares(counts: Sequence[int], width: int) -> list[int]:
    """`width` shared out in proportion to `counts`: whole numbers that add up to it (to 0 if there is nothing to share), at least
    1 for what is not 0, the first first where `width` is too small for that."""
    total = sum(counts)
    present = [index for index, count in enumerate(counts) if count]
    cells = [0] * len(counts)
    if not total or width <= 0:
        return cells
    for index in present[:width]:
        cells[index] = 1
    left = width - min(width, len(present))
    exact = [left * count / total for count in counts]
    for index in present:
        cells[index] += int(exact[index])
    rest = width - sum(cells)
    for index in sorted(present, key=lambda index: exact[index] - int(exact[index]), reverse=True)[:rest]:
        cells[index] += 1
    return cells
