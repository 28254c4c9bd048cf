"""Decoding and encoding gives back the bytes of every writer that can be had, and finds nothing odd about them."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import datafusion
import duckdb
import fastparquet
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from footer_corpus import by_arrow_rs, files
from refooter.parquet.footer import Footer, read_footer
from refooter.parquet.page_index import read_page_index
from refooter.parquet.structs import COLUMN_INDEX, OFFSET_INDEX
from refooter.parquet.thrift import decode, encode

_DATA = Path(__file__).parent / "data"
_MOMENT = datetime(2024, 2, 29, 12, 30, 15, 123456, UTC)
_PAGES = {"data_page_row_count_limit": 20, "write_batch_size": 20}


def _every_type() -> pa.Table:
    """Every Arrow type that Parquet has a logical type for, with nulls, nested and extreme values."""
    point = pa.struct([("x", pa.int16()), ("y", pa.uint32())])
    columns: dict[str, pa.Array] = {
        "bool": pa.array([True, False, None]),
        **{f"{t}": pa.array([0, 100, None], t) for t in (pa.int8(), pa.int16(), pa.int32(), pa.int64())},
        **{f"{t}": pa.array([0, 200, None], t) for t in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())},
        "negative": pa.array([-(2**63), -1, None], pa.int64()),
        "float16": pa.array([0.5, -1.5, None], pa.float16()),
        "float": pa.array([0.1, float("nan"), None], pa.float32()),
        "double": pa.array([float("-inf"), -0.0, None]),
        "date": pa.array([date(1969, 12, 31), date(2024, 2, 29), None]),
        "time ms": pa.array([time(1, 2, 3), None, None], pa.time32("ms")),
        "time us": pa.array([time(1, 2, 3, 4), None, None], pa.time64("us")),
        "time ns": pa.array([1, None, None], pa.time64("ns")),
        **{f"utc {u}": pa.array([_MOMENT, None, None], pa.timestamp(u, "UTC")) for u in ("ms", "us", "ns")},
        **{f"local {u}": pa.array([_MOMENT, None, None], pa.timestamp(u)) for u in ("ms", "us", "ns")},
        "small decimal": pa.array([Decimal("-1.50"), None, None], pa.decimal128(5, 2)),
        "decimal": pa.array([Decimal("12345678901234567890.123"), None, None], pa.decimal128(38, 3)),
        "wide decimal": pa.array([Decimal(1), None, None], pa.decimal256(76, 5)),
        "text": pa.array(["", "b\x1b\n\u202e\xe4", None]),
        "long text": pa.array(["z" * 500, None, None]),
        "binary": pa.array([b"\x00\xff", None, None]),
        "fixed": pa.array([b"abc", None, None], pa.binary(3)),
        "uuid": pa.array([UUID(int=1).bytes, None, None], pa.binary(16)),
        "list": pa.array([[1, None], [], None], pa.list_(pa.int32())),
        "lists": pa.array([[["a"], None], [], None], pa.list_(pa.list_(pa.string()))),
        "struct": pa.array([{"x": 1, "y": None}, None, None], point),
        "map": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int64())),
        "dictionary": pa.array(["a", "a", None]).dictionary_encode(),
        "null": pa.nulls(3),
    }
    return pa.table(columns).replace_schema_metadata({f"key {i}": "v" * i for i in range(40)})


def _many_rows(rows: int = 300) -> pa.Table:
    return pa.table(
        {
            "i": pa.array(range(rows)),
            "s": pa.array([None if i % 3 == 0 else f"{i:05}" for i in range(rows)]),
            "b": pa.array([i % 7 == 0 for i in range(rows)]),
            "f": pa.array([i / 3 for i in range(rows)]),
            "none": pa.array([None] * rows, pa.int32()),
            "l": pa.array([list(range(i % 4)) for i in range(rows)]),
            "t": pa.array(range(rows), pa.timestamp("ns", "UTC")),
        }
    )


def _plain(rows: int = 300) -> pa.Table:
    return _many_rows(rows).drop_columns(["none", "l"])


def _arrow_cpp(table: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def _datafusion(directory: Path, table: pa.Table, **options: Any) -> bytes:
    path = directory / "datafusion.parquet"
    frame = datafusion.SessionContext().from_arrow(table)
    frame.write_parquet_with_options(str(path), datafusion.ParquetWriterOptions(**options))
    return (path if path.is_file() else min(path.iterdir())).read_bytes()


def _duckdb(directory: Path, table: pa.Table, **options: Any) -> bytes:
    path = directory / "duckdb.parquet"
    duckdb.from_arrow(table).write_parquet(str(path), **options)
    return path.read_bytes()


def _polars(directory: Path, table: pa.Table, **options: Any) -> bytes:
    path = directory / "polars.parquet"
    frame = polars.from_arrow(table)
    assert isinstance(frame, polars.DataFrame)
    frame.write_parquet(path, **options)
    return path.read_bytes()


def _fastparquet(directory: Path, table: pa.Table, **options: Any) -> bytes:
    path = directory / "fastparquet.parquet"
    fastparquet.write(str(path), table.to_pandas(), **options)
    return (path / "_metadata" if path.is_dir() else path).read_bytes()


_SORTED = [pq.SortingColumn(0, descending=True), pq.SortingColumn(1, nulls_first=True)]
_WRITERS: dict[str, Callable[[Path], bytes]] = {
    "parquet-cpp": lambda _: _arrow_cpp(_every_type()),
    "parquet-cpp, data pages of version 2": lambda _: _arrow_cpp(_every_type(), data_page_version="2.0"),
    "parquet-cpp, format 1.0": lambda _: _arrow_cpp(_every_type().drop_columns(["float16"]), version="1.0"),
    "parquet-cpp, page index": lambda _: _arrow_cpp(
        _many_rows(), write_page_index=True, row_group_size=90, max_rows_per_page=20, write_batch_size=20
    ),
    "parquet-cpp, no statistics": lambda _: _arrow_cpp(_every_type(), write_statistics=False, store_schema=False),
    "parquet-cpp, sorted": lambda _: _arrow_cpp(_many_rows(), sorting_columns=_SORTED),
    "parquet-cpp, bloom filters": lambda _: _arrow_cpp(
        _many_rows(), bloom_filter_options={"i": {"ndv": 100, "fpp": 0.1}, "s": True}
    ),
    "parquet-cpp, INT96": lambda _: _arrow_cpp(_every_type(), use_deprecated_int96_timestamps=True),
    "parquet-cpp, decimals as integers": lambda _: _arrow_cpp(_every_type(), store_decimal_as_integer=True),
    "parquet-rs 57.1": lambda _: by_arrow_rs(_every_type()),
    "parquet-rs 57.1, pages": lambda _: by_arrow_rs(_many_rows(), max_row_group_size=90, **_PAGES),
    "parquet-rs 57.1, bloom filters": lambda _: by_arrow_rs(
        _many_rows(), bloom_filter_enabled=True, writer_version="parquet_1_0", compression="snappy"
    ),
    "DataFusion 51": lambda directory: _datafusion(directory, _every_type()),
    "DataFusion 51, row groups": lambda directory: _datafusion(
        directory, _many_rows(), max_row_group_size=90, writer_version="2.0", statistics_enabled="page", **_PAGES
    ),
    "DataFusion 51, bloom filters": lambda directory: _datafusion(
        directory, _many_rows(), bloom_filter_on_write=True, statistics_enabled="chunk", skip_arrow_metadata=True
    ),
    "DuckDB": lambda directory: _duckdb(directory, _every_type().drop_columns(["float16", "null", "wide decimal"])),
    "DuckDB, row groups": lambda directory: _duckdb(
        directory, _many_rows(5000), row_group_size=2048, compression="zstd"
    ),
    "Polars": lambda directory: _polars(directory, _every_type().drop_columns(["map", "wide decimal"])),
    "Polars, all statistics": lambda directory: _polars(
        directory, _many_rows(), statistics="full", row_group_size=100, data_page_size=200
    ),
    "fastparquet": lambda directory: _fastparquet(directory, _plain()),
    "fastparquet, row groups": lambda directory: _fastparquet(
        directory, _plain(), row_group_offsets=100, stats=True, custom_metadata={"a": "b"}
    ),
    "fastparquet, _metadata of several files": lambda directory: _fastparquet(
        directory, _plain(), row_group_offsets=100, file_scheme="hive"
    ),
}


@pytest.fixture(scope="module", params=_WRITERS, ids=lambda name: name)
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return _WRITERS[request.param](tmp_path_factory.mktemp("writer"))


def _footer(data: bytes) -> Footer:
    length = int.from_bytes(data[-8:-4], "little")
    return read_footer(data, len(data) - 8 - length, len(data) - 8)


def test_a_footer_is_encoded_as_its_writer_spelled_it(data: bytes) -> None:
    footer = _footer(data)
    assert footer.problem is None
    assert footer.end == len(data) - 8
    assert encode(footer.reading.struct) == data[footer.start : footer.end]


def test_nothing_is_odd_about_a_real_footer(data: bytes) -> None:
    footer = _footer(data)
    assert footer.findings == ()
    assert all(node.declared for node in footer.root.walk())


def test_the_page_index_is_encoded_as_its_writer_spelled_it(data: bytes) -> None:
    for group in _footer(data).row_groups:
        for chunk in group.columns:
            if chunk.offset_index is None and chunk.column_index is None:
                continue
            index = read_page_index(data, chunk, num_rows=group.num_rows)
            assert index.findings == ()
            assert index.pages
            for reading in (index.column, index.offset):
                if reading is not None:
                    assert encode(reading.struct) == data[reading.start : reading.end]


def test_what_the_footer_says_is_what_parquet_cpp_reads_in_it(data: bytes) -> None:
    footer = _footer(data)
    try:
        metadata = pq.read_metadata(pa.BufferReader(data))
    except OSError:  # a _metadata file holds no data
        metadata = pq.read_metadata(pa.BufferReader(b"PAR1" + data[footer.start :]))
    assert (footer.num_rows, len(footer.row_groups)) == (metadata.num_rows, metadata.num_row_groups)
    assert footer.created_by == metadata.created_by
    assert len(footer.schema.leaves) == metadata.num_columns
    for column, position in enumerate(footer.schema.leaves):
        element, theirs = footer.schema.elements[position], metadata.schema.column(column)
        assert (element.max_definition_level, element.max_repetition_level) == (
            theirs.max_definition_level,
            theirs.max_repetition_level,
        )
        assert element.type.physical == theirs.physical_type
    for group in footer.row_groups:
        for chunk in group.columns:
            theirs = metadata.row_group(group.index).column(chunk.column)
            assert chunk.name.encode().decode("unicode_escape") == theirs.path_in_schema.replace("\\", "\\\\")
            assert chunk.num_values == theirs.num_values
            assert chunk.total_compressed_size == theirs.total_compressed_size
            assert chunk.data_page_offset == theirs.data_page_offset
            assert (chunk.column_index is not None) == theirs.has_column_index
            assert (chunk.offset_index is not None) == theirs.has_offset_index


_STORED = sorted(path.name for path in _DATA.glob("*.footer"))


@pytest.mark.parametrize("name", _STORED)
def test_a_footer_of_datafusion_50_is_encoded_as_it_was(name: str) -> None:
    raw = (_DATA / name).read_bytes()
    footer = read_footer(raw)
    assert (footer.problem, footer.end, footer.findings) == (None, len(raw), ())
    assert encode(footer.reading.struct) == raw


def test_there_are_footers_of_datafusion_50() -> None:
    assert len(_STORED) == 5


def test_a_page_index_of_datafusion_50_is_encoded_as_it_was() -> None:
    raw = (_DATA / "datafusion_50_pages.indexes").read_bytes()
    footer = read_footer((_DATA / "datafusion_50_pages.footer").read_bytes())
    chunks = [chunk for group in footer.row_groups for chunk in group.columns]
    begin = min(found[0] for chunk in chunks for found in (chunk.column_index, chunk.offset_index) if found)
    for chunk in chunks:
        index = read_page_index(raw, chunk, data_start=begin, num_rows=100)
        assert index.findings == ()
        assert [page.rows for page in index.pages] == [20] * 5
        for reading in (index.column, index.offset):
            assert reading is not None
            assert encode(reading.struct) == raw[reading.start : reading.end]


def test_writers_spell_everything_the_shortest_way(data: bytes) -> None:
    footer = _footer(data)
    assert decode(data, footer.start, end=footer.end).oddities == ()


def test_the_footers_of_the_other_tests_have_nothing_odd_either() -> None:
    for file in files():
        assert read_footer(file.footer).findings == ()


def test_every_index_has_its_declaration() -> None:
    assert COLUMN_INDEX.id("boundary_order") == 4
    assert OFFSET_INDEX.id("page_locations") == 1
