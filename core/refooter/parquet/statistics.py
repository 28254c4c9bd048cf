"""The least and greatest values of columns and pages, as what the column's type makes of their bytes.

Source: parquet.thrift, Statistics ("encoded using PLAIN encoding, except that variable-length byte arrays do not
include a length prefix"); Encodings.md and LogicalTypes.md for what the bytes mean. No bytes raise here: those that a
type cannot have are shown as they are, with a sentence.
"""

from __future__ import annotations

import struct as _struct
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from refooter.parquet.column_type import ColumnType, Kind, Unit
from refooter.parquet.escape import escaped, hexadecimal
from refooter.parquet.structs import STATISTICS
from refooter.parquet.thrift import Struct


@dataclass(frozen=True, slots=True)
class Bound:
    """A value in words, such as `2024-02-29T12:00:00.000000001Z`, `-1.50`, `0x00ff`.

    `problem` says what is wrong with the bytes, and `text` is then as near to a value as one gets.
    """

    text: str
    raw: bytes
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """What a Statistics struct says; `None` for what it does not say.

    `min` and `max` are `min_value` and `max_value`, `deprecated_min` and `deprecated_max` the older fields 2 and 1,
    which were compared as signed whatever the type. `min_exact` and `max_exact`: whether that value occurs in the data.
    """

    min: Bound | None
    max: Bound | None
    deprecated_min: Bound | None
    deprecated_max: Bound | None
    min_exact: bool | None
    max_exact: bool | None
    null_count: int | None
    distinct_count: int | None
    nan_count: int | None


def read_statistics(struct: Struct, type: ColumnType) -> ColumnStatistics:
    """The statistics of a column of that type. What is not written as declared counts as not there."""

    def bound(name: str) -> Bound | None:
        raw = struct.value(STATISTICS.id(name))
        return typed(raw, type) if isinstance(raw, bytes) else None

    def count(name: str) -> int | None:
        value = struct.value(STATISTICS.id(name))
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def flag(name: str) -> bool | None:
        value = struct.value(STATISTICS.id(name))
        return value if isinstance(value, bool) else None

    return ColumnStatistics(
        bound("min_value"),
        bound("max_value"),
        bound("min"),
        bound("max"),
        flag("is_min_value_exact"),
        flag("is_max_value_exact"),
        count("null_count"),
        count("distinct_count"),
        count("nan_count"),
    )


class _Unlike(Exception):
    """The bytes are not what the type has: a sentence, and what can be shown nevertheless."""

    def __init__(self, message: str, shown: str | None = None) -> None:
        super().__init__(message)
        self.shown = shown


def typed(raw: bytes, type: ColumnType) -> Bound:
    """The value that bytes stand for in a column of that type. Never raises."""
    try:
        return Bound(_text(raw, type), raw)
    except _Unlike as unlike:
        return Bound(unlike.shown or hexadecimal(raw), raw, str(unlike))


_SIZES: Final = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8}


def _text(raw: bytes, type: ColumnType) -> str:
    physical = type.physical
    size = _SIZES.get(physical or "", type.length)
    if size is not None and len(raw) != size:
        raise _Unlike(f"{len(raw)} bytes, where {type.physical_words} has {size}")
    if physical in ("INT32", "INT64"):
        return _integer_text(raw, type)
    if physical == "BOOLEAN":
        if raw[0] > 1:
            raise _Unlike(f"a boolean of {raw[0]}")
        return "true" if raw[0] else "false"
    if physical in ("FLOAT", "DOUBLE"):
        return _float_text(raw, "<f" if physical == "FLOAT" else "<d")
    if physical == "INT96":
        return _int96_text(raw)
    return _bytes_text(raw, type)


def _integer_text(raw: bytes, type: ColumnType) -> str:
    value = int.from_bytes(raw, "little", signed=True)
    if type.kind is Kind.DATE:
        return _date_text(value)
    if type.kind is Kind.TIMESTAMP and type.unit is not None:
        return _timestamp_text(value, type.unit, type.utc)
    if type.kind is Kind.TIME and type.unit is not None:
        return _time_text(value, type.unit, type.utc)
    if type.kind is Kind.DECIMAL:
        return _decimal_text(value, type)
    if type.kind is Kind.INTEGER and type.signed is False:
        value = int.from_bytes(raw, "little")
    if type.kind is Kind.INTEGER and type.bits in (8, 16, 32, 64):
        least, most = (-(1 << type.bits - 1), 1 << type.bits - 1) if type.signed is not False else (0, 1 << type.bits)
        if not least <= value < most:
            raise _Unlike(f"{value} is no {type.words}", str(value))
    return str(value)


def _bytes_text(raw: bytes, type: ColumnType) -> str:
    kind = type.kind
    if kind is Kind.DECIMAL:
        if len(raw) > _LONGEST_DECIMAL or not raw:
            raise _Unlike(f"a decimal of {len(raw):,} bytes")
        return _decimal_text(int.from_bytes(raw, "big", signed=True), type)
    if kind is Kind.FLOAT16:
        _expect(raw, 2, "a float16")
        return _float_text(raw, "<e")
    if kind is Kind.UUID:
        _expect(raw, 16, "a UUID")
        return str(UUID(bytes=raw))
    if kind is Kind.INTERVAL:
        _expect(raw, 12, "an interval")
        months, days, millis = _struct.unpack("<III", raw)
        return f"{months} months, {days} days, {millis} ms"
    if kind in (Kind.STRING, Kind.ENUM, Kind.JSON):
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _Unlike(f"no UTF-8 from byte {error.start} on", escaped(raw)) from None
        return escaped(raw)
    return hexadecimal(raw)


def _expect(raw: bytes, size: int, what: str) -> None:
    if len(raw) != size:
        raise _Unlike(f"{len(raw)} bytes, where {what} has {size}")


def _float_text(raw: bytes, form: str) -> str:
    """The shortest decimal form that means this number in its own width."""
    value: float = _struct.unpack(form, raw)[0]
    if value != value:
        return "NaN"
    if form == "<d" or value in (float("inf"), float("-inf")):
        return repr(value)
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if _packed(form, float(text)) == raw:
            return repr(float(text))
    return repr(value)


def _packed(form: str, value: float) -> bytes | None:
    try:
        return _struct.pack(form, value)
    except OverflowError:  # rounded up to what the width cannot hold
        return None


# 38 digits take 16 bytes and 76 take 32: no decimal of anybody's takes more.
_LONGEST_DECIMAL: Final = 64
_LARGEST_SCALE: Final = 200


def _decimal_text(unscaled: int, type: ColumnType) -> str:
    scale = type.scale
    if scale is None:
        raise _Unlike("a decimal without a scale", f"{unscaled} (unscaled)")
    if not 0 <= scale <= _LARGEST_SCALE:
        raise _Unlike(f"a decimal with the scale {scale}", f"{unscaled} (unscaled)")
    digits = str(abs(unscaled)).rjust(scale + 1, "0")
    whole, fraction = digits[: len(digits) - scale], digits[len(digits) - scale :]
    text = f"{'-' if unscaled < 0 else ''}{whole}{'.' if fraction else ''}{fraction}"
    if type.precision is not None and type.precision > 0 and abs(unscaled) >= 10 ** min(type.precision, 1000):
        raise _Unlike(f"{text} has more digits than {type.words}", text)
    return text


_EPOCH: Final = date(1970, 1, 1)
_FRACTION_DIGITS: Final = {Unit.MILLIS: 3, Unit.MICROS: 6, Unit.NANOS: 9}
_DAY: Final = 86_400


def _date_text(days: int) -> str:
    shown = f"{days} days from 1970-01-01"
    try:
        return (_EPOCH + timedelta(days=days)).isoformat()
    except OverflowError:
        raise _Unlike("a date before the year 1 or after 9999", shown) from None


def _timestamp_text(value: int, unit: Unit, utc: bool | None) -> str:
    days, within = divmod(value, _DAY * unit.per_second)
    try:
        day = _date_text(days)
    except _Unlike:
        raise _Unlike("a timestamp before the year 1 or after 9999", f"{value} {unit} from 1970-01-01") from None
    return f"{day}T{_clock(within, unit)}{'Z' if utc else ''}"


def _time_text(value: int, unit: Unit, utc: bool | None) -> str:
    if not 0 <= value < _DAY * unit.per_second:
        raise _Unlike("a time of day before midnight or after the next", f"{value} {unit} from midnight")
    return f"{_clock(value, unit)}{'Z' if utc else ''}"


def _clock(within: int, unit: Unit) -> str:
    seconds, fraction = divmod(within, unit.per_second)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:0{_FRACTION_DIGITS[unit]}}" if fraction else text


# the Julian day number of 1970-01-01
_JULIAN_EPOCH: Final = 2_440_588


def _int96_text(raw: bytes) -> str:
    """A timestamp as Impala and Spark wrote it: nanoseconds within a Julian day, then the day (LogicalTypes.md)."""
    nanos, day = _struct.unpack("<qi", raw)
    value = (day - _JULIAN_EPOCH) * _DAY * Unit.NANOS.per_second + nanos
    try:
        return _timestamp_text(value, Unit.NANOS, None)
    except _Unlike as unlike:
        raise _Unlike(str(unlike), f"{nanos} ns in Julian day {day}") from None
