"""What must hold before a file's footer may be written, as a table; then with footers of real files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from footer_corpus import File, framed, prefixed, with_chunk, without_num_rows
from refooter.diagnosis import diagnose
from refooter.jobs.check import check_footer
from refooter.jobs.examine import question
from refooter.values import Cause, Diagnosis, Entry, FooterFacts, Layout, Partitions, Question, Reason, Verdict
from test_catalog_rows import small_file

A, B, C = (50, b"chunks a"), (30, b"chunks b"), (20, b"chunks c")
FACTS = FooterFacts(0, 5, 100, b"schema", 3, (A, B, C), True)
NEW = Diagnosis(Cause.NONE.status, Cause.NONE, (), Layout.RAW, facts=FACTS)
OLD = Diagnosis(
    Cause.PAGE_INDEX_PREFIX.status, Cause.PAGE_INDEX_PREFIX, (Cause.PAGE_INDEX_PREFIX,), Layout.PREFIXED, facts=FACTS
)
BARE = replace(OLD, facts=None)
PARTITION = Partitions(1, (100,), (1000,), (1,), "blocks", "global")
ENTRY = Entry("p", b"value", 5, 1, 0, PARTITION)
NOT_RECORDED = replace(ENTRY, partitions=replace(PARTITION, num_rows=(0,)))
NOT_RECORDED_UNSIZED = replace(NOT_RECORDED, partitions=replace(PARTITION, num_rows=(0,), file_sizes=(None,)))
UNSIZED = replace(ENTRY, partitions=replace(PARTITION, file_sizes=(None,)))
ORPHAN = replace(ENTRY, partitions=Partitions())


def old(*causes: Cause, **facts: object) -> Diagnosis:
    return replace(OLD, causes=causes or OLD.causes, facts=replace(FACTS, **facts))  # type: ignore[arg-type]


def new(**facts: object) -> Diagnosis:
    return replace(NEW, facts=replace(FACTS, **facts))  # type: ignore[arg-type]


def no(said: str) -> tuple[Reason, str]:
    """Refused as the footer of another file, in these words."""
    return Reason.MISMATCH, said


ROTTEN = (50, b"chunks x")
OTHER_ROWS = (51, b"chunks a")
REJECTED = Diagnosis(
    Cause.ENCRYPTED.status, Cause.ENCRYPTED, (Cause.ENCRYPTED,), Layout.RAW, error="no can do", facts=FACTS
)

CHECKED = {
    "the same file": (ENTRY, OLD, NEW, None),
    "the target rejects it": (ENTRY, OLD, REJECTED, (Reason.REJECTED, "no can do")),
    "no facts": (ENTRY, OLD, replace(NEW, facts=None), no("cannot be read")),
    "no row count": (ENTRY, OLD, new(num_rows=None), no("cannot be read")),
    "row groups unread": (ENTRY, OLD, new(row_groups_whole=False), no("cannot be read")),
    "another row count": (ENTRY, OLD, new(num_rows=101), no("the file's footer says 101 rows, the catalog 100")),
    "row groups hold less": (ENTRY, OLD, new(row_groups=(A, B)), no("hold 80 rows together, the catalog says 100")),
    "row groups hold more": (ENTRY, BARE, new(row_groups=(A, B, C, C)), no("hold 120 rows together")),
    "nothing is known of the old value": (ENTRY, BARE, NEW, None),
    "another schema": (ENTRY, OLD, new(schema=b"other"), no("the file's schema is not the one")),
    "the schema cannot be read": (ENTRY, OLD, new(schema=None), no("the file's schema is not the one")),
    "no schema was known": (ENTRY, old(schema=None), NEW, None),
    "a lost row group": (ENTRY, old(row_groups=(A, B)), NEW, None),
    "another number of row groups": (
        ENTRY,
        old(row_groups=(A, (50, b"b and c"))),
        NEW,
        no("3 row groups, the old value 2"),
    ),
    "other rows in a row group": (
        ENTRY,
        old(row_groups=(OTHER_ROWS, (29, b"chunks b"), C)),
        NEW,
        no("row group 0 of the file has 50 rows, of the old value 51"),
    ),
    "other chunks in a row group": (
        ENTRY,
        old(row_groups=(A, (30, b"chunks x"), C)),
        NEW,
        no("row group 1 of the file has other column chunks"),
    ),
    "truncated in the second row group": (
        ENTRY,
        old(Cause.TRUNCATED, row_groups=(A,), row_groups_whole=False),
        NEW,
        None,
    ),
    "truncated before any row group": (ENTRY, old(Cause.TRUNCATED, row_groups=(), row_groups_whole=False), NEW, None),
    "truncated, another file": (
        ENTRY,
        old(Cause.TRUNCATED, row_groups=(ROTTEN,), row_groups_whole=False),
        NEW,
        no("row group 0 of the file has other column chunks"),
    ),
    "truncated, more row groups than the file": (
        ENTRY,
        old(Cause.TRUNCATED, row_groups=(A, B, C, C), row_groups_whole=False),
        NEW,
        no("3 row groups, the old value 4"),
    ),
    "a chunk out of bounds, the same rows": (
        ENTRY,
        old(Cause.CHUNK_OUT_OF_BOUNDS, row_groups=(ROTTEN, B, C)),
        NEW,
        None,
    ),
    "a chunk out of bounds beside another cause": (
        ENTRY,
        old(Cause.PAGE_INDEX_PREFIX, Cause.CHUNK_OUT_OF_BOUNDS, row_groups=(ROTTEN, B, C)),
        NEW,
        None,
    ),
    "a chunk out of bounds, other rows": (
        ENTRY,
        old(Cause.CHUNK_OUT_OF_BOUNDS, row_groups=(OTHER_ROWS, (29, b"chunks b"), C)),
        NEW,
        no("row group 0"),
    ),
    "a chunk out of bounds, another schema": (
        ENTRY,
        old(Cause.CHUNK_OUT_OF_BOUNDS, schema=b"other"),
        NEW,
        no("schema"),
    ),
    "a size that is not known, the count is": (UNSIZED, BARE, NEW, None),
    # not recorded: size, schema and row groups have to vouch
    "not recorded, the old value vouches": (NOT_RECORDED, OLD, NEW, None),
    "not recorded, no old value": (
        NOT_RECORDED,
        BARE,
        NEW,
        no("has not recorded the file's row count, and the old value yields no schema"),
    ),
    "not recorded, no schema": (NOT_RECORDED, old(schema=None), NEW, no("yields no schema")),
    "not recorded, truncated": (
        NOT_RECORDED,
        old(Cause.TRUNCATED, row_groups=(A,), row_groups_whole=False),
        NEW,
        no("yields no schema and row groups"),
    ),
    "not recorded, no size": (
        NOT_RECORDED_UNSIZED,
        OLD,
        NEW,
        no("no file size either: nothing vouches for the file of 1000 bytes"),
    ),
    "not recorded, another schema": (NOT_RECORDED, OLD, new(schema=b"other"), no("schema")),
    "not recorded, another row group": (NOT_RECORDED, old(row_groups=(ROTTEN, B, C)), NEW, no("row group 0")),
    "not recorded, a lost row group": (NOT_RECORDED, old(row_groups=(A, B)), NEW, no("3 row groups, the old value 2")),
    "not recorded, no rows at all": (
        NOT_RECORDED,
        old(num_rows=0, row_groups=()),
        new(num_rows=0, row_groups=()),
        None,
    ),
    "not recorded, no rows then, some now": (
        NOT_RECORDED,
        old(num_rows=0, row_groups=()),
        NEW,
        no("hold 0 rows, the file's 100"),
    ),
    # the footer's own number is at odds with its row groups: no file that this engine should read
    "not recorded, the file contradicts itself": (NOT_RECORDED, OLD, new(num_rows=7), no("row")),
    "an orphan, the old value vouches": (ORPHAN, OLD, NEW, None),
    "an orphan, no old value": (ORPHAN, BARE, NEW, no("the file is an orphan, and the old value yields no")),
    "an orphan, another row group": (ORPHAN, old(row_groups=(ROTTEN, B, C)), NEW, no("row group 0")),
}


@pytest.mark.parametrize("case", CHECKED)
def test_every_row_of_the_check(case: str) -> None:
    entry, before, now, expected = CHECKED[case]
    refusal = check_footer(entry, before, now, 1000)
    if expected is None:
        assert refusal is None
    else:
        assert refusal is not None
        assert refusal[0] is expected[0]
        assert expected[1] in refusal[1]


def of(file: File, value: bytes, accepted: bool, *, rows: int | None = None) -> tuple[Entry, Diagnosis]:
    """An entry for the file that holds this value, diagnosed as if the target had said so."""
    known = Partitions(1, (file.num_rows if rows is None else rows,), (len(file.data),), (1,), "blocks", "global")
    entry = Entry("p", value, len(value), 1, 0, known)
    return entry, diagnose(
        question(entry), Verdict(accepted, None if accepted else "rejected"), lambda _: Verdict(True)
    )


FILE = small_file(60, max_row_group_size=25)
REAL: list[tuple[str, Callable[[File], bytes], bool]] = [
    ("framed", lambda file: framed(file.footer), True),
    ("prefixed", prefixed, False),
    ("without num_rows", lambda file: without_num_rows(file.footer), False),
    ("truncated", lambda file: file.footer[: len(file.footer) // 2], False),
    ("a chunk past the end", lambda file: with_chunk(file.footer, 7, 10**9), True),
    ("empty", lambda file: b"", False),
]


@pytest.mark.parametrize(("build", "accepted"), [row[1:] for row in REAL], ids=[row[0] for row in REAL])
def test_a_files_own_footer_passes_beside_what_was_made_of_it(build: Callable[[File], bytes], accepted: bool) -> None:
    entry, before = of(FILE, build(FILE), accepted)
    now = diagnose(Question(FILE.footer, 60, len(FILE.data), (2,)), Verdict(True), lambda _: Verdict(True))
    assert check_footer(entry, before, now, len(FILE.data)) is None


@pytest.mark.parametrize(("build", "accepted"), [row[1:] for row in REAL[:4]], ids=[row[0] for row in REAL[:4]])
def test_another_file_of_as_many_rows_does_not_pass(build: Callable[[File], bytes], accepted: bool) -> None:
    other = small_file(60, first=10**12, max_row_group_size=25)
    entry, before = of(FILE, build(FILE), accepted)
    now = diagnose(Question(other.footer, 60, len(other.data), (2,)), Verdict(True), lambda _: Verdict(True))
    refusal = check_footer(entry, before, now, len(other.data))
    assert refusal is not None
    assert refusal[0] is Reason.MISMATCH
