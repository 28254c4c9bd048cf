"""The numeric columns of the entries, and how they grow: appended to in place, replaced by larger ones when full."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from refooter.values import FileState, Status
from refooter_tui.model.codes import NO_CODE, Codes, Mask, code_of

TIME_MISSING: Final = -(2**63) + 1
"""Stands for an insert time that is null: the smallest value above PostgreSQL's own -infinity."""

Int16s = npt.NDArray[np.int16]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

# name: type, and what a row holds until something is known
_SCHEMA: Final[dict[str, tuple[Any, int]]] = {
    "status": (np.int8, code_of(Status.UNKNOWN)),
    "cause": (np.int8, NO_CODE),
    "causes": (np.int16, 0),
    "file_state": (np.int8, code_of(FileState.UNCHECKED)),
    "outcome": (np.int8, NO_CODE),
    "reason": (np.int8, NO_CODE),
    "layout": (np.int8, NO_CODE),
    "mendable": (np.bool_, 0),
    "insert_time": (np.int64, TIME_MISSING),
    "num_rows": (np.int64, -1),
    "file_size": (np.int64, -1),
    "blob_size": (np.int64, 0),
    "version": (np.int16, -1),
    "view": (np.int32, 0),
    "orphan": (np.bool_, 0),
    "error": (np.int32, -1),
    "last_run": (np.int64, -1),
    "retired": (np.bool_, 0),
    "touched": (np.int32, 0),
}


class Columns:
    """Arrays of one length. What a property returns is a view on the rows there are now: later rows do not appear in it, later
    changes of these rows do. One thread writes; others may read, since rows are complete before the length says so."""

    def __init__(self, capacity: int = 1 << 15) -> None:
        self._length = 0
        self._arrays: dict[str, npt.NDArray[Any]] = {
            name: np.empty(max(1, capacity), kind) for name, (kind, _) in _SCHEMA.items()
        }

    def __len__(self) -> int:
        return self._length

    def reserve(self, rows: int) -> None:
        """Makes room for `rows` in all, so that a listing whose size is known grows once."""
        if rows <= len(self._arrays["status"]):
            return
        for name, old in self._arrays.items():
            grown = np.empty(rows, old.dtype)
            grown[: self._length] = old[: self._length]
            self._arrays[name] = grown

    def _add(self, count: int, values: dict[str, npt.NDArray[Any]]) -> slice:
        """Writes rows behind the last one, with defaults where `values` is silent; `_length` is still to be raised."""
        end = self._length + count
        if end > len(self._arrays["status"]):
            self.reserve(max(end, len(self._arrays["status"]) * 3 // 2))
        rows = slice(self._length, end)
        for name, (_, default) in _SCHEMA.items():
            self._arrays[name][rows] = values.get(name, default)
        return rows

    def column(self, name: str) -> npt.NDArray[Any]:
        """A column by its name."""
        return self._arrays[name][: self._length]

    @property
    def status(self) -> Codes:
        return self.column("status")

    @property
    def cause(self) -> Codes:
        """The worst cause; -1 where nothing was judged yet."""
        return self.column("cause")

    @property
    def causes(self) -> Int16s:
        """All causes that hold, as bits (`codes.cause_bits`)."""
        return self.column("causes")

    @property
    def file_state(self) -> Codes:
        return self.column("file_state")

    @property
    def outcome(self) -> Codes:
        return self.column("outcome")

    @property
    def reason(self) -> Codes:
        return self.column("reason")

    @property
    def layout(self) -> Codes:
        return self.column("layout")

    @property
    def mendable(self) -> Mask:
        """Whether the value itself proves what its file's footer is: mended without a read."""
        return self.column("mendable")

    @property
    def insert_time(self) -> Int64s:
        """Microseconds since 2000-01-01 UTC; the int64 ends are the infinities, `TIME_MISSING` stands for null."""
        return self.column("insert_time")

    @property
    def num_rows(self) -> Int64s:
        """The catalog's row count, -1 where disputed or not there."""
        return self.column("num_rows")

    @property
    def file_size(self) -> Int64s:
        """Bytes by the catalog, -1 where disputed or not there."""
        return self.column("file_size")

    @property
    def blob_size(self) -> Int64s:
        """Bytes of the value."""
        return self.column("blob_size")

    @property
    def version(self) -> Int16s:
        """`partition_format_version`, -1 in a catalog that has none."""
        return self.column("version")

    @property
    def view(self) -> Int32s:
        """Index into `EntryTable.views`."""
        return self.column("view")

    @property
    def orphan(self) -> Mask:
        return self.column("orphan")

    @property
    def error(self) -> Int32s:
        """Index into `EntryTable.errors`, -1 for none."""
        return self.column("error")

    @property
    def last_run(self) -> Int64s:
        """The last run that is known to have had this entry in hand, -1 for none."""
        return self.column("last_run")

    @property
    def retired(self) -> Mask:
        """Whether the catalog no longer has it."""
        return self.column("retired")

    @property
    def touched(self) -> Int32s:
        """The table's revision when anything of the row changed last."""
        return self.column("touched")
