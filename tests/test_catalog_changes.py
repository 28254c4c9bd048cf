"""What the rows under our lock say, and which of them get a stamp: pure, so read and tested as tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from refooter.catalog.changes import (
    NO_ROW,
    Change,
    LockedEntry,
    LockedPartition,
    decide_locked,
    digest,
    partition_stamps,
)
from refooter.values import Outcome, Partitions

OLD, NEW = digest(b"old"), digest(b"new")
HERE = Partitions(1, (10,), (1000,), (1,))
CHANGE = Change("p", OLD, 1, NEW, b"new", 2, HERE, "page_index_prefix", "refetch", True)
ENTRY = LockedEntry(OLD, 1)


def partition(hour: int = 0, rows: int = 10, size: int | None = 1000, version: int | None = 1) -> LockedPartition:
    return LockedPartition(f"(0,{hour})", {"hour": hour}, rows, size, version)


def stamp(hour: int, before: int | None, after: int | None) -> dict[str, Any]:
    return {"identity": {"hour": hour}, "from": before, "to": after}


ONE = [partition()]
GOING_BACK = replace(CHANGE, partitions=None, stamps=(stamp(0, 2, 1),))
NO_PARTITIONS_THEN = replace(CHANGE, partitions=None, stamps=())

INSERT = replace(CHANGE, old_digest=NO_ROW, old_version=None, partitions=None, stamps=())
DELETE = replace(CHANGE, new_digest=NO_ROW, new_value=None, partitions=None, stamps=(stamp(0, 1, 1),))

DECIDED = {
    "to be inserted, and not there": (INSERT, None, False, ONE, 1, None),
    "to be inserted, and there": (INSERT, ENTRY, True, ONE, 1, Outcome.CONFLICT),
    "to be inserted, and there in another's hands": (INSERT, None, True, ONE, 1, Outcome.CONFLICT),
    "to be inserted, and no partition names it": (INSERT, None, False, [], 0, Outcome.GONE),
    "to be inserted, and the partition is locked": (INSERT, None, False, [], 1, "busy"),
    "to be deleted, as it was inserted": (DELETE, ENTRY, True, ONE, 1, None),
    "to be deleted, and changed since": (DELETE, LockedEntry(NEW, 1), True, ONE, 1, Outcome.CONFLICT),
    "to be deleted, and gone": (DELETE, None, False, ONE, 1, Outcome.GONE),
    "as it was read": (CHANGE, ENTRY, True, ONE, 1, None),
    "the entry is locked": (CHANGE, None, True, ONE, 1, "busy"),
    "the entry is gone": (CHANGE, None, False, ONE, 1, Outcome.GONE),
    "entry and partition are gone": (CHANGE, None, False, [], 0, Outcome.GONE),
    "the partition is locked": (CHANGE, ENTRY, True, [], 1, "busy"),
    "one of two partitions is locked": (CHANGE, ENTRY, True, ONE, 2, "busy"),
    "the entry changed, but the partition is locked": (CHANGE, LockedEntry(NEW, 1), True, [], 1, "busy"),
    "the value changed": (CHANGE, LockedEntry(NEW, 1), True, ONE, 1, Outcome.CONFLICT),
    "the version changed": (CHANGE, LockedEntry(OLD, 2), True, ONE, 1, Outcome.CONFLICT),
    "the catalog was upgraded": (replace(CHANGE, old_version=None), LockedEntry(OLD, 1), True, ONE, 1, Outcome.CONFLICT),
    "the partition is retired": (CHANGE, ENTRY, True, [], 0, Outcome.GONE),
    "the value changed and the partition is retired": (CHANGE, LockedEntry(NEW, 1), True, [], 0, Outcome.CONFLICT),
    "another row count": (CHANGE, ENTRY, True, [partition(rows=11)], 1, Outcome.CONFLICT),
    "another size": (CHANGE, ENTRY, True, [partition(size=1001)], 1, Outcome.CONFLICT),
    "the size is not known any more": (CHANGE, ENTRY, True, [partition(size=None)], 1, Outcome.CONFLICT),
    "a second row that agrees": (CHANGE, ENTRY, True, [partition(), partition(1)], 2, None),
    "a second row that disagrees": (CHANGE, ENTRY, True, [partition(), partition(1, rows=11)], 2, Outcome.CONFLICT),
    "a partition of another version": (CHANGE, ENTRY, True, [partition(version=2)], 1, None),
    "an orphan still": (replace(CHANGE, partitions=Partitions()), ENTRY, True, [], 0, None),
    "an orphan that got a partition": (replace(CHANGE, partitions=Partitions()), ENTRY, True, ONE, 1, Outcome.CONFLICT),
    "a size that never was known": (
        replace(CHANGE, partitions=Partitions(1, (10,), (None,), (1,))), ENTRY, True, [partition(size=None)], 1, None,
    ),
    "going back": (GOING_BACK, ENTRY, True, [partition(version=2)], 1, None),
    "going back, another count": (GOING_BACK, ENTRY, True, [partition(rows=99, size=None, version=2)], 1, None),
    "going back, the partition is retired": (GOING_BACK, ENTRY, True, [], 0, Outcome.GONE),
    "going back, another partition took its place": (GOING_BACK, ENTRY, True, [partition(7, version=2)], 1, Outcome.GONE),
    "going back, stamped by another": (GOING_BACK, ENTRY, True, [partition(version=3)], 1, Outcome.CONFLICT),
    "going back, one more partition": (GOING_BACK, ENTRY, True, [partition(version=2), partition(1)], 2, None),
    "going back, one of two is retired": (
        replace(GOING_BACK, stamps=(stamp(0, 2, 1), stamp(1, 2, 1))), ENTRY, True, [partition(1, version=2)], 1, None,
    ),
    "going back over an upgrade": (
        replace(GOING_BACK, stamps=(stamp(0, None, None),)), ENTRY, True, [partition(version=1)], 1, None,
    ),
    "going back, an orphan then": (NO_PARTITIONS_THEN, ENTRY, True, [], 0, None),
    "going back, an orphan then, a partition now": (NO_PARTITIONS_THEN, ENTRY, True, ONE, 1, None),
    "going back, the value changed": (GOING_BACK, LockedEntry(NEW, 1), True, [partition(version=2)], 1, Outcome.CONFLICT),
}  # fmt: skip


@pytest.mark.parametrize("case", DECIDED)
def test_the_rows_under_our_lock_decide(case: str) -> None:
    change, entry, exists, partitions, partitions_exist, expected = DECIDED[case]
    assert decide_locked(change, entry, exists, partitions, partitions_exist) == expected


STAMPED = {
    "all that differ": (CHANGE, [partition(0), partition(1, version=2), partition(2, version=None)], [(0, 2), (2, 2)]),
    "none at version 4": (replace(CHANGE, new_version=None), [partition(version=None)], []),
    "none of none": (CHANGE, [], []),
    "the named ones alone": (
        replace(GOING_BACK, stamps=(stamp(0, 2, 1), stamp(1, 2, 2))),
        [partition(0, version=2), partition(1, version=2), partition(2, version=2)],
        [(0, 1)],
    ),
    "none that never had a version": (replace(GOING_BACK, stamps=(stamp(0, None, None),)), [partition()], []),
    "none though the entry changes": (NO_PARTITIONS_THEN, [partition()], []),
    "none that has it already": (GOING_BACK, [partition(version=1)], []),
}


@pytest.mark.parametrize("case", STAMPED)
def test_stamps_go_to_the_partition_rows_that_need_them(case: str) -> None:
    change, partitions, expected = STAMPED[case]
    assert [(row.identity["hour"], to) for row, to in partition_stamps(change, partitions)] == expected


def test_a_change_counts_its_new_value_as_memory() -> None:
    assert replace(CHANGE, new_value=bytes(5000)).size - replace(CHANGE, new_value=None).size == 5000
