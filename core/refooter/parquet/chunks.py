"""Column chunks, the bulk of every footer: where their bytes are in the file, and what identifies them.

Read in two ways that give the same answer. One compiled pattern swallows all the ColumnChunks that stand in a row as the
common writers spell them, at the speed of `re`; a plain walker reads every other spelling. Both give a `Row`: the varints
of interest as they stand in the bytes, nothing where there is none. They are decoded for all chunks of a footer at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, chain
from typing import Final, TypeAlias

from refooter.parquet.structs import COLUMN_CHUNK, COLUMN_META_DATA, StructSpec
from refooter.parquet.thrift import Wire, encode_varint
from refooter.parquet.varints import decode_integers
from refooter.parquet.walk import Wanted, read_int32, read_integer, read_struct

Row: TypeAlias = tuple[bytes, ...]
"""What one ColumnChunk says, in the order of `_GROUPS`: empty bytes for what is not there, which no varint is.

`body`, `pointers` and a zero byte, the struct's end, are the whole chunk, for one that is spelled as usual; both are empty
for any other. `identity` is the canonical spelling of num_values, the two sizes and the two page offsets in one piece,
empty where a required one is missing: equal bytes mean equal values. `statistics` and `encoding_stats` are always empty.
"""
_GROUPS: Final = (
    "body",
    "identity",
    "total_compressed_size",
    "data_page_offset",
    "dictionary_page_offset",
    "statistics",
    "encoding_stats",
    "bloom_filter_offset",
    "bloom_filter_length",
    "pointers",
    "offset_index_offset",
    "offset_index_length",
    "column_index_offset",
    "column_index_length",
)
BODY: Final = _GROUPS.index("body")
IDENTITY: Final = _GROUPS.index("identity")
POINTERS: Final = _GROUPS.index("pointers")
OFFSET_INDEX: Final = _GROUPS.index("offset_index_offset")
COLUMN_INDEX: Final = _GROUPS.index("column_index_offset")
# what Chunks is made of, in the order of its fields
_NUMBERS: Final = tuple(
    index for index, name in enumerate(_GROUPS) if name.rpartition("_")[2] in ("size", "offset", "length")
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
    def page_indexes(self) -> tuple[list[int], list[int]]:
        """Offsets, and lengths in bytes (0 for none said), of all column indexes and then of all offset indexes."""
        offsets = self.column_index_offsets + self.offset_index_offsets
        lengths = self.column_index_lengths + self.offset_index_lengths
        said = [offset for offset in offsets if offset is not None]
        if len(said) == len(offsets):
            return said, [length or 0 for length in lengths]
        return said, [length or 0 for offset, length in zip(offsets, lengths, strict=True) if offset is not None]

    @property
    def pointed(self) -> tuple[int, int]:
        """How many column indexes and how many offset indexes the chunks point to."""
        offsets = self.column_index_offsets, self.offset_index_offsets
        return len(self) - offsets[0].count(None), len(self) - offsets[1].count(None)

    @cached_property
    def tiled(self) -> int | None:
        """P, if the page-index ranges, column indexes and then offset indexes, tile `[0, P)` in order without a gap."""
        offsets, lengths = self.page_indexes
        if not lengths or offsets[0] or min(lengths) <= 0:
            return None
        begins = list(accumulate(lengths, initial=0))
        end = begins.pop()
        return end if offsets == begins else None


def _pairs(offsets: list[int | None], lengths: list[int | None]) -> list[tuple[int, int | None]]:
    return [(offset, length) for offset, length in zip(offsets, lengths, strict=True) if offset is not None]


def chunks_of(rows: Sequence[Row]) -> Chunks:
    """Decodes what the rows hold: all the varints together, then the columns again."""
    if not rows:
        return NO_CHUNKS
    columns = list(zip(*rows, strict=True))
    spelled = [columns[number] for number in _NUMBERS]
    values = decode_integers(list(chain.from_iterable([column for column in spelled if any(column)])))
    count = len(rows)
    at = 0
    decoded: list[list[int | None]] = []
    for column in spelled:
        numbers: list[int | None]
        if all(column):
            numbers = [*values[at : at + count]]
            at += count
        elif any(column):
            numbers = [
                number if varint else None for number, varint in zip(values[at : at + count], column, strict=True)
            ]
            at += count
        else:
            numbers = [None] * count
        decoded.append(numbers)
    return Chunks(*decoded)


NO_CHUNKS: Final = Chunks(*([] for _ in _NUMBERS))


def read_chunks(data: bytes, at: int, count: int, rows: list[Row]) -> int:
    """`count` column chunks, one behind the other: appends their rows, returns the byte behind the last."""
    while count:
        run = _usual_chunks().findall(data, at)[:count]
        if run and not run[-1][BODY]:
            run.pop()
        identities = b"".join([row[IDENTITY] for row in run])
        # most have no zero byte at all, which is seen in no time
        if 0 in identities and _PADDED.search(identities):
            for _ in run:
                row, at = _walk_chunk(data, at)
                rows.append(row)
        else:
            rows += run
            at += sum([len(row[BODY]) + len(row[POINTERS]) + 1 for row in run])
        count -= len(run)
        if count:
            row, at = _walk_chunk(data, at)
            rows.append(row)
            count -= 1
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


_NUMBER_NAMES: Final = tuple(_GROUPS[index] for index in _NUMBERS)
_META_WANTED: Final = _wanted(COLUMN_META_DATA, *_NUMBER_NAMES, "num_values", "total_uncompressed_size")
_CHUNK_WANTED: Final[Wanted] = {
    **_wanted(COLUMN_CHUNK, *_NUMBER_NAMES),
    _META_DATA: (Wire.STRUCT, lambda data, at: read_struct(data, at, _META_WANTED, _DEPTH + 1)),
}


def _places(spec: StructSpec) -> tuple[tuple[int, int], ...]:
    """The struct's fields that a `Row` holds: where, and their ids."""
    return tuple((_GROUPS.index(field.name), field.id) for field in spec.fields if field.name in _NUMBER_NAMES)


_META_PLACES: Final = _places(COLUMN_META_DATA)
_POINTER_PLACES: Final = _places(COLUMN_CHUNK)


def _walk_chunk(data: bytes, at: int) -> tuple[Row, int]:
    """The plain reading of a ColumnChunk, in whichever order and spelling its fields come."""
    chunk, at = read_struct(data, at, _CHUNK_WANTED, _DEPTH)
    meta: dict[int, int] = chunk.get(_META_DATA, {})
    row = [b""] * len(_GROUPS)
    for found, places in ((meta, _META_PLACES), (chunk, _POINTER_PLACES)):
        for index, id in places:
            if id in found:
                row[index] = _zigzag(found[id])
    if meta.keys() >= _REQUIRED:
        row[IDENTITY] = b"".join([header + _zigzag(meta[id]) for id, header in _IDENTITY_HEADERS if id in meta])
    return tuple(row), at


def _zigzag(value: int) -> bytes:
    return encode_varint(value << 1 ^ value >> 63)


@cache
def _usual_chunks() -> re.Pattern[bytes]:
    """The pattern of a ColumnChunk with its fields in order, short headers and short binaries, for `findall`.

    What is no such chunk is swallowed whole, as a last match with nothing in its groups: so the matches stand one behind
    the other, and nothing is searched for.

    Compiled when first needed: it takes 40 ms. Only possessive repeats and alternatives that begin with different bytes:
    no input makes it go back and forth. Longer lists and binaries, and rarer fields, are the walker's. `(?:...|)` is
    `(?:...)?` in a third less time.
    """
    small = r"[\x00-\x7f]"
    i32 = rf"[\x80-\xff]{{0,3}}+{small}"
    i64 = rf"[\x80-\xff]{{0,8}}+{small}"
    binary = "(?:" + "|".join(rf"\x{length:02x}.{{{length}}}+" for length in range(128)) + ")"

    def several(wire: Wire, element: str, most: int) -> str:
        return "(?:" + "|".join(rf"\x{n << 4 | wire:02x}" + element * n for n in range(most + 1)) + ")"

    def header(*wires: Wire) -> str:
        return "[" + "".join(rf"\x{delta << 4 | wire:02x}" for wire in wires for delta in range(1, 16)) + "]"

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
    scalar = rf"(?:{header(Wire.BINARY)}{binary}|{header(Wire.I64, Wire.I32)}{i64}|{header(Wire.TRUE, Wire.FALSE)}++)"
    histogram = rf"(?:{header(Wire.I64)}{i64}|{header(Wire.LIST)}{several(Wire.I64, i64, 14)})"
    page_encoding = rf"\x15{small}\x15{small}\x15{i32}\x00"
    return re.compile(
        rf"""
        (?P<body>
            \x26 {i64}                                  # file_offset
            \x1c
            \x15 {small}                                # type
            \x19 {several(Wire.I32, small, 8)}          # encodings
            \x19 {several(Wire.BINARY, binary, 5)}      # path_in_schema
            \x15 {small}                                # codec
            (?P<identity>
                \x16 {i64}                              # num_values
                \x16 {i64}                              # total_uncompressed_size
                \x16 (?P<total_compressed_size> {i64} )
                \x26 (?P<data_page_offset> {i64} )
                (?: \x26 (?P<dictionary_page_offset> {i64} ) | )
            )
            (?: {after(Wire.STRUCT, 12, dictionary, always=9)} {scalar}*+ \x00 (?P<statistics>) | )
            (?: {after(Wire.LIST, 13, dictionary, statistics, always=9)}
                {several(Wire.STRUCT, page_encoding, 6)} (?P<encoding_stats>) | )
            (?: {after(Wire.I64, 14, dictionary, statistics, encodings, always=9)}
                (?P<bloom_filter_offset> {i64} ) (?: \x15 (?P<bloom_filter_length> {i32} ) | ) | )
            (?: {after(Wire.STRUCT, 16, dictionary, statistics, encodings, bloom, bloom_length, always=9)}
                {histogram}*+ \x00 | )
            \x00
        )
        (?P<pointers>
            (?: \x16 (?P<offset_index_offset> {i64} ) \x15 (?P<offset_index_length> {i32} )
                (?: \x16 (?P<column_index_offset> {i64} ) \x15 (?P<column_index_length> {i32} ) | ) | )
        )
        \x00
        | .++
        """.encode("latin-1"),
        re.VERBOSE | re.DOTALL,
    )
