"""The page index, page by page, from a whole file, from a piece of one and from a value with relative pointers."""

from __future__ import annotations

import pytest

from footer_corpus import by_arrow_cpp, by_arrow_rs, prefixed, relative, table, with_page_index
from refooter.parquet.column_type import ColumnType
from refooter.parquet.edit import removal_edits, splice
from refooter.parquet.findings import FindingKind
from refooter.parquet.footer import Chunk, Footer, read_footer
from refooter.parquet.page_index import PageIndex, read_indexes, read_page_index
from refooter.parquet.thrift import Field, List, Struct, Wire, decode, encode

_PAGED = by_arrow_rs(table(100, first=7), data_page_row_count_limit=20, write_batch_size=20)
_LONG = ColumnType("INT64")


def _footer(data: bytes) -> Footer:
    return read_footer(data, len(data) - 8 - int.from_bytes(data[-8:-4], "little"), len(data) - 8)


def _chunk(column: int) -> Chunk:
    return _footer(_PAGED).row_groups[0].columns[column]


def _spans(chunk: Chunk) -> tuple[tuple[int, int], tuple[int, int]]:
    (column, column_length), (offset, offset_length) = chunk.column_index or (0, 0), chunk.offset_index or (0, 0)
    return (column, column + (column_length or 0)), (offset, offset + (offset_length or 0))


def test_each_page_has_its_rows_place_and_values() -> None:
    index = read_page_index(_PAGED, _chunk(2), num_rows=100)
    assert index.findings == ()
    assert index.boundary_order == "ASCENDING"
    assert [(page.first_row, page.rows) for page in index.pages] == [(first, 20) for first in range(0, 100, 20)]
    bounds = [(page.min, page.max) for page in index.pages]
    assert [(low and low.text, high and high.text) for low, high in bounds[:2]] == [
        ("2023-11-14T22:13:20.000000007Z", "2023-11-14T22:13:20.000000026Z"),
        ("2023-11-14T22:13:20.000000027Z", "2023-11-14T22:13:20.000000046Z"),
    ]
    for before, page in zip(index.pages, index.pages[1:], strict=False):
        assert before.offset is not None
        assert before.size is not None
        assert page.offset == before.offset + before.size
    assert index.column is not None
    assert index.column.root.name == "ColumnIndex"


def test_nulls_are_counted_by_page() -> None:
    pages = read_page_index(_PAGED, _chunk(3), num_rows=100).pages
    assert [page.null_count for page in pages] == [
        sum((7 + i) % 3 == 0 for i in range(f, f + 20)) for f in range(0, 100, 20)
    ]
    assert {page.null_page for page in pages} == {False}


def test_a_page_of_nulls_has_neither_minimum_nor_maximum() -> None:
    import pyarrow as pa

    data = by_arrow_cpp(pa.table({"i": pa.array([None] * 50, pa.int32())}), write_page_index=True)
    [chunk] = _footer(data).row_groups[0].columns
    [page] = read_page_index(data, chunk, num_rows=50).pages
    assert (page.null_page, page.min, page.max, page.null_count, page.rows) == (True, None, None, 50, 50)


@pytest.mark.parametrize("file", with_page_index(), ids=lambda file: file.name)
def test_relative_and_true_pointers_lead_to_the_same_index(file: object) -> None:
    data: bytes = file.data  # type: ignore[attr-defined]
    value = prefixed(file)  # type: ignore[arg-type]
    prefix, relative_footer = relative(file)  # type: ignore[arg-type]
    inside = read_footer(value, len(prefix))
    assert inside.end == len(prefix) + len(relative_footer)
    begin = file.index_start  # type: ignore[attr-defined]
    for group, moved in zip(_footer(data).row_groups, inside.row_groups, strict=True):
        for chunk, other in zip(group.columns, moved.columns, strict=True):
            index = read_page_index(data, chunk, num_rows=group.num_rows)
            assert index.findings == ()
            assert index.pages
            assert read_page_index(value, other, num_rows=group.num_rows).pages == index.pages
            piece = read_page_index(data[begin:], chunk, data_start=begin, num_rows=group.num_rows)
            assert piece.pages == index.pages
            assert read_indexes(data, *_spans(chunk), chunk.type, num_rows=group.num_rows).pages == index.pages


def _changed(column: int, *, index: Struct | None = None, offsets: Struct | None = None) -> PageIndex:
    """The page index of a column with one of its two structs replaced."""
    first, second = _spans(_chunk(column))
    spelled = encode(index) if index is not None else _PAGED[slice(*first)]
    located = encode(offsets) if offsets is not None else _PAGED[slice(*second)]
    end = len(spelled)
    return read_indexes(spelled + located, (0, end), (end, end + len(located)), _LONG, num_rows=100)


def _column_index() -> Struct:
    return decode(_PAGED, _spans(_chunk(1))[0][0]).root


def _offset_index() -> Struct:
    return decode(_PAGED, _spans(_chunk(1))[1][0]).root


def _values(struct: Struct, id: int) -> List:
    found = struct.value(id)
    assert isinstance(found, List)
    return found


def test_lists_of_different_lengths_are_found_and_all_pages_shown() -> None:
    index = _column_index()
    _values(index, 3).values.pop()
    found = _changed(1, index=index)
    assert [finding.message for finding in found.findings] == [
        "the lists are not about equally many pages: null_pages 5, min_values 5, max_values 4, null_counts 5, page_locations 5"
    ]
    assert len(found.pages) == 5
    assert found.pages[4].min is not None
    assert found.pages[4].max is None


def test_a_missing_list_is_found_by_its_path() -> None:
    first, _ = _spans(_chunk(1))
    bare = splice(_PAGED[slice(*first)], removal_edits(decode(_PAGED[slice(*first)]).root, 2))
    found = read_indexes(bare, (0, len(bare)), None, _LONG)
    [finding] = found.findings
    assert (finding.kind, finding.path) == (FindingKind.MISSING, "ColumnIndex.min_values")
    assert found.offset is None
    assert [page.offset for page in found.pages] == [None] * 5


def test_pages_out_of_order_are_found() -> None:
    offsets = _offset_index()
    _values(offsets, 1).values.reverse()
    found = _changed(1, offsets=offsets)
    assert [finding.message for finding in found.findings] == [
        "page 1 begins with row 60, and the page before it with row 80"
    ]


def test_rows_beyond_the_row_group_and_before_its_first_page_are_found() -> None:
    offsets = _offset_index()
    _values(offsets, 1).values.pop(0)
    shifted = _changed(1, offsets=offsets)
    assert "the first page begins with row 20" in [finding.message for finding in shifted.findings]
    (_, _), (start, end) = _spans(_chunk(1))
    [finding] = read_indexes(_PAGED, None, (start, end), _LONG, num_rows=70).findings
    assert finding.message == "page 4 begins with row 80 of a row group of 70"


def test_a_negative_page_size_is_found() -> None:
    offsets = _offset_index()
    location = _values(offsets, 1).values[2]
    assert isinstance(location, Struct)
    location.fields[1] = Field(2, Wire.I32, 0, 0, 0, -1)
    [finding] = _changed(1, offsets=offsets).findings
    assert finding.message == "compressed_page_size is negative: -1"
    assert finding.path == "OffsetIndex.page_locations[2].compressed_page_size"


def test_a_range_that_ends_behind_its_struct_is_found() -> None:
    (start, end), _ = _spans(_chunk(1))
    [finding] = read_indexes(_PAGED, (start, end + 3), None, _LONG).findings
    assert finding.message == "ColumnIndex ends 3 bytes before its range does"


def test_an_index_that_is_not_at_hand_is_a_sentence() -> None:
    chunk = _chunk(1)
    found = read_page_index(b"PAR1", chunk)
    assert found.pages == ()
    assert len(found.findings) == 2
    assert all("not at hand" in finding.message for finding in found.findings)
    assert read_page_index(_PAGED[:-1], chunk, data_start=10**12).pages == ()


def test_a_dangling_pointer_reads_what_is_there_and_says_what_is_odd() -> None:
    found = read_indexes(_PAGED, (4, 200), (4, 200), _LONG)
    assert found.findings
    assert {finding.path.partition(".")[0] for finding in found.findings} <= {"ColumnIndex", "OffsetIndex", ""}
