"""What a filter looks at: all rows of a table as they are at one moment, or some of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from refooter_tui.model.codes import Mask
from refooter_tui.model.columns import Int32s
from refooter_tui.model.table import EntryTable


@dataclass(frozen=True, slots=True)
class Rows:
    """The first `length` rows of a table, or those in `some`.

    `selected` and `changed` are by row of the table, and may be shorter than it: what lies beyond is not. `stop` is asked now and
    then whether anybody still waits for the answer.
    """

    table: EntryTable
    length: int
    some: Int32s | None = None
    selected: Mask | None = None
    changed: Mask | None = None
    stop: Callable[[], bool] | None = None

    def __len__(self) -> int:
        return self.length if self.some is None else len(self.some)

    def column(self, name: str) -> npt.NDArray[Any]:
        whole = self.table.column(name)
        return whole[: self.length] if self.some is None else whole[self.some]

    def marked(self, marks: Mask | None) -> Mask:
        """Marks by row of the table, for these rows."""
        found = np.zeros(len(self), np.bool_)
        if marks is None:
            return found
        if self.some is None:
            shared = min(len(marks), self.length)
            found[:shared] = marks[:shared]
            return found
        within = self.some < len(marks)
        found[within] = marks[self.some[within]]
        return found

    def coded(self, name: str, answers: Mask) -> Mask:
        """`answers[code]` for the code that each row has in a column, and false for -1."""
        codes = self.column(name)
        if not answers.any():
            return np.zeros(len(codes), np.bool_)
        # Clipped: another thread may meanwhile give a row a code that is newer than the answers; it is asked again then.
        found: Mask = np.concatenate([[False], answers, [False]]).take(codes + 1, mode="clip")
        return found

    def path_holds(self, word: str) -> Mask:
        """A mask that may be shared: not to be written to."""
        if self.some is None:
            return self.table.search.holding(word, self.length, self.stop)
        wanted = word.lower()
        return np.fromiter(
            (wanted in self.table.path(row).lower() for row in self.some.tolist()), np.bool_, len(self.some)
        )
