"""Where each path stands among all of them, worked out once and again only when there are more."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refooter_tui.model.arrow import numbers
from refooter_tui.model.columns import Int32s
from refooter_tui.model.paths import Paths


class PathOrder:
    """By the bytes of the paths. Safe to use from several threads."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._ranks: Int32s = np.zeros(0, np.int32)
        self._lock = Lock()

    def ranks(self) -> Int32s:
        """For each row, how many paths come before its own. Not to be written to."""
        with self._lock:
            chunks = self._paths.chunks()
            rows = sum(map(len, chunks))
            if len(self._ranks) != rows:
                self._ranks = np.arange(rows, dtype=np.int32)
                # A listing by primary key mostly comes sorted, if not by every collation: looking costs a hundredth of sorting.
                if not _ascending(chunks):
                    order = numbers(pc.sort_indices(pa.chunked_array(chunks, pa.large_string())))
                    self._ranks = np.empty(rows, np.int32)
                    self._ranks[order] = np.arange(rows, dtype=np.int32)
            return self._ranks


def _ascending(chunks: tuple[Any, ...]) -> bool:
    last: str | None = None
    for chunk in chunks:
        if last is not None and last > chunk[0].as_py():
            return False
        if not pc.all(pc.less(chunk.slice(0, len(chunk) - 1), chunk.slice(1)), min_count=0).as_py():
            return False
        last = chunk[-1].as_py()
    return True
