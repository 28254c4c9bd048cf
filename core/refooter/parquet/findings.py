"""What is odd about a decoded struct, measured by its declaration: what, where, and in which bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final, TypeAlias

from refooter.parquet.structs import ENUMS, STRUCTS, FieldSpec, StructSpec, element_type
from refooter.parquet.thrift import Decoded, Field, List, Struct, Value
from refooter.parquet.tree import root_node, spelled_type, written_as_declared

MAX_FINDINGS: Final = 1000


class FindingKind(StrEnum):
    """What sort of oddity a finding is."""

    MISSING = "missing"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_FIELD = "unknown_field"
    UNKNOWN_VALUE = "unknown_value"
    UNION = "union"
    TWICE = "twice"
    ORDER = "order"
    TEXT = "text"
    NEGATIVE = "negative"
    SPELLING = "spelling"
    LENGTH = "length"
    SCHEMA = "schema"
    PAGES = "pages"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One oddity: a sentence, the path of the node that it is about, and the bytes `[start, end)`."""

    kind: FindingKind
    message: str
    path: str
    start: int
    end: int


class Findings:
    """Collects findings: the first `MAX_FINDINGS` are kept, all are counted."""

    __slots__ = ("kept", "total")

    def __init__(self, kept: Iterable[Finding] = (), total: int = 0) -> None:
        self.kept = list(kept)
        self.total = total

    @property
    def full(self) -> bool:
        """Whether one more would only be counted."""
        return len(self.kept) >= MAX_FINDINGS

    def add(self, kind: FindingKind, message: str, path: Path, start: int, end: int) -> None:
        self.total += 1
        if not self.full:
            self.kept.append(Finding(kind, message, spelled_path(path), start, end))


Path: TypeAlias = "tuple[Path, str | int] | None"
"""A path as a chain of parent and name or position; spelled only for what is found."""


def spelled_path(path: Path) -> str:
    """Such as `row_groups[0].columns[3].meta_data.codec`."""
    parts: list[str] = []
    while path is not None:
        path, name = path
        parts.append(f"[{name}]" if isinstance(name, int) else f".{name}")
    return "".join(reversed(parts)).removeprefix(".")


def check(decoded: Decoded, spec: StructSpec, findings: Findings) -> None:
    """Adds everything that a struct has in its bytes and its declaration does not, and the reverse."""
    _Checker(findings).struct(decoded.root, spec, None)
    root = root_node(decoded.root, spec)
    for oddity in decoded.oddities:
        where = root.at(oddity.start)
        findings.add(FindingKind.SPELLING, oddity.message, _whole(where.path), oddity.start, oddity.end)
    problem = decoded.problem
    if problem is not None:
        where = root.at(problem.offset if problem.offset < decoded.end else decoded.end - 1)
        findings.add(
            FindingKind.STOPPED,
            f"reading stopped: {problem.message}",
            _whole(where.path),
            problem.offset,
            max(problem.offset, decoded.end),
        )


def _whole(path: str) -> Path:
    return (None, path) if path else None


# What counts or measures something. Offsets are not among them: which of them are true is the diagnosis' to say.
_NEVER_NEGATIVE: Final = frozenset(
    {
        "num_rows",
        "num_values",
        "num_children",
        "type_length",
        "total_byte_size",
        "total_compressed_size",
        "total_uncompressed_size",
        "offset_index_length",
        "column_index_length",
        "bloom_filter_length",
        "compressed_page_size",
        "first_row_index",
        "null_count",
        "distinct_count",
        "nan_count",
        "count",
        "column_idx",
        "unencoded_byte_array_data_bytes",
    }
)

_CheckValue: TypeAlias = "Callable[[_Checker, Value, FieldSpec, Path, Field], None]"


class _Checker:
    """One walk over a tree of Thrift values. No deeper than decoding goes, since it follows what was decoded."""

    __slots__ = ("findings",)

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def struct(self, found: Struct, spec: StructSpec, path: Path) -> None:
        fields, required = _table(spec.name)
        seen: set[int] = set()
        previous = -1 << 15
        for item in found.fields:
            id = item.id
            if id in seen:
                self.say(FindingKind.TWICE, f"{_name(spec, id)} is there twice, and the last one counts", path, item)
            elif id < previous:
                self.say(FindingKind.ORDER, f"{_name(spec, id)} comes after field {previous}", path, item)
            seen.add(id)
            previous = max(id, previous)
            declared = fields.get(id)
            if declared is None:
                kind = spelled_type(item.wire, item.value)
                message = f"{spec.name} has no field {id} that we know of (written as {kind})"
                self.say(FindingKind.UNKNOWN_FIELD, message, (path, f"field_{id}"), item)
                continue
            field, check_value = declared
            here = (path, field.name)
            if not written_as_declared(field.type, item.wire, item.value):
                kind = spelled_type(item.wire, item.value)
                message = f"{spec.name}.{field.name} is declared {field.type} and written as {kind}"
                self.say(FindingKind.WRONG_TYPE, message, here, item)
            elif check_value is not None:
                check_value(self, item.value, field, here, item)
            if isinstance(item.value, List) and item.value.announced > len(item.value.values):
                there = len(item.value.values)
                message = f"{field.name} announces {item.value.announced:,} elements, and {there:,} are there"
                self.say(FindingKind.LENGTH, message, here, item)
        if not found.closed:
            return
        if not required <= seen:
            self.missing(found, spec, path, required - seen)
        if spec.union and len(found.fields) != 1:
            set_ = " and ".join([_name(spec, item.id) for item in found.fields[:3]])
            message = f"{spec.name} is a union with {set_ or 'no member'} set, where there must be one"
            self.findings.add(FindingKind.UNION, message, path, found.start, found.end)

    def missing(self, found: Struct, spec: StructSpec, path: Path, ids: frozenset[int]) -> None:
        if self.findings.full:
            self.findings.total += len(ids)
            return
        for id in sorted(ids):
            message = f"required field {id}, {_name(spec, id)}, is missing"
            name = _table(spec.name)[0][id][0].name
            self.findings.add(FindingKind.MISSING, message, (path, name), found.start, found.end)

    def say(self, kind: FindingKind, message: str, path: Path, item: Field) -> None:
        self.findings.add(kind, message, path, item.start, item.end)

    def inner(self, value: Value, field: FieldSpec, path: Path, item: Field) -> None:
        if isinstance(value, Struct):
            self.struct(value, STRUCTS[field.type], path)

    def enum(self, value: Value, field: FieldSpec, path: Path, item: Field) -> None:
        if isinstance(value, int) and value not in ENUMS[field.type].names:
            self.say(FindingKind.UNKNOWN_VALUE, f"{field.type} has no value {value} that we know of", path, item)

    def size(self, value: Value, field: FieldSpec, path: Path, item: Field) -> None:
        if isinstance(value, int) and value < 0:
            self.say(FindingKind.NEGATIVE, f"{field.name} is negative: {value}", path, item)

    def text(self, value: Value, field: FieldSpec, path: Path, item: Field) -> None:
        if isinstance(value, bytes) and not _is_utf8(value):
            self.say(FindingKind.TEXT, f"{field.name} is not UTF-8", path, item)

    def structs(self, value: Value, field: FieldSpec, path: Path, item: Field) -> None:
        if isinstance(value, List):
            spec = STRUCTS[field.of]
            for position, element in enumerate(value.values):
                if isinstance(element, Struct):
                    self.struct(element, spec, (path, position))

    def enums(self, value: Value, field: FieldSpec, path: Path, item: Field) -> None:
        if isinstance(value, List):
            names = ENUMS[field.of].names
            for position, element in enumerate(value.values):
                if isinstance(element, int) and element not in names:
                    message = f"{field.of} has no value {element} that we know of"
                    self.findings.add(FindingKind.UNKNOWN_VALUE, message, (path, position), *value.span(position))

    def texts(self, value: Value, field: FieldSpec, path: Path, item: Field) -> None:
        if isinstance(value, List):
            for position, element in enumerate(value.values):
                if isinstance(element, bytes) and not _is_utf8(element):
                    message = f"{field.name} is not UTF-8"
                    self.findings.add(FindingKind.TEXT, message, (path, position), *value.span(position))


@cache
def _table(name: str) -> tuple[dict[int, tuple[FieldSpec, _CheckValue | None]], frozenset[int]]:
    """How to check each field of a struct, by id, and the ids of those that it must have."""
    spec = STRUCTS[name]
    fields = {field.id: (field, _check_of(field)) for field in spec.fields}
    return fields, frozenset(field.id for field in spec.fields if field.required)


def _check_of(field: FieldSpec) -> _CheckValue | None:
    of = element_type(field.type)
    if of != field.type:
        if of in STRUCTS:
            return _Checker.structs
        if of in ENUMS:
            return _Checker.enums
        return _Checker.texts if of == "string" else None
    if of in STRUCTS:
        return _Checker.inner
    if of in ENUMS:
        return _Checker.enum
    if of == "string":
        return _Checker.text
    return _Checker.size if field.name in _NEVER_NEGATIVE else None


def _name(spec: StructSpec, id: int) -> str:
    declared = spec.field(id)
    return f"field {id}" if declared is None else f"{spec.name}.{declared.name}"


def _is_utf8(raw: bytes) -> bool:
    if raw.isascii():
        return True
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
