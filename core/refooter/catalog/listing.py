"""Entries without their values, a column at a time: what a list of the whole catalog is made of.

PostgreSQL itself lays each column of a page out as one buffer (`string_agg` over the types' own send functions), so that a page
is one row of a few buffers here: no loop over rows, no text to be quoted and parsed, and infinite times are what they are. It takes
about as long as COPY in CSV does, and an eighth of the processor time on our side, where there is a terminal to serve meanwhile.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import AsyncGenerator
from functools import partial
from itertools import accumulate
from typing import Any, Final

import pyarrow as pa
from psycopg import errors

from refooter.catalog.connection import Database, patiently
from refooter.values import view_of_path

_FIELDS: Final[list[pa.Field[Any]]] = [
    pa.field("file_path", pa.large_string(), nullable=False),
    pa.field("blob_size", pa.int64(), nullable=False),
    pa.field("version", pa.int32()),
    pa.field("insert_time", pa.int64()),
    pa.field("partitions", pa.int32(), nullable=False),
    pa.field("num_rows", pa.int64()),
    pa.field("file_size", pa.int64()),
    pa.field("view_set", pa.string()),
    pa.field("view_instance", pa.string()),
]
SCHEMA: Final = pa.schema(_FIELDS)
"""`insert_time`: microseconds since `PG_EPOCH`. `partitions`: how many partition rows name the file; 0 is an orphan, whose view
is taken from its path. `num_rows` and `file_size` (bytes) are null where the partition rows disagree, or do not know."""

FIRST_ROWS: Final = 256
PAGE_ROWS: Final = 20_000
_PAGE_SECONDS: Final = 10.0
# Below this many rows, a count takes no longer than the planner's estimate would be wrong by.
_WORTH_ESTIMATING: Final = 100_000


async def listing_pages(database: Database) -> AsyncGenerator[pa.RecordBatch, None]:
    """Every entry, by pages of the primary key: a small page first, then pages of `PAGE_ROWS`, each read in a transaction of its
    own (safety 4). A database that goes away for a while is waited for."""
    rows = FIRST_ROWS
    after: str | None = None
    while True:
        try:
            page, last = await patiently(partial(_read_page, database, after, rows))
        except errors.QueryCanceled:
            if rows == 1:
                raise
            rows = max(1, rows // 4)
            continue
        if page.num_rows:
            yield page
        if page.num_rows < rows:
            return
        after = last
        rows = min(rows * 8, PAGE_ROWS)


async def about_how_many(database: Database) -> int:
    """How many entries there are: counted where they are few, else as many as the planner thinks."""
    async with database.reading(seconds=60) as connection:
        row = await (
            await connection.execute("SELECT reltuples::int8 FROM pg_class WHERE oid = 'partition_metadata'::regclass")
        ).fetchone()
        if row is None or row[0] < _WORTH_ESTIMATING:
            row = await (await connection.execute("SELECT count(*) FROM partition_metadata")).fetchone()
    assert row is not None
    return int(row[0])


def _numbers(expression: str, send: str = "int8send") -> str:
    """Eight bytes a row; and a byte a row that says whether there is a value."""
    return (
        f"string_agg(coalesce({send}({expression}), int8send(0)), ''::bytea),"
        f" string_agg(CASE WHEN {expression} IS NULL THEN '\\x00'::bytea ELSE '\\x01' END, ''::bytea)"
    )


def _texts(expression: str) -> str:
    """All the text in UTF-8, whatever the database's own encoding; and eight bytes a row for its length, -1 for null."""
    return (
        f"string_agg(coalesce({expression}, ''), ''::bytea),"
        f" string_agg(int8send(coalesce(octet_length({expression}), -1)), ''::bytea)"
    )


# All aggregates see the rows in the same order. That it is the key's is likely and nothing that we rely on: the last key
# of a page is asked for as such.
_COLUMNS: Final = ", ".join(
    (
        _texts("path"),
        _numbers("size"),
        _numbers("version"),
        _numbers("insert_time", "timestamptz_send"),
        _numbers("partitions"),
        _numbers("num_rows"),
        _numbers("file_size"),
        _texts("view_set"),
        _texts("view_instance"),
    )
)


def _query(versioned: bool, after: str | None) -> str:
    version = "m.partition_format_version::int8" if versioned else "NULL::int8"
    beyond = "" if after is None else "WHERE m.file_path > %(after)s"
    return (
        "WITH page AS MATERIALIZED ("
        " SELECT m.file_path::text AS key, convert_to(m.file_path::text, 'UTF8') AS path, m.size, m.version, m.insert_time, f.*"
        f" FROM (SELECT m.file_path, octet_length(m.metadata)::int8 AS size, {version} AS version, m.insert_time"
        f"  FROM partition_metadata m {beyond} ORDER BY m.file_path LIMIT %(rows)s) m"
        " LEFT JOIN LATERAL ("
        "  SELECT count(*) AS partitions, CASE WHEN min(p.num_rows) = max(p.num_rows) THEN min(p.num_rows) END AS num_rows,"
        "  CASE WHEN count(p.file_size) = count(*) AND min(p.file_size) = max(p.file_size) THEN min(p.file_size) END AS file_size,"
        "  convert_to(min(p.view_set_name)::text, 'UTF8') AS view_set,"
        "  convert_to(min(p.view_instance_id)::text, 'UTF8') AS view_instance"
        "  FROM lakehouse_partitions p WHERE p.file_path = m.file_path) f ON true"
        " ORDER BY m.file_path)"
        f" SELECT count(*), max(key), {_COLUMNS} FROM page"
    )


async def _read_page(database: Database, after: str | None, rows: int) -> tuple[pa.RecordBatch, str | None]:
    async with database.reading(seconds=_PAGE_SECONDS) as connection:
        cursor = connection.cursor(binary=True)
        await cursor.execute(_query(database.version.has_format_version, after), {"after": after, "rows": rows})
        row = await cursor.fetchone()
    assert row is not None
    count, last, *buffers = row
    return (_batch(count, buffers) if count else no_rows()), last


def no_rows() -> pa.RecordBatch:
    """A page with nothing on it. Of Python's own values pyarrow makes nothing without importing pandas first, where that is installed:
    a third of a second, for all threads of the process."""
    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in SCHEMA], schema=SCHEMA)


def _batch(count: int, buffers: list[bytes]) -> pa.RecordBatch:
    pairs = zip(buffers[::2], buffers[1::2], strict=True)
    columns = [
        _text_column(field.type, text, _integers(of_row))
        if _is_text(field.type)
        else _number_column(field.type, text, of_row)
        for field, (text, of_row) in zip(SCHEMA, pairs, strict=True)
    ]
    assert all(len(column) == count for column in columns)
    views = [SCHEMA.get_field_index(name) for name in ("view_set", "view_instance")]
    columns[views[0]], columns[views[1]] = _with_views_of_paths(columns[0], columns[views[0]], columns[views[1]])
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.large_string())


def _integers(data: bytes) -> array[int]:
    """Network byte order, eight bytes each."""
    found = array("q", data)
    if sys.byteorder == "little":
        found.byteswap()
    return found


def _number_column(kind: pa.DataType, data: bytes, known: bytes) -> pa.Array[Any]:
    numbers = _integers(data)
    column = pa.Array.from_buffers(pa.int64(), len(numbers), [_bitmap(known), pa.py_buffer(numbers)])
    return column if kind == pa.int64() else column.cast(kind)


def _text_column(kind: pa.DataType, text: bytes, sizes: array[int]) -> pa.Array[Any]:
    """`sizes`: bytes of each row, negative for null."""
    known = None
    if min(sizes, default=0) < 0:
        known = _bitmap(bytes(size >= 0 for size in sizes))
        sizes = array("q", (max(size, 0) for size in sizes))
    offsets = array("q", accumulate(sizes, initial=0))
    column = pa.Array.from_buffers(pa.large_string(), len(sizes), [known, pa.py_buffer(offsets), pa.py_buffer(text)])
    return column if kind == pa.large_string() else column.cast(kind)


def _bitmap(known: bytes) -> pa.Buffer | None:
    """Arrow's validity bitmap of a byte a row, `None` where nothing is null."""
    if 0 not in known:
        return None
    return pa.Array.from_buffers(pa.uint8(), len(known), [None, pa.py_buffer(known)]).cast(pa.bool_()).buffers()[1]


def _with_views_of_paths(
    paths: pa.Array[Any], sets: pa.Array[Any], instances: pa.Array[Any]
) -> tuple[pa.Array[Any], pa.Array[Any]]:
    """As `Entry.view` has it: where no partition row names a view, the path does."""
    if not sets.null_count:
        return sets, instances
    names, of_names = sets.to_pylist(), instances.to_pylist()
    for row, name in enumerate(names):
        if name is None:
            names[row], of_names[row] = view_of_path(paths[row].as_py())
    return _texts_of(sets.type, names), _texts_of(instances.type, of_names)


def _texts_of(kind: pa.DataType, texts: list[str | None]) -> pa.Array[Any]:
    encoded = [None if text is None else text.encode() for text in texts]
    sizes = array("q", (-1 if text is None else len(text) for text in encoded))
    return _text_column(kind, b"".join(filter(None, encoded)), sizes)
