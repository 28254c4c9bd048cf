"""The paths of all entries: Arrow chunks for their text, and an index of hashes to find one's row."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refooter_tui.model.arrow import places

# Chunks are merged up to here: a search can be given up between two of them, and copying one takes no time to speak of.
_CHUNK_ROWS: Final = 1 << 15

# Runs are merged up to here: longer ones would hold the caller up for a tenth of a second.
_RUN_ROWS: Final = 1 << 18

Hashes = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]


def hashes_of(paths: Sequence[str]) -> Hashes:
    """Python's own keyed 64-bit hash of each: whoever writes paths cannot aim at collisions."""
    return np.fromiter(map(hash, paths), np.int64, len(paths))


class Paths:
    """Rows are numbered as they are added, from 0."""

    def __init__(self) -> None:
        # Chunks and the row each starts with, in one tuple: whoever reads in another thread gets both of one moment.
        self._kept: tuple[tuple[pa.LargeStringArray, ...], list[int]] = ((), [])
        self._length = 0
        # Sorted hashes and their rows, in a few runs of falling length: a dict of a million strings would
        # take 250 MB, and one sorted array would be copied for every batch.
        self._runs: list[tuple[Hashes, Int32s]] = []

    def __len__(self) -> int:
        return self._length

    def chunks(self) -> tuple[pa.LargeStringArray, ...]:
        """The paths in row order; a tuple that never changes."""
        return self._kept[0]

    def at(self, row: int) -> str:
        if not 0 <= row < self._length:
            raise IndexError(f"no row {row}: there are {self._length}")
        chunks, starts = self._kept
        position = bisect_right(starts, row) - 1
        text: str = chunks[position][row - starts[position]].as_py()
        return text

    def add(self, paths: pa.LargeStringArray, hashes: Hashes) -> None:
        """Paths that are not there yet, with their hashes."""
        if not len(paths):
            return
        rows = np.arange(self._length, self._length + len(paths), dtype=np.int32)
        self._add_run(hashes, rows)
        chunks = [*self._kept[0], paths]
        while (
            len(chunks) > 1 and len(chunks[-2]) <= len(chunks[-1]) and len(chunks[-2]) + len(chunks[-1]) <= _CHUNK_ROWS
        ):
            chunks[-2:] = [pa.concat_arrays(chunks[-2:])]
        ends = np.cumsum([len(chunk) for chunk in chunks]).tolist()
        self._kept = (tuple(chunks), [0, *ends[:-1]])
        self._length = ends[-1]

    def _add_run(self, hashes: Hashes, rows: Int32s) -> None:
        order = np.argsort(hashes, kind="stable")
        hashes, rows = hashes[order], rows[order]
        while (
            self._runs
            and len(self._runs[-1][0]) < 2 * len(hashes)
            and len(self._runs[-1][0]) + len(hashes) <= _RUN_ROWS
        ):
            older_hashes, older_rows = self._runs.pop()
            hashes, rows = np.concatenate([older_hashes, hashes]), np.concatenate([older_rows, rows])
            order = np.argsort(hashes, kind="stable")
            hashes, rows = hashes[order], rows[order]
        self._runs.append((hashes, rows))

    def texts(self, rows: Int32s) -> list[str]:
        """The paths of many rows, in the order given: a fifth of the time of asking for each."""
        chunks, starts = self._kept
        order = np.argsort(rows, kind="stable")
        ascending = rows[order]
        ends = np.searchsorted(ascending, [*starts[1:], self._length])
        found: list[str] = [""] * len(rows)
        first = 0
        for chunk, start, end in zip(chunks, starts, ends.tolist(), strict=True):
            if first < end:
                within: Int32s = ascending[first:end] - np.int32(start)
                taken: list[Any] = chunk.take(places(within)).to_pylist()
                for position, text in zip(order[first:end].tolist(), taken, strict=True):
                    found[position] = text
            first = end
        return found

    def find(self, paths: Sequence[str], hashes: Hashes) -> Int32s:
        """The row of each path, -1 where there is none."""
        found = np.full(len(paths), -1, np.int32)
        # Looked up in ascending order, neighbours share the cache lines of a run.
        order = np.argsort(hashes, kind="stable")
        wanted = hashes[order]
        for run, rows in self._runs:
            at = np.searchsorted(run, wanted)
            hits = np.flatnonzero(run[np.minimum(at, len(run) - 1)] == wanted)
            if not len(hits):
                continue
            first = rows[at[hits]]
            for row, text, which, start in zip(
                first.tolist(), self.texts(first), order[hits].tolist(), at[hits].tolist(), strict=True
            ):
                if text == paths[which]:
                    found[which] = row
                elif (other := self._beside(paths[which], run, rows, start + 1)) >= 0:
                    found[which] = other
        return found

    def _beside(self, path: str, run: Hashes, rows: Int32s, start: int) -> int:
        """Where two paths share a hash: the row of this one, among those behind the first."""
        while start < len(run) and run[start] == run[start - 1]:
            if self.at(int(rows[start])) == path:
                return int(rows[start])
            start += 1
        return -1
