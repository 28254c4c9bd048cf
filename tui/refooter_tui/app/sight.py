"""In a lake too large to be judged whole, what somebody looks at is: one scan at a time, of what stays on the screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from textual.message_pump import MessagePump

from refooter_tui.app.lake_view import LakeView
from refooter_tui.app.settling import Settling
from refooter_tui.model.columns import Int32s

# A page that only flew by is not worth a read.
_REST: Final = 0.15


class Sight:
    """`look` as often as anything moves. `rows` are those on the screen, `scan` begins a job and returns its number."""

    def __init__(
        self, pump: MessagePump, lake: LakeView, rows: Callable[[], Int32s], scan: Callable[[list[str]], int]
    ) -> None:
        self._lake, self._rows, self._scan = lake, rows, scan
        self._settling = Settling(pump, _REST, self._begin)
        self._job: int | None = None
        self._asked: Int32s = np.zeros(0, np.int32)
        # What a scan left as it was (too large, or gone meanwhile), by row, with the table's word on when it changed last.
        self._left: dict[int, int] = {}
        self.open = False
        """Whether there is anything to be judged by sight: the catalog was read, and nobody is judging all of it."""

    def look(self) -> None:
        """Something else is on the screen, or may be."""
        if self.open and self._job is None:
            self._settling.ask()

    def done(self, job: int, *, failed: bool = False) -> None:
        """A job has ended; if it was the one begun here, what is in sight by now comes next. What failed is not tried again by itself."""
        if job != self._job:
            return
        self._job = None
        if failed:
            return
        touched = self._lake.table.touched
        self._left.update((row, int(touched[row])) for row in self._lake.unjudged(self._asked).tolist())
        self.look()

    def _begin(self) -> None:
        if not self.open or self._job is not None:
            return
        rows = self._lake.unjudged(self._rows())
        touched = self._lake.table.touched
        wanted = [row for row in rows.tolist() if self._left.get(row) != int(touched[row])]
        if wanted:
            self._asked = np.array(wanted, np.int32)
            self._job = self._scan(self._lake.paths(wanted))
