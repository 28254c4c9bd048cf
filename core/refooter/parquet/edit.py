"""Surgical edits: change one field of a struct and leave every other byte as it is.

A struct's spans say where its fields stand in `data`; an edit never decodes and encodes what it does not change, so
what a writer chose to write (deprecated fields, unknown ones, their order) stays. Several changes to one value are best
made with the `..._edits` functions and one `splice`, since each splice moves the spans behind it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from refooter.parquet.thrift import Field, Struct, Value, Wire, encode_header, encode_value

Edit: TypeAlias = tuple[int, int, bytes]
"""Replace `data[start:end]` by the bytes."""


def splice(data: bytes, edits: Iterable[Edit]) -> bytes:
    """All edits at once, each by the offsets of `data` as it was. Raises `ValueError` where two overlap."""
    parts: list[bytes] = []
    at = 0
    for start, end, replacement in sorted(edits, key=lambda edit: edit[:2]):
        if not at <= start <= end <= len(data):
            raise ValueError(f"an edit of bytes {start}-{end} overlaps another or leaves the {len(data)} bytes")
        parts += (data[at:start], replacement)
        at = end
    parts.append(data[at:])
    return b"".join(parts)


def integer_edit(field: Field, value: int) -> Edit:
    """Gives an integer field another value. Raises `ValueError` if the field cannot hold it."""
    if not Wire.BYTE <= field.wire <= Wire.I64:
        raise ValueError(f"field {field.id} is a {field.wire.name}, not an integer")
    return field.value_start, field.end, encode_value(field.wire, value)


def removal_edits(struct: Struct, *ids: int) -> list[Edit]:
    """Takes the fields of these ids away, and makes the headers behind them say the same ids as before."""
    edits: list[Edit] = []
    before = after = 0
    for field in struct.fields:
        if field.id in ids:
            edits.append((field.start, field.end, b""))
        else:
            edits += _header_edits(field, before, after)
            after = field.id
        before = field.id
    return edits


def insertion_edits(struct: Struct, id: int, wire: Wire, value: Value) -> list[Edit]:
    """Adds a field in front of the first one with a larger id, else at the end. A boolean may have either wire type.

    Raises `ValueError` for a struct that has such a field, or whose end is missing.
    """
    if struct.get(id) is not None:
        raise ValueError(f"the struct has a field {id} already")
    if wire is Wire.TRUE or wire is Wire.FALSE:
        wire = Wire.TRUE if value else Wire.FALSE
    before = 0
    for field in struct.fields:
        if field.id > id:
            added = encode_header(id, before, wire) + encode_value(wire, value)
            return [(field.start, field.value_start, added + encode_header(field.id, id, field.wire))]
        before = field.id
    if struct.end <= (struct.fields[-1].end if struct.fields else struct.start):
        raise ValueError("the struct has no end")
    return [(struct.end - 1, struct.end - 1, encode_header(id, before, wire) + encode_value(wire, value))]


def set_integer(data: bytes, field: Field, value: int) -> bytes:
    """`data` with another value in an integer field (see `integer_edit`)."""
    return splice(data, [integer_edit(field, value)])


def remove_field(data: bytes, struct: Struct, *ids: int) -> bytes:
    """`data` without the struct's fields of these ids (see `removal_edits`)."""
    return splice(data, removal_edits(struct, *ids))


def insert_field(data: bytes, struct: Struct, id: int, wire: Wire, value: Value) -> bytes:
    """`data` with one more field in the struct (see `insertion_edits`)."""
    return splice(data, insertion_edits(struct, id, wire, value))


def _header_edits(field: Field, before: int, after: int) -> list[Edit]:
    if before == after:
        return []
    return [(field.start, field.value_start, encode_header(field.id, after, field.wire))]
