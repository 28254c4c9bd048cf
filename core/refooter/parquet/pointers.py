"""The page-index pointers of a footer, changed in its bytes: any spelling, every other byte as it was.

A ColumnChunk points to its page index with four fields: offset_index_offset (4) and offset_index_length (5),
column_index_offset (6) and column_index_length (7).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from refooter.parquet.edit import Edit, integer_edit, removal_edits, splice
from refooter.parquet.structs import COLUMN_CHUNK, FILE_META_DATA, ROW_GROUP
from refooter.parquet.thrift import Field, List, Struct, Wire, decode

_OFFSET_INDEX: Final = (COLUMN_CHUNK.id("offset_index_offset"), COLUMN_CHUNK.id("offset_index_length"))
_COLUMN_INDEX: Final = (COLUMN_CHUNK.id("column_index_offset"), COLUMN_CHUNK.id("column_index_length"))
_ROW_GROUPS: Final = FILE_META_DATA.id("row_groups")
_COLUMNS: Final = ROW_GROUP.id("columns")


def moved(footer: bytes, by: int) -> bytes | None:
    """The footer with `by` added to every page-index offset; `None` where it cannot be read to its end, or an offset
    leaves 64 bits."""
    root = _whole(footer)
    if root is None:
        return None
    edits: list[Edit] = []
    for chunk in _chunks(root):
        for id in (_OFFSET_INDEX[0], _COLUMN_INDEX[0]):
            field = chunk.get(id)
            if field is not None and isinstance(field.value, int):
                if field.wire is not Wire.I64 or not -(2**63) <= field.value + by < 2**63:
                    return None
                edits.append(integer_edit(field, field.value + by))
    return splice(footer, edits)


def without(footer: bytes, *, column_indexes: bool, offset_indexes: bool) -> bytes | None:
    """The footer with the pointers of one kind, or of both, taken away; `None` where it cannot be read to its end."""
    root = _whole(footer)
    if root is None:
        return None
    gone = (_COLUMN_INDEX if column_indexes else ()) + (_OFFSET_INDEX if offset_indexes else ())
    edits: list[Edit] = []
    for chunk in _chunks(root):
        edits += removal_edits(chunk, *gone)
    return splice(footer, edits)


def _whole(footer: bytes) -> Struct | None:
    decoded = decode(footer)
    return decoded.root if decoded.problem is None and decoded.end == len(footer) else None


def _chunks(root: Struct) -> Iterator[Struct]:
    for group in _structs(root.get(_ROW_GROUPS)):
        yield from _structs(group.get(_COLUMNS))


def _structs(field: Field | None) -> Iterator[Struct]:
    if field is not None and isinstance(field.value, List):
        for value in field.value.values:
            if isinstance(value, Struct):
                yield value
