"""Which bytes of a value the diagnosis and the decoder speak of: for an inspector to point at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

from refooter.diagnosis import evidence
from refooter.diagnosis.case import Case
from refooter.diagnosis.regions import Mapped
from refooter.parquet.findings import Finding, FindingKind
from refooter.parquet.footer import Footer
from refooter.parquet.frame import MAGIC
from refooter.parquet.structs import COLUMN_CHUNK, COLUMN_META_DATA, FILE_META_DATA, ROW_GROUP
from refooter.parquet.thrift import Field, Struct
from refooter.values import Cause, Diagnosis, Question, Verdict

MAX_MARKS: Final = 1000


class MarkSource(StrEnum):
    """Who speaks: the diagnosis, or the decoder."""

    EVIDENCE = "evidence"
    FINDING = "finding"


@dataclass(frozen=True, slots=True)
class Mark:
    """The bytes `[start, end)` of a value, and what is said of them. `name` is a cause, or a kind of finding.

    An empty range is a place: before the byte `start`.
    """

    source: MarkSource
    name: str
    start: int
    end: int
    what: str


_Range = tuple[int, int]


def marks_of(value: bytes, mapped: Mapped, diagnosis: Diagnosis, question: Question) -> tuple[Mark, ...]:
    """The marks of the evidence, worst cause first, then those of the decoder's findings; `MAX_MARKS` at most."""
    case = Case(question, Verdict(diagnosis.accepted, diagnosis.error), mapped.found)
    return tuple(islice(_marks(value, mapped, diagnosis, case), MAX_MARKS))


def _marks(value: bytes, mapped: Mapped, diagnosis: Diagnosis, case: Case) -> Iterator[Mark]:
    for cause, said in zip(diagnosis.causes, diagnosis.evidence, strict=False):
        for start, end in _ranges(value, mapped, cause, case):
            yield Mark(MarkSource.EVIDENCE, cause.value, start, end, said)
    for finding in () if mapped.footer is None else mapped.footer.findings:
        start, end = _pointed_at(finding)
        where = f"{finding.path}: " if finding.path else ""
        yield Mark(MarkSource.FINDING, finding.kind.value, start, end, f"{where}{finding.message}")


def _pointed_at(finding: Finding) -> _Range:
    """The bytes that show it, where the whole that it is about may be the whole footer."""
    if finding.kind is FindingKind.MISSING:
        return max(finding.start, finding.end - 1), finding.end  # where the struct ends without it
    if finding.kind is FindingKind.LENGTH:
        return finding.start, min(finding.end, finding.start + _LIST_HEADER)
    return finding.start, finding.end


_LIST_HEADER: Final = 4
_END_SHOWN: Final = 16


def _ranges(value: bytes, mapped: Mapped, cause: Cause, case: Case) -> Iterator[_Range]:
    size, footer = len(value), mapped.footer
    match cause:
        case Cause.PAGE_INDEX_PREFIX | Cause.WHOLE_FILE:
            yield 0, case.details.start
        case Cause.EMPTY:
            yield 0, size
        case Cause.ENCRYPTED:
            yield max(0, size - len(MAGIC)), size
        case Cause.TRUNCATED:
            yield max(0, size - _END_SHOWN), size
        case Cause.MALFORMED:
            yield _malformed(value, mapped)
        case _ if footer is None:
            return
        case Cause.MISSING_NUM_ROWS:
            yield from _place_of_num_rows(footer)
        case Cause.ARROW_SCHEMA:
            yield from ((pair.start, pair.end) for pair in footer.key_values if pair.key == b"ARROW:schema")
        case Cause.ZERO_NUM_ROWS:
            yield from _own_num_rows(footer)
        case Cause.ROW_COUNT_MISMATCH:
            yield from _own_num_rows(footer)
            yield from _fields(_row_groups(footer), ROW_GROUP.id("num_rows"))
        case Cause.CHUNK_OUT_OF_BOUNDS:
            yield from _out_of_bounds(footer, case)
        case Cause.DANGLING_PAGE_INDEX:
            yield from _dangling(footer, case)


def _malformed(value: bytes, mapped: Mapped) -> _Range:
    footer = mapped.footer
    if footer is None:
        return 0, len(value)
    problem = footer.problem
    if problem is None:
        return footer.start, footer.end
    return min(problem.offset, len(value)), min(problem.offset + 1, len(value))


def _place_of_num_rows(footer: Footer) -> Iterator[_Range]:
    """Field 3 would stand before the first field of a greater id, whose header is what can be shown."""
    wanted = FILE_META_DATA.id("num_rows")
    for item in footer.reading.struct.fields:
        if item.id > wanted:
            yield item.start, max(item.value_start, item.start + 1)
            return
    yield footer.end - 1, footer.end


def _own_num_rows(footer: Footer) -> Iterator[_Range]:
    return _fields([footer.reading.struct], FILE_META_DATA.id("num_rows"))


def _row_groups(footer: Footer) -> list[Struct]:
    return [group.struct for group in footer.row_groups]


def _fields(structs: list[Struct], *ids: int) -> Iterator[_Range]:
    for struct in structs:
        for id in ids:
            found = struct.get(id)
            if found is not None:
                yield found.start, found.end


def _chunks(footer: Footer) -> Iterator[Struct]:
    """All column chunks, in the order in which the facts list them."""
    columns = ROW_GROUP.id("columns")
    for group in _row_groups(footer):
        listed = getattr(group.value(columns), "values", ())
        yield from (chunk for chunk in listed if isinstance(chunk, Struct))


_DATA_PAGE, _DICTIONARY_PAGE, _SIZE = (
    COLUMN_META_DATA.id(name) for name in ("data_page_offset", "dictionary_page_offset", "total_compressed_size")
)


def _out_of_bounds(footer: Footer, case: Case) -> Iterator[_Range]:
    wrong = set(evidence.out_of_bounds(case))
    chunks = case.details.chunks
    said = zip(chunks.starts, chunks.sizes, chunks.dictionary_offsets, strict=True)
    for struct, (start, size, dictionary) in zip(_chunks(footer), said, strict=False):
        meta = struct.value(COLUMN_CHUNK.id("meta_data"))
        if (start, size, dictionary) not in wrong or not isinstance(meta, Struct):
            continue
        if dictionary is not None and dictionary < case.chunk_range[0]:
            yield from _fields([meta], _DICTIONARY_PAGE)
        else:
            yield from _fields([meta], _DATA_PAGE, _SIZE)


_POINTERS: Final = tuple(
    (COLUMN_CHUNK.id(f"{kind}_offset"), COLUMN_CHUNK.id(f"{kind}_length")) for kind in ("offset_index", "column_index")
)


def _dangling(footer: Footer, case: Case) -> Iterator[_Range]:
    first, limit = case.details.chunks.end, case.data_limit
    for struct in _chunks(footer):
        for offset_id, length_id in _POINTERS:
            found = struct.get(offset_id)
            if found is not None and _is_off(found, struct.value(length_id), first, limit):
                yield found.start, found.end


def _is_off(found: Field, length: object, first: int, limit: int | None) -> bool:
    if not isinstance(found.value, int):
        return False
    size = length if isinstance(length, int) else 0
    return found.value < first or size < 0 or (limit is not None and found.value + size > limit)
