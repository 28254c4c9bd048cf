"""All entries that are known, as columns; a row keeps its number for as long as the app runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refooter.jobs.decide import NEWEST_VERSION
from refooter.values import Cause, EntryResult, FileState, Layout, Outcome, Reason, Status
from refooter_tui.model.arrow import numbers, places
from refooter_tui.model.codes import NO_CODE, UNKNOWN, Mask, cause_bits, code_of
from refooter_tui.model.columns import TIME_MISSING, Columns, Int32s
from refooter_tui.model.path_order import PathOrder
from refooter_tui.model.path_search import PathSearch
from refooter_tui.model.paths import Paths, hashes_of

_WRITTEN: Final = (code_of(Outcome.MIGRATED), code_of(Outcome.RESTORED))
_VERDICT: Final = ("status", "cause", "causes", "layout", "error", "mendable")
_NOT_JUDGED: Final = (UNKNOWN, NO_CODE, 0, NO_CODE, -1, 0)
# What a migration writes has passed the target parser and our own diagnosis, and is the file's own footer or proved to be.
_SOUND: Final = (code_of(Status.OK), code_of(Cause.NONE), 0, code_of(Layout.RAW), -1, 0)
_FACTS: Final = ("blob_size", "num_rows", "file_size", "version", "insert_time", "orphan")
_SHOWN: Final = ("status", "cause", "outcome", "file_state")
# What a failure tells of the file, where nothing else does.
_STATE_OF: Final = {
    Reason.FILE_MISSING: FileState.MISSING,
    Reason.STORE_DENIED: FileState.DENIED,
    Reason.STORE_UNREACHABLE: FileState.UNREACHABLE,
    Reason.MISMATCH: FileState.MISMATCH,
}
_FORESEEN_ALONE: Final = frozenset({Cause.PAGE_INDEX_PREFIX, Cause.OUTDATED_VERSION})
_MOST_VERSION: Final = 2**15 - 1


class EntryTable(Columns):
    """Entries by row: an int that never changes for an entry.

    One thread writes (`append`, `judge`, `retire`); filters and sorts may read in others. `revision` grows with every change,
    and `touched` holds each row's last one, so that whoever remembers a revision finds what changed since. `times_revision`
    grows when there are other insert times than before, or other rows that count.
    """

    def __init__(self, capacity: int = 1 << 15) -> None:
        super().__init__(capacity)
        self.views: list[str] = []
        self.errors: list[str] = []
        self.revision = 0
        self.times_revision = 0
        self.retired_count = 0
        self._paths = Paths()
        self._search = PathSearch(self._paths)
        self._order = PathOrder(self._paths)
        self._view_index: dict[str, int] = {}
        self._error_index: dict[str, int] = {}
        self._seen: Mask | None = None

    def path(self, row: int) -> str:
        return self._paths.at(row)

    def paths(self) -> pa.ChunkedArray[Any]:
        """All paths in row order, without a copy."""
        return pa.chunked_array(self._paths.chunks(), pa.large_string())

    def path_ranks(self) -> Int32s:
        """For each row, how many paths come before its own by their bytes. Not to be written to."""
        return self._order.ranks()

    @property
    def search(self) -> PathSearch:
        return self._search

    def row_of(self, path: str) -> int | None:
        row = int(self._paths.find([path], hashes_of([path]))[0])
        return None if row < 0 else row

    def rows_of(self, paths: Sequence[str]) -> Int32s:
        """The rows of those paths that are known, in the order given."""
        found = self._paths.find(paths, hashes_of(paths))
        return found[found >= 0]

    def append(self, batch: pa.RecordBatch) -> range:
        """Takes a batch of the catalog's listing and returns the rows that are new. Known paths are brought up to date in place;
        what was judged is forgotten where the catalog shows that the value is another one by now."""
        paths: Any = batch["file_path"].cast(pa.large_string())
        texts: list[str] = paths.to_pylist()
        if len(set(texts)) != len(texts):
            raise ValueError("a batch of a listing names a path twice")
        hashes = hashes_of(texts)
        rows = self._paths.find(texts, hashes)
        values = self._listed(batch)
        known, new = rows >= 0, rows < 0
        revision = self.revision + 1
        if known.any():
            self._relist(rows[known], {name: column[known] for name, column in values.items()}, revision)
        count = int(np.count_nonzero(new))
        first = len(self)
        values["touched"] = np.full(len(texts), revision, np.int32)
        self._add(count, {name: column[new] for name, column in values.items()})
        self._paths.add(
            paths if count == len(paths) else paths.take(places(np.flatnonzero(new).astype(np.int32))), hashes[new]
        )
        self._length = first + count
        self.revision = revision
        self.times_revision += 1
        return range(first, first + count)

    def _listed(self, batch: pa.RecordBatch) -> dict[str, npt.NDArray[Any]]:
        return {
            "blob_size": numbers(batch["blob_size"]),
            "version": np.clip(numbers(batch["version"], -1), -1, _MOST_VERSION),
            "insert_time": numbers(batch["insert_time"], TIME_MISSING),
            "orphan": numbers(batch["partitions"]) == 0,
            "num_rows": np.maximum(numbers(batch["num_rows"], -1), -1),
            "file_size": np.maximum(numbers(batch["file_size"], -1), -1),
            "view": self._views_of(batch),
        }

    def _views_of(self, batch: pa.RecordBatch) -> Int32s:
        # Named as `refooter.values.view_name` does.
        parts = []
        for name in ("view_set", "view_instance"):
            coded: Any = batch[name].dictionary_encode()
            texts = coded.dictionary.to_pylist()
            # the last one stands for null
            parts.append(([*texts, "?"], numbers(coded.indices, len(texts)).astype(np.int64)))
        (sets, of_set), (instances, of_instance) = parts
        pairs, first, which = np.unique(of_set * len(instances) + of_instance, return_index=True, return_inverse=True)
        codes = np.zeros(len(pairs), np.int32)
        # in the order in which they come
        for at in np.argsort(first).tolist():
            view, instance = divmod(int(pairs[at]), len(instances))
            codes[at] = self._view(f"{sets[view]}/{instances[instance]}")
        found: Int32s = codes[which]
        return found

    def _view(self, name: str) -> int:
        if name not in self._view_index:
            self.views.append(name)
            self._view_index[name] = len(self.views) - 1
        return self._view_index[name]

    def _error(self, text: str | None) -> int:
        if text is None:
            return -1
        if text not in self._error_index:
            self.errors.append(text)
            self._error_index[text] = len(self.errors) - 1
        return self._error_index[text]

    def _relist(self, rows: Int32s, values: dict[str, npt.NDArray[Any]], revision: int) -> None:
        if self._seen is not None:
            self._seen[rows[rows < len(self._seen)]] = True
        arrays = self._arrays
        # Our own runs change a value's size and leave its time; whoever else writes one brings both along, or the time alone.
        ours = np.isin(arrays["outcome"][rows], _WRITTEN)
        resized = arrays["blob_size"][rows] != values["blob_size"]
        another = (arrays["insert_time"][rows] != values["insert_time"]) | (resized & ~ours)
        different = arrays["retired"][rows] | another
        for name, column in values.items():
            different |= arrays[name][rows] != column
            arrays[name][rows] = column
        for name, value in zip(_VERDICT, _NOT_JUDGED, strict=True):
            arrays[name][rows[another]] = value
        arrays["retired"][rows] = False
        self.retired_count = int(np.count_nonzero(self.retired))
        arrays["touched"][rows[different]] = revision

    def begin_listing(self) -> None:
        """From here on it is noted which entries `append` meets: the catalog is read again, whole."""
        self._seen = np.zeros(len(self), np.bool_)

    def end_listing(self) -> Int32s:
        """Marks as retired what the listing since `begin_listing` did not name, and returns those rows."""
        if self._seen is None:
            return np.zeros(0, np.int32)
        gone = np.flatnonzero(~self._seen & ~self.retired[: len(self._seen)])
        self._seen = None
        return self.retire(gone.tolist())

    def retire(self, rows: Iterable[int]) -> Int32s:
        """Marks rows as no longer in the catalog; returns those that were not marked yet."""
        wanted = np.fromiter(rows, np.int32)
        wanted = wanted[~self.retired[wanted]]
        if len(wanted):
            self._arrays["retired"][wanted] = True
            self._arrays["touched"][wanted] = self.revision + 1
            self.retired_count = int(np.count_nonzero(self.retired))
            self.revision += 1
            self.times_revision += 1
        return wanted

    def judge(self, results: Sequence[EntryResult], run: int | None = None) -> Int32s:
        """Takes what a scan or a run says of entries, and returns the rows whose status, cause, outcome or file state changed.

        `run` is the run the outcomes belong to, `None` in a dry run or a scan. A path that is not known is ignored. A migrated
        entry is `ok` from here on, a restored one `unknown`: its value is another one than the run had judged.
        """
        if not results:
            return np.zeros(0, np.int32)
        paths = [result.file_path for result in results]
        rows = self._paths.find(paths, hashes_of(paths))
        found = [(row, result) for row, result in zip(rows.tolist(), results, strict=True) if row >= 0]
        touched = np.unique(rows[rows >= 0])
        before = [self.column(name)[touched] for name in _SHOWN]
        times = self.insert_time[touched]
        self._write(_VERDICT, [(row, *verdict) for row, one in found if (verdict := self._verdict(one)) is not None])
        self._write(_FACTS, [(row, *_facts(one)) for row, one in found if one.outcome is not Outcome.GONE])
        ended = [(row, one) for row, one in found if one.outcome is not None]
        self._write(("outcome", "reason"), [(row, code_of(one.outcome), code_of(one.reason)) for row, one in ended])
        if run is not None:
            self._write(("last_run",), [(row, run) for row, _ in ended])
        self._write(
            ("file_state",), [(row, code_of(state)) for row, one in found if (state := _file_state(one)) is not None]
        )
        if len(touched):
            self._arrays["touched"][touched] = self.revision + 1
            self.revision += 1
            self.times_revision += bool((times != self.insert_time[touched]).any())
        changed = np.zeros(len(touched), np.bool_)
        for name, old in zip(_SHOWN, before, strict=True):
            changed |= old != self.column(name)[touched]
        return touched[changed]

    def ended(self, run: int, rows: Int32s, outcome: Outcome, reason: Reason | None = None) -> Int32s:
        """Takes what the journal says of rows that a run had in hand, and returns those that look different now. What a later run is
        known to have done to them stays."""
        arrays = self._arrays
        rows = rows[arrays["last_run"][rows] <= run]
        new = code_of(outcome), code_of(reason)
        changed: Int32s = rows[(arrays["outcome"][rows] != new[0]) | (arrays["reason"][rows] != new[1])]
        arrays["outcome"][rows], arrays["reason"][rows], arrays["last_run"][rows] = *new, run
        if len(rows):
            arrays["touched"][rows] = self.revision + 1
            self.revision += 1
        return changed

    def _write(self, names: Sequence[str], cells: list[tuple[int, ...]]) -> None:
        if cells:
            block = np.array(cells, np.int64)
            for position, name in enumerate(names, start=1):
                self._arrays[name][block[:, 0]] = block[:, position]

    def _verdict(self, result: EntryResult) -> tuple[int, ...] | None:
        """What to hold of a result's diagnosis; `None` to leave what is known."""
        diagnosis = result.diagnosis
        if result.outcome is Outcome.MIGRATED:
            return _SOUND
        if result.outcome is Outcome.RESTORED:
            return _NOT_JUDGED
        if diagnosis.status is Status.UNKNOWN:
            # A scan could not judge it, and says why; a run only did not have to.
            return (*_NOT_JUDGED[:4], self._error(diagnosis.error), 0) if result.outcome is None else None
        proved = diagnosis.repair is not None and diagnosis.repair.proved
        # A plain scan asks for no repair, but knows the file's own footer where nothing else is wrong than what stands before it.
        foreseen = diagnosis.foreseen is not None and _FORESEEN_ALONE.issuperset(diagnosis.causes)
        codes = _codes(diagnosis.status, diagnosis.cause, diagnosis.causes, diagnosis.layout)
        return (*codes, self._error(diagnosis.error), int(proved or foreseen))


@lru_cache(maxsize=4096)
def _codes(status: Status, cause: Cause, causes: tuple[Cause, ...], layout: Layout) -> tuple[int, ...]:
    return code_of(status), code_of(cause), cause_bits((cause, *causes)), code_of(layout)


def _facts(result: EntryResult) -> tuple[int, ...]:
    version = result.format_version
    if version is not None and result.outcome is Outcome.MIGRATED:
        version = NEWEST_VERSION
    return (
        result.blob_size,
        -1 if (rows := result.catalog_num_rows) is None or rows < 0 else rows,
        -1 if (size := result.file_size) is None or size < 0 else size,
        -1 if version is None else min(version, _MOST_VERSION),
        TIME_MISSING if result.insert_time is None else result.insert_time,
        result.orphan,
    )


def _file_state(result: EntryResult) -> FileState | None:
    if result.file_state is not FileState.UNCHECKED:
        return result.file_state
    return None if result.reason is None else _STATE_OF.get(result.reason)
