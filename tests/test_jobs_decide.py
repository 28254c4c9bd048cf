"""The decision as the table that it is: an entry, its diagnosis and the options on the left, the action on the right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from refooter.jobs.decide import MigrateOptions, Step, Strategy, decide
from refooter.values import (
    NOT_JUDGED,
    Cause,
    Diagnosis,
    Entry,
    FooterFacts,
    Layout,
    Partitions,
    Reason,
    Repair,
    Status,
)

PLAIN = MigrateOptions()
FORCE = MigrateOptions(force=True)
ORPHANS = MigrateOptions(orphans=True)
NAMED = MigrateOptions(named=frozenset({"p"}))
REFETCH = MigrateOptions(Strategy.REFETCH)
REPAIR = MigrateOptions(Strategy.REPAIR)
ACCEPT = MigrateOptions(Strategy.REPAIR, accept_unproved=True)
AUTO_ACCEPT = MigrateOptions(accept_unproved=True)
OTHER_NAMED = MigrateOptions(named=frozenset({"q"}))

PARTITION = Partitions(1, (10,), (1000,), (1,), "blocks", "global")
ENTRY = Entry("p", b"value", 5, 1, 0, PARTITION)
ORPHAN = replace(ENTRY, partitions=Partitions())
TOO_LARGE = replace(ENTRY, value=None, size=33 << 20)
NEWER = replace(ENTRY, version=3)
NEWER_PARTITION = replace(ENTRY, partitions=replace(PARTITION, versions=(1, 3)))
ROWS_DISAGREE = replace(ENTRY, partitions=replace(PARTITION, count=3, num_rows=(0, 10, 21)))
SIZES_DISAGREE = replace(ENTRY, partitions=replace(PARTITION, count=2, file_sizes=(1000, None)))
BOTH_DISAGREE = replace(ENTRY, partitions=replace(PARTITION, count=2, num_rows=(10, 21), file_sizes=(1, 2)))
NOT_RECORDED = replace(ENTRY, partitions=replace(PARTITION, num_rows=(0,)))


def facts(rows: int | None) -> FooterFacts:
    return FooterFacts(0, 5, rows, b"schema", 3, ((10, b"chunks"),), True)


def found(cause: Cause, rows: int | None = 10) -> Diagnosis:
    causes = () if cause is Cause.NONE else (cause,)
    return Diagnosis(cause.status, cause, causes, Layout.RAW, facts=facts(rows))


OK = found(Cause.NONE)
STALE = found(Cause.OUTDATED_VERSION)
BROKEN = found(Cause.PAGE_INDEX_PREFIX)
PROVED = replace(BROKEN, repair=Repair("true_pointers", True, b"new"))
UNPROVED = replace(BROKEN, repair=Repair("without_pointers", False, b"new"))
OURS_FAILED = replace(NOT_JUDGED, error="our own diagnosis failed")

DECIDED = {
    # orphans
    "an orphan": (ORPHAN, BROKEN, PLAIN, Step.SKIP, None, "an orphan"),
    "an orphan, another one named": (ORPHAN, BROKEN, OTHER_NAMED, Step.SKIP, None, "an orphan"),
    "an orphan, forced": (ORPHAN, OK, FORCE, Step.SKIP, None, "an orphan"),
    "an orphan, named": (ORPHAN, BROKEN, NAMED, Step.REFETCH, None, "own footer"),
    "an orphan, all asked for": (ORPHAN, BROKEN, ORPHANS, Step.REFETCH, None, "own footer"),
    "a sound orphan, named": (ORPHAN, OK, NAMED, Step.SKIP, None, "nothing to do"),
    "a stale orphan, named": (ORPHAN, STALE, NAMED, Step.REFETCH, None, "own footer"),
    # versions from the future
    "version 3": (NEWER, BROKEN, PLAIN, Step.SKIP, None, "format version 3 is newer than 2"),
    "version 3, forced": (NEWER, OK, FORCE, Step.SKIP, None, "format version 3"),
    "version 3 of a partition row": (NEWER_PARTITION, BROKEN, PLAIN, Step.SKIP, None, "format version 3"),
    "version 3, too large": (replace(NEWER, value=None), NOT_JUDGED, PLAIN, Step.SKIP, None, "format version 3"),
    # what could not be read or judged
    "too large": (TOO_LARGE, NOT_JUDGED, PLAIN, Step.FAIL, Reason.TOO_LARGE, "34,603,008 bytes"),
    "too large, forced": (TOO_LARGE, NOT_JUDGED, FORCE, Step.FAIL, Reason.TOO_LARGE, "more than are read"),
    "not judged": (ENTRY, OURS_FAILED, PLAIN, Step.SKIP, None, "our own diagnosis failed"),
    "not judged, forced": (ENTRY, NOT_JUDGED, FORCE, Step.SKIP, None, "not judged"),
    # healthy
    "ok": (ENTRY, OK, PLAIN, Step.SKIP, None, "nothing to do"),
    "ok, forced": (ENTRY, OK, FORCE, Step.REFETCH, None, "own footer"),
    "ok, partition rows disagree": (ROWS_DISAGREE, OK, PLAIN, Step.SKIP, None, "nothing to do"),
    # partition rows that disagree
    "row counts disagree": (ROWS_DISAGREE, BROKEN, PLAIN, Step.FAIL, Reason.MISMATCH, "3 partition rows disagree on num_rows: 0, 10, 21"),
    "sizes disagree": (SIZES_DISAGREE, BROKEN, PLAIN, Step.FAIL, Reason.MISMATCH, "file_size: 1000, null"),
    "both disagree": (BOTH_DISAGREE, BROKEN, PLAIN, Step.FAIL, Reason.MISMATCH, "num_rows: 10, 21; on file_size: 1, 2"),
    "row counts disagree, stale": (ROWS_DISAGREE, STALE, PLAIN, Step.FAIL, Reason.MISMATCH, "disagree on num_rows"),
    "row counts disagree, forced": (ROWS_DISAGREE, OK, FORCE, Step.FAIL, Reason.MISMATCH, "disagree on num_rows"),
    # out of date
    "stale": (ENTRY, STALE, PLAIN, Step.STAMP, None, "version 1"),
    "stale, forced": (ENTRY, STALE, FORCE, Step.REFETCH, None, "own footer"),
    "stale, another count": (ENTRY, found(Cause.OUTDATED_VERSION, 11), PLAIN, Step.REFETCH, None, "own footer"),
    "stale, no count": (ENTRY, found(Cause.OUTDATED_VERSION, None), PLAIN, Step.REFETCH, None, "own footer"),
    "stale, no facts": (ENTRY, replace(STALE, facts=None), PLAIN, Step.REFETCH, None, "own footer"),
    "stale, not recorded": (NOT_RECORDED, STALE, PLAIN, Step.REFETCH, None, "own footer"),
    "stale, 0 rows, not recorded": (NOT_RECORDED, found(Cause.OUTDATED_VERSION, 0), PLAIN, Step.REFETCH, None, "own footer"),
    # broken, one row a cause
    **{
        f"broken: {cause}": (ENTRY, found(cause), PLAIN, Step.REFETCH, None, "own footer")
        for cause in Cause
        if cause not in (Cause.NONE, Cause.OUTDATED_VERSION)
    },
    "broken, not recorded": (NOT_RECORDED, BROKEN, PLAIN, Step.REFETCH, None, "own footer"),
    # what the old value can be mended to
    "proved": (ENTRY, PROVED, PLAIN, Step.REPAIR, None, "proves"),
    "proved, to be refetched": (ENTRY, PROVED, REFETCH, Step.REFETCH, None, "own footer"),
    "proved, repair only": (ENTRY, PROVED, REPAIR, Step.REPAIR, None, "proves"),
    "proved, partition rows disagree": (SIZES_DISAGREE, PROVED, PLAIN, Step.FAIL, Reason.MISMATCH, "disagree"),
    "proved, an orphan": (ORPHAN, PROVED, REPAIR, Step.SKIP, None, "an orphan"),
    "proved, version 3": (NEWER, PROVED, REPAIR, Step.SKIP, None, "format version 3"),
    "unproved": (ENTRY, UNPROVED, PLAIN, Step.REFETCH, None, "own footer"),
    "unproved, accepted": (ENTRY, UNPROVED, AUTO_ACCEPT, Step.REFETCH, None, "own footer"),
    "unproved, repair only": (ENTRY, UNPROVED, REPAIR, Step.FAIL, Reason.UNPROVED, "--accept-unproved"),
    "unproved, repair only, accepted": (ENTRY, UNPROVED, ACCEPT, Step.REPAIR, None, "nothing proves"),
    "no repair, repair only": (ENTRY, BROKEN, ACCEPT, Step.FAIL, Reason.NEEDS_FILE, "without its file"),
    "ok, repair only": (ENTRY, OK, REPAIR, Step.SKIP, None, "nothing to do"),
    "ok, repair only, forced": (ENTRY, OK, replace(REPAIR, force=True), Step.SKIP, None, "nothing to repair"),
    "stale, repair only": (ENTRY, STALE, REPAIR, Step.STAMP, None, "version 1"),
    "stale, repair only, another count": (ENTRY, found(Cause.OUTDATED_VERSION, 11), REPAIR, Step.FAIL, Reason.NEEDS_FILE, "file"),
}  # fmt: skip


@pytest.mark.parametrize("case", DECIDED)
def test_every_row_of_the_decision(case: str) -> None:
    entry, diagnosis, options, step, reason, why = DECIDED[case]
    action = decide(entry, diagnosis, options)
    assert (action.step, action.reason) == (step, reason)
    assert why in action.why


def test_the_decision_does_not_look_at_the_parsers_message() -> None:
    for cause in Cause:
        without = found(cause)
        assert decide(ENTRY, without, PLAIN) == decide(
            ENTRY, replace(without, error="Required field num_rows is missing"), PLAIN
        )


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.UNKNOWN])
def test_every_status_has_a_cause_in_the_table(status: Status) -> None:
    assert any(diagnosis.status is status for _, diagnosis, *_ in DECIDED.values())
