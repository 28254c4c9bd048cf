"""What a FileMetaData says of its file, read in one pass and without a tree: this runs for every entry of a catalog."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import itemgetter
from typing import Any, Final

from refooter.parquet.chunks import BODY, IDENTITY, Chunks, Row, chunks_of, read_chunks
from refooter.parquet.schema import Schema, read_schema, skip_column_orders
from refooter.parquet.structs import FILE_META_DATA, KEY_VALUE, ROW_GROUP
from refooter.parquet.thrift import ThriftError, Unreadable, Wire
from refooter.parquet.walk import (
    Wanted,
    ended,
    read_binary,
    read_header,
    read_int32,
    read_integer,
    read_list,
    read_struct,
    skip,
    skip_binary,
)
from refooter.values import FooterFacts

ARROW_SCHEMA_KEY: Final = b"ARROW:schema"
# An entry is one value among a million: what would take more than some hundred megabytes to read is not a footer.
MAX_CHUNKS: Final = 1_000_000
_DIGEST: Final = 16


@dataclass(slots=True)
class Details:
    """What the diagnosis needs beside the facts. All offsets in `data` are absolute.

    `end` is the byte behind FileMetaData, or the one where reading stopped, and `problem` why. `arrow_schema_keys` are
    the offsets in `data` of the keys `ARROW:schema`. `rows` are the column chunks as they are spelled, `runs` where they
    stand: for each list of chunks that was read to its end its first row, its first byte and the byte behind it. `outline`
    holds the headers of FileMetaData's own fields: id, wire type, where the header begins and where the value does.
    """

    start: int
    end: int = 0
    version: int | None = None
    num_rows: int | None = None
    created_by: bytes | None = None
    schema: Schema | None = None
    row_groups: list[tuple[int, bytes]] = field(default_factory=list)
    row_groups_whole: bool = False
    rows: list[Row] = field(default_factory=list, compare=False)
    runs: list[tuple[int, int, int]] = field(default_factory=list)
    _chunks: Chunks | None = None
    arrow_schema_keys: list[int] = field(default_factory=list)
    outline: list[tuple[int, int, int, int]] = field(default_factory=list)
    problem: ThriftError | None = None

    @property
    def chunks(self) -> Chunks:
        """Decoded when first asked for: who wants to know only what identifies the file does without."""
        if self._chunks is None:
            self._chunks = chunks_of(self.rows)
        return self._chunks

    @property
    def spelled_as_usual(self) -> bool:
        """Whether every ColumnChunk is spelled as the common writers do, with the page-index pointers last."""
        return all(map(_BODY_OF, self.rows))

    @property
    def length(self) -> int:
        """L: the parsed length of FileMetaData in bytes, never what a length word says."""
        return self.end - self.start

    @property
    def lacks_num_rows(self) -> bool:
        """Whether field 3 is not there at all."""
        return _NUM_ROWS not in [field[0] for field in self.outline]

    @property
    def whole(self) -> bool:
        """Whether it was read to its end and holds what every FileMetaData does, but for num_rows."""
        return self.problem is None and self.version is not None and self.schema is not None and self.row_groups_whole


def read_facts(data: bytes, start: int = 0, end: int | None = None) -> tuple[FooterFacts, Details]:
    """Reads FileMetaData from `data[start:end]`. Never raises for what the bytes are: see `Details.problem`."""
    if end is not None and end < len(data):
        data = data[:end]
    details = Details(start)
    rows: list[Row] = []
    reader = _Reader(data, details, rows)
    try:
        reader.read(start)
    except IndexError:
        details.problem = ended(data).error
    except Unreadable as unreadable:
        details.problem = unreadable.error
    if details.problem is not None:
        details.end = min(max(start, details.problem.offset), len(data))
    details.rows = rows
    return _facts(details), details


def _facts(details: Details) -> FooterFacts:
    schema = details.schema
    created_by = details.created_by
    return FooterFacts(
        start=details.start,
        length=details.length,
        num_rows=details.num_rows,
        schema=schema.digest if schema else None,
        columns=schema.leaves if schema else 0,
        row_groups=tuple(details.row_groups),
        row_groups_whole=details.row_groups_whole,
        created_by=None if created_by is None else created_by.decode("utf-8", "replace"),
    )


_VERSION, _SCHEMA, _NUM_ROWS, _ROW_GROUPS, _KEY_VALUES, _CREATED_BY, _ORDERS = (
    FILE_META_DATA.id(name)
    for name in (
        "version",
        "schema",
        "num_rows",
        "row_groups",
        "key_value_metadata",
        "created_by",
        "column_orders",
    )
)
_BODY_OF: Final = itemgetter(BODY)
_LIST, _STRUCT, _BINARY = int(Wire.LIST), int(Wire.STRUCT), int(Wire.BINARY)
_I32, _I64 = int(Wire.I32), int(Wire.I64)
_COLUMNS: Final = ROW_GROUP.id("columns")
_ROWS: Final = ROW_GROUP.id("num_rows")
_KEY: Final = KEY_VALUE.id("key")
# RowGroup behind field 1, as it is spelled without sorting columns: total_byte_size, num_rows, and none or more of
# file_offset, total_compressed_size and ordinal
_BEHIND_COLUMNS: Final = re.compile(
    rb"\x16_\x16(_)(?:\x26_(?:\x16_(?:\x14_|)|)|)\x00".replace(b"_", rb"[\x80-\xff]{0,8}+[\x00-\x7f]")
)


class _Reader:
    """One reading. What is found goes into `details` and `rows` at once, so that a bad byte loses nothing before it."""

    __slots__ = ("data", "details", "rows")

    def __init__(self, data: bytes, details: Details, rows: list[Row]) -> None:
        self.data = data
        self.details = details
        self.rows = rows

    def read(self, at: int) -> None:
        data, details = self.data, self.details
        id = 0
        while True:
            start = at
            wire, id, at = read_header(data, at, id)
            if not wire:
                details.end = at
                return
            details.outline.append((id, wire, start, at))
            if wire == _LIST and id == _ROW_GROUPS:
                at = self.row_groups(at)
            elif wire == _LIST and id == _SCHEMA:
                details.schema, at = read_schema(data, at)
            elif wire == _I32 and id == _VERSION:
                details.version, at = read_int32(data, at)
            elif wire == _I64 and id == _NUM_ROWS:
                details.num_rows, at = read_integer(data, at)
            elif wire == _LIST and id == _KEY_VALUES:
                at = self.key_values(at)
            elif wire == _BINARY and id == _CREATED_BY:
                details.created_by, at = read_binary(data, at)
            elif wire == _LIST and id == _ORDERS:
                at = skip_column_orders(data, at)
            else:
                at = skip(data, at, wire)

    def row_groups(self, at: int) -> int:
        data, details = self.data, self.details
        details.row_groups.clear()
        details.row_groups_whole = False
        self.rows.clear()
        details.runs.clear()
        start = at
        element, count, at = read_list(data, at)
        if element != _STRUCT:
            details.row_groups_whole = count == 0
            return skip(data, start, Wire.LIST)
        for _ in range(count):
            rows, digest, at = self.row_group(at)
            if digest is not None and rows is not None:
                details.row_groups.append((rows, digest))
        details.row_groups_whole = len(details.row_groups) == count
        return at

    def row_group(self, at: int) -> tuple[int | None, bytes | None, int]:
        """A row group's row count and the digest of its chunks, `None` what it does not say, and the byte behind it."""
        data = self.data
        rows = digest = None
        id = 0
        while True:
            wire, id, at = read_header(data, at, id)
            if not wire:
                return rows, digest, at
            if wire == _LIST and id == _COLUMNS:
                digest, at = self.columns(at)
                rest = _BEHIND_COLUMNS.match(data, at)
                if rest:
                    return read_integer(rest[1], 0)[0], digest, rest.end()
            elif wire == _I64 and id == _ROWS:
                rows, at = read_integer(data, at)
            else:
                at = skip(data, at, wire, 2)

    def columns(self, at: int) -> tuple[bytes | None, int]:
        """Reads a row group's chunks and digests what identifies them; `None` where a chunk does not say it."""
        data = self.data
        start = at
        element, count, at = read_list(data, at)
        if element != _STRUCT:
            return (_digest(0, []) if count == 0 else None), skip(data, start, Wire.LIST, 3)
        rows = self.rows
        first = len(rows)
        if first + count > MAX_CHUNKS:
            raise Unreadable(start, f"more than {MAX_CHUNKS} column chunks")
        behind = read_chunks(data, at, count, rows)
        self.details.runs.append((first, at, behind))
        identities = [row[IDENTITY] for row in rows[first:]]
        return (_digest(count, identities) if all(identities) else None), behind

    def key_values(self, at: int) -> int:
        start = at
        element, count, at = read_list(self.data, at)
        keys = self.details.arrow_schema_keys
        keys.clear()
        if element != _STRUCT:
            return skip(self.data, start, Wire.LIST)
        for _ in range(count):
            found, at = read_struct(self.data, at, _KEY_WANTED, 2)
            key = found.get(_KEY)
            if key is not None and self.data.startswith(ARROW_SCHEMA_KEY, key[0]) and len(ARROW_SCHEMA_KEY) == key[1]:
                keys.append(key[0])
        return at


def _key_span(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    start, end = skip_binary(data, at)
    return (start, end - start), end


_KEY_WANTED: Final[Wanted] = {_KEY: (Wire.BINARY, _key_span)}


def _digest(count: int, identities: list[Any]) -> bytes:
    return blake2b(b"%d:%b" % (count, b"".join(identities)), digest_size=_DIGEST).digest()
