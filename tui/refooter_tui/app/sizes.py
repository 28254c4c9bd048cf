"""How much of the window each pane gets: what was wanted, as far as the entries keep enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CENTRE_LEAST: Final = 50
LEFT_LEAST: Final = 22
DETAIL_LEAST: Final = 30
TABLE_LEAST: Final = 12
# From this width on left, centre and detail stand side by side; below it the left pane is a drawer, the detail a screen of its own.
WIDE: Final = 120
# Below this height the timeline has two rows and the log one.
TALL: Final = 30
_DETAIL_USUAL: Final = range(34, 100)
_DIVIDERS: Final = 2
_LEFT_USUAL: Final = range(26, 36)
_LEFT_BESIDE_DRAWER: Final = 8
TIMELINE_TALL: Final = 7
TIMELINE_LOW: Final = 2
# header, sentence, filter, the entries' title and header, the run's line, the footer
_LINES: Final = 7


@dataclass(frozen=True, slots=True)
class Sizes:
    """Columns of left and detail, lines of the timeline and of the log without its title; `log_title`: whether that has room."""

    left: int
    detail: int
    timeline: int
    log: int
    log_title: bool


def fitting(width: int, height: int, left: int, detail: int, log: int) -> Sizes:
    """Sizes for a window, by what is wanted; a `left` or a `detail` of 0 wants its share."""
    left = left or max(_LEFT_USUAL.start, min(_LEFT_USUAL.stop, width // 5))
    low = height < TALL or width < WIDE
    timeline = TIMELINE_LOW if low else TIMELINE_TALL
    log_room = height - _LINES - TABLE_LEAST - timeline - 1
    log_lines = 1 if low else max(1, min(log, log_room))
    if width < WIDE:
        return Sizes(max(LEFT_LEAST, min(left, width - _LEFT_BESIDE_DRAWER)), 0, timeline, log_lines, not low)
    room = width - _DIVIDERS - CENTRE_LEAST
    left = max(LEFT_LEAST, min(left, room - DETAIL_LEAST))
    share = max(_DETAIL_USUAL.start, min(_DETAIL_USUAL.stop, (width - _DIVIDERS - left) // 3))
    return Sizes(left, max(DETAIL_LEAST, min(detail or share, room - left)), timeline, log_lines, not low)
