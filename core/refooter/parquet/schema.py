"""The schema of a footer: a digest of it, read once for all the footers that spell it in the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from refooter.parquet.structs import SCHEMA_ELEMENT
from refooter.parquet.thrift import Wire
from refooter.parquet.walk import Wanted, read_binary, read_int32, read_list, read_struct, skip


@dataclass(frozen=True, slots=True)
class Schema:
    """A whole schema: a digest over what tells its elements apart, and the number of its leaf columns.

    `digest` is `None` where the elements do not add up to one tree, and then `leaves` counts what there is.
    """

    digest: bytes | None
    leaves: int


_NAME: Final = SCHEMA_ELEMENT.id("name")
_TYPE: Final = SCHEMA_ELEMENT.id("type")
_TYPE_LENGTH: Final = SCHEMA_ELEMENT.id("type_length")
_REPETITION: Final = SCHEMA_ELEMENT.id("repetition_type")
_CHILDREN: Final = SCHEMA_ELEMENT.id("num_children")
_WANTED: Final[Wanted] = {
    _NAME: (Wire.BINARY, read_binary),
    **dict.fromkeys((_TYPE, _TYPE_LENGTH, _REPETITION, _CHILDREN), (Wire.I32, read_int32)),
}
# A view's files have one schema, and its entries come one after another: most schemas were read just before, and lists
# are self-delimiting, so equal bytes mean an equal schema. At most 16 of them, 64 KiB each.
_REMEMBERED: Final = 16
_LONGEST: Final = 65_536
_recent: tuple[tuple[bytes, Schema], ...] = ()


def read_schema(data: bytes, at: int) -> tuple[Schema | None, int]:
    """The schema list that begins at `at`, and the byte behind it; `None` for a list of something else."""
    global _recent
    for position, (spelled, schema) in enumerate(_recent):
        if data.startswith(spelled, at):
            if position:
                _recent = (_recent[position], *_recent[:position], *_recent[position + 1 :])
            return schema, at + len(spelled)
    found, end = walk_schema(data, at)
    if found is not None and end - at <= _LONGEST:
        _recent = ((data[at:end], found), *_recent[: _REMEMBERED - 1])
    return found, end


def walk_schema(data: bytes, at: int) -> tuple[Schema | None, int]:
    """`read_schema` without a memory."""
    start = at
    element, count, at = read_list(data, at)
    if element != Wire.STRUCT:
        return None, skip(data, start, Wire.LIST)
    digest = blake2b(digest_size=16)
    open_elements = 1
    leaves = 0
    sound = count > 0
    for index in range(count):
        found, at = read_struct(data, at, _WANTED, 2)
        children = found.get(_CHILDREN) or 0
        leaves += not children
        sound = sound and open_elements > 0 and children >= 0 and _NAME in found
        open_elements += children - 1
        digest.update(_spelled(found, root=index == 0))
    return Schema(digest.digest() if sound and not open_elements else None, leaves), at


# a ColumnOrder of today: its field 1, TYPE_ORDER, is an empty struct
_TYPE_ORDER: Final = b"\x1c\x00\x00"


def skip_column_orders(data: bytes, at: int) -> int:
    """Passes over the list of column orders; where all are the usual one, in one comparison."""
    element, count, first = read_list(data, at)
    usual = _TYPE_ORDER * count
    if element == Wire.STRUCT and data.startswith(usual, first):
        return first + len(usual)
    return skip(data, at, Wire.LIST)


def _spelled(element: dict[int, Any], *, root: bool) -> bytes:
    """One element in unambiguous bytes.

    The root's repetition is left out, since writers disagree about it, and so is the difference between no children and
    none said.
    """
    name: bytes = element.get(_NAME, b"")
    numbers = (
        element.get(_TYPE),
        element.get(_TYPE_LENGTH),
        None if root else element.get(_REPETITION),
        element.get(_CHILDREN) or None,
    )
    return b"%d:%b%b;" % (len(name), name, ",".join(map(str, numbers)).encode())
