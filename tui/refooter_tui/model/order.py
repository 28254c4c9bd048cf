"""What is shown, and in which order: taken at one moment, and kept until it is asked for again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from refooter_tui.model.codes import BROKEN, UNKNOWN, Mask, among
from refooter_tui.model.columns import TIME_MISSING, Int32s
from refooter_tui.model.filter import Filter
from refooter_tui.model.selection import Selection
from refooter_tui.model.table import EntryTable

# The columns there are to sort by, and the value that stands for "not known" in each: it comes last either way.
_MISSING: Final = {
    "status": UNKNOWN,
    "cause": -1,
    "path": None,
    "insert_time": TIME_MISSING,
    "num_rows": -1,
    "file_size": -1,
    "blob_size": None,
    "version": -1,
    "view": None,
    "layout": -1,
    "error": -1,
    "file_state": -1,
    "outcome": -1,
    "reason": -1,
    "last_run": -1,
    "causes": None,
}
SORTABLE: Final = tuple(_MISSING)


@dataclass(frozen=True, slots=True)
class Sort:
    """By one of `SORTABLE`, or by nothing: the catalog's own order, in which entries were first met. Ties keep that order too."""

    column: str | None = None
    reverse: bool = False


class Snapshot:
    """The rows shown and their order. Neither changes; `refresh` finds out what has become untrue of them since."""

    def __init__(
        self, rows: Int32s, known: int, made_of: Filter, sort: Sort, before: Mask | None, revisions: tuple[int, int]
    ) -> None:
        self.rows = rows
        self.filter = made_of
        self.sort = sort
        # What `is:changed` meant when this was taken, so that it goes on meaning the same.
        self._before = before
        self._revision, self._selection_revision = revisions
        self._positions = np.full(known, -1, np.int32)
        self._positions[rows] = np.arange(len(rows), dtype=np.int32)
        self._changed = np.zeros(known, np.bool_)
        self._arrived = np.zeros(known, np.bool_)
        self._known = known
        self.changed_count = 0
        self.arrived_count = 0
        self.new_count = 0
        """How many of those that arrived were not in the catalog, as it was known, when this was taken."""
        self.retired_count = 0
        """How many of those that match no longer do so because the catalog no longer has them."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def changed(self) -> Mask:
        """By row of the table: shown, but matching no longer. As long as the table was when this was last refreshed."""
        return self._changed

    @property
    def arrived(self) -> Mask:
        """By row of the table: matching by now, but not shown."""
        return self._arrived

    @property
    def pending(self) -> int:
        """How many rows applying the filter again would take away or bring."""
        return self.changed_count + self.arrived_count

    def position_of(self, row: int) -> int | None:
        if not 0 <= row < len(self._positions):
            return None
        position = int(self._positions[row])
        return None if position < 0 else position

    def is_changed(self, row: int) -> bool:
        """Whether a row that is shown matches no longer."""
        return row < len(self._changed) and bool(self._changed[row])

    def place_of(self, older: Snapshot, position: int) -> int | None:
        """Where a cursor goes that stood at a position of an older snapshot: to the same entry, else to the next after it that is still
        shown, else to the last before it; `None` where nothing is."""
        position = max(0, position)
        # nearly always the entry itself is still there: all others are looked at only where it is not
        for rows in (older.rows[position : position + 1], older.rows[position:], older.rows[:position][::-1]):
            within = rows[rows < len(self._positions)]
            found = self._positions[within]
            shown = np.flatnonzero(found >= 0)
            if len(shown):
                return int(found[shown[0]])
        return 0 if len(self.rows) else None

    def next_broken(self, table: EntryTable, position: int, *, backwards: bool = False) -> int | None:
        """The next position behind (or before) this one whose entry is broken, going round at the end; `None` where there is none."""
        if not len(self.rows):
            return None
        broken = np.flatnonzero(among(table.status[self.rows], BROKEN))
        if not len(broken):
            return None
        at = int(np.searchsorted(broken, position) if backwards else np.searchsorted(broken, position, "right"))
        return int(broken[at - 1] if backwards else broken[at % len(broken)])

    def refresh(self, table: EntryTable, selection: Selection | None = None) -> bool:
        """Asks the filter again about what was touched since; returns whether `changed` or `arrived` did change.

        Only the rows that were touched are looked at, all of them only where the selection is part of the filter and changed.
        """
        revision = table.revision
        touched = np.flatnonzero(table.touched > self._revision) if revision > self._revision else np.zeros(0, np.intp)
        if selection is not None and self.filter.of_selection and selection.revision != self._selection_revision:
            touched = np.arange(len(table))
        self._revision = revision
        self._selection_revision = 0 if selection is None else selection.revision
        if not len(touched):
            return False
        self._grow(len(table))
        if len(touched) * 4 > len(table):
            matching = self.filter.mask(table, selection, self._before)[touched]
        else:
            matching = self.filter.matches(table, touched, selection, self._before)
        shown = self._positions[touched] >= 0
        changed, arrived = shown & ~matching, matching & ~shown
        different = bool((changed != self._changed[touched]).any() or (arrived != self._arrived[touched]).any())
        self._changed[touched] = changed
        self._arrived[touched] = arrived
        self.changed_count = int(np.count_nonzero(self._changed))
        self.arrived_count = int(np.count_nonzero(self._arrived))
        self.new_count = int(np.count_nonzero(self._arrived[self._known :]))
        gone = table.retired_count and self.changed_count
        self.retired_count = int(np.count_nonzero(self._changed & table.retired[: len(self._changed)])) if gone else 0
        return different

    def _grow(self, rows: int) -> None:
        more = rows - len(self._positions)
        if more > 0:
            self._positions = np.append(self._positions, np.full(more, -1, np.int32))
            self._changed = np.append(self._changed, np.zeros(more, np.bool_))
            self._arrived = np.append(self._arrived, np.zeros(more, np.bool_))


def take(
    table: EntryTable,
    filtering: Filter | None = None,
    sort: Sort | None = None,
    selection: Selection | None = None,
    changed: Mask | None = None,
    stop: Callable[[], bool] | None = None,
) -> Snapshot:
    """Filters and sorts what is there now. Works in any thread; `refresh` it before it is shown, since the table may have gone on.

    `changed` is what `is:changed` means: the mask of the snapshot before. Raises `Abandoned` once `stop` says so.
    """
    filtering, sort = filtering or Filter(), sort or Sort()
    # Before the first look: what is written meanwhile is then looked at again, never missed.
    revisions = table.revision, 0 if selection is None else selection.revision
    mask = filtering.mask(table, selection, changed, stop)
    rows = np.flatnonzero(mask).astype(np.int32)
    if sort.column is not None:
        rows = rows[_order(table, sort.column, sort.reverse, rows)]
    return Snapshot(rows, len(mask), filtering, sort, None if changed is None else changed.copy(), revisions)


def _order(table: EntryTable, column: str, reverse: bool, rows: Int32s) -> npt.NDArray[np.intp]:
    values = table.path_ranks()[rows] if column == "path" else table.column(column)[rows]
    missing = _MISSING[column]
    unknown = None if missing is None else values == missing
    if column in ("view", "error"):
        values = _ranks(table.views if column == "view" else table.errors)[values]
    # The complement turns the order round without overflow, and leaves ties as they are.
    keys: npt.NDArray[Any] = ~values if reverse else values
    if unknown is None or not unknown.any():
        return np.argsort(keys, kind="stable")
    known = np.flatnonzero(~unknown)
    return np.concatenate([known[np.argsort(keys[known], kind="stable")], np.flatnonzero(unknown)])


def _ranks(texts: list[str]) -> Int32s:
    """The place of each text among all; one more, for the index -1."""
    texts = list(texts)
    ranks = np.zeros(len(texts) + 1, np.int32)
    ranks[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts), dtype=np.int32)
    return ranks
