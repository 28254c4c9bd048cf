"""What the app asks the engine for while somebody only looks: little, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from textual.app import App
from textual.pilot import Pilot

from app.some_entries import judged, listing
from refooter.values import Cause
from refooter_tui.app.lake_view import LakeView
from refooter_tui.app.looking import Looking
from refooter_tui.app.messages import Listed
from refooter_tui.app.sight import Sight
from refooter_tui.model.columns import Int32s

ENTRIES = 400


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Lets timers run until something holds."""
    for _ in range(1500):
        if holds():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came to hold")


def lake_of(count: int = ENTRIES) -> LakeView:
    lake = LakeView()
    lake.begin_loading()
    lake.listed(Listed(1, listing(range(count)), count, count, True))
    lake.snapshot = lake.take()
    return lake


class Asked:
    """An engine that only notes what it is asked."""

    def __init__(self) -> None:
        self.details: list[tuple[str, bool]] = []
        self.scans: list[list[str]] = []

    def detail(self, path: str, *, with_file: bool = False) -> int:
        self.details.append((path, with_file))
        return len(self.details)

    def scan(self, paths: list[str]) -> int:
        self.scans.append(paths)
        return len(self.scans)


class Watched:
    """A `Looking` over a lake, the row that it looks at, and what it says in the meantime."""

    def __init__(self, app: App[None]) -> None:
        self.lake, self.engine = lake_of(), Asked()
        self.row: int | None = 0
        self.said: list[str] = []
        self.looking = Looking(app, self.lake, self.engine, lambda: self.row, self.said.append)

    def path(self, row: int) -> str:
        return self.lake.table.path(row)


async def test_of_a_held_key_only_the_last_entry_is_asked_for() -> None:
    app: App[None] = App()
    async with app.run_test() as pilot:
        watched = Watched(app)
        for row in range(30):
            watched.row = row
            watched.looking.look()
        await until(pilot, lambda: watched.engine.details != [])
        assert watched.engine.details == [(watched.path(29), False)]
        watched.looking.look()
        assert not watched.looking._rest.waiting


async def test_an_entry_is_asked_for_again_only_when_it_changed_and_with_its_file_if_that_was_wanted() -> None:
    app: App[None] = App()
    async with app.run_test() as pilot:
        watched = Watched(app)
        watched.looking.open(0)
        assert watched.engine.details == [(watched.path(0), True)]
        assert watched.looking.answered(1)
        watched.lake.table.judge([judged(5, Cause.NONE)])
        watched.looking.look()
        assert not watched.looking._rest.waiting
        watched.lake.table.judge([judged(0, Cause.TRUNCATED)])
        watched.looking.look()
        await until(pilot, lambda: len(watched.engine.details) == 2)
        assert watched.engine.details[1] == (watched.path(0), True)
        watched.row = 5
        watched.looking.look()
        await until(pilot, lambda: len(watched.engine.details) == 3)
        assert watched.engine.details[2] == (watched.path(5), False)


async def test_reading_is_said_only_of_an_answer_that_lets_one_wait() -> None:
    app: App[None] = App()
    async with app.run_test() as pilot:
        watched = Watched(app)
        watched.looking.open(0)
        assert watched.looking.answered(1)
        assert not watched.looking._late.waiting
        watched.looking.open(3)
        assert not watched.looking.answered(1)
        await until(pilot, lambda: watched.said != [])
        assert watched.said == ["reading …"]


class Sighted:
    """A `Sight` over a lake, and the rows on its screen."""

    def __init__(self, app: App[None]) -> None:
        self.lake, self.engine = lake_of(), Asked()
        self.rows: Int32s = np.arange(3, dtype=np.int32)
        self.sight = Sight(app, self.lake, lambda: self.rows, self.engine.scan)
        self.sight.open = True

    def numbers(self, at: int) -> list[int]:
        return [self.lake.table.row_of(path) or 0 for path in self.engine.scans[at]]


async def _looked(pilot: Pilot[None], sighted: Sighted, holds: Callable[[], bool]) -> None:
    sighted.sight.look()
    await until(pilot, holds)


async def test_one_scan_at_a_time_and_the_next_of_what_is_in_sight_by_then() -> None:
    app: App[None] = App()
    async with app.run_test() as pilot:
        sighted = Sighted(app)
        await _looked(pilot, sighted, lambda: len(sighted.engine.scans) == 1)
        for first in (10, 20, 30):
            sighted.rows = np.arange(first, first + 3, dtype=np.int32)
            sighted.sight.look()
        assert not sighted.sight._settling.waiting
        sighted.sight.done(99)
        assert not sighted.sight._settling.waiting
        sighted.lake.table.judge([judged(number, Cause.NONE) for number in range(3)])
        sighted.sight.done(1)
        await until(pilot, lambda: len(sighted.engine.scans) == 2)
        assert sighted.numbers(0) == [0, 1, 2]
        assert sighted.numbers(1) == [30, 31, 32]


async def test_what_a_scan_could_not_judge_is_not_asked_for_again_until_it_changes() -> None:
    app: App[None] = App()
    async with app.run_test() as pilot:
        sighted = Sighted(app)
        await _looked(pilot, sighted, lambda: len(sighted.engine.scans) == 1)
        sighted.lake.table.judge([judged(0, Cause.NONE), judged(1, Cause.NONE)])
        sighted.sight.done(1)
        await until(pilot, lambda: not sighted.sight._settling.waiting)
        assert len(sighted.engine.scans) == 1
        sighted.rows = np.arange(2, 4, dtype=np.int32)
        await _looked(pilot, sighted, lambda: len(sighted.engine.scans) == 2)
        assert sighted.numbers(1) == [3]


async def test_nothing_is_asked_for_while_everything_is_judged_anyway() -> None:
    app: App[None] = App()
    async with app.run_test() as pilot:
        sighted = Sighted(app)
        sighted.sight.look()
        sighted.sight.open = False
        await until(pilot, lambda: not sighted.sight._settling.waiting)
        sighted.sight.look()
        assert not sighted.sight._settling.waiting
        assert sighted.engine.scans == []


async def test_a_scan_that_failed_is_not_begun_again_by_itself() -> None:
    app: App[None] = App()
    async with app.run_test() as pilot:
        sighted = Sighted(app)
        await _looked(pilot, sighted, lambda: len(sighted.engine.scans) == 1)
        sighted.sight.done(1, failed=True)
        assert not sighted.sight._settling.waiting
        await _looked(pilot, sighted, lambda: len(sighted.engine.scans) == 2)
        assert sighted.numbers(1) == [0, 1, 2]


def test_what_is_not_scanned_is_counted_with_its_bytes_and_retired_entries_are_not() -> None:
    lake = lake_of(10)
    sizes = [900 + number * 7 for number in range(10)]
    assert lake.unscanned() == (10, sum(sizes))
    lake.table.judge([judged(number, Cause.NONE) for number in range(4)])
    lake.table.retire([9])
    assert lake.unscanned() == (5, sum(sizes[4:9]))
    assert lake.counts().unscanned == 5


def test_new_retired_and_changed_rows_are_told_apart() -> None:
    lake = lake_of(10)
    lake.table.judge([judged(number, Cause.NONE) for number in range(10)])
    lake.filter = lake.filter.plus("status:ok,unknown")
    lake.snapshot = lake.take()
    lake.begin_loading()
    lake.listed(Listed(2, listing(range(1, 12)), 11, 11, True))
    lake.table.judge([judged(5, Cause.TRUNCATED), judged(6, Cause.EMPTY)])
    lake.refresh()
    counts = lake.counts()
    assert (counts.new, counts.retired, counts.changed) == (2, 1, 2)
    lake.snapshot = lake.take()
    counts = lake.counts()
    assert (counts.new, counts.retired, counts.changed) == (0, 0, 0)
    assert counts.shown == 9


def test_while_the_catalog_is_read_its_entries_are_no_news() -> None:
    lake = LakeView()
    lake.begin_loading()
    lake.listed(Listed(1, listing(range(5)), 5, 20, False))
    lake.snapshot = lake.take()
    lake.listed(Listed(1, listing(range(5, 10)), 10, 20, False))
    lake.refresh()
    counts = lake.counts()
    assert (counts.new, counts.changed, counts.expected) == (0, 0, 20)


def test_is_changed_means_the_rows_that_were_marked_when_it_was_asked() -> None:
    lake = lake_of(10)
    lake.filter = lake.filter.plus("status:unknown")
    lake.snapshot = lake.take()
    lake.table.judge([judged(3, Cause.NONE), judged(7, Cause.NONE)])
    lake.refresh()
    lake.filter = lake.filter.without(0).plus("is:changed")
    lake.snapshot = lake.take()
    assert lake.snapshot.rows.tolist() == [3, 7]
