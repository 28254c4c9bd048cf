"""Statuses over insert time: entries counted in as many buckets as there are columns, and the range that is shown of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from refooter.values import TIME_INFINITY, time_text
from refooter_tui.model.codes import STATUSES, Mask
from refooter_tui.model.columns import TIME_MISSING, Int32s, Int64s
from refooter_tui.model.filter import term
from refooter_tui.model.stacks import Column, stack
from refooter_tui.model.summary import first_broken
from refooter_tui.model.table import EntryTable

_KINDS: Final = len(STATUSES)
# Nothing is told apart below a second: an insert time is when a batch of entries was written.
_SHORTEST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From `since` up to, but not with, `until`; microseconds since 2000-01-01 UTC."""

    since: int
    until: int

    @property
    def length(self) -> int:
        return self.until - self.since

    def terms(self) -> str:
        """The filter that means this range; to be added with `Filter.plus(..., replacing=("since", "until", "time"))`."""
        return f"{term('since', time_text(self.since) or '')} {term('until', time_text(self.until) or '')}"


class Timeline:
    """What is painted is worked out when it is asked for, and only as far as the table has changed since.

    Retired entries are left out. Those without an insert time, or with an infinite one, are in `outside`.
    """

    def __init__(self, table: EntryTable) -> None:
        self._table = table
        self._only: Mask | None = None
        self._zoomed: TimeRange | None = None
        self._full: tuple[int, TimeRange | None] | None = None
        self._buckets: tuple[tuple[object, ...], Int32s] | None = None
        self._counts: tuple[tuple[object, ...], Int64s] | None = None

    def only(self, mask: Mask | None) -> None:
        """Counts just these rows (by row of the table; later ones do not count), or all."""
        self._only = mask
        self._buckets = self._counts = None

    @property
    def full(self) -> TimeRange | None:
        """From the first to the last finite insert time there is; `None` without any."""
        revision = self._table.times_revision
        if self._full is None or self._full[0] != revision:
            times = self._table.insert_time
            times = times[(times > TIME_MISSING) & (times < TIME_INFINITY) & ~self._table.retired[: len(times)]]
            self._full = (revision, TimeRange(int(times.min()), int(times.max()) + 1) if len(times) else None)
        return self._full[1]

    @property
    def shown(self) -> TimeRange | None:
        """The range that is painted: all of it, unless zoomed."""
        return self._zoomed or self.full

    @property
    def zoomed(self) -> bool:
        return self._zoomed is not None

    def counts(self, width: int) -> npt.NDArray[np.int64]:
        """Entries by bucket and status code, `width` rows of six."""
        shown = self.shown
        if shown is None or width < 1:
            return np.zeros((max(0, width), _KINDS), np.int64)
        key = (self._table.revision, width, shown)
        if self._counts is None or self._counts[0] != key:
            buckets = self._bucketed(width, shown)
            found = np.bincount(buckets + self._table.status[: len(buckets)], minlength=(width + 1) * _KINDS)
            self._counts = (key, found.reshape(width + 1, _KINDS).astype(np.int64, copy=False))
        return self._counts[1][:width]

    def outside(self, width: int) -> int:
        """How many entries lie beyond the range that is shown, those of no finite insert time among them."""
        shown = (
            len(self._table) - self._table.retired_count if self._only is None else int(np.count_nonzero(self._only))
        )
        return shown - int(self.counts(width).sum())

    def _bucketed(self, width: int, shown: TimeRange) -> Int32s:
        """For each row its bucket times six; `width` times six for what is not shown."""
        key = (self._table.times_revision, width, shown)
        if self._buckets is None or self._buckets[0] != key:
            times = self._table.insert_time
            inside = (times >= shown.since) & (times < shown.until) & ~self._table.retired[: len(times)]
            if self._only is not None:
                inside[: len(self._only)] &= self._only[: len(inside)]
                inside[len(self._only) :] = False
            buckets = np.full(len(times), width * _KINDS, np.int32)
            # Unsigned: two finite times can be further apart than an int64 reaches.
            since = np.uint64(shown.since % 2**64)
            buckets[inside] = (
                (times[inside].view(np.uint64) - since) // np.uint64(_step(shown, width)) * np.uint64(_KINDS)
            )
            self._buckets = (key, buckets)
        return self._buckets[1]

    def bars(self, width: int, height: int) -> list[Column]:
        """A column a bucket, each of `height` cells from the top down."""
        counts = self.counts(width)
        tallest = int(counts.sum(axis=1).max(initial=0))
        return [stack(bucket, tallest, height) for bucket in counts.tolist()]

    def mark(self, width: int) -> int | None:
        """The column in which breakage starts; `None` where nothing is broken, or it starts outside."""
        first = first_broken(self._table)
        return None if first is None else self.column_of(first, width)

    def column_of(self, time: int, width: int) -> int | None:
        """The bucket that a moment falls into, `None` outside of what is shown."""
        shown = self.shown
        if shown is None or width < 1 or not shown.since <= time < shown.until:
            return None
        return (time - shown.since) // _step(shown, width)

    def range_of(self, first: int, last: int, width: int) -> TimeRange | None:
        """The times that the buckets between two columns cover, both included, in either order."""
        shown = self.shown
        if shown is None or width < 1:
            return None
        low, high = sorted((min(max(first, 0), width - 1), min(max(last, 0), width - 1)))
        step = _step(shown, width)
        since = min(shown.since + low * step, shown.until - 1)
        return TimeRange(since, max(since + 1, min(shown.since + (high + 1) * step, shown.until)))

    def zoom(self, factor: float, column: int, width: int) -> bool:
        """Shows `1/factor` of the range, its moment at `column` staying where it is; a factor below one shows more. Returns whether
        anything changed."""
        full, shown = self.full, self.shown
        if full is None or shown is None or width < 1:
            return False
        length = max(min(_SHORTEST, full.length), int(shown.length / factor))
        share = (min(max(column, 0), width - 1) + 0.5) / width
        since = shown.since + int(shown.length * share) - int(length * share)
        return self.zoom_to(TimeRange(since, since + length))

    def zoom_to(self, wanted: TimeRange) -> bool:
        """Shows this range, moved and cut to what there is; all of it ends the zoom. Returns whether anything changed."""
        full, before = self.full, self._zoomed
        if full is None:
            return False
        length = min(max(wanted.length, _SHORTEST), full.length)
        since = min(max(wanted.since, full.since), full.until - length)
        # Zooming in and out again ends where it began, whatever was rounded on the way.
        self._zoomed = None if length + length // 1000 >= full.length else TimeRange(since, since + length)
        return self._zoomed != before

    def pan(self, columns: int, width: int) -> bool:
        """Moves the range by so many columns, as far as there is anything. Returns whether anything changed."""
        shown = self.shown
        if shown is None or width < 1 or not self.zoomed:
            return False
        by = columns * _step(shown, width)
        return self.zoom_to(TimeRange(shown.since + by, shown.until + by))

    def reset(self) -> None:
        """Shows all there is, and what comes later too."""
        self._zoomed = None


def _step(shown: TimeRange, width: int) -> int:
    return max(1, -(-shown.length // width))
