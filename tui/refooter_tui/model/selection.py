"""Which entries are selected. Survives sorting and filtering; what the filter hides stays selected, and is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from refooter_tui.model.codes import Mask
from refooter_tui.model.columns import Int32s
from refooter_tui.model.table import EntryTable

if TYPE_CHECKING:
    from refooter_tui.model.order import Snapshot

Which = npt.NDArray[np.integer] | list[int] | range


class Selection:
    """`revision` grows with every change."""

    def __init__(self, table: EntryTable) -> None:
        self._table = table
        self._mask: Mask = np.zeros(max(1, len(table)), np.bool_)
        self.count = 0
        self.revision = 0

    @property
    def mask(self) -> Mask:
        """By row, as long as the table. To be read only."""
        rows = len(self._table)
        if rows > len(self._mask):
            grown = np.zeros(max(rows, len(self._mask) * 3 // 2), np.bool_)
            grown[: len(self._mask)] = self._mask
            self._mask = grown
        return self._mask[:rows]

    def __contains__(self, row: int) -> bool:
        return bool(self.mask[row])

    def rows(self) -> Int32s:
        """The selected rows, ascending: a copy, to be frozen into a plan."""
        return np.flatnonzero(self.mask).astype(np.int32)

    def select(self, rows: Which) -> None:
        self._set(rows, True)

    def deselect(self, rows: Which) -> None:
        self._set(rows, False)

    def _set(self, rows: Which, value: bool) -> None:
        self.mask[np.asarray(rows, np.intp)] = value
        self._changed()

    def _changed(self) -> None:
        self.count = int(np.count_nonzero(self._mask))
        self.revision += 1

    def toggle(self, row: int) -> bool:
        """Returns whether it is selected now."""
        self._set([row], not self.mask[row])
        return bool(self.mask[row])

    def replace(self, rows: Which) -> None:
        """These and no others: what a range that is still being drawn needs with every step."""
        self._mask[:] = False
        self._set(rows, True)

    def clear(self) -> None:
        self._mask[:] = False
        self._changed()

    def select_range(self, snapshot: Snapshot, first: int, last: int) -> None:
        """All between two positions of what is shown, both included, in either order."""
        low, high = sorted((first, last))
        self.select(snapshot.rows[max(0, low) : high + 1])

    def select_shown(self, snapshot: Snapshot) -> None:
        """All that the filter shows, beside what is selected already."""
        self.select(snapshot.rows)

    def invert_shown(self, snapshot: Snapshot) -> None:
        """Inverts what the filter shows; what it hides stays as it is."""
        mask = self.mask
        mask[snapshot.rows] = ~mask[snapshot.rows]
        self._changed()

    def shown(self, snapshot: Snapshot) -> Int32s:
        """The selected rows that are shown, in the order shown."""
        found: Int32s = snapshot.rows[self.mask[snapshot.rows]]
        return found

    def hidden(self, snapshot: Snapshot) -> int:
        """How many selected rows are not shown."""
        return self.count - int(np.count_nonzero(self.mask[snapshot.rows]))
