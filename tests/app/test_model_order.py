"""What is shown, in which order, and what becomes untrue of it; and what is selected of it."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from app.listings import Listed, batch, diagnosis, result
from refooter.values import TIME_INFINITY, TIME_MINUS_INFINITY, Cause, Outcome
from refooter_tui.model.codes import STATUSES
from refooter_tui.model.filter import parse
from refooter_tui.model.order import SORTABLE, Snapshot, Sort, take
from refooter_tui.model.path_search import Abandoned
from refooter_tui.model.selection import Selection
from refooter_tui.model.table import EntryTable

_CAUSES = (Cause.NONE, Cause.OUTDATED_VERSION, Cause.ZERO_NUM_ROWS, Cause.PAGE_INDEX_PREFIX, Cause.TRUNCATED)


@pytest.fixture
def table() -> EntryTable:
    """200 entries in no order, every fifth of them not judged."""
    drawn = random.Random(5)
    made = EntryTable(capacity=16)
    listed = [
        Listed(
            f"views/{drawn.choice('abc')}/{drawn.choice('XYz')}/é{drawn.getrandbits(30):x}",
            drawn.randrange(30),
            drawn.choice([None, 1, 2]),
            drawn.choice([None, TIME_INFINITY, TIME_MINUS_INFINITY, drawn.randrange(-9, 9)]),
            drawn.randrange(3),
            drawn.choice([None, drawn.randrange(9)]),
            drawn.choice([None, drawn.randrange(9)]),
            drawn.choice("abc"),
            drawn.choice("XYz"),
        )
        for _ in range(200)
    ]
    for start in range(0, 200, 40):
        made.append(batch(*listed[start : start + 40]))
    said = [
        result(one, diagnosis(drawn.choice(_CAUSES), drawn.choice([None, "b", "A", "c"])))
        for one in listed
        if drawn.random() < 0.8
    ]
    made.judge(said[:60])
    made.judge([made_by.ended(drawn.choice(list(Outcome))) for made_by in said[60:]], run=3)
    return made


def _value(table: EntryTable, column: str, row: int) -> Any:
    """What a column is sorted by, `None` where it is not known."""
    if column == "path":
        return table.path(row)
    value = int(table.column(column)[row])
    if column == "status":
        return None if STATUSES[value] == "unknown" else value
    if column == "view":
        return table.views[value]
    if column == "insert_time":
        return None if value == -(2**63) + 1 else value
    if column == "blob_size":
        return value
    if column == "error":
        return None if value < 0 else table.errors[value]
    return None if value == -1 else value


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("column", SORTABLE)
def test_sorting_puts_what_is_not_known_last_and_keeps_ties_as_they_came(
    table: EntryTable, column: str, reverse: bool
) -> None:
    rows = take(table, parse("views"), Sort(column, reverse)).rows.tolist()
    known = [row for row in range(200) if _value(table, column, row) is not None]
    # `sorted` keeps ties in their order, turned round or not.
    expected = sorted(known, key=lambda row: _value(table, column, row), reverse=reverse)
    assert rows == expected + [row for row in range(200) if row not in set(known)]


def test_the_catalogs_own_order_is_the_one_without_a_sort(table: EntryTable) -> None:
    assert take(table).rows.tolist() == list(range(200))
    shown = take(table, parse("status:corrupt"))
    assert shown.rows.tolist() == np.flatnonzero(parse("status:corrupt").mask(table)).tolist()
    assert len(shown) == len(shown.rows)


def test_paths_that_come_sorted_are_sorted_and_so_are_those_that_come_later() -> None:
    table = EntryTable()
    table.append(batch(Listed("b"), Listed("c")))
    table.append(batch(Listed("d"), Listed("e")))
    assert take(table, None, Sort("path", True)).rows.tolist() == [3, 2, 1, 0]
    table.append(batch(Listed("a"), Listed("cc")))
    assert take(table, None, Sort("path")).rows.tolist() == [4, 0, 1, 5, 2, 3]
    assert take(table, parse("path:c"), Sort("path", True)).rows.tolist() == [5, 1]


def test_every_row_shown_knows_its_position(table: EntryTable) -> None:
    shown = take(table, parse("-status:ok"), Sort("num_rows", True))
    for position, row in enumerate(shown.rows.tolist()):
        assert shown.position_of(row) == position
    hidden = set(range(200)) - set(shown.rows.tolist())
    assert hidden
    assert {shown.position_of(row) for row in hidden} == {None}
    assert shown.position_of(10_000) is shown.position_of(-1) is None


def test_order_and_membership_stay_while_statuses_change() -> None:
    table = EntryTable()
    table.append(batch(*(Listed(name) for name in "abcd")))
    table.judge([result(name, diagnosis(Cause.TRUNCATED)) for name in "abc"])
    shown = take(table, parse("status:corrupt"), Sort("path", True))
    assert not shown.refresh(table)
    table.judge([result("b"), result("d", diagnosis(Cause.EMPTY))])
    assert shown.refresh(table)
    assert shown.rows.tolist() == [2, 1, 0]
    assert [shown.is_changed(row) for row in range(4)] == [False, True, False, False]
    assert np.flatnonzero(shown.arrived).tolist() == [3]
    assert (shown.changed_count, shown.arrived_count, shown.pending) == (1, 1, 2)
    assert not shown.refresh(table)
    table.judge([result("b", diagnosis(Cause.EMPTY)), result("d")])
    assert shown.refresh(table)
    assert shown.pending == 0


def test_new_and_retired_entries_are_announced_not_moved() -> None:
    table = EntryTable()
    table.append(batch(Listed("a"), Listed("b")))
    shown = take(table)
    table.append(batch(*(Listed(f"c{n}") for n in range(500))))
    table.retire([0])
    assert shown.refresh(table)
    assert shown.rows.tolist() == [0, 1]
    assert shown.is_changed(0)
    assert shown.arrived_count == 500
    assert len(shown.changed) == len(shown.arrived) == 502
    assert shown.position_of(400) is None


def test_changed_entries_can_be_filtered_for_and_stay_the_same_ones_meanwhile() -> None:
    table = EntryTable()
    table.append(batch(*(Listed(name) for name in "abc")))
    table.judge([result(name, diagnosis(Cause.TRUNCATED)) for name in "abc"])
    first = take(table, parse("status:corrupt"))
    table.judge([result("b")])
    first.refresh(table)
    second = take(table, parse("is:changed"), changed=first.changed)
    assert second.rows.tolist() == [1]
    table.judge([result("b", diagnosis(Cause.TRUNCATED)), result("c")])
    first.refresh(table)
    assert first.is_changed(2)
    assert not second.refresh(table)


def test_a_filter_by_selection_notices_that_the_selection_changed() -> None:
    table = EntryTable()
    table.append(batch(*(Listed(name) for name in "abc")))
    selection = Selection(table)
    selection.select([0, 1])
    shown = take(table, parse("is:selected"), selection=selection)
    selection.toggle(0)
    selection.toggle(2)
    assert shown.refresh(table, selection)
    assert (shown.changed_count, shown.arrived_count) == (1, 1)
    assert not shown.refresh(table, selection)
    unfiltered = take(table, selection=selection)
    selection.clear()
    assert not unfiltered.refresh(table, selection)


def test_what_is_written_while_a_snapshot_is_taken_is_found_by_refreshing_it(table: EntryTable) -> None:
    def judged_meanwhile() -> bool:
        table.judge([result(table.path(row), diagnosis(Cause.ENCRYPTED)) for row in range(50)])
        return False

    shown = take(table, parse("views -cause:encrypted"), stop=judged_meanwhile)
    shown.refresh(table)
    fresh = take(table, shown.filter)
    stays = [row for row in shown.rows.tolist() if not shown.is_changed(row)]
    assert sorted(stays + np.flatnonzero(shown.arrived).tolist()) == fresh.rows.tolist()


def test_refreshing_finds_what_asking_the_whole_filter_again_finds(table: EntryTable) -> None:
    drawn = random.Random(8)
    for text in ("status:ok,stale", "-error:a version:1", "a/X outcome:failed", "run:3 is:orphan"):
        shown = take(table, parse(text))
        for _ in range(6):
            some = drawn.sample(range(len(table)), drawn.choice([1, 5, 150]))
            table.judge([result(Listed(table.path(row)), diagnosis(drawn.choice(_CAUSES), "A")) for row in some])
            table.append(batch(Listed(f"views/a/X/{drawn.getrandbits(40)}", partitions=0)))
            shown.refresh(table)
            now = parse(text).mask(table)
            was = np.zeros(len(table), np.bool_)
            was[shown.rows] = True
            assert (shown.changed == (was & ~now)).all()
            assert (shown.arrived == (now & ~was)).all()


def test_the_cursor_follows_its_entry_or_goes_to_the_next_that_is_left() -> None:
    table = EntryTable()
    table.append(batch(*(Listed(name) for name in "abcdef")))
    everything = take(table)
    some = take(table, parse("path:b,d"), Sort("path", True))
    assert some.place_of(everything, 1) == 1
    assert some.place_of(everything, 2) == 0
    assert some.place_of(everything, 5) == 0
    assert some.place_of(everything, 0) == 1
    assert take(table, parse("nothing")).place_of(everything, 3) is None
    table.append(batch(Listed("g")))
    newer = take(table, parse("path:g"))
    assert newer.place_of(everything, 3) == 0
    assert some.place_of(newer, 0) == 0


def test_the_next_broken_entry_is_found_either_way_and_round_the_end() -> None:
    table = EntryTable()
    table.append(batch(*(Listed(name) for name in "abcde")))
    table.judge(
        [
            result("b", diagnosis(Cause.TRUNCATED)),
            result("d", diagnosis(Cause.ZERO_NUM_ROWS)),
            result("a", diagnosis(Cause.OUTDATED_VERSION)),
        ]
    )
    shown = take(table)
    assert [shown.next_broken(table, position) for position in range(5)] == [1, 3, 3, 1, 1]
    assert [shown.next_broken(table, position, backwards=True) for position in range(5)] == [3, 3, 1, 1, 3]
    assert take(table, parse("-path:b -path:d")).next_broken(table, 0) is None
    assert take(table, parse("nothing")).next_broken(table, 0) is None


def test_taking_is_given_up_when_nobody_waits(table: EntryTable) -> None:
    with pytest.raises(Abandoned):
        take(table, parse("word"), stop=lambda: True)


@pytest.fixture
def six() -> tuple[EntryTable, Snapshot, Selection]:
    table = EntryTable()
    table.append(batch(*(Listed(name) for name in "abcdef")))
    return table, take(table, parse("path:b,c,d,e"), Sort("path", True)), Selection(table)


def test_a_range_is_selected_by_positions_in_either_order(six: tuple[EntryTable, Snapshot, Selection]) -> None:
    _, shown, selection = six
    selection.select_range(shown, 2, 1)
    assert selection.rows().tolist() == [2, 3]
    selection.select_range(shown, -5, 0)
    assert selection.rows().tolist() == [2, 3, 4]
    assert selection.shown(shown).tolist() == [4, 3, 2]
    assert selection.count == 3
    assert 4 in selection
    assert 5 not in selection


def test_what_the_filter_hides_stays_selected_and_is_counted(six: tuple[EntryTable, Snapshot, Selection]) -> None:
    table, shown, selection = six
    selection.select([0, 1, 5])
    assert selection.hidden(shown) == 2
    selection.invert_shown(shown)
    assert selection.rows().tolist() == [0, 2, 3, 4, 5]
    assert selection.hidden(shown) == 2
    selection.select_shown(shown)
    assert selection.count == 6
    assert selection.hidden(take(table)) == 0
    selection.deselect(shown.rows)
    assert selection.rows().tolist() == [0, 5]
    selection.clear()
    assert (selection.count, selection.hidden(shown)) == (0, 0)


def test_a_selection_grows_with_the_table_and_a_frozen_one_does_not_change(
    six: tuple[EntryTable, Snapshot, Selection],
) -> None:
    table, _, selection = six
    assert selection.toggle(1)
    frozen = selection.rows()
    rows = table.append(batch(*(Listed(f"n{n}") for n in range(100))))
    assert len(selection.mask) == 106
    selection.select(rows)
    assert selection.count == 101
    assert not selection.toggle(1)
    assert frozen.tolist() == [1]
    before = selection.revision
    selection.replace([3])
    assert selection.rows().tolist() == [3]
    assert selection.revision > before
