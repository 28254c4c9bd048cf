"""Whether two footers differ only in where they say that the page index is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from refooter.parquet.chunks import read_chunk
from refooter.parquet.edit import Edit, removal_edits, splice
from refooter.parquet.schema import read_schema, skip_column_orders
from refooter.parquet.structs import COLUMN_CHUNK, FILE_META_DATA, ROW_GROUP
from refooter.parquet.thrift import Unreadable, Wire, decode
from refooter.parquet.walk import Reader, read_list, read_struct, skip

_Passing: TypeAlias = Callable[[bytes, int], int]
_POINTERS: Final = tuple(
    COLUMN_CHUNK.id(name)
    for name in ("offset_index_offset", "offset_index_length", "column_index_offset", "column_index_length")
)


def same_but_for_pointers(old_footer: bytes, new_footer: bytes) -> bool:
    """Whether the FileMetaData at the start of both is the same but for ColumnChunk's page-index pointers.

    Those may differ or be absent on one side; a length that both sides give must be the same. What follows
    FileMetaData is not looked at; of one that cannot be read the answer is no.
    """
    try:
        (old, old_lengths), (new, new_lengths) = _without_pointers(old_footer), _without_pointers(new_footer)
    except (IndexError, Unreadable):
        return False
    return old == new and all(
        one == other or one is None or other is None for one, other in zip(old_lengths, new_lengths, strict=True)
    )


def _without_pointers(data: bytes) -> tuple[bytes, list[bytes | None]]:
    """FileMetaData with all page-index pointers taken away, and the lengths that stood beside them."""
    edits: list[Edit] = []
    lengths: list[bytes | None] = []

    def chunk(data: bytes, at: int) -> int:
        row, end, pointers = read_chunk(data, at)
        lengths.extend((row[7], row[9]))
        if pointers is None:
            edits.extend(removal_edits(decode(data, at, end=end).root, *_POINTERS))
        elif pointers < end - 1:
            edits.append((pointers, end - 1, b""))
        return end

    def row_group(data: bytes, at: int) -> int:
        return read_struct(data, at, {ROW_GROUP.id("columns"): (Wire.LIST, _each(chunk, 3))}, 2)[1]

    wanted = {
        FILE_META_DATA.id("schema"): (Wire.LIST, read_schema),
        FILE_META_DATA.id("row_groups"): (Wire.LIST, _each(row_group, 1)),
        FILE_META_DATA.id("column_orders"): (Wire.LIST, lambda data, at: (None, skip_column_orders(data, at))),
    }
    end = read_struct(data, 0, wanted, 0)[1]
    return splice(data[:end], edits), lengths


def _each(read: _Passing, depth: int) -> Reader:
    """A reader of a list of structs that does the same with each."""

    def elements(data: bytes, at: int) -> tuple[None, int]:
        element, count, first = read_list(data, at)
        if element != Wire.STRUCT:
            return None, skip(data, at, Wire.LIST, depth - 1)
        for _ in range(count):
            first = read(data, first)
        return None, first

    return elements
