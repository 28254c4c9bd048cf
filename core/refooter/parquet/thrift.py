"""The Thrift compact protocol as a tree that knows where every byte of it stands.

Source: `doc/specs/thrift-compact-protocol.md` of apache/thrift. Decoding is lenient (bad bytes end it, never raise)
and bounded in depth, time and memory, since what it is given may be anything. It knows nothing of Parquet: see
`structs`.
"""

from __future__ import annotations

import struct as _struct
from array import array
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, TypeAlias


class Wire(IntEnum):
    """The type nibble of a field or element header. In a list, `TRUE` and `FALSE` both stand for "boolean"."""

    STOP = 0
    TRUE = 1
    FALSE = 2
    BYTE = 3
    I16 = 4
    I32 = 5
    I64 = 6
    DOUBLE = 7
    BINARY = 8
    LIST = 9
    SET = 10
    MAP = 11
    STRUCT = 12
    UUID = 13


@dataclass(slots=True)
class Field:
    """One field: its header is `[start, value_start)`, its value `[value_start, end)` (empty for a boolean)."""

    id: int
    wire: Wire
    start: int
    value_start: int
    end: int
    value: Value


@dataclass(slots=True)
class Struct:
    """The bytes `[start, end)`, the closing stop byte included, unless they ended before it."""

    start: int = 0
    end: int = 0
    fields: list[Field] = field(default_factory=list)

    def get(self, id: int) -> Field | None:
        """The field of that id. Of several the last, as in arrow-rs and parquet-cpp, which assign as they read."""
        for candidate in reversed(self.fields):
            if candidate.id == id:
                return candidate
        return None

    def value(self, id: int, default: Value | None = None) -> Value | None:
        """The value of `get(id)`, or the default."""
        found = self.get(id)
        return default if found is None else found.value


@dataclass(slots=True)
class List:
    """A list or set: `[start, end)`, header included. `starts` holds the offset of each element."""

    start: int
    end: int
    element: Wire
    values: list[Value] = field(default_factory=list)
    starts: array[int] = field(default_factory=lambda: array("q"))

    def span(self, index: int) -> tuple[int, int]:
        """Where the element stands: from its first byte to the next element's, or the list's end."""
        following = index + 1
        return self.starts[index], self.starts[following] if following < len(self.starts) else self.end


@dataclass(slots=True)
class Map:
    """A map: `[start, end)`, header included. Parquet has none, but foreign bytes may."""

    start: int
    end: int
    key: Wire
    element: Wire
    items: list[tuple[Value, Value]] = field(default_factory=list)


Value: TypeAlias = int | bool | float | bytes | Struct | List | Map


@dataclass(frozen=True, slots=True)
class ThriftError:
    """Why decoding ended early, and at which byte. `ended`: for want of bytes, not for what they say."""

    offset: int
    message: str
    ended: bool = False

    def __str__(self) -> str:
        return f"{self.message} at byte {self.offset}"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A struct as far as it could be read; `end` is the first byte that was not."""

    root: Struct
    end: int
    problem: ThriftError | None


# arrow-rs skips nothing nested deeper than this (parquet_thrift.rs, DEFAULT_SKIP_DEPTH); a footer needs ten levels.
MAX_DEPTH: Final = 64
# A decoded value takes some hundred bytes: a bound on values is a bound on memory.
MAX_VALUES: Final = 4_000_000
_WIRES: Final = tuple(Wire)
_DOUBLE: Final = _struct.Struct("<d")
# the fewest bytes that one element of a wire type can take
_SMALLEST: Final = {wire: {Wire.DOUBLE: 8, Wire.UUID: 16}.get(wire, 1) for wire in Wire}


def decode(data: bytes, start: int = 0, *, end: int | None = None, max_values: int = MAX_VALUES) -> Decoded:
    """Reads one struct from `data[start:end]`. Never raises for what the bytes are: see `Decoded.problem`.

    At most `max_values` values are kept; more are a problem, like everything that is not the compact protocol.
    """
    decoder = _Decoder(data, start, len(data) if end is None else min(end, len(data)), max_values)
    root = Struct(start, start)
    problem = None
    try:
        decoder.fill_struct(root, 0)
    except Unreadable as unreadable:
        problem = unreadable.error
    return Decoded(root, decoder.at, problem)


class Unreadable(Exception):
    """What the readers of this package raise among themselves; their public functions turn it into a `problem`."""

    def __init__(self, offset: int, message: str, *, ended: bool = False) -> None:
        super().__init__(message)
        self.error = ThriftError(offset, message, ended)


class _Decoder:
    """A cursor. Containers are attached to their parent before they are filled, so that nothing read is ever lost."""

    __slots__ = ("at", "budget", "data", "end")

    def __init__(self, data: bytes, start: int, end: int, budget: int) -> None:
        self.data = data
        self.at = start
        self.end = end
        self.budget = budget

    def byte(self) -> int:
        if self.at >= self.end:
            raise Unreadable(self.at, "the bytes end", ended=True)
        value = self.data[self.at]
        self.at += 1
        return value

    def take(self, count: int) -> bytes:
        if count > self.end - self.at:
            raise Unreadable(self.at, f"{count} bytes announced, {self.end - self.at} left", ended=True)
        taken = self.data[self.at : self.at + count]
        self.at += count
        return taken

    def varint(self) -> int:
        start = self.at
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF
            shift += 7
            if shift == 70:
                self.at = start
                raise Unreadable(start, "a varint of more than 10 bytes")

    def zigzag(self, bits: int) -> int:
        """A signed integer; one too large for its type wraps, as the cast in arrow-rs does."""
        raw = self.varint()
        value = (raw >> 1) ^ -(raw & 1)
        half = 1 << (bits - 1)
        return value if -half <= value < half else ((value + half) & (2 * half - 1)) - half

    def wire(self, nibble: int, offset: int) -> Wire:
        if nibble > Wire.UUID:
            raise Unreadable(offset, f"type {nibble}, which the protocol does not have")
        return _WIRES[nibble]

    def spend(self) -> None:
        self.budget -= 1
        if self.budget < 0:
            raise Unreadable(self.at, "more values than are kept")

    def fill_struct(self, into: Struct, depth: int) -> None:
        try:
            if depth > MAX_DEPTH:
                raise Unreadable(self.at, f"nested deeper than {MAX_DEPTH} levels")
            previous = 0
            while True:
                start = self.at
                header = self.byte()
                wire = self.wire(header & 0x0F, start)
                if wire is Wire.STOP:
                    return
                previous = previous + (header >> 4) if header >> 4 else self.zigzag(16)
                self.spend()
                value = self.at
                if wire is Wire.TRUE or wire is Wire.FALSE:
                    into.fields.append(Field(previous, wire, start, value, value, wire is Wire.TRUE))
                elif wire < Wire.LIST or wire is Wire.UUID:
                    scalar = self.scalar(wire)
                    into.fields.append(Field(previous, wire, start, value, self.at, scalar))
                else:
                    container = self.empty(wire)
                    into.fields.append(added := Field(previous, wire, start, value, value, container))
                    try:
                        self.fill(container, depth + 1)
                    finally:
                        added.end = self.at
        finally:
            into.end = self.at

    def scalar(self, wire: Wire) -> Value:
        """A value of a type that holds no others, as an element of a collection or, but for booleans, as a field."""
        if wire is Wire.I32:
            return self.zigzag(32)
        if wire is Wire.I64:
            return self.zigzag(64)
        if wire is Wire.BINARY:
            return self.take(self.varint())
        if wire is Wire.I16:
            return self.zigzag(16)
        if wire is Wire.BYTE:
            value = self.byte()
            return value - 256 if value > 127 else value
        if wire is Wire.DOUBLE:
            number: float = _DOUBLE.unpack(self.take(8))[0]
            return number
        if wire is Wire.UUID:
            return self.take(16)
        return self.byte() == 1

    def empty(self, wire: Wire) -> Struct | List | Map:
        if wire is Wire.STRUCT:
            return Struct(self.at, self.at)
        if wire is Wire.MAP:
            return Map(self.at, self.at, Wire.STOP, Wire.STOP)
        return List(self.at, self.at, Wire.STOP)

    def fill(self, container: Struct | List | Map, depth: int) -> None:
        if isinstance(container, Struct):
            self.fill_struct(container, depth)
        elif isinstance(container, List):
            self.fill_list(container, depth)
        else:
            self.fill_map(container, depth)

    def fill_list(self, into: List, depth: int) -> None:
        try:
            if depth > MAX_DEPTH:
                raise Unreadable(self.at, f"nested deeper than {MAX_DEPTH} levels")
            header = self.byte()
            into.element = self.wire(header & 0x0F, into.start)
            count = header >> 4
            if count == 15:
                count = self.varint()
            if count and into.element is Wire.STOP:
                raise Unreadable(into.start, f"a list of {count} elements without a type")
            if count * _SMALLEST[into.element] > self.end - self.at:
                raise Unreadable(into.start, f"a list of {count} elements in {self.end - self.at} bytes", ended=True)
            for _ in range(count):
                self.spend()
                start = self.at
                if Wire.LIST <= into.element <= Wire.STRUCT:
                    container = self.empty(into.element)
                    into.starts.append(start)
                    into.values.append(container)
                    self.fill(container, depth + 1)
                else:
                    scalar = self.scalar(into.element)
                    into.starts.append(start)
                    into.values.append(scalar)
        finally:
            into.end = self.at

    def fill_map(self, into: Map, depth: int) -> None:
        try:
            if depth > MAX_DEPTH:
                raise Unreadable(self.at, f"nested deeper than {MAX_DEPTH} levels")
            count = self.varint()
            if not count:
                return
            types = self.byte()
            into.key = self.wire(types >> 4, into.start)
            into.element = self.wire(types & 0x0F, into.start)
            if Wire.STOP in (into.key, into.element):
                raise Unreadable(into.start, f"a map of {count} items without a type")
            if count * (_SMALLEST[into.key] + _SMALLEST[into.element]) > self.end - self.at:
                raise Unreadable(into.start, f"a map of {count} items in {self.end - self.at} bytes", ended=True)
            for _ in range(count):
                self.spend()
                into.items.append((self.element(into.key, depth), self.element(into.element, depth)))
        finally:
            into.end = self.at

    def element(self, wire: Wire, depth: int) -> Value:
        if not Wire.LIST <= wire <= Wire.STRUCT:
            return self.scalar(wire)
        container = self.empty(wire)
        self.fill(container, depth + 1)
        return container


def encode(struct: Struct) -> bytes:
    """The struct in the one form that writers produce: shortest varints, short field headers wherever they fit.

    Spans are not looked at, only ids, types and values. Raises `ValueError` for a value that its wire type cannot hold.
    """
    out = bytearray()
    _write_struct(out, struct)
    return bytes(out)


def encode_value(wire: Wire, value: Value) -> bytes:
    """One value without a field header; for a boolean, nothing. Raises `ValueError` as `encode` does."""
    out = bytearray()
    if wire not in (Wire.TRUE, Wire.FALSE):
        _write(out, wire, value)
    return bytes(out)


def encode_header(id: int, previous: int, wire: Wire) -> bytes:
    """A field's header: one byte where the id is 1 to 15 above its predecessor's, else three or four."""
    if 1 <= id - previous <= 15:
        return bytes(((id - previous) << 4 | wire,))
    return bytes((wire,)) + encode_varint(_unsigned(id, 16))


def encode_varint(value: int) -> bytes:
    """A non-negative integer as ULEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _unsigned(value: int, bits: int) -> int:
    half = 1 << (bits - 1)
    if not -half <= value < half:
        raise ValueError(f"{value} does not fit into {bits} bits")
    return value << 1 if value >= 0 else (-value << 1) - 1


_BITS: Final = {Wire.I16: 16, Wire.I32: 32, Wire.I64: 64}


def _write_struct(out: bytearray, struct: Struct) -> None:
    previous = 0
    for item in struct.fields:
        wire = item.wire
        if wire is Wire.TRUE or wire is Wire.FALSE:
            out += encode_header(item.id, previous, Wire.TRUE if item.value else Wire.FALSE)
        else:
            out += encode_header(item.id, previous, wire)
            _write(out, wire, item.value)
        previous = item.id
    out.append(Wire.STOP)


def _write(out: bytearray, wire: Wire, value: Value) -> None:
    if isinstance(value, Struct) and wire is Wire.STRUCT:
        _write_struct(out, value)
    elif isinstance(value, List) and (wire is Wire.LIST or wire is Wire.SET):
        count = len(value.values)
        out.append(min(count, 15) << 4 | value.element)
        if count >= 15:
            out += encode_varint(count)
        for item in value.values:
            _write(out, value.element, item)
    elif isinstance(value, Map) and wire is Wire.MAP:
        out += encode_varint(len(value.items))
        if value.items:
            out.append(value.key << 4 | value.element)
        for key, item in value.items:
            _write(out, value.key, key)
            _write(out, value.element, item)
    elif isinstance(value, bytes) and wire is Wire.BINARY:
        out += encode_varint(len(value)) + value
    elif isinstance(value, bytes) and wire is Wire.UUID and len(value) == 16:
        out += value
    elif isinstance(value, float) and wire is Wire.DOUBLE:
        out += _DOUBLE.pack(value)
    elif isinstance(value, bool) and (wire is Wire.TRUE or wire is Wire.FALSE):
        out.append(Wire.TRUE if value else Wire.FALSE)
    elif isinstance(value, int) and wire in _BITS:
        out += encode_varint(_unsigned(value, _BITS[wire]))
    elif isinstance(value, int) and wire is Wire.BYTE and -128 <= value < 128:
        out.append(value & 0xFF)
    else:
        raise ValueError(f"a {type(value).__name__} is no value of wire type {wire.name}")
