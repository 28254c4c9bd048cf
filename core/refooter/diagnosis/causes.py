"""The causes as a table: a name, the condition under which it holds, and the sentence that shows it.

Every entry speaks for itself, from the bytes and the catalog; none looks at the target parser's words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from refooter.diagnosis import evidence
from refooter.diagnosis.case import Case
from refooter.parquet import frame
from refooter.values import Cause, Layout


@dataclass(frozen=True, slots=True)
class Entry:
    """One cause: `holds` decides, `shows` is asked only where it does."""

    cause: Cause
    holds: Callable[[Case], bool]
    shows: Callable[[Case], str]


def _outdated_version(case: Case) -> bool:
    return case.verdict.accepted and 1 in case.question.versions


def _zero_num_rows(case: Case) -> bool:
    return case.details.whole and case.details.num_rows == 0 and (case.rows or 0) > 0


def _row_count_mismatch(case: Case) -> bool:
    if not case.details.whole:
        return False
    if case.details.num_rows not in (None, case.rows) and not _zero_num_rows(case):
        return True
    catalog = case.question.num_rows
    return catalog is not None and catalog > 0 and catalog != case.rows


def _dangling_page_index(case: Case) -> bool:
    # in front of its footer a prefix is where the pointers say; that they are relative is the layout's doing
    # (and of what is not whole nothing is known)
    if case.found.layout is Layout.PREFIXED or not case.details.whole:
        return False
    return not frame.true_pointers(case.details, case.file_size)


def _chunk_out_of_bounds(case: Case) -> bool:
    return case.details.whole and bool(evidence.out_of_bounds(case))


def _page_index_prefix(case: Case) -> bool:
    return case.found.layout in (Layout.PREFIXED, Layout.FILE_TAIL)


def _missing_num_rows(case: Case) -> bool:
    return not case.verdict.accepted and case.details.whole and case.details.lacks_num_rows


def _whole_file(case: Case) -> bool:
    return case.found.layout is Layout.FILE


def _arrow_schema(case: Case) -> bool:
    return case.arrow_schema


def _truncated(case: Case) -> bool:
    return (
        not case.verdict.accepted
        and not case.details.whole
        and not _encrypted(case)
        and frame.runs_past_the_end(case.value, case.found)
    )


def _empty(case: Case) -> bool:
    return case.value in (b"", b"\0")


def _encrypted(case: Case) -> bool:
    return not case.verdict.accepted and not case.details.whole and case.value.endswith(frame.ENCRYPTED_MAGIC)


def _malformed(case: Case) -> bool:
    if case.verdict.accepted or _empty(case) or _encrypted(case) or _truncated(case):
        return False
    return not case.arrow_schema and not (case.details.whole and case.inner.accepted)


TABLE: Final = (
    Entry(Cause.MALFORMED, _malformed, evidence.malformed),
    Entry(Cause.ENCRYPTED, _encrypted, evidence.encrypted),
    Entry(Cause.EMPTY, _empty, evidence.empty),
    Entry(Cause.TRUNCATED, _truncated, evidence.truncated),
    Entry(Cause.ARROW_SCHEMA, _arrow_schema, evidence.arrow_schema),
    Entry(Cause.WHOLE_FILE, _whole_file, evidence.whole_file),
    Entry(Cause.MISSING_NUM_ROWS, _missing_num_rows, evidence.missing_num_rows),
    Entry(Cause.PAGE_INDEX_PREFIX, _page_index_prefix, evidence.page_index_prefix),
    Entry(Cause.CHUNK_OUT_OF_BOUNDS, _chunk_out_of_bounds, evidence.chunk_out_of_bounds),
    Entry(Cause.DANGLING_PAGE_INDEX, _dangling_page_index, evidence.dangling_page_index),
    Entry(Cause.ROW_COUNT_MISMATCH, _row_count_mismatch, evidence.row_count_mismatch),
    Entry(Cause.ZERO_NUM_ROWS, _zero_num_rows, evidence.zero_num_rows),
    Entry(Cause.OUTDATED_VERSION, _outdated_version, evidence.outdated_version),
)
"""Worst first, in the order of `Cause`."""
