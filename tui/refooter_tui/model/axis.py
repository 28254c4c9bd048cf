"""Where an axis of time is labelled, and how."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from refooter.values import PG_EPOCH
from refooter_tui.model.timeline import Timeline

_SECOND: Final = 1_000_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_STEPS: Final = (
    *(n * _SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 30, 90, 180, 365, 730, 1825, 3650, 36500, 365000)),
)
_WIDEST_LABEL: Final = len("06-14 09:12")


def ticks(timeline: Timeline, width: int) -> list[tuple[int, str]]:
    """Columns and their labels in UTC, far enough apart for the labels to stand beside each other. Times that no calendar has
    (PostgreSQL's reach to the year 294276) get none."""
    shown = timeline.shown
    if shown is None or width <= _WIDEST_LABEL:
        return []
    least = shown.length * (_WIDEST_LABEL + 2) // width
    step = next((step for step in _STEPS if step >= least), _STEPS[-1])
    found: list[tuple[int, str]] = []
    moment = -(-shown.since // step) * step
    while moment < shown.until and len(found) < width:
        column, label = timeline.column_of(moment, width), _label(moment, step)
        if column is not None and label and column + len(label) <= width:
            found.append((column, label))
        moment += step
    return found


def _label(moment: int, step: int) -> str:
    try:
        at = PG_EPOCH + timedelta(microseconds=moment)
    except OverflowError:
        return ""
    if step >= _DAY:
        return f"{at:%Y-%m-%d}"
    return f"{at:%m-%d %H:%M}" if step >= _MINUTE else f"{at:%H:%M:%S}"
