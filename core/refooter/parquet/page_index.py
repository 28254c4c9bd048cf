"""The page index of a column chunk: where each page is, which rows it holds, and its least and greatest value.

Source: parquet.thrift, ColumnIndex and OffsetIndex: entry i of every list is about page i, the offsets are into the file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from refooter.parquet.column_type import ColumnType
from refooter.parquet.findings import Finding, FindingKind, Findings
from refooter.parquet.footer import Chunk, Range
from refooter.parquet.reading import Reading, read
from refooter.parquet.statistics import Bound, typed
from refooter.parquet.structs import BOUNDARY_ORDER, COLUMN_INDEX, OFFSET_INDEX, PAGE_LOCATION, StructSpec
from refooter.parquet.thrift import List, Struct


@dataclass(frozen=True, slots=True)
class Page:
    """One data page, `None` for what neither index says. `rows` is how many; of the last page only if `num_rows` is known.

    `offset` is into the file, `size` in bytes with the page's header. `null_page`: all its values are null, and there is
    neither a least nor a greatest.
    """

    index: int
    first_row: int | None
    rows: int | None
    offset: int | None
    size: int | None
    null_page: bool | None
    null_count: int | None
    nan_count: int | None
    raw_min: bytes | None
    raw_max: bytes | None
    type: ColumnType

    @property
    def min(self) -> Bound | None:
        """The least value, of the column's type."""
        return None if self.raw_min is None or self.null_page else typed(self.raw_min, self.type)

    @property
    def max(self) -> Bound | None:
        """The greatest value, of the column's type."""
        return None if self.raw_max is None or self.null_page else typed(self.raw_max, self.type)


@dataclass(frozen=True, slots=True)
class PageIndex:
    """Both indexes of one column chunk; either may be absent.

    `column` and `offset` have the trees, and what is odd about each by itself. `findings` is all of it, with paths that
    begin with `ColumnIndex` or `OffsetIndex`, and where the two do not agree. `boundary_order` is such as `ASCENDING`.
    """

    pages: tuple[Page, ...]
    boundary_order: str | None
    column: Reading | None
    offset: Reading | None
    findings: tuple[Finding, ...]


def read_page_index(data: bytes, chunk: Chunk, *, data_start: int = 0, num_rows: int | None = None) -> PageIndex:
    """The page index that a column chunk points to.

    `data[0]` is the byte `data_start` of what the pointers are into: 0 for a whole file, or for a value whose pointers
    are relative to itself; for a piece of a file the piece's own offset. `num_rows` is that of the row group.
    """
    findings = Findings()
    column = _read_at(data, data_start, chunk.column_index, COLUMN_INDEX, findings)
    offset = _read_at(data, data_start, chunk.offset_index, OFFSET_INDEX, findings)
    return _joined(column, offset, chunk.type, num_rows, findings)


def read_indexes(
    data: bytes,
    column_index: tuple[int, int] | None,
    offset_index: tuple[int, int] | None,
    type: ColumnType,
    *,
    num_rows: int | None = None,
) -> PageIndex:
    """The page index in the bytes `[start, end)` of `data` that are given for each of the two, for a column of that type."""
    findings = Findings()
    ranges = [None if span is None else (span[0], span[1] - span[0]) for span in (column_index, offset_index)]
    column = _read_at(data, 0, ranges[0], COLUMN_INDEX, findings)
    offset = _read_at(data, 0, ranges[1], OFFSET_INDEX, findings)
    return _joined(column, offset, type, num_rows, findings)


def _read_at(data: bytes, data_start: int, where: Range | None, spec: StructSpec, findings: Findings) -> Reading | None:
    if where is None:
        return None
    start = where[0] - data_start
    end = start + (where[1] or 0)
    if not 0 <= start < end <= len(data):
        message = f"{spec.name} is said to be bytes {where[0]} to {where[0] + (where[1] or 0)}, which are not at hand"
        findings.add(FindingKind.PAGES, message, (None, spec.name), 0, 0)
        return None
    reading = read(data, spec, start, end)
    for finding in reading.findings:
        path = f"{spec.name}.{finding.path}" if finding.path else spec.name
        findings.kept.append(replace(finding, path=path))
    if reading.problem is None and reading.end < end:
        message = f"{spec.name} ends {end - reading.end} bytes before its range does"
        findings.add(FindingKind.PAGES, message, (None, spec.name), reading.end, end)
    return reading


_LISTS = ("null_pages", "min_values", "max_values", "null_counts", "nan_counts")


def _joined(
    column: Reading | None, offset: Reading | None, type: ColumnType, num_rows: int | None, findings: Findings
) -> PageIndex:
    by_page = {name: _values(column, COLUMN_INDEX, name) for name in _LISTS}
    located = _values(offset, OFFSET_INDEX, "page_locations")
    locations = [
        [_integer(location.value(id)) if isinstance(location, Struct) else None for id in _LOCATION]
        for location in located or []
    ]
    counts = {name: len(values) for name, values in by_page.items() if values is not None}
    if located is not None:
        counts["page_locations"] = len(located)
    if len(set(counts.values())) > 1:
        said = ", ".join([f"{name} {count:,}" for name, count in counts.items()])
        findings.add(FindingKind.PAGES, f"the lists are not about equally many pages: {said}", None, 0, 0)
    firsts = [first for *_, first in locations]
    _check_order(firsts, num_rows, findings)
    followings = [*firsts[1:], num_rows]
    pages = []
    for index in range(max(counts.values(), default=0)):
        place, size, first = locations[index] if index < len(locations) else (None, None, None)
        following = followings[index] if first is not None else None
        rows = following - first if following is not None and first is not None else None
        null_page = _item(by_page["null_pages"], index)
        low, high = _item(by_page["min_values"], index), _item(by_page["max_values"], index)
        pages.append(
            Page(
                index,
                first,
                rows,
                place,
                size,
                null_page if isinstance(null_page, bool) else None,
                _integer(_item(by_page["null_counts"], index)),
                _integer(_item(by_page["nan_counts"], index)),
                low if isinstance(low, bytes) else None,
                high if isinstance(high, bytes) else None,
                type,
            )
        )
    order = None if column is None else _integer(column.struct.value(COLUMN_INDEX.id("boundary_order")))
    name = None if order is None else BOUNDARY_ORDER.names.get(order, f"{order} (unknown)")
    return PageIndex(tuple(pages), name, column, offset, tuple(findings.kept))


_LOCATION = tuple(PAGE_LOCATION.id(name) for name in ("offset", "compressed_page_size", "first_row_index"))


def _check_order(firsts: list[int | None], num_rows: int | None, findings: Findings) -> None:
    known = [(index, first) for index, first in enumerate(firsts) if first is not None]
    for (_, before), (index, first) in pairwise(known):
        if first <= before:
            message = f"page {index} begins with row {first}, and the page before it with row {before}"
            findings.add(FindingKind.PAGES, message, ((None, "OffsetIndex.page_locations"), index), 0, 0)
            return
    if known and known[0][0] == 0 and known[0][1] != 0:
        message = f"the first page begins with row {known[0][1]}"
        findings.add(FindingKind.PAGES, message, ((None, "OffsetIndex.page_locations"), 0), 0, 0)
    if known and num_rows is not None and known[-1][1] > num_rows:
        message = f"page {known[-1][0]} begins with row {known[-1][1]} of a row group of {num_rows}"
        findings.add(FindingKind.PAGES, message, ((None, "OffsetIndex.page_locations"), known[-1][0]), 0, 0)


def _values(reading: Reading | None, spec: StructSpec, name: str) -> list[object] | None:
    found = None if reading is None else reading.struct.value(spec.id(name))
    return list(found.values) if isinstance(found, List) else None


def _item(values: list[object] | None, index: int) -> object:
    return values[index] if values is not None and index < len(values) else None


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
