"""Counts by status as one column of block characters, the worst at the bottom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from refooter_tui.model.codes import NO_CODE, WORST_FIRST

BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_EIGHTHS: Final = 8
# From the bottom up: what is broken stands on one line with what is broken beside it, however tall the rest is.
_UPWARDS: Final = WORST_FIRST


class Cell(NamedTuple):
    """A character, the status whose colour it has, and the status whose colour stands behind it; -1 for none."""

    char: str
    status: int
    behind: int


Column = list[Cell]
_NOTHING: Final = Cell(" ", NO_CODE, NO_CODE)


def stack(counts: Sequence[int], tallest: int, height: int) -> Column:
    """Counts by status code as `height` cells from the top down, `tallest` reaching to the top. A status that is there takes an eighth of
    a cell at least."""
    pieces = _pieces(counts, tallest, height * _EIGHTHS)
    column: Column = []
    cell: list[tuple[int, int]] = []
    room = _EIGHTHS
    for status, eighths in pieces:
        left = eighths
        while left:
            taken = min(left, room)
            cell.append((status, taken))
            left -= taken
            room -= taken
            if not room:
                column.append(_cell(cell))
                cell, room = [], _EIGHTHS
    if cell:
        column.append(_cell(cell))
    column += [_NOTHING] * (height - len(column))
    return column[::-1]


def _pieces(counts: Sequence[int], tallest: int, eighths: int) -> list[tuple[int, int]]:
    """Status codes from the bottom up, each with its eighths."""
    there = [(code, counts[code]) for code in _UPWARDS if counts[code]]
    total = sum(count for _, count in there)
    if not total or not eighths:
        return []
    tall = min(eighths, max(len(there), -(-total * eighths // tallest)))
    # An eighth each, the rest by their shares, and what rounding leaves to the largest.
    spare = tall - len(there)
    pieces = [1 + spare * count // total for _, count in there]
    largest = max(range(len(there)), key=lambda i: there[i][1])
    pieces[largest] += tall - sum(pieces)
    return [(code, piece) for (code, _), piece in zip(there, pieces, strict=True)]


def _cell(pieces: list[tuple[int, int]]) -> Cell:
    """One cell has two colours: the lowest status, which is the worst, and where the cell is full the largest of the others."""
    status, eighths = pieces[0]
    filled = sum(taken for _, taken in pieces)
    if filled < _EIGHTHS or len(pieces) == 1:
        return Cell(BLOCKS[filled], status, NO_CODE)
    return Cell(BLOCKS[eighths], status, max(pieces[1:], key=lambda piece: piece[1])[0])
