"""FileMetaData.num_rows (field 3) put in or put right, every other byte as it was."""

from __future__ import annotations

from typing import Final

from refooter.parquet.edit import insertion_edits, integer_edit, splice
from refooter.parquet.facts import Details
from refooter.parquet.structs import FILE_META_DATA
from refooter.parquet.thrift import Field, Struct, Wire
from refooter.parquet.walk import read_varint

_NUM_ROWS: Final = FILE_META_DATA.id("num_rows")


def with_num_rows(footer: bytes, details: Details, rows: int) -> bytes:
    """FileMetaData, cut out of the value that `details` were read from, saying `rows`. Raises `ValueError` beyond 64 bits."""
    fields = [
        Field(id, Wire(wire), start - details.start, value - details.start, value - details.start, 0)
        for id, wire, start, value in details.outline
    ]
    root = Struct(0, len(footer), fields)
    found = root.get(_NUM_ROWS)
    if found is None:
        return splice(footer, insertion_edits(root, _NUM_ROWS, Wire.I64, rows))
    found.end = read_varint(footer, found.value_start)[1]
    return splice(footer, [integer_edit(found, rows)])
