"""The entries as columns: appending, judging, retiring, finding."""

from __future__ import annotations

import random
from dataclasses import replace
from enum import StrEnum

import numpy as np
import pytest

from app.listings import Listed, batch, diagnosis, result
from refooter.values import (
    NOT_JUDGED,
    TIME_INFINITY,
    TIME_MINUS_INFINITY,
    Cause,
    FileState,
    Layout,
    Outcome,
    Reason,
    Repair,
    Status,
)
from refooter_tui.model import paths as paths_module
from refooter_tui.model.codes import CAUSES, FILE_STATES, LAYOUTS, OUTCOMES, REASONS, STATUSES, cause_bits, code_of
from refooter_tui.model.columns import TIME_MISSING
from refooter_tui.model.paths import Paths, hashes_of
from refooter_tui.model.rows import Rows
from refooter_tui.model.table import EntryTable


@pytest.mark.parametrize("members", [STATUSES, CAUSES, FILE_STATES, OUTCOMES, REASONS, LAYOUTS])
def test_a_code_is_the_position_in_its_own_enum(members: tuple[StrEnum, ...]) -> None:
    assert [code_of(member) for member in members] == list(range(len(members)))
    assert code_of(None) == -1


def test_members_of_two_enums_that_are_equal_as_strings_keep_their_own_codes() -> None:
    assert FileState.MISMATCH == Reason.MISMATCH
    assert FILE_STATES[code_of(FileState.MISMATCH)] is FileState.MISMATCH
    assert REASONS[code_of(Reason.MISMATCH)] is Reason.MISMATCH


def test_a_listed_entry_is_there_unjudged_with_what_the_catalog_says() -> None:
    table = EntryTable()
    rows = table.append(
        batch(
            Listed("views/blocks/global/a", 812, 2, 77, 1, 10, 4000),
            Listed("views/x/y/b", 5, None, None, 0, None, None, "x", "y"),
            Listed("c", view_set=None, view_instance=None),
        )
    )
    assert rows == range(3)
    assert len(table) == 3
    assert [table.path(row) for row in rows] == ["views/blocks/global/a", "views/x/y/b", "c"]
    assert table.status.tolist() == [code_of(Status.UNKNOWN)] * 3
    assert table.cause.tolist() == table.outcome.tolist() == table.reason.tolist() == table.layout.tolist() == [-1] * 3
    assert table.file_state.tolist() == [code_of(FileState.UNCHECKED)] * 3
    assert table.blob_size.tolist() == [812, 5, 900]
    assert table.version.tolist() == [2, -1, 1]
    assert table.insert_time.tolist() == [77, TIME_MISSING, 0]
    assert table.num_rows.tolist() == [10, -1, 10]
    assert table.file_size.tolist() == [4000, -1, 5000]
    assert table.orphan.tolist() == [False, True, False]
    assert [table.views[view] for view in table.view] == ["blocks/global", "x/y", "?/?"]
    assert table.error.tolist() == table.last_run.tolist() == [-1] * 3


def test_infinite_insert_times_and_numbers_that_cannot_be_are_kept_within_what_a_column_means() -> None:
    table = EntryTable()
    table.append(
        batch(
            Listed("a", insert_time=TIME_INFINITY, version=2**31 - 1),
            Listed("b", insert_time=TIME_MINUS_INFINITY, num_rows=-5, file_size=-7, version=-3),
        )
    )
    assert table.insert_time.tolist() == [TIME_INFINITY, TIME_MINUS_INFINITY]
    assert table.num_rows.tolist() == [10, -1]
    assert table.file_size.tolist() == [5000, -1]
    assert table.version.tolist() == [2**15 - 1, -1]


def test_paths_are_found_again_over_many_batches_of_odd_sizes() -> None:
    table = EntryTable(capacity=4)
    drawn = random.Random(3)
    known = []
    while len(known) < 3000:
        count = drawn.choice([1, 2, 7, 150, 400])
        names = [f"views/{drawn.getrandbits(40):x}/é/{len(known) + n}" for n in range(count)]
        assert table.append(batch(*map(Listed, names))) == range(len(known), len(known) + count)
        known += names
    assert [table.path(row) for row in range(len(known))] == known
    assert table.paths().to_pylist() == known
    order = drawn.sample(range(len(known)), len(known))
    assert [table.row_of(known[row]) for row in order] == order
    assert table.rows_of([known[9], "nowhere", known[4]]).tolist() == [9, 4]
    assert table.row_of("nowhere") is None
    assert len(table.status) == len(table.touched) == len(known)
    with pytest.raises(IndexError):
        table.path(len(known))
    with pytest.raises(IndexError):
        table.path(-1)


def test_paths_that_share_a_hash_are_told_apart() -> None:
    paths = Paths()
    names = [f"p{n}" for n in range(40)]
    same = np.zeros(40, np.int64)
    for start in range(0, 40, 8):
        paths.add(batch(*map(Listed, names[start : start + 8]))["file_path"], same[start : start + 8])
    assert paths.find(names, same).tolist() == list(range(40))
    assert paths.find(["p40"], same[:1]).tolist() == [-1]
    assert paths.find(["p3"], np.ones(1, np.int64)).tolist() == [-1]


def test_the_index_finds_everything_once_its_runs_are_too_long_to_be_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths_module, "_RUN_ROWS", 64)
    monkeypatch.setattr(paths_module, "_CHUNK_ROWS", 32)
    paths = Paths()
    names = [f"p{n}" for n in range(1000)]
    for start in range(0, 1000, 20):
        some = names[start : start + 20]
        paths.add(batch(*map(Listed, some))["file_path"], hashes_of(some))
    assert paths.find(names, hashes_of(names)).tolist() == list(range(1000))
    assert paths.texts(np.array([999, 0, 500, 0], np.int32)) == ["p999", "p0", "p500", "p0"]


def test_rows_that_come_one_by_one_do_not_leave_a_chunk_each() -> None:
    paths = Paths()
    for n in range(1000):
        paths.add(batch(Listed(f"p{n}"))["file_path"], hashes_of([f"p{n}"]))
    assert len(paths.chunks()) <= 10
    assert paths.at(777) == "p777"


def test_a_code_newer_than_the_answers_is_answered_no() -> None:
    table = EntryTable()
    table.append(batch(Listed("a"), Listed("b"), Listed("c"), Listed("d")))
    table.judge([result(name, diagnosis(Cause.MALFORMED, name)) for name in "abc"])
    assert Rows(table, 4).coded("error", np.array([True])).tolist() == [True, False, False, False]


def test_a_batch_that_names_a_path_twice_is_refused_whole() -> None:
    table = EntryTable()
    with pytest.raises(ValueError, match="twice"):
        table.append(batch(Listed("a"), Listed("a")))
    assert len(table) == 0
    assert table.row_of("a") is None


def test_an_array_in_somebodys_hands_stays_as_long_as_it_was() -> None:
    table = EntryTable(capacity=2)
    table.append(batch(Listed("a")))
    held = table.status
    table.append(batch(*(Listed(f"b{n}") for n in range(100))))
    assert len(held) == 1
    assert len(table.status) == 101


def test_a_verdict_changes_its_row_and_is_told() -> None:
    table = EntryTable()
    table.append(batch(Listed("a"), Listed("b"), Listed("c")))
    said = diagnosis(
        Cause.PAGE_INDEX_PREFIX,
        "Required field num_rows is missing",
        causes=(Cause.OUTDATED_VERSION, Cause.PAGE_INDEX_PREFIX),
        layout=Layout.PREFIXED,
    )
    changed = table.judge([result("c", said), result("nowhere"), result("a")])
    assert changed.tolist() == [0, 2]
    assert [STATUSES[code] for code in table.status] == [Status.OK, Status.UNKNOWN, Status.LEGACY]
    assert CAUSES[table.cause[2]] is Cause.PAGE_INDEX_PREFIX
    assert table.causes[2] == cause_bits((Cause.OUTDATED_VERSION, Cause.PAGE_INDEX_PREFIX))
    assert LAYOUTS[table.layout[2]] is Layout.PREFIXED
    assert table.errors[table.error[2]] == "Required field num_rows is missing"
    assert table.error[0] == -1
    assert table.judge([result("c", said)]).tolist() == []
    assert table.judge([]).tolist() == []


def test_a_message_is_kept_once_however_often_it_is_said() -> None:
    table = EntryTable()
    names = [f"p{n}" for n in range(50)]
    table.append(batch(*map(Listed, names)))
    table.judge([result(name, diagnosis(Cause.MALFORMED, f"message {n % 3}")) for n, name in enumerate(names)])
    assert table.errors == ["message 0", "message 1", "message 2"]
    assert table.error.tolist() == [n % 3 for n in range(50)]


def test_what_a_run_did_is_kept_with_its_number() -> None:
    table = EntryTable()
    table.append(batch(Listed("a"), Listed("b")))
    broken = diagnosis(Cause.TRUNCATED, "Unexpected EOF")
    failed = result("b", broken, outcome=Outcome.FAILED, reason=Reason.FILE_MISSING)
    changed = table.judge([result("a", broken, outcome=Outcome.MIGRATED), failed], run=7)
    assert changed.tolist() == [0, 1]
    assert [OUTCOMES[code] for code in table.outcome] == [Outcome.MIGRATED, Outcome.FAILED]
    assert [table.reason[0], REASONS[table.reason[1]]] == [-1, Reason.FILE_MISSING]
    assert FILE_STATES[table.file_state[1]] is FileState.MISSING
    assert table.last_run.tolist() == [7, 7]
    table.judge([result("a", outcome=Outcome.WOULD_MIGRATE)])
    assert table.last_run.tolist() == [7, 7]


def test_a_migrated_entry_is_sound_and_of_the_newest_version_from_then_on() -> None:
    table = EntryTable()
    table.append(batch(Listed("a"), Listed("old", version=None)))
    broken = diagnosis(Cause.TRUNCATED, "Unexpected EOF")
    table.judge([result("a", broken), result("old", broken)])
    done = [
        result(Listed(path, version=version), broken, outcome=Outcome.MIGRATED)
        for path, version in (("a", 1), ("old", None))
    ]
    table.judge(done, run=1)
    assert [STATUSES[code] for code in table.status] == [Status.OK, Status.OK]
    assert [CAUSES[code] for code in table.cause] == [Cause.NONE, Cause.NONE]
    assert table.error.tolist() == [-1, -1]
    assert table.causes.tolist() == [0, 0]
    assert table.version.tolist() == [2, -1]


def test_a_dry_run_leaves_the_status_as_it_was_judged() -> None:
    table = EntryTable()
    table.append(batch(Listed("a")))
    table.judge([result("a", diagnosis(Cause.TRUNCATED), outcome=Outcome.WOULD_MIGRATE)])
    assert STATUSES[table.status[0]] is Status.CORRUPT
    assert table.version[0] == 1


def test_a_restored_entry_has_to_be_judged_again() -> None:
    table = EntryTable()
    table.append(batch(Listed("a")))
    table.judge([result("a")])
    table.judge([result("a", NOT_JUDGED, outcome=Outcome.RESTORED)], run=2)
    assert STATUSES[table.status[0]] is Status.UNKNOWN
    assert table.cause[0] == -1


def test_an_entry_that_is_gone_keeps_what_was_known_of_it() -> None:
    table = EntryTable()
    table.append(batch(Listed("a", insert_time=5)))
    table.judge([result(Listed("a", insert_time=5), diagnosis(Cause.EMPTY))])
    gone = result(Listed("a", 0, None, None, 0, None, None), NOT_JUDGED, outcome=Outcome.GONE)
    assert table.judge([gone], run=1).tolist() == [0]
    assert STATUSES[table.status[0]] is Status.CORRUPT
    assert (table.insert_time[0], table.blob_size[0], table.orphan[0]) == (5, 900, False)


def test_a_value_too_large_to_be_judged_is_unknown_and_says_why() -> None:
    table = EntryTable()
    table.append(batch(Listed("a")))
    table.judge([result("a")])
    assert table.judge([result("a", replace(NOT_JUDGED, error="the value holds too much"))]).tolist() == [0]
    assert STATUSES[table.status[0]] is Status.UNKNOWN
    assert table.errors[table.error[0]] == "the value holds too much"


@pytest.mark.parametrize(
    ("said", "mendable"),
    [
        (diagnosis(Cause.MISSING_NUM_ROWS, repair=Repair("num_rows", True, None)), True),
        (diagnosis(Cause.MISSING_NUM_ROWS, repair=Repair("num_rows", False, None)), False),
        (diagnosis(Cause.PAGE_INDEX_PREFIX, foreseen=b"digest"), True),
        (diagnosis(Cause.PAGE_INDEX_PREFIX), False),
        (
            diagnosis(
                Cause.PAGE_INDEX_PREFIX, causes=(Cause.ROW_COUNT_MISMATCH, Cause.PAGE_INDEX_PREFIX), foreseen=b"digest"
            ),
            False,
        ),
        (diagnosis(), False),
    ],
)
def test_mendable_is_what_a_proved_repair_mends(said: object, mendable: bool) -> None:
    table = EntryTable()
    table.append(batch(Listed("a")))
    table.judge([result("a", said)])  # type: ignore[arg-type]
    assert table.mendable.tolist() == [mendable]


def test_a_second_listing_brings_known_entries_up_to_date_in_place() -> None:
    table = EntryTable()
    table.append(batch(Listed("a", 1), Listed("b", 2)))
    table.judge([result(Listed("a", 1)), result(Listed("b", 2))])
    assert table.append(batch(Listed("c"), Listed("b", 2, num_rows=99, view_instance="other"))) == range(2, 3)
    assert len(table) == 3
    assert table.num_rows.tolist() == [10, 99, 10]
    assert table.views[table.view[1]] == "blocks/other"
    assert [STATUSES[code] for code in table.status] == [Status.OK, Status.OK, Status.UNKNOWN]


@pytest.mark.parametrize("again", [Listed("a", 901), Listed("a", insert_time=1)])
def test_a_value_that_somebody_else_has_replaced_is_no_longer_judged(again: Listed) -> None:
    table = EntryTable()
    table.append(batch(Listed("a")))
    table.judge([result("a", diagnosis(Cause.TRUNCATED, "Unexpected EOF"))])
    table.append(batch(again))
    assert STATUSES[table.status[0]] is Status.UNKNOWN
    assert (table.cause[0], table.error[0]) == (-1, -1)


def test_the_new_size_of_a_value_that_we_migrated_does_not_make_it_unjudged() -> None:
    table = EntryTable()
    table.append(batch(Listed("a")))
    table.judge([result("a", diagnosis(Cause.TRUNCATED), outcome=Outcome.MIGRATED)], run=1)
    table.append(batch(Listed("a", 1234, 2)))
    assert STATUSES[table.status[0]] is Status.OK
    assert table.blob_size[0] == 1234


def test_what_a_whole_listing_does_not_name_is_retired_and_comes_back_when_named_again() -> None:
    table = EntryTable()
    table.append(batch(Listed("a"), Listed("b"), Listed("c")))
    assert table.end_listing().tolist() == []
    table.begin_listing()
    table.append(batch(Listed("a")))
    table.append(batch(Listed("c"), Listed("new")))
    assert table.end_listing().tolist() == [1]
    assert table.retired.tolist() == [False, True, False, False]
    assert table.retired_count == 1
    assert table.retire([1, 0]).tolist() == [0]
    table.begin_listing()
    table.append(batch(Listed("a"), Listed("b")))
    assert table.end_listing().tolist() == [2, 3]
    assert table.retired.tolist() == [False, False, True, True]
    assert table.retired_count == 2


def test_touched_tells_what_changed_since_a_revision() -> None:
    table = EntryTable()
    table.append(batch(Listed("a"), Listed("b"), Listed("c")))
    before = table.revision
    table.judge([result("b")])
    table.append(batch(Listed("c"), Listed("d")))
    table.append(batch(Listed("a", num_rows=11)))
    assert np.flatnonzero(table.touched > before).tolist() == [0, 1, 3]
