"""Column chunks, the bulk of every footer: where their bytes are in the file, and what identifies them.

Read in two ways that give the same answer. One compiled pattern swallows a whole ColumnChunk as the common writers
spell it, at the speed of `re`; a plain walker reads every other spelling. Both give a `Row`: the varints of interest as
they stand in the bytes, `None` where there is none. They are decoded for all chunks of a footer at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, islice
from struct import unpack
from typing import Any, Final, TypeAlias

from refooter.parquet.structs import COLUMN_CHUNK, COLUMN_META_DATA, StructSpec
from refooter.parquet.thrift import Wire, encode_varint
from refooter.parquet.walk import Wanted, read_int32, read_integer, read_struct

Row: TypeAlias = tuple[Any, ...]
"""What one ColumnChunk says, as bytes or `None`, in the order of `_COLUMNS`.

The first item is the canonical spelling of num_values, the two sizes and the two page offsets in one piece, `None`
where a required one is missing: equal bytes mean equal values.
"""
_COLUMNS: Final = (
    "identity",
    "total_compressed_size",
    "data_page_offset",
    "dictionary_page_offset",
    "bloom_filter_offset",
    "bloom_filter_length",
    "offset_index_offset",
    "offset_index_length",
    "column_index_offset",
    "column_index_length",
)
# the depth of a ColumnChunk below FileMetaData, which is 0: list, RowGroup, list, ColumnChunk
_DEPTH: Final = 4


@dataclass(frozen=True)
class Chunks:
    """All column chunks of a footer in row-group and column order, one list a field, `None` where it is absent."""

    sizes: list[int | None]
    data_offsets: list[int | None]
    dictionary_offsets: list[int | None]
    bloom_offsets: list[int | None]
    bloom_lengths: list[int | None]
    offset_index_offsets: list[int | None]
    offset_index_lengths: list[int | None]
    column_index_offsets: list[int | None]
    column_index_lengths: list[int | None]

    def __len__(self) -> int:
        return len(self.sizes)

    @cached_property
    def starts(self) -> list[int | None]:
        """Where each chunk begins: the smallest positive one of its page offsets, or else its data page offset."""
        return [
            data
            if dictionary is None or dictionary <= 0 or (data is not None and 0 < data <= dictionary)
            else dictionary
            for data, dictionary in zip(self.data_offsets, self.dictionary_offsets, strict=True)
        ]

    @cached_property
    def end(self) -> int:
        """The first byte behind all chunks that say where they are; 4, behind the opening magic, if there are none."""
        return max(
            [start + size for start, size in zip(self.starts, self.sizes, strict=True) if start and size], default=4
        )

    @cached_property
    def bloom_filters(self) -> list[tuple[int, int | None]]:
        """Offset and length in bytes of every bloom filter."""
        return _pairs(self.bloom_offsets, self.bloom_lengths)

    @cached_property
    def column_indexes(self) -> list[tuple[int, int | None]]:
        """Offset and length in bytes of every column index that a chunk points to."""
        return _pairs(self.column_index_offsets, self.column_index_lengths)

    @cached_property
    def offset_indexes(self) -> list[tuple[int, int | None]]:
        """Offset and length in bytes of every offset index that a chunk points to."""
        return _pairs(self.offset_index_offsets, self.offset_index_lengths)

    @cached_property
    def tiled(self) -> int | None:
        """P, if the page-index ranges, column indexes and then offset indexes, tile `[0, P)` in order without a gap."""
        ranges = self.column_indexes + self.offset_indexes
        lengths = [length or 0 for _, length in ranges]
        if not lengths or min(lengths) <= 0:
            return None
        ends = list(accumulate(lengths, initial=0))
        return ends[-1] if [offset for offset, _ in ranges] == ends[:-1] else None


def _pairs(offsets: list[int | None], lengths: list[int | None]) -> list[tuple[int, int | None]]:
    return [(offset, length) for offset, length in zip(offsets, lengths, strict=True) if offset is not None]


def chunks_of(rows: Sequence[Row]) -> Chunks:
    """Decodes what the rows hold: all the varints together, then the columns again."""
    if not rows:
        return NO_CHUNKS
    columns = list(zip(*rows, strict=True))[1:]
    present = [raw for column in columns for raw in column if raw is not None]
    values: list[int] = []
    for first in range(0, len(present), _LANES):
        values += _decoded(present[first : first + _LANES])
    following = iter(values)
    return Chunks(*(_spread(column, following) for column in columns))


NO_CHUNKS: Final = Chunks(*([] for _ in _COLUMNS[1:]))


def _spread(column: tuple[bytes | None, ...], values: Iterator[int]) -> list[int | None]:
    if None not in column:
        return list(islice(values, len(column)))
    if not any(column):
        return [None] * len(column)
    return [None if raw is None else next(values) for raw in column]


# One varint a lane of 64 bits, many lanes in one integer: three steps close the gaps that the varints' top bits leave.
_LANES: Final = 256


def _mask(bits: int, lane: int) -> int:
    return int.from_bytes(((1 << bits) - 1).to_bytes(lane // 8, "little") * (64 // lane * _LANES), "little")


_SIGN: Final = _mask(1, 64)
_LOW7, _HIGH7 = _mask(7, 16), _mask(7, 16) << 7
_LOW14, _HIGH14 = _mask(14, 32), _mask(14, 32) << 14
_LOW28, _HIGH28 = _mask(28, 64), _mask(28, 64) << 28


def _decoded(varints: list[bytes]) -> Sequence[int]:
    """Zigzag varints as integers; at once where all are the usual ones, non-negative and of 8 bytes at most."""
    joined = b"".join([raw.ljust(8, b"\0") for raw in varints])
    packed = int.from_bytes(joined, "little")
    if len(joined) != 8 * len(varints) or packed & _SIGN:
        return [read_integer(raw, 0)[0] for raw in varints]
    packed = packed & _LOW7 | packed >> 1 & _HIGH7
    packed = packed & _LOW14 | packed >> 2 & _HIGH14
    packed = packed & _LOW28 | packed >> 4 & _HIGH28
    return unpack(f"<{len(varints)}Q", (packed >> 1).to_bytes(len(joined), "little"))


def read_chunks(data: bytes, at: int, count: int, rows: list[Row], ends: list[int]) -> int:
    """`count` column chunks, one behind the other: appends their rows, returns the byte behind the last.

    Appends to `ends` the byte behind each of them too, 0 where the chunk is not spelled as usual.
    """
    matching = _usual_chunk().match
    groups = _groups()
    first = len(rows)
    start = at
    for _ in range(count):
        match = matching(data, at)
        if match is None:
            row, at = _walk_chunk(data, at)
            ends.append(0)
        else:
            row, at = match.group(*groups), match.end()
            ends.append(at)
        rows.append(row)
    if _PADDED.search(b"".join([row[0] for row in rows[first:] if row[0] is not None])):
        at = start
        for index in range(first, len(rows)):
            rows[index], at = _walk_chunk(data, at)
            ends[index] = 0
    return at


# A varint that is longer than it need be ends in 0: the pattern lets it pass, but its bytes do not identify its value.
_PADDED: Final = re.compile(rb"[\x80-\xff]\x00")


_META_DATA: Final = COLUMN_CHUNK.id("meta_data")
# fields 5, 6, 7, 9 and 11 with the headers that they have behind field 4 and with 8 and 10 absent
_IDENTITY: Final = (
    ("num_values", b"\x16"),
    ("total_uncompressed_size", b"\x16"),
    ("total_compressed_size", b"\x16"),
    ("data_page_offset", b"\x26"),
    ("dictionary_page_offset", b"\x26"),
)
_IDENTITY_HEADERS: Final = tuple((COLUMN_META_DATA.id(name), header) for name, header in _IDENTITY)
_REQUIRED: Final = {id for id, _ in _IDENTITY_HEADERS[:-1]}


def _wanted(spec: StructSpec, *names: str) -> Wanted:
    fields = [field for field in spec.fields if field.name in names]
    return {field.id: (field.wire, read_int32 if field.wire is Wire.I32 else read_integer) for field in fields}


_META_WANTED: Final = _wanted(COLUMN_META_DATA, *_COLUMNS, "num_values", "total_uncompressed_size")
_CHUNK_WANTED: Final[Wanted] = {
    **_wanted(COLUMN_CHUNK, *_COLUMNS),
    _META_DATA: (Wire.STRUCT, lambda data, at: read_struct(data, at, _META_WANTED, _DEPTH + 1)),
}
_META_COLUMNS: Final = tuple(COLUMN_META_DATA.id(name) for name in _COLUMNS[1:6])
_CHUNK_COLUMNS: Final = tuple(COLUMN_CHUNK.id(name) for name in _COLUMNS[6:])


def _walk_chunk(data: bytes, at: int) -> tuple[Row, int]:
    """The plain reading of a ColumnChunk, in whichever order and spelling its fields come."""
    chunk, at = read_struct(data, at, _CHUNK_WANTED, _DEPTH)
    meta: dict[int, int] = chunk.get(_META_DATA, {})
    spelled: list[bytes | None] = [None]
    for found, ids in ((meta, _META_COLUMNS), (chunk, _CHUNK_COLUMNS)):
        spelled += [_zigzag(found[id]) if id in found else None for id in ids]
    if meta.keys() >= _REQUIRED:
        spelled[0] = b"".join([header + _zigzag(meta[id]) for id, header in _IDENTITY_HEADERS if id in meta])
    return tuple(spelled), at


def _zigzag(value: int) -> bytes:
    return encode_varint(value << 1 ^ value >> 63)


@cache
def _usual_chunk() -> re.Pattern[bytes]:
    """The pattern of a ColumnChunk with its fields in order, short headers and short binaries.

    Compiled when first needed: it takes 20 ms. Only possessive repeats and alternatives that begin with different
    bytes: no input makes it go back and forth. Longer lists and binaries, and rarer fields, are the walker's.
    """
    small = r"[\x00-\x7f]"
    i32 = rf"(?:[\x80-\xff]{{0,3}}+{small})"
    i64 = rf"(?:[\x80-\xff]{{0,8}}+{small})"
    binary = "(?:" + "|".join(rf"\x{length:02x}.{{{length}}}" for length in range(128)) + ")"

    def several(wire: Wire, element: str, most: int) -> str:
        return "(?:" + "|".join(rf"\x{n << 4 | wire:02x}(?:{element}){{{n}}}" for n in range(most + 1)) + ")"

    def header(wire: Wire) -> str:
        return "[" + "".join(rf"\x{delta << 4 | wire:02x}" for delta in range(1, 16)) + "]"

    def flat(*values: tuple[Wire, str]) -> str:
        return "(?:" + "|".join(header(wire) + value for wire, value in values) + r")*+\x00"

    def after(wire: Wire, id: int, *optional: tuple[str, int], always: int) -> str:
        """The header of a field behind the last one, by group and id, that is there."""
        found = rf"\x{(id - always) << 4 | wire:02x}"
        for group, previous in optional:
            found = rf"(?({group})\x{(id - previous) << 4 | wire:02x}|{found})"
        return found

    dictionary = ("dictionary_page_offset", 11)
    statistics = ("statistics", 12)
    encodings = ("encoding_stats", 13)
    bloom = ("bloom_filter_offset", 14)
    bloom_length = ("bloom_filter_length", 15)
    scalars = ((Wire.TRUE, ""), (Wire.FALSE, ""), (Wire.I32, i64), (Wire.I64, i64), (Wire.BINARY, binary))
    page_encoding = rf"\x15{small}\x15{small}\x15{i32}\x00"
    return re.compile(
        rf"""
        \x26 {i64}                                      # file_offset
        (?: \x1c
            \x15 {small}                                # type
            \x19 {several(Wire.I32, small, 8)}          # encodings
            \x19 {several(Wire.BINARY, binary, 5)}      # path_in_schema
            \x15 {small}                                # codec
            (?P<identity>
                \x16 {i64}                              # num_values
                \x16 {i64}                              # total_uncompressed_size
                \x16 (?P<total_compressed_size> {i64})
                \x26 (?P<data_page_offset> {i64})
                (?: \x26 (?P<dictionary_page_offset> {i64}) )?
            )
            (?: {after(Wire.STRUCT, 12, dictionary, always=9)} {flat(*scalars)} (?P<statistics>) )?
            (?: {after(Wire.LIST, 13, dictionary, statistics, always=9)}
                {several(Wire.STRUCT, page_encoding, 6)} (?P<encoding_stats>) )?
            (?: {after(Wire.I64, 14, dictionary, statistics, encodings, always=9)}
                (?P<bloom_filter_offset> {i64}) (?: \x15 (?P<bloom_filter_length> {i32}) )? )?
            (?: {after(Wire.STRUCT, 16, dictionary, statistics, encodings, bloom, bloom_length, always=9)}
                {flat((Wire.I64, i64), (Wire.LIST, several(Wire.I64, i64, 14)))} )?
        \x00)
        (?: \x16 (?P<offset_index_offset> {i64}) \x15 (?P<offset_index_length> {i32})
            (?: \x16 (?P<column_index_offset> {i64}) \x15 (?P<column_index_length> {i32}) )? )?
        \x00
        """.encode("latin-1"),
        re.VERBOSE | re.DOTALL,
    )


@cache
def _groups() -> tuple[int, ...]:
    """The numbers of the pattern's groups that make up a `Row`."""
    numbers = _usual_chunk().groupindex
    return tuple(numbers[name] for name in _COLUMNS)
