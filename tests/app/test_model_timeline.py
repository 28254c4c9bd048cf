"""Statuses over insert time: buckets, block characters, ranges and zoom."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest

from app.listings import Listed, batch, diagnosis, moment, result
from refooter.values import TIME_INFINITY, TIME_MINUS_INFINITY, Cause, Status
from refooter_tui.model.axis import ticks
from refooter_tui.model.codes import code_of
from refooter_tui.model.filter import parse
from refooter_tui.model.stacks import BLOCKS, stack
from refooter_tui.model.table import EntryTable
from refooter_tui.model.timeline import Timeline, TimeRange

_OK, _LEGACY, _CORRUPT, _UNKNOWN = map(code_of, (Status.OK, Status.LEGACY, Status.CORRUPT, Status.UNKNOWN))
_SECOND = 1_000_000


def _table(*times: int | None) -> EntryTable:
    table = EntryTable()
    table.append(batch(*(Listed(f"p{n}", insert_time=time) for n, time in enumerate(times))))
    return table


def _judge(table: EntryTable, row: int, cause: Cause) -> None:
    table.judge([result(Listed(table.path(row), insert_time=int(table.insert_time[row])), diagnosis(cause))])


def test_entries_are_counted_by_bucket_and_status() -> None:
    table = _table(0, 5, 10, 19, 19)
    _judge(table, 0, Cause.NONE)
    _judge(table, 4, Cause.TRUNCATED)
    line = Timeline(table)
    assert line.full == TimeRange(0, 20)
    counts = line.counts(4)
    assert counts.sum(axis=1).tolist() == [1, 1, 1, 2]
    assert counts[0, _OK] == counts[1, _UNKNOWN] == counts[3, _CORRUPT] == counts[3, _UNKNOWN] == 1


def test_counts_follow_the_table() -> None:
    table = _table(0, 9 * _SECOND)
    line = Timeline(table)
    assert line.counts(3)[:, _UNKNOWN].tolist() == [1, 0, 1]
    _judge(table, 1, Cause.EMPTY)
    assert line.counts(3)[:, _CORRUPT].tolist() == [0, 0, 1]
    table.append(batch(Listed("later", insert_time=99 * _SECOND)))
    assert line.full == TimeRange(0, 99 * _SECOND + 1)
    assert line.counts(3)[:, _UNKNOWN].tolist() == [1, 0, 1]
    table.retire([0])
    assert line.full == TimeRange(9 * _SECOND, 99 * _SECOND + 1)
    assert line.counts(3).sum() == 2
    table.append(batch(Listed("later", insert_time=20 * _SECOND)))
    assert line.full == TimeRange(9 * _SECOND, 20 * _SECOND + 1)


def test_an_insert_time_that_a_scan_finds_changed_moves_its_entry() -> None:
    table = _table(0, 10, 20)
    line = Timeline(table)
    assert line.counts(3).sum(axis=1).tolist() == [1, 1, 1]
    table.judge([result(Listed("p1", insert_time=0))])
    assert line.counts(3).sum(axis=1).tolist() == [2, 0, 1]


def test_the_end_of_a_range_is_not_in_it() -> None:
    table = _table(*(n * _SECOND for n in range(11)))
    line = Timeline(table)
    line.zoom_to(TimeRange(0, 5 * _SECOND))
    assert line.counts(3).sum() == 5


def test_times_that_are_infinite_or_missing_are_counted_outside() -> None:
    table = _table(TIME_INFINITY, TIME_MINUS_INFINITY, None, 7, 8)
    line = Timeline(table)
    assert line.full == TimeRange(7, 9)
    assert line.counts(10).sum() == 2
    assert line.outside(10) == 3


def test_times_as_far_apart_as_postgresql_has_them_find_their_buckets() -> None:
    first, last = moment("0001-01-01") - 10**17, 2**63 - 10
    table = _table(first, 0, last)
    line = Timeline(table)
    counts = line.counts(100).sum(axis=1)
    assert counts.sum() == 3
    assert counts[0] == counts[-1] == 1
    assert line.column_of(last, 100) == 99
    assert ticks(line, 100) is not None


@pytest.mark.parametrize("width", [1, 7, 160, 1000])
def test_every_entry_is_in_the_bucket_whose_range_holds_it(width: int) -> None:
    drawn = random.Random(width)
    table = _table(*(drawn.randrange(-(10**12), 10**12) for _ in range(300)))
    line = Timeline(table)
    line.zoom_to(TimeRange(-(10**11), 10**11))
    expected = np.zeros(width, int)
    for time in table.insert_time.tolist():
        column = line.column_of(time, width)
        if column is not None:
            expected[column] += 1
            covered = line.range_of(column, column, width)
            assert covered is not None
            assert covered.since <= time < covered.until
    assert line.counts(width).sum(axis=1).tolist() == expected.tolist()
    assert line.outside(width) == 300 - expected.sum()


def test_nothing_to_paint_is_painted_empty() -> None:
    for table in (EntryTable(), _table(TIME_INFINITY)):
        line = Timeline(table)
        assert line.full is line.shown is line.mark(5) is line.range_of(0, 1, 5) is None
        assert [[cell.char for cell in column] for column in line.bars(3, 2)] == [[" ", " "]] * 3
        assert not line.zoom(2, 0, 5)
        assert not line.pan(1, 5)
        assert ticks(line, 80) == []
    assert Timeline(_table(1)).bars(0, 3) == []
    assert Timeline(_table(1)).bars(1, 0) == [[]]


def test_three_broken_among_forty_thousand_are_seen() -> None:
    for height in (1, 2, 5):
        counts = [0] * 6
        counts[_OK], counts[_CORRUPT] = 39_997, 3
        column = stack(counts, 40_000, height)
        assert column[-1] == ("▁", _CORRUPT, _OK)
        assert [cell[:2] for cell in column[:-1]] == [("█", _OK)] * (height - 1)


def test_a_bucket_that_is_not_empty_shows_beside_one_that_is_huge() -> None:
    counts = [0] * 6
    counts[_LEGACY] = 1
    assert stack(counts, 10**9, 3) == [(" ", -1, -1), (" ", -1, -1), ("▁", _LEGACY, -1)]
    assert stack([0] * 6, 10**9, 1) == [(" ", -1, -1)]


def test_the_tallest_bucket_reaches_the_top_and_half_of_it_half_way() -> None:
    counts = [0] * 6
    counts[_OK] = 100
    assert [cell.char for cell in stack(counts, 100, 4)] == ["█"] * 4
    assert [cell.char for cell in stack(counts, 200, 4)] == [" ", " ", "█", "█"]


def test_a_stack_shows_the_worst_at_the_bottom_and_never_more_than_its_height() -> None:
    drawn = random.Random(4)
    for _ in range(2000):
        counts = [drawn.choice([0, 0, 1, 3, 50, 10**6]) for _ in range(6)]
        tallest = max(1, sum(counts), drawn.choice([1, 10**7]))
        height = drawn.randint(1, 6)
        column = stack(counts, tallest, height)
        assert len(column) == height
        if not sum(counts):
            assert all(cell == (" ", -1, -1) for cell in column)
            continue
        worst = next(
            code
            for code in (_CORRUPT, _LEGACY, code_of(Status.HARMFUL), code_of(Status.STALE), _OK, _UNKNOWN)
            if counts[code]
        )
        assert column[-1].status == worst
        for cell in column:
            assert cell.char in BLOCKS
            assert (cell.status == -1) == (cell.char == " ")
            assert cell.behind == -1 or (counts[cell.behind] and cell.behind != cell.status)
            assert cell.status == -1 or counts[cell.status]


def test_the_mark_stands_where_breakage_starts() -> None:
    table = _table(0, 10 * _SECOND, 20 * _SECOND, 39 * _SECOND)
    line = Timeline(table)
    assert line.mark(4) is None
    _judge(table, 3, Cause.TRUNCATED)
    _judge(table, 2, Cause.ZERO_NUM_ROWS)
    _judge(table, 1, Cause.OUTDATED_VERSION)
    assert line.mark(4) == 2
    line.zoom_to(TimeRange(25 * _SECOND, 40 * _SECOND))
    assert line.mark(4) is None


def test_a_brush_gives_a_range_whose_filter_means_its_buckets() -> None:
    table = _table(*(n * _SECOND for n in range(100)))
    line = Timeline(table)
    wanted = line.range_of(6, 3, 10)
    assert wanted is not None
    assert wanted == line.range_of(3, 6, 10)
    filtering = parse(wanted.terms())
    assert filtering.errors == ()
    assert filtering.mask(table).sum() == line.counts(10)[3:7].sum()
    whole = line.range_of(-4, 99, 10)
    assert whole == line.full


def test_zooming_keeps_the_moment_under_the_cursor_and_ends_at_the_whole() -> None:
    table = _table(0, 1000 * _SECOND)
    line = Timeline(table)
    width = 100
    before = line.range_of(30, 30, width)
    assert before is not None
    assert line.zoom(2, 30, width)
    assert line.zoomed
    shown = line.shown
    assert shown is not None
    assert abs(shown.length - 500 * _SECOND) <= 2
    column = line.column_of((before.since + before.until) // 2, width)
    assert column in (29, 30, 31)
    assert line.zoom(0.5, 30, width)
    assert not line.zoomed
    assert not line.zoom(0.5, 30, width)


def test_zooming_in_ends_at_a_second_and_panning_at_the_ends() -> None:
    table = _table(0, 1000 * _SECOND)
    line = Timeline(table)
    for _ in range(40):
        line.zoom(2, 99, 100)
    shown = line.shown
    assert shown is not None
    assert shown.length == _SECOND
    assert not line.zoom(2, 50, 100)
    line.zoom_to(TimeRange(0, 100 * _SECOND))
    assert not line.pan(-5, 100)
    assert line.pan(5, 100)
    assert line.shown is not None
    assert line.shown.since == 5 * _SECOND
    assert line.pan(10**9, 100)
    assert line.shown.until == 1000 * _SECOND + 1
    line.reset()
    assert line.shown == line.full


def test_entries_of_a_single_moment_fill_one_bucket() -> None:
    line = Timeline(_table(5, 5, 5))
    assert line.counts(10).sum(axis=1).tolist() == [3] + [0] * 9
    assert not line.zoom(2, 0, 10)
    assert line.range_of(0, 9, 10) == TimeRange(5, 6)


def test_only_some_rows_can_be_counted() -> None:
    table = _table(0, 1, 2, 3)
    line = Timeline(table)
    line.only(np.array([True, False, True]))
    assert line.counts(4).sum(axis=1).tolist() == [1, 0, 1, 0]
    assert line.outside(4) == 0
    line.only(None)
    assert line.counts(4).sum() == 4


@pytest.mark.parametrize("days", [0.001, 0.5, 3, 40, 4000])
def test_labels_of_the_axis_stand_apart_and_name_their_columns(days: float) -> None:
    start = moment("2025-06-13T23:10:05")
    table = _table(start, start + int(days * 86400 * _SECOND))
    line = Timeline(table)
    found = ticks(line, 120)
    assert len(found) > 2
    for (column, label), (following, _) in pairwise(found):
        assert column + len(label) < following
    column, label = found[0]
    covered = line.range_of(column, column, 120)
    assert covered is not None
    if len(label) == 10:
        assert covered.since <= moment(label) < covered.until
    assert ticks(line, 8) == []
