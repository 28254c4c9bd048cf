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
    """One field: its header is `[start, value_start)`, its value `[value_start, end)` (empty for a boolean).

    `long`: the header spells the id out although it is 1 to 15 above its predecessor's. The writers that are built on
    Thrift's own Rust library (DataFusion 50, Polars) do so for 15, as in `LogicalType.FLOAT16`.
    """

    id: int
    wire: Wire
    start: int
    value_start: int
    end: int
    value: Value
    long: bool = False


@dataclass(slots=True)
class Struct:
    """The bytes `[start, end)`, the closing stop byte included, unless they ended before it (then not `closed`)."""

    start: int = 0
    end: int = 0
    fields: list[Field] = field(default_factory=list)
    closed: bool = False

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
    """A list or set: `[start, end)`, header included. `starts` holds the offset of each element.

    `announced` is how many elements its header says, which may be more than could be read.
    """

    start: int
    end: int
    element: Wire
    values: list[Value] = field(default_factory=list)
    starts: array[int] = field(default_factory=lambda: array("q"))
    announced: int = 0

    def span(self, index: int) -> tuple[int, int]:
        """Where the element stands: from its first byte to the next element's, or the list's end."""
        following = index + 1
        return self.starts[index], self.starts[following] if following < len(self.starts) else self.end


@dataclass(slots=True)
class Map:
    """A map: `[start, end)`, header included. Parquet has none, but foreign bytes may.

    `starts` holds the offset of each key and of each value in turn.
    """

    start: int
    end: int
    key: Wire
    element: Wire
    items: list[tuple[Value, Value]] = field(default_factory=list)
    starts: array[int] = field(default_factory=lambda: array("q"))


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
class Oddity:
    """Bytes `[start, end)` that mean something, but that no writer would spell so: `encode` spells them otherwise."""

    start: int
    end: int
    message: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """A struct as far as it could be read; `end` is the first byte that was not.

    `oddities` are the first `MAX_ODDITIES` of them. Where there are none, `encode` gives the same bytes again.
    """

    root: Struct
    end: int
    problem: ThriftError | None
    oddities: tuple[Oddity, ...] = ()


# arrow-rs skips nothing nested deeper than this (parquet_thrift.rs, DEFAULT_SKIP_DEPTH); a footer needs ten levels.
MAX_DEPTH: Final = 64
# A decoded value takes 300 bytes of memory at most and one of the input at least, so that 64 KiB of input are 20 MB; this
# is for larger ones.
MAX_VALUES: Final = 4_000_000
MAX_ODDITIES: Final = 1000
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
    return Decoded(root, decoder.at, problem, tuple(decoder.oddities))


class Unreadable(Exception):
    """What the readers of this package raise among themselves; their public functions turn it into a `problem`."""

    def __init__(self, offset: int, message: str, *, ended: bool = False) -> None:
        super().__init__(message)
        self.error = ThriftError(offset, message, ended)


class _Decoder:
    """A cursor. Containers are attached to their parent before they are filled, so that nothing read is ever lost."""

    __slots__ = ("at", "budget", "data", "end", "oddities")

    def __init__(self, data: bytes, start: int, end: int, budget: int) -> None:
        self.data = data
        self.at = start
        self.end = end
        self.budget = budget
        self.oddities: list[Oddity] = []

    def odd(self, start: int, message: str) -> None:
        if len(self.oddities) < MAX_ODDITIES:
            self.oddities.append(Oddity(start, self.at, message))

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
                if shift and not byte:
                    self.odd(start, "a varint longer than it need be")
                if value > 0xFFFF_FFFF_FFFF_FFFF:
                    self.odd(start, "a varint of more than 64 bits")
                return value & 0xFFFF_FFFF_FFFF_FFFF
            shift += 7
            if shift == 70:
                self.at = start
                raise Unreadable(start, "a varint of more than 10 bytes")

    def zigzag(self, bits: int) -> int:
        """A signed integer; one too large for its type wraps, as the cast in arrow-rs does."""
        start = self.at
        raw = self.varint()
        value = (raw >> 1) ^ -(raw & 1)
        half = 1 << (bits - 1)
        if -half <= value < half:
            return value
        self.odd(start, f"{value}, which does not fit into {bits} bits")
        return ((value + half) & (2 * half - 1)) - half

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
                    if header:
                        self.odd(start, f"a stop byte of {header}")
                    into.closed = True
                    return
                long = False
                if header >> 4:
                    previous += header >> 4
                else:
                    before, previous = previous, self.zigzag(16)
                    long = 1 <= previous - before <= 15
                self.spend()
                value = self.at
                if wire is Wire.TRUE or wire is Wire.FALSE:
                    into.fields.append(Field(previous, wire, start, value, value, wire is Wire.TRUE, long))
                elif wire < Wire.LIST or wire is Wire.UUID:
                    scalar = self.scalar(wire)
                    into.fields.append(Field(previous, wire, start, value, self.at, scalar, long))
                else:
                    container = self.empty(wire)
                    into.fields.append(added := Field(previous, wire, start, value, value, container, long))
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
        value = self.byte()
        if value not in (Wire.TRUE, Wire.FALSE):
            self.odd(self.at - 1, f"a boolean of {value}")
        return value == Wire.TRUE

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
                if count < 15:
                    self.odd(into.start, "a long list header where a short one would do")
            into.announced = count
            if count and into.element is Wire.STOP:
                raise Unreadable(into.start, f"a list of {count} elements without a type")
            left = self.end - self.at
            if count * _SMALLEST[into.element] <= left:
                self.fill_elements(into, count, depth)
                return
            try:
                self.fill_elements(into, count, depth)
            except Unreadable as unreadable:
                if not unreadable.error.ended:
                    raise
                raise Unreadable(into.start, f"a list of {count} elements in {left} bytes", ended=True) from None
        finally:
            into.end = self.at

    def fill_elements(self, into: List, count: int, depth: int) -> None:
        """As many of the elements as there are."""
        for _ in range(count):
            self.spend()
            start = self.at
            if Wire.LIST <= into.element <= Wire.STRUCT:
                if start >= self.end:
                    raise Unreadable(start, "the bytes end", ended=True)
                container = self.empty(into.element)
                into.starts.append(start)
                into.values.append(container)
                self.fill(container, depth + 1)
            else:
                scalar = self.scalar(into.element)
                into.starts.append(start)
                into.values.append(scalar)

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
                first = self.at
                key = self.element(into.key, depth)
                second = self.at
                into.items.append((key, self.element(into.element, depth)))
                into.starts.extend((first, second))
        finally:
            into.end = self.at

    def element(self, wire: Wire, depth: int) -> Value:
        if not Wire.LIST <= wire <= Wire.STRUCT:
            return self.scalar(wire)
        container = self.empty(wire)
        self.fill(container, depth + 1)
        return container


def encode(struct: Struct) -> bytes:
    """The struct as writers spell it: shortest varints, short field headers wherever they fit but for `Field.long`.

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


def encode_header(id: int, previous: int, wire: Wire, *, long: bool = False) -> bytes:
    """A field's header: one byte where the id is 1 to 15 above its predecessor's, else two to four, as if `long`."""
    if 1 <= id - previous <= 15 and not long:
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
            out += encode_header(item.id, previous, Wire.TRUE if item.value else Wire.FALSE, long=item.long)
        else:
            out += encode_header(item.id, previous, wire, long=item.long)
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
