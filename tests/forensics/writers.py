"""Small real Parquet files from every writer at hand, with every option that changes what a footer looks like."""

from __future__ import annotations

import io
import itertools
import math
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import arro3.io
import datafusion
import duckdb
import fastparquet
import numpy as np
import polars
import pyarrow as pa
import pyarrow.parquet as pq
from datafusion.dataframe import DataFrameWriteOptions, ParquetColumnOptions, ParquetWriterOptions

from refooter.demo import columns
from refooter.demo.values import footer
from refooter.parquet.edit import Edit, integer_edit, splice
from refooter.parquet.thrift import Field, List, Struct, decode

_START_NS: Final = 1_700_000_000_000_000_000
# what an engine's own writer calls itself, whichever crate it is linked into
PARQUET_RS: Final = "parquet-rs version 57.1.0"


@dataclass(frozen=True, eq=False)
class Written:
    """A file and what is known of it without decoding it by our own code: pyarrow's word on the number of rows."""

    name: str
    writer: str
    data: bytes
    group_rows: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        meta = pq.read_metadata(io.BytesIO(self.data))
        groups = tuple(meta.row_group(i).num_rows for i in range(meta.num_row_groups))
        assert sum(groups) == meta.num_rows
        object.__setattr__(self, "group_rows", groups)

    @property
    def num_rows(self) -> int:
        return sum(self.group_rows)

    @property
    def footer(self) -> bytes:
        """FileMetaData alone, as it stands in the file."""
        return footer(self.data)

    @property
    def footer_start(self) -> int:
        return len(self.data) - 8 - len(self.footer)

    def __str__(self) -> str:
        return f"{self.writer}: {self.name}"


@lru_cache(maxsize=4)
def tree(content: bytes) -> Struct:
    """A FileMetaData as it decodes. Remembered, since one footer is the source of dozens of values."""
    return decode(content).root


@lru_cache(maxsize=4)
def chunks(content: bytes) -> list[Struct]:
    """Every ColumnChunk of a FileMetaData, row group by row group."""
    return [chunk for group in _structs(tree(content), 4) for chunk in _structs(group, 1)]


def _structs(parent: Struct, id: int) -> list[Struct]:
    found = parent.value(id)
    assert isinstance(found, List)
    return [element for element in found.values if isinstance(element, Struct)]


@lru_cache(maxsize=4)
def pointers(content: bytes) -> list[Field]:
    """The page-index pointers of a FileMetaData: ColumnChunk.offset_index_offset (4) and column_index_offset (6)."""
    return [found for chunk in chunks(content) for id in (4, 6) if (found := chunk.get(id)) is not None]


@cache
def all_written() -> tuple[Written, ...]:
    """The corpus' files. Made once a process; the same bytes each time, but for what a library's version changes."""
    made = [
        *_by_arrow_rs(),
        *_by_datafusion(),
        *_by_arrow_cpp(),
        *_by_duckdb(),
        *_by_polars(),
        *_by_fastparquet(),
    ]
    made += [with_gap(file, gap) for file, gap in zip(made[::7], itertools.cycle((1, 3, 8, 64, 1000)))]
    names = [str(file) for file in made]
    assert len(set(names)) == len(names)
    return tuple(made)


@cache
def lake_table(view_set: str, rows: int, *, seed: int = 4, nulls: float = 0.1, reach: int = 2**31) -> pa.Table:
    """Rows of one of a telemetry lake's view sets."""
    rng = np.random.default_rng([seed, rows, list(columns.VIEW_SETS).index(view_set)])
    return columns.table(view_set, columns.Draw(rng, rows, _START_NS, reach, nulls))


@cache
def typed_table(rows: int) -> pa.Table:
    """One column of each of the types that change what a schema element or a statistic looks like."""
    rng = np.random.default_rng([7, rows])
    whole = rng.integers(-1000, 1000, rows)
    return pa.table(
        {
            "flag": pa.array(whole > 0),
            "tiny": pa.array(whole % 100, pa.int8()),
            "unsigned": pa.array(whole + 1000, pa.uint32()),
            "half": pa.array(whole.astype(np.float16), pa.float16()),
            "float": pa.array(whole / 3, pa.float32()),
            "decimal": pa.array([Decimal(int(n)) / 100 for n in whole], pa.decimal128(18, 2)),
            "day": pa.array(whole.astype(np.int32), pa.date32()),
            "time of day": pa.array(whole + 2000, pa.time64("us")),
            "instant": pa.array(whole, pa.timestamp("us")),
            "fixed": pa.array([int(n + 1000).to_bytes(4, "big") for n in whole], pa.binary(4)),
            "point": pa.array([{"x": int(n), "y": None if n % 3 else int(n)} for n in whole]),
            "pairs": pa.array(
                [[(key, int(n)) for key in ("a", "b")][: int(n) % 3] for n in whole], pa.map_(pa.string(), pa.int64())
            ),
            "lists": pa.array([[[int(n)], []] for n in whole]),
            "only nulls": pa.nulls(rows, pa.string()),
        }
    )


@cache
def wide_table(width: int, rows: int) -> pa.Table:
    rng = np.random.default_rng([width, rows])
    return pa.table({f"measured_quantity_{i:04d}": pa.array(rng.integers(0, 2**40, rows)) for i in range(width)})


def flat_table(rows: int) -> pa.Table:
    """Types that every writer knows, nothing nested."""
    return lake_table("thread_spans", rows).select(["id", "parent", "begin", "duration", "line"])


def arrow_rs(table: pa.Table, **options: Any) -> bytes:
    """A file from the target's own writer, with an engine's settings."""
    out = io.BytesIO()
    arro3.io.write_parquet(table, out, **{"compression": "lz4_raw", "writer_version": "parquet_2_0"} | options)
    return out.getvalue()


def pages(rows: int) -> dict[str, int]:
    """A page of so many rows: the writer looks at the limit only between two batches."""
    return {"data_page_row_count_limit": rows, "write_batch_size": rows}


def _by_arrow_rs() -> Iterator[Written]:
    def written(name: str, table: pa.Table, **options: Any) -> Written:
        return Written(name, "parquet-rs", arrow_rs(table, **options))

    for view_set in columns.VIEW_SETS:
        yield written(f"{view_set}, one page", lake_table(view_set, 60))
        yield written(f"{view_set}, 12 pages", lake_table(view_set, 120), **pages(10))
        yield written(f"{view_set}, 3 row groups", lake_table(view_set, 90), max_row_group_size=35, **pages(9))
        yield written(f"{view_set}, all null", lake_table(view_set, 40, nulls=1.0), **pages(20))
    for count in (1, 2, 14, 15, 16, 100):
        yield written(f"{count} pages a chunk", lake_table("measures", count * 3), **pages(3))
    for reach in (20, 2**20, 2**60):
        yield written(f"values up to {reach}", lake_table("processes", 50, reach=reach, nulls=0.0))
    for groups in (2, 14, 15, 16, 40):
        yield written(f"{groups} row groups", lake_table("log_stats", groups * 4), max_row_group_size=4, **pages(2))
    bloom = {"bloom_filter_enabled": True, "bloom_filter_ndv": 64}
    yield written("bloom filters", lake_table("streams", 70), **bloom)
    yield written(
        "bloom filters, row groups and pages",
        lake_table("async_events", 90),
        max_row_group_size=40,
        **pages(8),
        **bloom,
    )
    yield written("bloom filters, no dictionary", lake_table("processes", 30), dictionary_enabled=False, **bloom)
    yield written("no dictionary", lake_table("log_entries", 60), dictionary_enabled=False)
    yield written("no Arrow schema", lake_table("blocks", 60), skip_arrow_metadata=True)
    yield written("version 1", lake_table("blocks", 60), writer_version="parquet_1_0", compression="snappy")
    yield written("key-value metadata", lake_table("streams", 20), key_value_metadata={"PAR1": "é PAR1 PAR1"})
    yield written("short statistics", lake_table("log_entries", 60), max_statistics_size=8)
    yield written("types", typed_table(50))
    yield written("types, pages and row groups", typed_table(90), max_row_group_size=40, **pages(9))
    yield written("no rows", lake_table("measures", 0))
    yield written("one row", lake_table("blocks", 1))
    yield written("one column", lake_table("measures", 200).select([0]), **pages(11))
    yield written("footer over 64 KiB, wide", wide_table(450, 8))
    yield written("footer over 64 KiB, many row groups", wide_table(9, 120), max_row_group_size=2)
    yield written("index over 64 KiB", wide_table(40, 200), **pages(2))


def _by_datafusion() -> Iterator[Written]:
    config = datafusion.SessionConfig().with_target_partitions(1)
    context = datafusion.SessionContext(config)

    def written(name: str, table: pa.Table, **options: Any) -> Written:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "written.parquet"
            batches = [table.combine_chunks().to_batches()]
            frame = context.create_dataframe(batches)
            settings = {"compression": "lz4_raw", "created_by": PARQUET_RS, "writer_version": "2.0"} | options
            frame.write_parquet_with_options(
                path, ParquetWriterOptions(**settings), DataFrameWriteOptions(single_file_output=True)
            )
            return Written(name, "DataFusion", path.read_bytes())

    for view_set in ("blocks", "log_stats", "measures"):
        yield written(view_set, lake_table(view_set, 50))
        yield written(f"{view_set}, pages", lake_table(view_set, 90), **pages(10))
        yield written(f"{view_set}, row groups", lake_table(view_set, 90), max_row_group_size=30, **pages(7))
    only = {
        "count": ParquetColumnOptions(statistics_enabled="page"),
        "level": ParquetColumnOptions(statistics_enabled="page"),
    }
    stats = lake_table("log_stats", 90)
    yield written(
        "column indexes on two columns only", stats, statistics_enabled="none", column_specific_options=only, **pages(9)
    )
    yield written(
        "column indexes on all but two columns",
        stats,
        column_specific_options={name: ParquetColumnOptions(statistics_enabled="none") for name in only},
        **pages(9),
    )
    yield written(
        "column indexes on some columns, row groups",
        stats,
        statistics_enabled="chunk",
        column_specific_options=only,
        max_row_group_size=40,
        **pages(9),
    )
    yield written("statistics of chunks", stats, statistics_enabled="chunk", **pages(9))
    yield written("no statistics", stats, statistics_enabled="none", **pages(9))
    bloom = {"level": ParquetColumnOptions(bloom_filter_enabled=True, bloom_filter_ndv=32)}
    yield written("a bloom filter on one column", stats, column_specific_options=bloom, max_row_group_size=40)
    yield written("bloom filters", lake_table("streams", 40), bloom_filter_on_write=True, bloom_filter_ndv=50)
    yield written("no Arrow schema", stats, skip_arrow_metadata=True)
    yield written(
        "version 1, by its own name",
        stats,
        writer_version="1.0",
        created_by="datafusion version 51.0.0",
        compression="zstd(3)",
    )
    yield written("no dictionary", lake_table("processes", 40), dictionary_enabled=False)


def _by_arrow_cpp() -> Iterator[Written]:
    def written(name: str, table: pa.Table, **options: Any) -> Written:
        out = io.BytesIO()
        pq.write_table(table, out, **options)
        return Written(name, "pyarrow", out.getvalue())

    for view_set in ("blocks", "log_entries", "thread_spans"):
        table = lake_table(view_set, 80)
        yield written(view_set, table)
        for data_page in ("1.0", "2.0"):
            yield written(
                f"{view_set}, data page {data_page}, page index",
                table,
                data_page_version=data_page,
                write_page_index=True,
            )
            yield written(
                f"{view_set}, data page {data_page}, page index, row groups and pages",
                table,
                data_page_version=data_page,
                write_page_index=True,
                row_group_size=30,
                data_page_size=64,
                write_batch_size=5,
            )
    table = lake_table("thread_spans", 60)
    yield written("no statistics", table, write_statistics=False, write_page_index=True)
    yield written("statistics of two columns", table, write_statistics=["id", "line"], write_page_index=True)
    yield written("no dictionary", table, use_dictionary=False, write_page_index=True)
    yield written("no Arrow schema", table, store_schema=False, write_page_index=True)
    sorting = pq.SortingColumn.from_ordering(table.schema, [("id", "ascending"), ("begin", "descending")])
    yield written("sorting columns", table, sorting_columns=sorting, row_group_size=20, write_page_index=True)
    yield written("checksums", table, write_page_checksum=True, compression="gzip")
    yield written(
        "format 1.0", lake_table("measures", 60), version="1.0", coerce_timestamps="us", allow_truncated_timestamps=True
    )
    yield written("int96", lake_table("measures", 60), use_deprecated_int96_timestamps=True)
    yield written("not compliant lists", lake_table("blocks", 30), use_compliant_nested_type=False)
    yield written("types", typed_table(50), write_page_index=True)
    yield written("types, decimals as integers", typed_table(50), store_decimal_as_integer=True)
    yield written("no rows", table.slice(0, 0), write_page_index=True)
    yield written("wide", wide_table(300, 4), write_page_index=True)
    out = io.BytesIO()
    with pq.ParquetWriter(out, table.schema, write_page_index=True) as writer:
        for rows in (20, 0, 15, 0, 0, 7, 0):
            writer.write_table(table.slice(0, rows))
    yield Written("empty row groups between others", "pyarrow", out.getvalue())


def _by_duckdb() -> Iterator[Written]:
    with duckdb.connect(config={"threads": 1}) as connection, tempfile.TemporaryDirectory() as directory:

        def written(name: str, table: pa.Table, options: str = "") -> Written:
            path = Path(directory) / "written.parquet"
            path.unlink(missing_ok=True)
            connection.register("content", table)
            connection.execute(f"COPY (SELECT * FROM content) TO '{path}' (FORMAT parquet{options})")
            return Written(name, "DuckDB", path.read_bytes())

        for view_set in ("log_stats", "measures", "processes"):
            table = lake_table(view_set, 60)
            yield written(view_set, table)
            yield written(f"{view_set}, version 2", table, ", PARQUET_VERSION v2, COMPRESSION zstd")
            yield written(f"{view_set}, lz4_raw", table, ", COMPRESSION lz4_raw")
        yield written("row groups", flat_table(6_000), ", ROW_GROUP_SIZE 2048")
        yield written("key-value metadata", flat_table(10), ", KV_METADATA {owner: 'refooter', note: 'é'}")
        yield written("types", typed_table(40).drop_columns(["half"]))
        yield written("no rows", flat_table(0))
        yield written("lists", lake_table("blocks", 30))


def _by_polars() -> Iterator[Written]:
    def written(name: str, table: pa.Table, **options: Any) -> Written:
        out = io.BytesIO()
        frame = polars.from_arrow(table)
        assert isinstance(frame, polars.DataFrame)
        frame.write_parquet(out, **options)
        return Written(name, "Polars", out.getvalue())

    for view_set in ("log_stats", "measures", "blocks"):
        table = lake_table(view_set, 60)
        yield written(view_set, table)
        yield written(f"{view_set}, full statistics, lz4", table, statistics="full", compression="lz4")
        yield written(f"{view_set}, no statistics", table, statistics=False)
    yield written("row groups and pages", flat_table(90), row_group_size=25, data_page_size=64)
    yield written("types", typed_table(40).drop_columns(["half", "pairs"]))
    yield written("no rows", flat_table(0))
    yield written("key-value metadata", flat_table(20), metadata={"owner": "refooter"})


def _by_fastparquet() -> Iterator[Written]:
    def written(name: str, table: pa.Table, **options: Any) -> Written:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "written.parquet"
            with warnings.catch_warnings(action="ignore"):  # fastparquet's use of pandas, deprecated here and there
                fastparquet.write(str(path), table.to_pandas(), **options)
            return Written(name, "fastparquet", path.read_bytes())

    yield written("numbers", flat_table(60))
    yield written("numbers, row groups", flat_table(60), row_group_offsets=[0, 20, 45])
    yield written("numbers, gzip", flat_table(60), compression="GZIP")
    yield written("numbers, no statistics", flat_table(60), stats=False)
    yield written("texts", lake_table("log_stats", 60).select(["process_id", "level", "count"]))
    yield written(
        "texts, row groups", lake_table("measures", 50).select(["process_id", "value"]), row_group_offsets=[0, 10]
    )
    yield written("nothing nullable", wide_table(3, 60), has_nulls=False)


def with_gap(file: Written, gap: int) -> Written:
    """The same file with `gap` bytes of nothing between its data and what follows: page index or footer.

    Readers find everything by offset, so the file stays sound: what lies behind the gap is moved, and pointed to there.
    """
    content = file.footer
    data_end = max((_chunk_end(chunk) for chunk in chunks(content)), default=4)
    edits: list[Edit] = []
    for chunk in chunks(content):
        meta = chunk.value(3)
        assert isinstance(meta, Struct)
        for pointer in (chunk.get(4), chunk.get(6), meta.get(14)):
            if pointer is not None and isinstance(pointer.value, int) and pointer.value >= data_end:
                edits.append(integer_edit(pointer, pointer.value + gap))
    moved = splice(content, edits)
    body = file.data[:data_end] + b"\xa5" * gap + file.data[data_end : file.footer_start]
    return Written(
        f"{file.name}, {gap} bytes behind the data",
        file.writer,
        body + moved + len(moved).to_bytes(4, "little") + b"PAR1",
    )


def _chunk_end(chunk: Struct) -> int:
    meta = chunk.value(3)
    assert isinstance(meta, Struct)
    starts = [at for id in (9, 11) if isinstance(at := meta.value(id), int) and at > 0]
    size = meta.value(7)
    assert isinstance(size, int)
    return min(starts, default=math.inf) + size  # type: ignore[return-value]
