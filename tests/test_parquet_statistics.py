"""Least and greatest values as the column's type means them, and sentences for bytes that no such type has."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from footer_corpus import structs
from refooter.parquet.column_type import ColumnType, Kind, Unit, column_type
from refooter.parquet.edit import removal_edits, splice
from refooter.parquet.escape import escaped, hexadecimal
from refooter.parquet.footer import read_footer
from refooter.parquet.statistics import typed
from refooter.parquet.thrift import Field, Struct, Wire, decode


def _i32(value: int) -> bytes:
    return struct.pack("<i", value)


def _i64(value: int) -> bytes:
    return struct.pack("<q", value)


def _stamp(unit: Unit, utc: bool = True) -> ColumnType:
    return ColumnType("INT64", Kind.TIMESTAMP, unit=unit, utc=utc)


def _whole(bits: int, signed: bool) -> ColumnType:
    return ColumnType("INT64" if bits == 64 else "INT32", Kind.INTEGER, bits=bits, signed=signed)


def _decimal(physical: str, scale: int, precision: int = 18, length: int | None = None) -> ColumnType:
    return ColumnType(physical, Kind.DECIMAL, length=length, scale=scale, precision=precision)


def _short(value: object) -> str:
    if isinstance(value, ColumnType):
        return f"{value.physical} {value.words}"
    return value[:8].hex() if isinstance(value, bytes) else ""


_STRING = ColumnType("BYTE_ARRAY", Kind.STRING)
_BINARY = ColumnType("BYTE_ARRAY")
_DATE = ColumnType("INT32", Kind.DATE)


@pytest.mark.parametrize(
    ("raw", "type", "text"),
    [
        (b"\x00", ColumnType("BOOLEAN"), "false"),
        (b"\x01", ColumnType("BOOLEAN"), "true"),
        (_i32(-7), ColumnType("INT32"), "-7"),
        (_i64(-(2**63)), ColumnType("INT64"), "-9223372036854775808"),
        (_i32(-1), _whole(32, False), "4294967295"),
        (_i64(-1), _whole(64, False), "18446744073709551615"),
        (_i32(-128), _whole(8, True), "-128"),
        (_i32(0), _DATE, "1970-01-01"),
        (_i32(-1), _DATE, "1969-12-31"),
        (_i64(1_709_208_000_000), _stamp(Unit.MILLIS), "2024-02-29T12:00:00Z"),
        (_i64(1_709_208_000_000_001), _stamp(Unit.MICROS, utc=False), "2024-02-29T12:00:00.000001"),
        (_i64(1_709_208_000_000_000_001), _stamp(Unit.NANOS), "2024-02-29T12:00:00.000000001Z"),
        (_i64(-1), _stamp(Unit.NANOS), "1969-12-31T23:59:59.999999999Z"),
        (_i64(2**63 - 1), _stamp(Unit.NANOS), "2262-04-11T23:47:16.854775807Z"),
        (_i64(-(2**63)), _stamp(Unit.NANOS), "1677-09-21T00:12:43.145224192Z"),
        (_i32(3_723_004), ColumnType("INT32", Kind.TIME, unit=Unit.MILLIS, utc=False), "01:02:03.004"),
        (_i64(1), ColumnType("INT64", Kind.TIME, unit=Unit.NANOS, utc=True), "00:00:00.000000001Z"),
        (_i32(-150), _decimal("INT32", 2), "-1.50"),
        (_i64(5), _decimal("INT64", 3), "0.005"),
        (_i64(5), _decimal("INT64", 0), "5"),
        ((-12345).to_bytes(16, "big", signed=True), _decimal("FIXED_LEN_BYTE_ARRAY", 4, 38, 16), "-1.2345"),
        (b"\xff", _decimal("BYTE_ARRAY", 1), "-0.1"),
        (struct.pack("<f", 0.1), ColumnType("FLOAT"), "0.1"),
        (struct.pack("<f", 3.4028234663852886e38), ColumnType("FLOAT"), "3.4028235e+38"),
        (struct.pack("<d", 0.1), ColumnType("DOUBLE"), "0.1"),
        (struct.pack("<d", -0.0), ColumnType("DOUBLE"), "-0.0"),
        (struct.pack("<d", float("nan")), ColumnType("DOUBLE"), "NaN"),
        (struct.pack("<f", float("-inf")), ColumnType("FLOAT"), "-inf"),
        (struct.pack("<e", 1.5), ColumnType("FIXED_LEN_BYTE_ARRAY", Kind.FLOAT16, length=2), "1.5"),
        (struct.pack("<e", 65504), ColumnType("FIXED_LEN_BYTE_ARRAY", Kind.FLOAT16, length=2), "65500.0"),
        (struct.pack("<qi", 43_200_000_000_001, 2_440_589), ColumnType("INT96"), "1970-01-02T12:00:00.000000001"),
        ("grün".encode(), _STRING, "grün"),
        (b"a\x1b[31m\n\\\xe2\x80\xae", _STRING, r"a\x1b[31m\n\\\u202e"),
        (bytes(range(16)), ColumnType("FIXED_LEN_BYTE_ARRAY", Kind.UUID, 16), "00010203-0405-0607-0809-0a0b0c0d0e0f"),
        (b"\x00\xff", _BINARY, "0x00ff"),
        (b"", _BINARY, "0x"),
        (bytes(1000), _BINARY, "0x" + "00" * 32 + "... (1,000 bytes)"),
        (b"x" * 1000, _STRING, "x" * 256 + "... (1,000 bytes)"),
        (struct.pack("<III", 1, 2, 3), ColumnType("FIXED_LEN_BYTE_ARRAY", Kind.INTERVAL, 12), "1 months, 2 days, 3 ms"),
        (b"{}", ColumnType("BYTE_ARRAY", Kind.JSON), "{}"),
    ],
    ids=_short,
)
def test_a_value_is_shown_as_its_type_means_it(raw: bytes, type: ColumnType, text: str) -> None:
    bound = typed(raw, type)
    assert (bound.text, bound.problem, bound.raw) == (text, None, raw)


@pytest.mark.parametrize(
    ("raw", "type", "text", "problem"),
    [
        (b"\x01\x02\x03", ColumnType("INT32"), "0x010203", "3 bytes, where INT32 has 4"),
        (b"", ColumnType("INT64"), "0x", "0 bytes, where INT64 has 8"),
        (b"\x07", ColumnType("BOOLEAN"), "0x07", "a boolean of 7"),
        (b"\x07\x00", ColumnType("FIXED_LEN_BYTE_ARRAY", length=3), "0x0700", "FIXED_LEN_BYTE_ARRAY(3) has 3"),
        (_i32(300), _whole(8, False), "300", "no unsigned 8-bit integer"),
        (_i32(2**31 - 1), _DATE, "2147483647 days from 1970-01-01", "after 9999"),
        (_i64(2**63 - 1), _stamp(Unit.MICROS), "9223372036854775807 us from 1970-01-01", "after 9999"),
        (_i32(-1), ColumnType("INT32", Kind.TIME, unit=Unit.MILLIS), "-1 ms from midnight", "before midnight"),
        (_i64(1), _decimal("INT64", -3), "1 (unscaled)", "the scale -3"),
        (_i64(1), _decimal("INT64", 2**31 - 1), "1 (unscaled)", "the scale 2147483647"),
        (_i64(1), ColumnType("INT64", Kind.DECIMAL), "1 (unscaled)", "without a scale"),
        (_i64(12345), _decimal("INT64", 1, 4), "1234.5", "more digits than decimal(4, 1)"),
        (b"\x7f" * 60_000, _decimal("BYTE_ARRAY", 2), "0x" + "7f" * 32 + "... (60,000 bytes)", "60,000 bytes"),
        (b"\xffok", _STRING, r"\xffok", "no UTF-8 from byte 0 on"),
        (b"\x01", ColumnType("BYTE_ARRAY", Kind.UUID), "0x01", "where a UUID has 16"),
        (bytes(11), ColumnType("INT96"), "0x" + "00" * 11, "INT96 has 12"),
        (struct.pack("<qi", 1, 2**31 - 1), ColumnType("INT96"), "1 ns in Julian day 2147483647", "after 9999"),
    ],
    ids=_short,
)
def test_what_a_type_cannot_have_is_a_sentence(raw: bytes, type: ColumnType, text: str, problem: str) -> None:
    bound = typed(raw, type)
    assert bound.text == text
    assert bound.problem is not None
    assert problem in bound.problem


def test_no_bytes_and_no_type_make_it_raise() -> None:
    physicals = ["BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"]
    raws = [byte * size for byte in (b"\x00", b"\x7f", b"\x80", b"\xff") for size in (0, 1, 2, 4, 8, 12, 16, 300)]
    for physical in [*physicals, "type 42", None]:
        for kind in Kind:
            for unit in (None, *Unit):
                type = ColumnType(physical, kind, -1, unit, True, 8, False, 3, -2)
                for raw in raws:
                    assert typed(raw, type).text


def test_text_and_bytes_are_never_mistaken_for_each_other() -> None:
    assert escaped(b"\x85") == r"\x85"
    assert escaped("\x85".encode()) == r"\u0085"
    assert escaped("\U000e0041".encode()) == r"\U000e0041"
    assert escaped(rb"\x85") == r"\\x85"
    assert escaped("ä".encode() * 10, most=3) == "äää... (20 bytes)"
    assert hexadecimal(b"abc", most=2) == "0x6162... (3 bytes)"


_MOMENT = datetime(2024, 2, 29, 12, 0, 0, 5, UTC)


def _columns(table: pa.Table, **options: object) -> dict[str, tuple[str, str, str, str]]:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    data = out.getvalue()
    footer = read_footer(data, len(data) - 8 - int.from_bytes(data[-8:-4], "little"))
    found = {}
    for chunk in footer.row_groups[0].columns:
        assert chunk.statistics is not None
        low, high = chunk.statistics.min, chunk.statistics.max
        assert low is not None
        assert high is not None
        assert (low.problem, high.problem) == (None, None)
        found[chunk.name] = (chunk.type.physical_words, chunk.type.words, low.text, high.text)
    return found


def test_the_statistics_of_a_real_file_are_its_values() -> None:
    table = pa.table(
        {
            "int8": pa.array([-5, 7], pa.int8()),
            "uint64": pa.array([1, 2**64 - 1], pa.uint64()),
            "bool": pa.array([True, False]),
            "date": pa.array([0, 19_782], pa.date32()),
            "utc": pa.array([_MOMENT, _MOMENT], pa.timestamp("ns", "UTC")),
            "local": pa.array([_MOMENT, _MOMENT], pa.timestamp("us")),
            "time": pa.array([1, 2], pa.time64("ns")),
            "price": pa.array([Decimal("-1.50"), Decimal("99999.99")], pa.decimal128(7, 2)),
            "half": pa.array([0.5, 1.5], pa.float16()),
            "text": pa.array(["a", "z\n"]),
            "bytes": pa.array([b"\x00", b"\xff"]),
        }
    )
    assert _columns(table) == {
        "int8": ("INT32", "8-bit integer", "-5", "7"),
        "uint64": ("INT64", "unsigned 64-bit integer", "1", "18446744073709551615"),
        "bool": ("BOOLEAN", "", "false", "true"),
        "date": ("INT32", "date", "1970-01-01", "2024-02-29"),
        "utc": ("INT64", "timestamp in ns, UTC", *["2024-02-29T12:00:00.000005000Z"] * 2),
        "local": ("INT64", "timestamp in us, local", *["2024-02-29T12:00:00.000005"] * 2),
        "time": ("INT64", "time in ns, local", "00:00:00.000000001", "00:00:00.000000002"),
        "price": ("FIXED_LEN_BYTE_ARRAY(4)", "decimal(7, 2)", "-1.50", "99999.99"),
        "half": ("FIXED_LEN_BYTE_ARRAY(2)", "float16", "0.5", "1.5"),
        "text": ("BYTE_ARRAY", "string", "a", r"z\n"),
        "bytes": ("BYTE_ARRAY", "", "0x00", "0xff"),
    }


def test_without_a_logical_type_the_converted_one_says_the_same() -> None:
    table = pa.table(
        {
            "uint8": pa.array([1], pa.uint8()),
            "date": pa.array([0], pa.date32()),
            "ms": pa.array([_MOMENT], pa.timestamp("ms", "UTC")),
            "us": pa.array([_MOMENT], pa.timestamp("us", "UTC")),
            "price": pa.array([Decimal("-1.50")], pa.decimal128(7, 2)),
            "text": pa.array(["a"]),
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out)
    data = out.getvalue()
    raw = data[-8 - int.from_bytes(data[-8:-4], "little") : -8]
    elements = list(structs(decode(raw).root, 2))
    bare = splice(raw, [edit for element in elements for edit in removal_edits(element, 10)])
    before, after = read_footer(raw).schema, read_footer(bare).schema
    assert [leaf.type.words for leaf in before.elements] == [leaf.type.words for leaf in after.elements]
    assert [leaf.type.converted for leaf in after.elements] == [False, *[True] * 6]
    assert not any(leaf.type.converted for leaf in before.elements)


def _element(*fields: tuple[int, Wire, object]) -> ColumnType:
    made = [Field(id, wire, 0, 0, 0, value) for id, wire, value in fields]  # type: ignore[arg-type]
    return column_type(Struct(fields=made))


def _logical(id: int, *fields: Field) -> Struct:
    return Struct(fields=[Field(id, Wire.STRUCT, 0, 0, 0, Struct(fields=list(fields)))])


def _logical_words(id: int, *fields: Field) -> str:
    return _element((1, Wire.I32, 6), (10, Wire.STRUCT, _logical(id, *fields))).words


def test_the_newest_logical_types_have_words() -> None:
    crs = Field(1, Wire.BINARY, 0, 0, 0, b"EPSG:4326\n")
    karney = Field(2, Wire.I32, 0, 0, 0, 4)
    assert _logical_words(16, Field(1, Wire.BYTE, 0, 0, 0, 1)) == "variant (version 1)"
    assert _logical_words(17) == "geometry (OGC:CRS84)"
    assert _logical_words(18, crs, karney) == r"geography (EPSG:4326\n, karney)"
    assert _logical_words(19) == "file"
    assert _logical_words(11) == "always null"


def test_an_unknown_logical_type_falls_back_on_the_converted_one() -> None:
    assert _logical_words(42) == "unknown logical type (number 42)"
    both = _element((1, Wire.I32, 6), (6, Wire.I32, 19), (10, Wire.STRUCT, _logical(42)))
    assert both.words == "JSON"
    assert _element((1, Wire.I32, 6), (6, Wire.I32, 77)).words == "unknown logical type (converted type 77)"


def test_a_type_that_is_not_written_as_declared_is_said_to_be_unknown_not_guessed() -> None:
    assert _logical_words(8) == "timestamp in an unknown unit, zone unknown"
    assert _logical_words(10) == "?-bit integer"
    assert _logical_words(5) == "decimal(?, ?)"
    assert _element((1, Wire.I32, 99)).physical_words == "type 99"
    assert _element((1, Wire.BINARY, b"INT32")).physical_words == "group"


def test_deprecated_minimum_and_maximum_are_told_from_the_others() -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"i": [3, 1, None]}), out)
    data = out.getvalue()
    footer = read_footer(data, len(data) - 8 - int.from_bytes(data[-8:-4], "little"))
    statistics = footer.row_groups[0].columns[0].statistics
    assert statistics is not None
    bounds = (statistics.min, statistics.max, statistics.deprecated_min, statistics.deprecated_max)
    assert [bound and bound.text for bound in bounds] == ["1", "3", "1", "3"]
    assert statistics.null_count == 1
    assert statistics.nan_count is None
