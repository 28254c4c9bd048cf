"""Mending a value from what it still holds: which repair, made how, and whether it is proved to be the file's own footer.

Surgical: bytes that need not change are copied. Whatever comes out is asked of the target parser and diagnosed like any
other value, with the catalog's row count and file size, and is a repair only if nothing is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from refooter.diagnosis.case import Ask, Case, examine
from refooter.diagnosis.causes import TABLE
from refooter.parquet import frame
from refooter.parquet.facts import Details, read_facts
from refooter.parquet.pointers import without
from refooter.parquet.proof import ends_with_its_file, holds_its_own_index
from refooter.parquet.restore import true_footer
from refooter.parquet.row_count import with_num_rows
from refooter.values import Cause, Layout, Question, Repair

TRUE_POINTERS: Final = "true_pointers"
WITHOUT_POINTERS: Final = "without_pointers"
CUT_OUT: Final = "cut_out"
NUM_ROWS: Final = "num_rows"

# What the value itself can mend; any other cause, and only the file can help.
_MENDABLE: Final = frozenset(
    {
        Cause.PAGE_INDEX_PREFIX,
        Cause.DANGLING_PAGE_INDEX,
        Cause.WHOLE_FILE,
        Cause.MISSING_NUM_ROWS,
        Cause.ZERO_NUM_ROWS,
        Cause.OUTDATED_VERSION,
    }
)
_ROW_COUNT: Final = frozenset({Cause.MISSING_NUM_ROWS, Cause.ZERO_NUM_ROWS})
_STAMP_ALONE: Final = (Cause.OUTDATED_VERSION,)


@dataclass(frozen=True, slots=True)
class _Candidate:
    footer: bytes
    name: str
    proved: bool


def repair_of(case: Case, causes: tuple[Cause, ...], ask: Ask) -> Repair | None:
    """The best repair of a value of which these causes hold; `None` where there is none, or nothing to mend."""
    if not causes or causes == _STAMP_ALONE or not _MENDABLE.issuperset(causes) or not case.details.whole:
        return None
    for candidate in _candidates(case, causes):
        if _is_sound(case, candidate, ask):
            digest = case.foreseen if candidate.footer is case.own else None
            return Repair(candidate.name, candidate.proved, candidate.footer, digest)
    return None


def _candidates(case: Case, causes: tuple[Cause, ...]) -> Iterator[_Candidate]:
    """From the best to the least."""
    size = case.question.file_size
    if case.found.layout is Layout.FILE and size not in (None, len(case.value)):
        return  # a whole file, but not the one that the catalog describes
    wrong_count = not _ROW_COUNT.isdisjoint(causes)
    if case.own is not None and not wrong_count:
        yield _Candidate(case.own, TRUE_POINTERS, True)
        return
    footer, details = case.value[case.details.start : case.details.end], case.details
    if not wrong_count:
        yield from _with_sound_pointers(case, footer, details, ())
    elif case.rows is not None and case.rows == case.question.num_rows:
        # only where a second witness says so too
        mended = with_num_rows(footer, details, case.rows)
        yield from _with_sound_pointers(case, mended, read_facts(mended)[1], (NUM_ROWS,))


def _with_sound_pointers(case: Case, footer: bytes, details: Details, done: tuple[str, ...]) -> Iterator[_Candidate]:
    if _pointers_are_true(case, details):
        proved = _closes(case, footer, details) if done else _is_the_files_own(case) or _closes(case, footer, details)
        yield _Candidate(footer, "+".join(done) or CUT_OUT, proved)
        return
    own = _with_true_pointers(case, footer, details)
    if own is not None:
        yield _Candidate(own, "+".join((*done, TRUE_POINTERS)), True)
        return
    yield from _without_pointers(case, footer, done)


def _pointers_are_true(case: Case, details: Details) -> bool:
    """Whether the pointers are sound as they stand; those of a footer behind a prefix that they tile are not."""
    if case.found.layout is Layout.PREFIXED and frame.tiling(details.chunks) is not None:
        return False
    return frame.true_pointers(details, case.file_size)


def _with_true_pointers(case: Case, footer: bytes, details: Details) -> bytes | None:
    if case.file_size is None or case.found.layout is Layout.FILE:
        return None
    if case.found.layout is Layout.PREFIXED and frame.tiling(details.chunks) != case.details.start:
        return None
    return true_footer(footer, details if details.start == 0 else read_facts(footer)[1], case.file_size)


def _is_the_files_own(case: Case) -> bool:
    """Whether a footer that was only cut out stood in its file's own bytes."""
    size = case.question.file_size
    if size is None or case.found.frame_end != len(case.value):
        return False
    if case.found.layout is Layout.FILE:
        return len(case.value) == size
    return case.found.layout is Layout.FILE_TAIL and holds_its_own_index(case.value, case.details, size)


def _closes(case: Case, footer: bytes, details: Details) -> bool:
    """Whether this footer, and not the one in the value, is as long as its file leaves room for.

    Without the second half, a row count put right in as many bytes as the wrong one would prove itself.
    """
    size = case.question.file_size
    if size is None or not ends_with_its_file(details, len(footer), size):
        return False
    return len(footer) != case.details.length or footer == case.value[case.details.start : case.details.end]


def _without_pointers(case: Case, footer: bytes, done: tuple[str, ...]) -> Iterator[_Candidate]:
    """The pointers of the kinds that are relative taken away: queries read without a page index, and answer the same."""
    columns, offsets = case.details.chunks.column_indexes, case.details.chunks.offset_indexes
    name = "+".join((*done, WITHOUT_POINTERS))
    column_indexes = _any_unsound(case, columns)
    offset_indexes = _any_unsound(case, offsets)
    for drop_columns, drop_offsets in dict.fromkeys(((column_indexes, offset_indexes), (True, True))):
        bare = without(footer, column_indexes=drop_columns, offset_indexes=drop_offsets)
        if bare is not None:
            yield _Candidate(bare, name, False)


def _any_unsound(case: Case, pointers: list[tuple[int, int | None]]) -> bool:
    return any(
        offset < case.details.chunks.end
        or (length or 0) < 0
        or (case.data_limit is not None and offset + (length or 0) > case.data_limit)
        for offset, length in pointers
    )


def _is_sound(case: Case, candidate: _Candidate, ask: Ask) -> bool:
    """Whether the target accepts it, nothing is wrong with it by our own diagnosis, and it says the same of its file."""
    if candidate.footer is case.own:
        return _own_is_sound(case, candidate.footer)
    question = Question(candidate.footer, case.question.num_rows, case.file_size)
    verdict = ask(candidate.footer)
    if not verdict.accepted or (case.question.num_rows is None and not candidate.proved):
        # without a recorded row count the file's size has to vouch (safety 12), and it does only in a proof
        return False
    mended = examine(question, verdict, ask)
    if any(entry.holds(mended) for entry in TABLE):
        return False
    old, new = case.found.facts, mended.found.facts
    rows = question.num_rows
    return (
        mended.details.whole
        and (old.schema, old.row_groups) == (new.schema, new.row_groups)
        and new.num_rows == new.row_group_sum
        and (rows is None or rows == new.num_rows)
    )


def _own_is_sound(case: Case, footer: bytes) -> bool:
    """The same for the footer whose pointers, and nothing else, were put right by the proof; most repairs are.

    The target was asked already. Read again, it has to say what the value said, and nothing was wrong with that; that its
    chunks end before its page index, and that just before the footer, is what the proof added up.
    """
    facts, details = read_facts(footer)
    old = case.found.facts
    return (
        case.inner.accepted
        and details.whole
        and details.end == len(footer)
        and (old.schema, old.row_groups, old.num_rows) == (facts.schema, facts.row_groups, facts.num_rows)
        and case.question.num_rows in (None, facts.num_rows)
    )
