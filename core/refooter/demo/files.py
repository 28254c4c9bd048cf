"""Real Parquet files of a telemetry lake, written by the real writers, the same for the same seed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Final

import arro3.io
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from refooter.demo import columns


class Writer(Enum):
    """Who wrote a file, by what its `created_by` says.

    `OLD` is the new writer under the old one's name: what the two write differs in nothing that a footer's copy shows.
    """

    OLD = "parquet-rs version 56.2.0"
    NEW = "parquet-rs version 57.1.0"
    FOREIGN = "parquet-cpp-arrow"


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file is laid out. `page_rows` is the most rows a page may have; `nulls` the share of null values."""

    rows: int
    page_rows: int
    row_groups: int
    nulls: float
    reach: int


# What the target parser says of a value that begins with a page index depends on all of these.
SHAPES: Final = (
    Shape(rows=3, page_rows=1_000, row_groups=1, nulls=0.0, reach=1_000),
    Shape(rows=480, page_rows=40, row_groups=1, nulls=0.0, reach=50),
    Shape(rows=300, page_rows=1_000, row_groups=1, nulls=0.1, reach=100_000),
    Shape(rows=640, page_rows=32, row_groups=2, nulls=0.0, reach=2**40),
    Shape(rows=90, page_rows=15, row_groups=1, nulls=1.0, reach=5_000),
    Shape(rows=720, page_rows=120, row_groups=3, nulls=0.3, reach=2**31),
    Shape(rows=510, page_rows=30, row_groups=1, nulls=0.02, reach=2**50),
    Shape(rows=64, page_rows=1, row_groups=1, nulls=0.0, reach=300),
    Shape(rows=400, page_rows=100, row_groups=2, nulls=0.8, reach=20),
    Shape(rows=208, page_rows=16, row_groups=1, nulls=0.5, reach=2**20),
    Shape(rows=150, page_rows=75, row_groups=1, nulls=0.0, reach=2**60),
    Shape(rows=960, page_rows=60, row_groups=3, nulls=0.05, reach=8_000),
)
# The smallest one, whose whole file a mistake may well have put into the catalog.
SMALLEST: Final = 0


@dataclass(frozen=True, slots=True, eq=False)
class ParquetFile:
    """A file's bytes and what the catalog records of it."""

    view_set: str
    data: bytes
    num_rows: int
    row_groups: int


class Files:
    """The files that a lake is made of: for each view set one a shape and writer, made when first asked for."""

    def __init__(self, seed: int, day: date) -> None:
        self._seed = seed
        self._start_ns = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000_000
        self._tables: dict[tuple[str, int], pa.Table] = {}
        self._files: dict[tuple[str, int, Writer], ParquetFile] = {}

    def get(self, view_set: str, shape: int, writer: Writer = Writer.NEW) -> ParquetFile:
        """The file of that view set and shape (an index into `SHAPES`)."""
        key = (view_set, shape, writer)
        if key not in self._files:
            table = self._table(view_set, shape)
            layout = SHAPES[shape]
            data = (_write_foreign if writer is Writer.FOREIGN else _write_arrow_rs)(table, layout, writer)
            groups = -(-layout.rows // _group_rows(layout))
            self._files[key] = ParquetFile(view_set, data, layout.rows, groups)
        return self._files[key]

    def _table(self, view_set: str, shape: int) -> pa.Table:
        key = (view_set, shape)
        if key not in self._tables:
            layout = SHAPES[shape]
            rng = np.random.default_rng([self._seed, list(columns.VIEW_SETS).index(view_set), shape])
            draw = columns.Draw(rng, layout.rows, self._start_ns, layout.reach, layout.nulls)
            self._tables[key] = columns.table(view_set, draw)
        return self._tables[key]


def _group_rows(shape: Shape) -> int:
    return -(-shape.rows // shape.row_groups)


def _write_arrow_rs(table: pa.Table, shape: Shape, writer: Writer) -> bytes:
    out = io.BytesIO()
    arro3.io.write_parquet(
        table,
        out,
        compression="lz4_raw",
        writer_version="parquet_2_0",
        max_row_group_size=_group_rows(shape),
        data_page_row_count_limit=shape.page_rows,
        # the writer looks at a page's row limit only between two batches
        write_batch_size=min(shape.page_rows, 1024),
        created_by=writer.value,
    )
    return out.getvalue()


def _write_foreign(table: pa.Table, shape: Shape, writer: Writer) -> bytes:
    out = io.BytesIO()
    pq.write_table(
        table,
        out,
        compression="lz4",
        version="2.6",
        data_page_version="2.0",
        row_group_size=_group_rows(shape),
        data_page_size=2_048,
        write_batch_size=min(shape.page_rows, 1024),
        write_page_index=True,
    )
    return out.getvalue()
