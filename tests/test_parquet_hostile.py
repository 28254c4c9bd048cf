"""Whatever the bytes: reading ends, in a number of steps and an amount of memory that the input's length bounds."""

from __future__ import annotations

import random
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from footer_corpus import files
from refooter.parquet.column_type import ColumnType
from refooter.parquet.findings import MAX_FINDINGS
from refooter.parquet.footer import Footer, read_footer
from refooter.parquet.page_index import read_indexes
from refooter.parquet.thrift import MAX_DEPTH, MAX_ODDITIES, List, Map, Struct, Value, decode, encode, encode_varint

# Memory is measured on 8 KiB, since tracing it takes long, and on the whole 64 KiB for the greediest shapes.
_SIZE = 8_192
_MEMORY_PER_BYTE = 1024  # 64 MiB for 64 KiB
_HUGE = b"\xff\xff\xff\xff\x07"  # 2^31 - 1


def _listed(opening: bytes, element: bytes, size: int = _SIZE) -> bytes:
    """A list, its header's first byte last in `opening`, of as many elements as fill that many bytes."""
    count = (size - len(opening) - 3) // len(element)
    return opening + encode_varint(count) + element * count


_FOOTER = b"\x15\x02"
_GROUP = _FOOTER + b"\x39\x1c"  # one row group
_META = _GROUP + b"\x19\x1c\x3c"  # its one column chunk's meta_data
_BLOBS = {
    **{
        f"nothing but {byte:02x}": bytes([byte]) * _SIZE
        for byte in range(256)
        if byte < 0x20 or byte % 16 in (9, 11, 12)
    },
    "a list of 2^31 booleans": b"\x19\xf1" + _HUGE,
    "a list of 2^31 structs in 30 bytes": b"\x19\xfc" + _HUGE + bytes(23),
    "a map of 2^31 items": b"\x1b" + _HUGE + b"\x33" + bytes(30),
    "a binary of 2^31 bytes": b"\x18" + _HUGE + b"abc",
    "a binary of 2^63 bytes": b"\x18" + b"\xff" * 9 + b"\x01",
    "lists of 2^31 lists": b"\x19" + (b"\xf9" + _HUGE) * 10_000,
    "structs nested 10,000 deep": b"\x1c" * 10_000,
    "lists nested 10,000 deep": b"\x19" * 10_000,
    "maps nested 10,000 deep": b"\x1b" + b"\x01\xbb" * 10_000,
    "endless varint": b"\x16" + b"\xff" * (_SIZE - 1),
    "booleans in a list": _listed(b"\x19\xf1", b"\x01"),
    "odd booleans in a list": _listed(b"\x19\xf1", b"\x07"),
    "lists in a list": _listed(b"\x19\xf9", b"\x03"),
    "sets in a list": _listed(b"\x19\xfa", b"\x03"),
    "maps in a list": _listed(b"\x19\xfb", b"\x00"),
    "binaries in a list": _listed(b"\x19\xf8", b"\x00"),
    "integers in a list": _listed(b"\x19\xf6", b"\xff\xff\xff\x01"),
    "padded varints in a list": _listed(b"\x19\xf6", b"\xff" * 9 + b"\x00"),
    "empty schema elements": _listed(_FOOTER + b"\x19\xfc", b"\x00"),
    "schema elements, each in the one before": _listed(_FOOTER + b"\x19\xfc", b"\x55\x02\x00"),
    "schema elements of 2^31 - 1 children": _listed(_FOOTER + b"\x19\xfc", b"\x55\xfe\xff\xff\xff\x0f\x00"),
    "schema elements of -1 children": _listed(_FOOTER + b"\x19\xfc", b"\x55\x01\x00"),
    "empty logical types": _listed(_FOOTER + b"\x19\xfc", b"\xac\x8c\x15\x02\x00\x00\x00"),
    "empty row groups": _listed(_FOOTER + b"\x39\xfc", b"\x00"),
    "empty column chunks": _listed(_GROUP + b"\x19\xfc", b"\x00"),
    "column chunks of empty statistics": _listed(_GROUP + b"\x19\xfc", b"\x3c\xcc\x00\x00\x00"),
    "unknown encodings": _listed(_META + b"\x29\xf5", b"\x7f"),
    "empty encoding statistics": _listed(_META + b"\xd9\xfc", b"\x00"),
    "a path of bytes": _listed(_META + b"\x39\xf8", b"\x01\xff"),
    "empty sorting columns": _listed(_GROUP + b"\x49\xfc", b"\x00"),
    "empty key-values": _listed(b"\x59\xfc", b"\x00"),
    "column orders of two members": _listed(b"\x79\xfc", b"\x1c\x00\x1c\x00\x00"),
    "fields with long headers": b"\x01\x02" * (_SIZE // 2),
    "structs in fields": b"\x1c\x00" * (_SIZE // 2),
    "shallow and deep by turns": (b"\x1c" * 60 + bytes(60)) * (_SIZE // 120),
    "lists in structs in lists": b"\x19\x1c" * 31 + b"\x1c\x00" * 8_000,
}


def _everything(data: bytes) -> Footer:
    """Reads all that there is to be read of the bytes as a footer."""
    footer = read_footer(data)
    for group in footer.row_groups:
        assert len(group.columns) == group.column_count
    assert footer.key_values is not None
    assert footer.column_orders is not None
    return footer


@contextmanager
def _bounded_memory(most: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= most, f"{peak:,} bytes"


def _values(value: Value) -> int:
    """How many values there are, and how deep: a count of steps, since each was one."""
    count = 0
    waiting: list[tuple[Value, int]] = [(value, 0)]
    while waiting:
        found, depth = waiting.pop()
        assert depth <= MAX_DEPTH + 1
        count += 1
        if isinstance(found, Struct):
            waiting += [(item.value, depth + 1) for item in found.fields]
        elif isinstance(found, List):
            waiting += [(element, depth + 1) for element in found.values]
        elif isinstance(found, Map):
            waiting += [(part, depth + 1) for pair in found.items for part in pair]
    return count


def _check(data: bytes, footer: Footer) -> None:
    assert footer.end <= len(data)
    assert _values(footer.reading.struct) <= len(data) + 1
    assert len(footer.findings) <= min(MAX_FINDINGS, footer.reading.findings_total)
    assert len(footer.schema.elements) <= len(data)
    if footer.problem is not None:
        assert 0 <= footer.problem.offset <= len(data)
        assert any(finding.kind == "stopped" for finding in footer.findings) or len(footer.findings) == MAX_FINDINGS
    for finding in footer.findings:
        assert 0 <= finding.start <= finding.end <= len(data)
        assert len(finding.path) < 2000
        assert len(finding.message) < 500


@pytest.mark.parametrize("name", _BLOBS)
def test_anything_is_read_within_memory_that_its_length_bounds(name: str) -> None:
    data = _BLOBS[name]
    with _bounded_memory(_MEMORY_PER_BYTE * max(len(data), 4_096)):
        footer = _everything(data)
    _check(data, footer)


@pytest.mark.parametrize(
    ("opening", "element"),
    [(_FOOTER + b"\x19\xfc", b"\x00"), (_GROUP + b"\x19\xfc", b"\x00"), (b"\x19\xf9", b"\x03")],
    ids=["empty schema elements", "empty column chunks", "lists in a list"],
)
def test_the_greediest_64_kib_are_read_within_64_mib(opening: bytes, element: bytes) -> None:
    data = _listed(opening, element, 65_536)
    with _bounded_memory(64 << 20):
        _everything(data)


@pytest.mark.parametrize("name", ["lists in a list", "maps in a list", "empty key-values", "nothing but 19"])
def test_any_page_index_is_read_within_memory_that_its_length_bounds(name: str) -> None:
    data = _BLOBS[name]
    with _bounded_memory(2 * _MEMORY_PER_BYTE * len(data)):
        index = read_indexes(data, (0, len(data)), (0, len(data)), ColumnType("INT32"), num_rows=1)
    assert len(index.pages) <= len(data)
    assert len(index.findings) <= 2 * MAX_FINDINGS + 10


def test_nodes_are_made_only_when_somebody_looks() -> None:
    data = _BLOBS["empty column chunks"]
    root = read_footer(data).root
    with _bounded_memory(10_000):
        columns = root.find("row_groups[0].columns")
        assert columns is not None
        assert columns.child_count > 8_000
        assert len(columns.some_children(4_000, 4_010)) == 10


def test_a_huge_announcement_takes_no_memory_for_what_is_not_there() -> None:
    for name in ("a list of 2^31 booleans", "a binary of 2^31 bytes", "a map of 2^31 items", "a binary of 2^63 bytes"):
        with _bounded_memory(100_000):
            assert read_footer(_BLOBS[name]).problem is not None


@pytest.mark.parametrize("byte", [b"\x1c", b"\x19", b"\x1b\x01\xbb\x01\xbb"], ids=["structs", "lists", "maps"])
def test_deep_nesting_is_cut_and_said(byte: bytes) -> None:
    limit = sys.getrecursionlimit()
    footer = read_footer(byte * 10_000)
    assert footer.problem is not None
    assert "nested deeper than" in footer.problem.message or "map" in footer.problem.message
    assert sys.getrecursionlimit() == limit
    assert len(list(footer.root.walk())) < 300


def test_deep_nesting_is_cut_even_where_little_of_the_stack_is_left() -> None:
    def deeper(levels: int) -> None:
        if levels:
            deeper(levels - 1)
        else:
            assert read_footer(b"\x1c" * 10_000).problem is not None

    deeper(sys.getrecursionlimit() // 2)


def test_a_schema_as_deep_as_it_is_long_is_read_without_recursion() -> None:
    schema = read_footer(_BLOBS["schema elements, each in the one before"]).schema
    assert len(schema.elements) > 2_500
    deepest = schema.elements[-1]
    assert deepest.depth == len(schema.elements) - 1
    assert len(schema.path(deepest.index)) == deepest.depth
    assert schema.children(deepest.parent) == (deepest,)


def test_a_decoder_keeps_no_more_oddities_than_it_may() -> None:
    assert len(decode(_BLOBS["odd booleans in a list"]).oddities) == MAX_ODDITIES


def test_the_bound_on_values_holds_for_input_of_any_length() -> None:
    decoded = decode(_BLOBS["empty row groups"], max_values=1000)
    assert decoded.problem is not None
    assert "more values" in decoded.problem.message
    assert _values(decoded.root) <= 1002


def _mutated(chance: random.Random, footer: bytes) -> bytes:
    value = bytearray(footer)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(value))
        match chance.randrange(5):
            case 0:
                value[at] ^= 1 << chance.randrange(8)
            case 1:
                value[at] = chance.choice(b"\x00\x0c\x11\x15\x18\x19\x1b\x1c\x7f\x80\xfc\xff")
            case 2:
                del value[at : at + chance.randint(1, 20)]
            case 3:
                value[at:at] = chance.randbytes(chance.randint(1, 10))
            case _:
                value[at:at] = value[at : at + chance.randint(1, 60)]
        if not value:
            break
    return bytes(value)


def test_mutated_footers_are_read_and_come_back_unless_something_is_odd() -> None:
    chance = random.Random(20_24)
    whole = 0
    for _ in range(2000):
        footer = chance.choice(files()[:5]).footer
        if len(footer) > 3000:
            continue
        value = _mutated(chance, footer)
        found = _everything(value)
        _check(value, found)
        decoded = decode(value)
        if decoded.problem is None and not decoded.oddities:
            whole += 1
            assert encode(decoded.root) == value[: decoded.end]
    assert whole > 300


def test_random_bytes_are_read() -> None:
    chance = random.Random(7)
    for _ in range(2000):
        alphabet = chance.randbytes(chance.randint(1, 8)) + b"\x15\x19\x1c\x00"
        value = bytes(chance.choices(alphabet, k=chance.randint(0, 400)))
        _check(value, _everything(value))
        index = read_indexes(value, (0, len(value)), (0, len(value)), ColumnType("DOUBLE"), num_rows=7)
        assert len(index.pages) <= len(value)
        for page in index.pages[:5]:
            assert page.min is None or page.min.text
