"""What the values of a column are: the physical type, and what the logical or the older converted type makes of it.

Source: parquet.thrift, SchemaElement, LogicalType and ConvertedType; LogicalTypes.md of apache/parquet-format.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from refooter.parquet.escape import escaped
from refooter.parquet.structs import (
    CONVERTED_TYPE,
    DECIMAL_TYPE,
    EDGE_INTERPOLATION_ALGORITHM,
    GEOGRAPHY_TYPE,
    GEOMETRY_TYPE,
    INT_TYPE,
    LOGICAL_TYPE,
    SCHEMA_ELEMENT,
    TIME_UNIT,
    TIMESTAMP_TYPE,
    TYPE,
    VARIANT_TYPE,
)
from refooter.parquet.thrift import Struct


class Kind(StrEnum):
    """What values mean. `NONE`: nothing beyond the physical type. `UNKNOWN`: something that we do not know."""

    NONE = "none"
    STRING = "string"
    ENUM = "enum"
    JSON = "JSON"
    BSON = "BSON"
    UUID = "UUID"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    INTERVAL = "interval"
    FLOAT16 = "float16"
    NULL = "always null"
    LIST = "list"
    MAP = "map"
    MAP_KEY_VALUE = "map entries"
    VARIANT = "variant"
    GEOMETRY = "geometry"
    GEOGRAPHY = "geography"
    FILE = "file"
    UNKNOWN = "unknown"


class Unit(StrEnum):
    """What a time counts."""

    MILLIS = "ms"
    MICROS = "us"
    NANOS = "ns"

    @property
    def per_second(self) -> int:
        return _PER_SECOND[self]


_PER_SECOND: Final = {Unit.MILLIS: 1_000, Unit.MICROS: 1_000_000, Unit.NANOS: 1_000_000_000}


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A physical type and what its values mean.

    `physical` is a name of parquet.thrift's `Type`, `None` for a group or where it is not known. `length` is the bytes
    of a FIXED_LEN_BYTE_ARRAY. What belongs to some kinds only is `None` for others, and where the footer does not say
    it: `unit` and `utc` of times (`utc` false: local, without a zone), `bits` and `signed` of integers, `scale` and
    `precision` of decimals. `detail` is what else there is to say: a coordinate system, an unknown type's number.
    `converted`: the kind is from the deprecated ConvertedType, since there was no LogicalType to go by.
    """

    physical: str | None
    kind: Kind = Kind.NONE
    length: int | None = None
    unit: Unit | None = None
    utc: bool | None = None
    bits: int | None = None
    signed: bool | None = None
    scale: int | None = None
    precision: int | None = None
    detail: str = ""
    converted: bool = False

    @property
    def physical_words(self) -> str:
        """Such as `INT64`, `FIXED_LEN_BYTE_ARRAY(16)`, `group`."""
        if self.physical is None:
            return "group"
        return self.physical if self.length is None else f"{self.physical}({self.length})"

    @property
    def words(self) -> str:
        """The logical type in words, such as `timestamp in ns, UTC`; empty where there is none."""
        words = {
            Kind.NONE: "",
            Kind.TIMESTAMP: f"timestamp in {self.unit or 'an unknown unit'}, {_zone(self.utc)}",
            Kind.TIME: f"time in {self.unit or 'an unknown unit'}, {_zone(self.utc)}",
            Kind.INTEGER: f"{'' if self.signed is not False else 'unsigned '}{_said(self.bits)}-bit integer",
            Kind.DECIMAL: f"decimal({_said(self.precision)}, {_said(self.scale)})",
            Kind.UNKNOWN: "unknown logical type",
        }.get(self.kind, self.kind.value)
        return f"{words} ({self.detail})" if self.detail else words


def column_type(element: Struct) -> ColumnType:
    """The type that a SchemaElement gives, read leniently: what is not there or not as declared is not said."""
    if not element.fields:
        return _UNTYPED
    number = _integer(element, _TYPE)
    physical = None if number is None else TYPE.names.get(number, f"type {number}")
    # elsewhere it is no number of bytes, and some writers put a 0 there
    length = _integer(element, _TYPE_LENGTH) if physical == "FIXED_LEN_BYTE_ARRAY" else None
    plain = ColumnType(physical, length=length)
    logical = element.value(_LOGICAL)
    found = _from_logical(plain, logical) if isinstance(logical, Struct) else None
    converted = _from_converted(plain, element)
    if found is None or (found.kind is Kind.UNKNOWN and converted is not None):
        found = converted
    return found or plain


_UNTYPED: Final = ColumnType(None)
_TYPE, _TYPE_LENGTH, _CONVERTED, _SCALE, _PRECISION, _LOGICAL = (
    SCHEMA_ELEMENT.id(name) for name in ("type", "type_length", "converted_type", "scale", "precision", "logicalType")
)
_PLAIN_KINDS: Final = {
    "STRING": Kind.STRING,
    "MAP": Kind.MAP,
    "LIST": Kind.LIST,
    "ENUM": Kind.ENUM,
    "DATE": Kind.DATE,
    "UNKNOWN": Kind.NULL,
    "JSON": Kind.JSON,
    "BSON": Kind.BSON,
    "UUID": Kind.UUID,
    "FLOAT16": Kind.FLOAT16,
    "FILE": Kind.FILE,
}
_UNITS: Final = {TIME_UNIT.id(unit.name): unit for unit in Unit}


def _from_logical(plain: ColumnType, logical: Struct) -> ColumnType | None:
    if not logical.fields:
        return None
    member = logical.fields[-1]
    spec = LOGICAL_TYPE.field(member.id)
    if spec is None or not isinstance(member.value, Struct):
        return replace(plain, kind=Kind.UNKNOWN, detail=f"number {member.id}")
    said = member.value
    if spec.name in _PLAIN_KINDS:
        return replace(plain, kind=_PLAIN_KINDS[spec.name])
    if spec.name in ("TIME", "TIMESTAMP"):
        unit = said.value(TIMESTAMP_TYPE.id("unit"))
        number = unit.fields[-1].id if isinstance(unit, Struct) and unit.fields else -1
        utc = _boolean(said, TIMESTAMP_TYPE.id("isAdjustedToUTC"))
        return replace(plain, kind=Kind[spec.name], unit=_UNITS.get(number), utc=utc)
    if spec.name == "INTEGER":
        bits, signed = _integer(said, INT_TYPE.id("bitWidth")), _boolean(said, INT_TYPE.id("isSigned"))
        return replace(plain, kind=Kind.INTEGER, bits=bits, signed=signed)
    if spec.name == "DECIMAL":
        scale, precision = (_integer(said, DECIMAL_TYPE.id(name)) for name in ("scale", "precision"))
        return replace(plain, kind=Kind.DECIMAL, scale=scale, precision=precision)
    return replace(plain, kind=Kind[spec.name], detail=_detail(spec.name, said))


def _detail(name: str, said: Struct) -> str:
    if name == "VARIANT":
        version = _integer(said, VARIANT_TYPE.id("specification_version"))
        return "" if version is None else f"version {version}"
    # GEOMETRY_TYPE and GEOGRAPHY_TYPE give the coordinate system the same id
    crs = said.value(GEOMETRY_TYPE.id("crs"))
    parts = [escaped(crs)] if isinstance(crs, bytes) else ["OGC:CRS84"]
    algorithm = _integer(said, GEOGRAPHY_TYPE.id("algorithm")) if name == "GEOGRAPHY" else None
    if algorithm is not None:
        parts.append(EDGE_INTERPOLATION_ALGORITHM.names.get(algorithm, f"algorithm {algorithm}").lower())
    return ", ".join(parts)


_CONVERTED_KINDS: Final = {
    "UTF8": Kind.STRING,
    "MAP": Kind.MAP,
    "MAP_KEY_VALUE": Kind.MAP_KEY_VALUE,
    "LIST": Kind.LIST,
    "ENUM": Kind.ENUM,
    "DATE": Kind.DATE,
    "JSON": Kind.JSON,
    "BSON": Kind.BSON,
    "INTERVAL": Kind.INTERVAL,
}


def _from_converted(plain: ColumnType, element: Struct) -> ColumnType | None:
    number = _integer(element, _CONVERTED)
    if number is None:
        return None
    plain = replace(plain, converted=True)
    name = CONVERTED_TYPE.names.get(number)
    if name is None:
        return replace(plain, kind=Kind.UNKNOWN, detail=f"converted type {number}")
    if name in _CONVERTED_KINDS:
        return replace(plain, kind=_CONVERTED_KINDS[name])
    if name == "DECIMAL":
        scale, precision = _integer(element, _SCALE), _integer(element, _PRECISION)
        # LogicalTypes.md: a scale that is not given is 0
        return replace(plain, kind=Kind.DECIMAL, scale=scale or 0, precision=precision)
    what, _, which = name.partition("_")
    if what in ("TIME", "TIMESTAMP"):
        # LogicalTypes.md: what has no LogicalType is adjusted to UTC
        return replace(plain, kind=Kind[what], unit=Unit[which], utc=True)
    return replace(plain, kind=Kind.INTEGER, bits=int(which), signed=what == "INT")


def _integer(struct: Struct, id: int) -> int | None:
    value = struct.value(id)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _boolean(struct: Struct, id: int) -> bool | None:
    value = struct.value(id)
    return value if isinstance(value, bool) else None


def _said(number: int | None) -> str:
    return "?" if number is None else str(number)


def _zone(utc: bool | None) -> str:
    return "zone unknown" if utc is None else "UTC" if utc else "local"
