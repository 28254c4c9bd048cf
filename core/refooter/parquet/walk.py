"""Passing over compact-protocol bytes without keeping them: what the hot path does where no pattern matches.

All functions take the bytes and a position and give the position behind what they read. They raise `Unreadable` for
bytes that are not the protocol, and rely on the bytes ending where reading must end: then `IndexError` may say so
instead, and whoever called first makes `ended` of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from refooter.parquet.thrift import MAX_DEPTH, Unreadable, Wire

Reader: TypeAlias = Callable[[bytes, int], tuple[Any, int]]
Wanted: TypeAlias = Mapping[int, tuple[int, Reader]]
"""What to read of a struct: field id -> (wire type, reader of the value). Another wire type is passed over."""

# plain integers: comparing with the members of an enum costs more than the rest of a field
_BINARY: Final = int(Wire.BINARY)
_LISTS: Final = (int(Wire.LIST), int(Wire.SET))
_MAP: Final = int(Wire.MAP)
_STRUCT: Final = int(Wire.STRUCT)
_LAST: Final = int(Wire.UUID)
_VARINTS: Final = (int(Wire.I16), int(Wire.I32), int(Wire.I64))
# the bytes that a field's value takes, for the wire types where that is always the same
_WIDTH: Final[dict[int, int]] = {Wire.TRUE: 0, Wire.FALSE: 0, Wire.BYTE: 1, Wire.DOUBLE: 8, Wire.UUID: 16}
# the fewest bytes that one element of a wire type can take
_SMALLEST: Final = (0, 1, 1, 1, 1, 1, 1, 8, 1, 1, 1, 1, 1, 16)


def ended(data: bytes) -> Unreadable:
    """The bytes end where something should still be."""
    return Unreadable(len(data), "the bytes end", ended=True)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned varint of at most 10 bytes, as 64 bits."""
    byte = data[at]
    if byte < 0x80:
        return byte, at + 1
    value = byte & 0x7F
    shift = 7
    for position in range(at + 1, at + 10):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position + 1
        shift += 7
    raise Unreadable(at, "a varint of more than 10 bytes")


def read_integer(data: bytes, at: int) -> tuple[int, int]:
    """A zigzag i64; an i32 too, since writers sign-extend."""
    raw, at = read_varint(data, at)
    return (raw >> 1) ^ -(raw & 1), at


def read_int32(data: bytes, at: int) -> tuple[int, int]:
    """A zigzag i32; a larger one wraps, as the cast in arrow-rs does."""
    value, at = read_integer(data, at)
    return ((value + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000, at


def read_binary(data: bytes, at: int) -> tuple[bytes, int]:
    """A length-prefixed binary."""
    start, at = skip_binary(data, at)
    return data[start:at], at


def skip_binary(data: bytes, at: int) -> tuple[int, int]:
    """The first byte of a length-prefixed binary, and the one behind it."""
    length, start = read_varint(data, at)
    if length > len(data) - start:
        raise Unreadable(start, f"{length} bytes announced, {len(data) - start} left", ended=True)
    return start, start + length


def read_list(data: bytes, at: int) -> tuple[int, int, int]:
    """A list's header: wire type of the elements, how many, and where the first one begins.

    Never more elements than the bytes that are left could hold.
    """
    start = at
    header = data[at]
    at += 1
    element = header & 0x0F
    count = header >> 4
    if count == 15:
        count, at = read_varint(data, at)
    if element > _LAST:
        raise Unreadable(start, f"type {element}, which the protocol does not have")
    if count and not element:
        raise Unreadable(start, f"a list of {count} elements without a type")
    if count * _SMALLEST[element] > len(data) - at:
        raise Unreadable(start, f"a list of {count} elements in {len(data) - at} bytes", ended=True)
    return element, count, at


def read_header(data: bytes, at: int, previous: int) -> tuple[int, int, int]:
    """A field's header: wire type (0 at the struct's end), id, and where the value begins."""
    header = data[at]
    wire = header & 0x0F
    if not wire:
        return 0, previous, at + 1
    if wire > _LAST:
        raise Unreadable(at, f"type {wire}, which the protocol does not have")
    if header > 0x0F:
        return wire, previous + (header >> 4), at + 1
    id, at = read_integer(data, at + 1)
    return wire, ((id + 0x8000) & 0xFFFF) - 0x8000, at


def read_struct(data: bytes, at: int, wanted: Wanted, depth: int) -> tuple[dict[int, Any], int]:
    """The wanted fields of a struct by id; of several with one id the last."""
    found: dict[int, Any] = {}
    previous = 0
    while True:
        wire, previous, at = read_header(data, at, previous)
        if not wire:
            return found, at
        reader = wanted.get(previous)
        if reader is not None and reader[0] == wire:
            found[previous], at = reader[1](data, at)
        else:
            at = skip(data, at, wire, depth)


def skip(data: bytes, at: int, wire: int, depth: int = 0) -> int:
    """Passes over a field's value. For a boolean field that is nothing."""
    if wire in _VARINTS:
        return read_varint(data, at)[1]
    if wire == _BINARY:
        return skip_binary(data, at)[1]
    if wire == _STRUCT:
        return skip_struct(data, at, depth + 1)
    if wire in _LISTS:
        return skip_list(data, at, depth + 1)
    if wire == _MAP:
        return _skip_map(data, at, depth + 1)
    width = _WIDTH[wire]
    if width > len(data) - at:
        raise ended(data)
    return at + width


def skip_struct(data: bytes, at: int, depth: int) -> int:
    """Passes over a struct."""
    if depth > MAX_DEPTH:
        raise Unreadable(at, f"nested deeper than {MAX_DEPTH} levels")
    while True:
        header = data[at]
        wire = header & 0x0F
        if wire in _VARINTS and header > 0x0F and data[at + 1] < 0x80:
            at += 2
        elif not wire:
            return at + 1
        else:
            at = skip(data, read_header(data, at, 0)[2], wire, depth)


def skip_list(data: bytes, at: int, depth: int) -> int:
    """Passes over a list or set."""
    if depth > MAX_DEPTH:
        raise Unreadable(at, f"nested deeper than {MAX_DEPTH} levels")
    element, count, at = read_list(data, at)
    return _skip_elements(data, at, element, count, depth)


def _skip_elements(data: bytes, at: int, element: int, count: int, depth: int) -> int:
    # one byte each in a collection, where a field has them in its header
    width = 1 if element in (Wire.TRUE, Wire.FALSE) else _WIDTH.get(element)
    if width is not None:
        return at + count * width
    for _ in range(count):
        at = skip(data, at, element, depth)
    return at


def _skip_map(data: bytes, at: int, depth: int) -> int:
    if depth > MAX_DEPTH:
        raise Unreadable(at, f"nested deeper than {MAX_DEPTH} levels")
    start = at
    count, at = read_varint(data, at)
    if not count:
        return at
    types = data[at]
    at += 1
    key, element = types >> 4, types & 0x0F
    if max(key, element) > _LAST:
        raise Unreadable(start, f"type {max(key, element)}, which the protocol does not have")
    if not key or not element:
        raise Unreadable(start, f"a map of {count} items without a type")
    if count * (_SMALLEST[key] + _SMALLEST[element]) > len(data) - at:
        raise Unreadable(start, f"a map of {count} items in {len(data) - at} bytes", ended=True)
    for _ in range(count):
        at = _skip_elements(data, at, key, 1, depth)
        at = _skip_elements(data, at, element, 1, depth)
    if at > len(data):
        raise ended(data)
    return at
