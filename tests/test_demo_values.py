from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from refooter.demo.columns import NANOSECOND_UTC, VIEW_SETS
from refooter.demo.files import SHAPES, SMALLEST, Files, ParquetFile, Writer
from refooter.demo.values import KINDS, Kind, encrypted_twin, footer, prefixed
from refooter.parquet.thrift import List, Struct, decode, encode

Ask = Callable[[bytes], str | None]


@pytest.fixture(scope="module")
def files() -> Files:
    return Files(7, date(2026, 3, 2))


def fitting(files: Files, kind: Kind) -> list[ParquetFile]:
    """Files of every view set and, between them, of every shape that the kind can be built from."""
    shapes = [
        at
        for at, shape in enumerate(SHAPES)
        if (at == SMALLEST or not kind.small_file) and (shape.row_groups > 1 or not kind.multi_group)
    ]
    return [
        files.get(view_set, shapes[(at + turn) % len(shapes)])
        for at, view_set in enumerate(VIEW_SETS)
        for turn in range(0, len(shapes), 4)
    ]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_the_target_parser_says_of_every_kind_what_the_table_says(files: Files, kind: Kind, target_error: Ask) -> None:
    for file in fitting(files, kind):
        assert (target_error(kind.build(file)) is None) == kind.accepted


@pytest.mark.parametrize("view_set", VIEW_SETS)
def test_no_prefixed_value_is_accepted_and_the_messages_differ(files: Files, view_set: str, target_error: Ask) -> None:
    errors = Counter(target_error(prefixed(files.get(view_set, shape))) for shape in range(len(SHAPES)))
    assert None not in errors
    assert len(errors) >= 4


def test_the_messages_are_many_and_mostly_not_about_num_rows(files: Files, target_error: Ask) -> None:
    errors = Counter(
        target_error(prefixed(files.get(view_set, shape))) for view_set in VIEW_SETS for shape in range(len(SHAPES))
    )
    about_num_rows = sum(count for text, count in errors.items() if text is not None and "num_rows" in text)
    assert len(errors) >= 12
    assert 0 < about_num_rows < errors.total() / 2


@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_a_prefixed_value_is_built_as_the_writer_builds_it(files: Files, shape: int) -> None:
    """Column indexes, then offset indexes, tile the prefix; behind it the footer, same but for its pointers, framed."""
    file = files.get("measures", shape)
    value = prefixed(file)
    length = int.from_bytes(value[-8:-4], "little")
    start = len(value) - 8 - length
    moved, own = decode(value[start:-8]).root, decode(footer(file.data)).root
    at = 0
    for offset_id, length_id in ((6, 7), (4, 5)):
        for new, old in zip(chunks(moved), chunks(own), strict=True):
            offset, size, true = new.value(offset_id), new.value(length_id), old.value(offset_id)
            assert offset == at
            assert isinstance(size, int)
            assert isinstance(true, int)
            assert value[at : at + size] == file.data[true : true + size]
            at += size
    assert at == start
    for new, old in zip(chunks(moved), chunks(own), strict=True):
        for id in (4, 6):
            pointer, true_pointer = new.get(id), old.get(id)
            assert pointer is not None
            assert true_pointer is not None
            pointer.value = true_pointer.value
    assert encode(moved) == footer(file.data)


def chunks(root: Struct) -> list[Struct]:
    groups = root.value(4)
    assert isinstance(groups, List)
    found: list[Struct] = []
    for group in groups.values:
        assert isinstance(group, Struct)
        columns = group.value(1)
        assert isinstance(columns, List)
        found += (chunk for chunk in columns.values if isinstance(chunk, Struct))
    return found


@pytest.mark.parametrize("writer", Writer)
def test_every_file_reads_back_whole(files: Files, writer: Writer) -> None:
    for view_set in VIEW_SETS:
        for shape in (SMALLEST, 3, 5):
            file = files.get(view_set, shape, writer)
            read = pq.ParquetFile(io.BytesIO(file.data))
            assert read.read().num_rows == read.metadata.num_rows == file.num_rows
            assert read.metadata.num_row_groups == file.row_groups
            assert read.metadata.created_by.startswith(writer.value)


def test_the_files_are_those_of_a_telemetry_lake(files: Files) -> None:
    file = pq.ParquetFile(io.BytesIO(files.get("blocks", 1).data))
    types = {field.type for field in file.schema_arrow}
    assert len(file.schema_arrow) == 28
    assert types == {
        pa.string(),
        pa.int32(),
        pa.int64(),
        NANOSECOND_UTC,
        pa.binary(),
        pa.list_(pa.string()),
        pa.dictionary(pa.int32(), pa.binary()),
    }
    for index in range(file.metadata.num_columns):
        chunk = file.metadata.row_group(0).column(index)
        assert chunk.compression == "LZ4"
        assert chunk.has_column_index
        assert chunk.has_offset_index


def test_files_have_several_pages_a_chunk(files: Files) -> None:
    file = files.get("log_stats", 1)
    chunk = chunks(decode(footer(file.data)).root)[0]
    offset = chunk.value(4)
    assert isinstance(offset, int)
    pages = decode(file.data, offset).root.value(1)  # OffsetIndex.page_locations
    assert isinstance(pages, List)
    assert len(pages.values) == 12


def test_files_carry_the_deprecated_statistics_that_a_round_trip_would_drop(files: Files) -> None:
    meta_data = chunks(decode(footer(files.get("log_entries", 1).data)).root)[0].value(3)
    assert isinstance(meta_data, Struct)
    statistics = meta_data.value(12)  # ColumnMetaData.statistics
    assert isinstance(statistics, Struct)
    assert statistics.value(1) is not None  # Statistics.max
    assert statistics.value(2) is not None  # Statistics.min


def test_an_encrypted_file_has_the_magic_of_one_and_the_size_of_its_footer(files: Files) -> None:
    twin = encrypted_twin(files.get("streams", 1))
    assert twin.data[:4] == twin.data[-4:] == b"PARE"
    assert twin.data.endswith(KINDS["encrypted"].build(files.get("streams", 1)))
    with pytest.raises(OSError, match="encrypted"):
        pq.ParquetFile(io.BytesIO(twin.data))


def test_the_same_seed_gives_the_same_files_and_another_seed_others() -> None:
    day = date(2026, 3, 2)
    for writer in Writer:
        assert Files(3, day).get("blocks", 2, writer).data == Files(3, day).get("blocks", 2, writer).data
        assert Files(3, day).get("blocks", 2, writer).data != Files(4, day).get("blocks", 2, writer).data
