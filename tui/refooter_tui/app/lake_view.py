"""What the app knows of the lake, and what it shows of it: table, filter, order, selection, timeline. Knows no widget and no engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refooter.values import EntryResult
from refooter_tui.app.messages import Listed
from refooter_tui.app.widgets.counts import Counts
from refooter_tui.model.codes import UNKNOWN
from refooter_tui.model.columns import Int32s
from refooter_tui.model.filter import Filter
from refooter_tui.model.order import Snapshot, Sort, take
from refooter_tui.model.selection import Selection
from refooter_tui.model.summary import Summary, by_view, summarise
from refooter_tui.model.table import EntryTable
from refooter_tui.model.timeline import Timeline

# Below this a filter or a sort takes less than a frame, and needs no thread.
SMALL = 50_000


@dataclass(frozen=True, slots=True)
class Tallies:
    """The lake in counts; of the views those that were known. `by_view`: entries by view and status code."""

    summary: Summary
    views: list[str]
    by_view: npt.NDArray[np.int64]


class LakeView:
    """For the app's thread, but `take` and `tallies`, which may run in another."""

    def __init__(self) -> None:
        self.table = EntryTable()
        self.selection = Selection(self.table)
        self.filter = Filter()
        self.sort = Sort()
        self.snapshot: Snapshot = take(self.table)
        self.timeline = Timeline(self.table)
        self.expected = 0
        self.loading = False
        self.working = False
        self.scanning = False
        """Whether somebody is judging every entry."""
        self._unscanned: tuple[int, tuple[int, int]] = (-1, (0, 0))

    def begin_loading(self) -> None:
        """The catalog is to be read, again perhaps: what it does not name any more will be marked as retired."""
        self.loading, self.expected = True, 0
        self.table.begin_listing()

    def listed(self, part: Listed) -> range:
        """Takes a part of the catalog's list; the rows that are new."""
        new = self.table.append(part.batch)
        self.expected = part.about
        if part.complete:
            self.table.end_listing()
            self.loading = False
        return new

    def judged(self, results: Sequence[EntryResult], run: int | None) -> Int32s:
        """Takes what a job said of entries; the rows that look different now."""
        return self.table.judge(results, run)

    def refresh(self) -> bool:
        """Whether other rows than before match no longer, or would be shown by now."""
        return self.snapshot.refresh(self.table, self.selection)

    def take(self, stop: Callable[[], bool] | None = None) -> Snapshot:
        """Filter and order as they are wanted now, of what is there now. Shown by whoever assigns it to `snapshot`."""
        return take(self.table, self.filter, self.sort, self.selection, self.snapshot.changed, stop)

    @property
    def small(self) -> bool:
        return len(self.table) <= SMALL

    def scanned_whole(self, going: bool) -> None:
        """Somebody begins to judge every entry, or has ended."""
        if going != self.scanning:
            self.scanning = going
            self._unscanned = (-1, (0, 0))

    def unscanned(self) -> tuple[int, int]:
        """How many entries of the catalog nobody has judged yet, and the bytes of their values: what judging them would read. While
        all are being judged nobody asks what that costs, and adding up a million sizes ten times a second would: 0 bytes then."""
        revision = self.table.revision
        if self._unscanned[0] != revision:
            waiting = self.table.status == UNKNOWN
            if self.table.retired_count:
                waiting &= ~self.table.retired[: len(waiting)]
            count = int(np.count_nonzero(waiting))
            size = int(self.table.blob_size[: len(waiting)][waiting].sum()) if count and not self.scanning else 0
            self._unscanned = (revision, (count, size))
        return self._unscanned[1]

    def counts(self) -> Counts:
        snapshot = self.snapshot
        unscanned, size = self.unscanned()
        return Counts(
            shown=len(snapshot),
            total=len(self.table),
            expected=self.expected if self.loading else 0,
            selected=self.selection.count,
            hidden=self.selection.hidden(snapshot) if self.selection.count else 0,
            # while the catalog is read nothing is news yet
            new=0 if self.loading else snapshot.new_count,
            retired=snapshot.retired_count,
            changed=snapshot.pending - snapshot.new_count - snapshot.retired_count,
            working=self.working,
            unscanned=unscanned,
            unscanned_bytes=size,
            scanning=self.scanning,
        )

    def tallies(self) -> Tallies:
        """May run in another thread: of what is written meanwhile it counts something or nothing."""
        views = list(self.table.views)
        return Tallies(summarise(self.table), views, by_view(self.table)[: len(views)])

    def paths(self, rows: Int32s | Sequence[int]) -> list[str]:
        return [self.table.path(int(row)) for row in rows]

    def unjudged(self, rows: Int32s) -> Int32s:
        """Of these rows those that nobody has judged yet."""
        found: Int32s = rows[(self.table.status[rows] == UNKNOWN) & ~self.table.retired[rows]]
        return found
