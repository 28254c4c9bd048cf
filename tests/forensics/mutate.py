"""Seeded damage to values: what bit rot, crashes and careless programs do, and what somebody with a decoder might."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from forensics.writers import Written, all_written, pointers, tree
from refooter.demo import values
from refooter.demo.files import ParquetFile
from refooter.parquet.edit import splice
from refooter.parquet.thrift import Field, List, Struct, Wire, encode_value
from refooter.values import Question


@dataclass(frozen=True, slots=True)
class Mutant:
    """A damaged value, what it was, how it was damaged, and what the catalog says of its file."""

    file: Written
    base: str
    operations: tuple[str, ...]
    question: Question

    def __str__(self) -> str:
        return f"{self.base} of {self.file}, {' and '.join(self.operations)}"


@dataclass(slots=True)
class Source:
    """A sound value of one of the demo's kinds, and where in it what a decoder knows lies: all byte offsets of the value.

    `lists` are header start and first element's start (the list's end, if it has none), element type and length;
    `lengths` the length words of binaries.
    """

    value: bytes
    integers: list[tuple[int, int, Wire]] = field(default_factory=list)
    lists: list[tuple[int, int, Wire, int]] = field(default_factory=list)
    lengths: list[tuple[int, int, int]] = field(default_factory=list)
    headers: list[tuple[int, int]] = field(default_factory=list)
    structs: list[list[tuple[int, int]]] = field(default_factory=list)

    def add(self, struct: Struct, by: int) -> None:
        """All that is in a struct which was decoded from `by` bytes further on."""
        self.structs.append([(one.start + by, one.end + by) for one in struct.fields])
        for one in struct.fields:
            self.headers.append((one.start + by, one.value_start + by))
            self._add_field(one, by)

    def _add_field(self, one: Field, by: int) -> None:
        match one.value:
            case bytes():
                self.lengths.append((one.value_start + by, one.end - len(one.value) + by, len(one.value)))
            case Struct():
                self.add(one.value, by)
            case List():
                first = one.value.starts[0] if one.value.values else one.value.end
                self.lists.append((one.value.start + by, first + by, one.value.element, len(one.value.values)))
                for element in one.value.values:
                    if isinstance(element, Struct):
                        self.add(element, by)
            case int() if Wire.I16 <= one.wire <= Wire.I64:
                self.integers.append((one.value_start + by, one.end + by, one.wire))


@cache
def source(file: Written, base: str) -> Source:
    made = values.KINDS[base].build(ParquetFile(file.name, file.data, file.num_rows, len(file.group_rows)))
    # FileMetaData as this kind of value has it: its pointers and its num_rows may differ from the file's own
    inner = {"prefixed": "cut_out", "framed": "raw", "trailing_bytes": "raw", "file_tail": "raw"}.get(base, base)
    content = made if inner == base else values.KINDS[inner].build(ParquetFile("", file.data, 0, 0))
    found = Source(made)
    found.add(tree(content), made.rindex(content))
    return found


# Numbers that something may go wrong with: the ends of varints of so many bytes, and of Thrift's integers
_INTEGERS: Final = (0, 1, -1, 2, 3, 63, 64, -65, 8191, 8192, 2**31 - 1, -(2**31), 2**31, 2**63 - 1, -(2**63))
# Sizes of a million and more make the target parser allocate, hang or abort; they come rarely, for each costs a worker
_SIZES: Final = (0, 1, 2, 13, 14, 15, 16, 127, 128, 1000, 20_000)
_HUGE: Final = (2**20, 2**24, 2**31 - 1, 2**32 - 1, 2**63)
_HUGE_SHARE: Final = 0.2


def _size(chance: random.Random, old: int) -> int:
    if chance.random() < _HUGE_SHARE:
        return chance.choice(_HUGE)
    return chance.choice((*_SIZES, max(0, old - 1), old + 1, old * 2))


def _unsigned(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def _edited_number(chance: random.Random, of: Source) -> bytes:
    start, end, wire = chance.choice(of.integers)
    number = chance.choice(_INTEGERS) if chance.random() < 0.7 else chance.getrandbits(chance.randint(1, 62))
    if wire is not Wire.I64:
        number = (number + 2**31) % 2**32 - 2**31 if wire is Wire.I32 else (number + 2**15) % 2**16 - 2**15
    return splice(of.value, [(start, end, encode_value(wire, number))])


def _overlong_number(chance: random.Random, of: Source) -> bytes:
    """The same number in more bytes than it takes, or so many that no reader takes them for a number."""
    start, end, _ = chance.choice(of.integers)
    spelled = bytearray(of.value[start:end])
    spelled[-1] |= 0x80
    spelled += b"\x80" * chance.choice((0, 1, 3, 8, 20)) + b"\x00"
    return splice(of.value, [(start, end, bytes(spelled))])


def _edited_list_size(chance: random.Random, of: Source) -> bytes:
    start, first, element, length = chance.choice(of.lists)
    wire, size = int(element), _size(chance, length)
    if chance.random() < 0.15:
        wire, size = chance.randrange(16), length
    header = bytes((size << 4 | wire,)) if size < 15 else bytes((0xF0 | wire,)) + _unsigned(size)
    return splice(of.value, [(start, first, header)])


def _edited_length(chance: random.Random, of: Source) -> bytes:
    start, end, length = chance.choice(of.lengths)
    return splice(of.value, [(start, end, _unsigned(_size(chance, length)))])


def _edited_header(chance: random.Random, of: Source) -> bytes:
    """Another type, another field id, or both."""
    start, _ = chance.choice(of.headers)
    old = of.value[start]
    new = chance.choice(
        (old & 0xF0 | chance.randrange(16), old & 0x0F | chance.randrange(16) << 4, chance.randrange(256))
    )
    return splice(of.value, [(start, start + 1, bytes((new,)))])


def _swapped_fields(chance: random.Random, of: Source) -> bytes:
    several = [fields for fields in of.structs if len(fields) > 1]
    (first, second) = sorted(chance.sample(chance.choice(several), 2))
    return splice(of.value, [(*first, of.value[slice(*second)]), (*second, of.value[slice(*first)])])


def _lost_field(chance: random.Random, of: Source) -> bytes:
    fields = chance.choice([fields for fields in of.structs if fields])
    return splice(of.value, [(*chance.choice(fields), b"")])


def _doubled_field(chance: random.Random, of: Source) -> bytes:
    start, end = chance.choice(chance.choice([fields for fields in of.structs if fields]))
    return splice(of.value, [(end, end, of.value[start:end])])


def _flipped_bit(chance: random.Random, value: bytes) -> bytes:
    at = chance.randrange(len(value))
    return value[:at] + bytes((value[at] ^ 1 << chance.randrange(8),)) + value[at + 1 :]


def _other_byte(chance: random.Random, value: bytes) -> bytes:
    at = chance.randrange(len(value))
    return value[:at] + bytes((chance.randrange(256),)) + value[at + 1 :]


def _cut(chance: random.Random, value: bytes) -> bytes:
    return value[: chance.randrange(len(value))]


def _deletion(chance: random.Random, value: bytes) -> bytes:
    at = chance.randrange(len(value))
    return value[:at] + value[at + _few(chance) :]


def _insertion(chance: random.Random, value: bytes) -> bytes:
    at = chance.randrange(len(value) + 1)
    return value[:at] + chance.randbytes(_few(chance)) + value[at:]


def _repetition(chance: random.Random, value: bytes) -> bytes:
    at = chance.randrange(len(value))
    piece = value[at : at + _few(chance)]
    return value[:at] + piece + value[at:]


def _zeroed(chance: random.Random, value: bytes) -> bytes:
    at = chance.randrange(len(value))
    count = min(_few(chance), len(value) - at)
    return value[:at] + bytes(count) + value[at + count :]


def _few(chance: random.Random) -> int:
    return chance.choice((1, 1, 1, 2, 3, 4, 8, 16, 100))


_BY_STRUCTURE: Final[tuple[Callable[[random.Random, Source], bytes], ...]] = (
    _edited_number,
    _edited_number,
    _overlong_number,
    _edited_list_size,
    _edited_length,
    _edited_header,
    _swapped_fields,
    _lost_field,
    _doubled_field,
)
_BY_BYTES: Final[tuple[Callable[[random.Random, bytes], bytes], ...]] = (
    _flipped_bit,
    _flipped_bit,
    _other_byte,
    _cut,
    _deletion,
    _insertion,
    _repetition,
    _zeroed,
)
_BASES_WITHOUT_INDEX: Final = ("raw", "raw", "framed", "missing_num_rows", "trailing_bytes")
_BASES: Final = (*_BASES_WITHOUT_INDEX, "prefixed", "prefixed", "file_tail", "cut_out")
_LARGEST: Final = 3_000
"""Bytes of a footer: larger ones say nothing more, and take longer."""


def mutants(seed: int, count: int) -> Iterator[Mutant]:
    """As many from each writer. The same ones for the same seed, as long as the files are the same."""
    chance = random.Random(seed)
    by_writer: dict[str, list[tuple[Written, tuple[str, ...]]]] = {}
    for file in all_written():
        if len(file.footer) <= _LARGEST and file.group_rows:
            bases: tuple[str, ...] = _BASES if pointers(file.footer) else _BASES_WITHOUT_INDEX
            by_writer.setdefault(file.writer, []).append((file, bases))
    writers = sorted(by_writer)
    for number in range(count):
        file, bases = chance.choice(by_writer[writers[number % len(writers)]])
        yield _mutant(chance, file, chance.choice(bases))


def _mutant(chance: random.Random, file: Written, base: str) -> Mutant:
    of = source(file, base)
    operations: list[str] = []
    value = of.value
    if chance.random() < 0.55:
        structural = chance.choice(_BY_STRUCTURE)
        value = structural(chance, of)
        operations.append(structural.__name__)
    more = (0 if chance.random() < 0.8 else 1) if operations else chance.choice((1, 1, 1, 2, 4))
    for _ in range(more):
        if value:
            plain = chance.choice(_BY_BYTES)
            value = plain(chance, value)
            operations.append(plain.__name__)
    names = tuple(name.strip("_").replace("_", " ") for name in operations)
    return Mutant(file, base, names, Question(value, file.num_rows, len(file.data), (2, 2)))
