"""Real Parquet files, and values made from their footers byte for byte as the writers make them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import arro3.io
import pyarrow as pa
import pyarrow.parquet as pq

from refooter.parquet.edit import Edit, insert_field, integer_edit, remove_field, set_integer, splice
from refooter.parquet.thrift import Field, List, Struct, Wire, decode
from refooter.values import Verdict


@dataclass(frozen=True)
class File:
    """A whole Parquet file and its parts."""

    name: str
    data: bytes
    num_rows: int

    @property
    def footer(self) -> bytes:
        length = int.from_bytes(self.data[-8:-4], "little")
        return self.data[-8 - length : -8]

    @property
    def index_start(self) -> int:
        """Where the page index begins; the footer's start for a file without one."""
        offsets = [item.value for chunk in chunks(self.footer) for id in (4, 6) if (item := chunk.get(id))]
        return min(
            (offset for offset in offsets if isinstance(offset, int)), default=len(self.data) - 8 - len(self.footer)
        )


def table(rows: int, columns: int = 6, first: int = 0, turn: int = 0) -> pa.Table:
    """Columns of a telemetry lake; `first` changes every value, `turn` which type the first column has."""
    makers: tuple[Callable[[int], pa.Array], ...] = (
        lambda n: pa.array([f"process-{(first + i) % 40:05d}" for i in range(n)], pa.string()),
        lambda n: pa.array([first + i for i in range(n)], pa.int64()),
        lambda n: pa.array([1_700_000_000_000_000_000 + first + i for i in range(n)], pa.timestamp("ns", tz="UTC")),
        lambda n: pa.array([None if (first + i) % 3 == 0 else i % 9 for i in range(n)], pa.int32()),
        lambda n: pa.array([["a", f"tag {first}"]] * n, pa.list_(pa.string())),
        lambda n: pa.array([b"\x00\x01" * ((first + i) % 5) for i in range(n)], pa.binary()),
    )
    return pa.table({f"column_{i}": makers[(i + turn) % len(makers)](rows) for i in range(columns)})


def by_arrow_rs(content: pa.Table, **options: object) -> bytes:
    """A file from the target's own writer, parquet-rs 57.1."""
    out = io.BytesIO()
    arro3.io.write_parquet(content, out, **{"compression": "lz4_raw", "writer_version": "parquet_2_0"} | options)
    return out.getvalue()


def by_arrow_cpp(content: pa.Table, **options: object) -> bytes:
    """A file from another writer, parquet-cpp."""
    out = io.BytesIO()
    pq.write_table(content, out, **options)
    return out.getvalue()


@cache
def files() -> tuple[File, ...]:
    """Files of both writers: one and several row groups, one and several pages a chunk, bloom filters, no rows."""
    pages = {"data_page_row_count_limit": 20, "write_batch_size": 20}
    made = [
        File("one row group", by_arrow_rs(table(200)), 200),
        File("one column", by_arrow_rs(table(50, columns=1)), 50),
        File("28 columns", by_arrow_rs(table(300, columns=28)), 300),
        File("pages", by_arrow_rs(table(300, first=7), **pages), 300),
        File("row groups", by_arrow_rs(table(300, first=11), max_row_group_size=100, **pages), 300),
        File("bloom filters", by_arrow_rs(table(200, first=5), bloom_filter_enabled=True, bloom_filter_ndv=100), 200),
        File(
            "no dictionaries",
            by_arrow_rs(table(90), dictionary_enabled=False, bloom_filter_enabled=True, bloom_filter_ndv=50),
            90,
        ),
        File("cpp, no dictionaries", by_arrow_cpp(table(90), use_dictionary=False, write_statistics=False), 90),
        File("no rows", by_arrow_rs(table(0)), 0),
        File("cpp", by_arrow_cpp(table(200)), 200),
        File("cpp, no rows", by_arrow_cpp(table(0)), 0),
        File("cpp with page index", by_arrow_cpp(table(300), row_group_size=90, write_page_index=True), 300),
        File("cpp without an Arrow schema", by_arrow_cpp(table(300), store_schema=False, write_page_index=True), 300),
    ]
    return tuple(made)


def with_page_index() -> list[File]:
    return [file for file in files() if file.index_start < len(file.data) - 8 - len(file.footer)]


def chunks(footer: bytes) -> Iterator[Struct]:
    """Every ColumnChunk of a FileMetaData."""
    for group in structs(decode(footer).root, 4):
        yield from structs(group, 1)


def structs(parent: Struct, id: int) -> Iterator[Struct]:
    """The elements of a list of structs."""
    found = parent.value(id)
    assert isinstance(found, List)
    for element in found.values:
        assert isinstance(element, Struct)
        yield element


def field(parent: Struct, *path: int) -> Field:
    """A field by the ids that lead to it."""
    *outer, last = path
    for id in outer:
        value = parent.value(id)
        assert isinstance(value, Struct)
        parent = value
    found = parent.get(last)
    assert found is not None
    return found


def framed(footer: bytes) -> bytes:
    return footer + len(footer).to_bytes(4, "little") + b"PAR1"


def relative(file: File) -> tuple[bytes, bytes]:
    """The prefix, column indexes and then offset indexes, and the footer with its pointers relative to it."""
    prefix = b""
    edits: list[Edit] = []
    for id in (6, 4):
        for chunk in chunks(file.footer):
            offset, length = chunk.value(id), chunk.value(id + 1)
            if offset is None:
                continue
            assert isinstance(offset, int)
            assert isinstance(length, int)
            edits.append(integer_edit(field(chunk, id), len(prefix)))
            prefix += file.data[offset : offset + length]
    return prefix, splice(file.footer, edits)


def prefixed(file: File) -> bytes:
    """What ParquetMetaDataWriter makes of a metadata object that holds its page index."""
    prefix, footer = relative(file)
    return prefix + framed(footer)


def without_num_rows(footer: bytes) -> bytes:
    return remove_field(footer, decode(footer).root, 3)


def with_num_rows(footer: bytes, rows: int) -> bytes:
    return set_integer(footer, field(decode(footer).root, 3), rows)


def with_chunk(footer: bytes, id: int, value: int) -> bytes:
    """The last column chunk's ColumnMetaData with another value, or one more field."""
    meta = list(chunks(footer))[-1].value(3)
    assert isinstance(meta, Struct)
    present = meta.get(id)
    return insert_field(footer, meta, id, Wire.I64, value) if present is None else set_integer(footer, present, value)


def with_damaged_arrow_schema(footer: bytes) -> bytes:
    for pair in structs(decode(footer).root, 5):
        if pair.value(1) == b"ARROW:schema":
            at = field(pair, 2)
            return splice(footer, [(at.end - 40, at.end, b"!" * 40)])
    raise AssertionError("no ARROW:schema")


def judge(value: bytes) -> Verdict:
    """The target parser itself. Its panics print to descriptor 2, which `quiet` closes off."""
    try:
        arro3.io.read_parquet(io.BytesIO(b"PAR1" + value + len(value).to_bytes(4, "little") + b"PAR1"))
    except BaseException as refusal:  # a PanicException is no Exception
        if isinstance(refusal, KeyboardInterrupt):
            raise
        return Verdict(False, str(refusal))
    return Verdict(True)


@contextmanager
def quiet() -> Iterator[None]:
    """Descriptor 2 is the null device meanwhile."""
    os.environ["RUST_BACKTRACE"] = "0"  # a backtrace for every refusal takes longer than the refusal
    kept = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(null)
        os.close(kept)
