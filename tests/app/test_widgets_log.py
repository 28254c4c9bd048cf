"""The log's view: it follows its end, keeps its place when scrolled, filters, and never shows what acts on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from app.stage import Stage, lines
from refooter.events import Severity
from refooter_tui.app.widgets.log import RING, LogRecord, LogView
from refooter_tui.app.widgets.log_pane import LogPane
from refooter_tui.app.widgets.one_line import OneLine

SIZES = [(80, 24), (160, 50)]
START = datetime(2025, 6, 14, 9, 12, tzinfo=UTC)


def records(numbers: Iterable[int]) -> list[LogRecord]:
    return [
        LogRecord(
            START + timedelta(seconds=number),
            Severity.ERROR if number % 10 == 0 else Severity.INFO,
            f"record {number}",
            f"views/blocks/global/{number}.parquet" if number % 10 == 0 else None,
        )
        for number in numbers
    ]


@pytest.mark.parametrize("size", SIZES)
async def test_the_end_stays_in_sight_while_records_come(size: tuple[int, int]) -> None:
    log = LogView()
    async with Stage(log).run_test(size=size) as pilot:
        log.write(records(range(100)))
        await pilot.pause()
        log.write(records(range(100, 200)))
        await pilot.pause()
        assert "record 199" in lines(log)[-1]
        assert "09:15:19 info" in lines(log)[-1]


async def test_what_is_read_stays_where_it_is_while_records_come_and_old_ones_leave_the_ring() -> None:
    log = LogView()
    async with Stage(log).run_test(size=(80, 24)) as pilot:
        log.write(records(range(RING)))
        log.focus()
        await pilot.pause()
        await pilot.press("pageup", "pageup")
        before = lines(log)
        record = log.record
        assert not log.follows
        log.write(records(range(RING, RING + 500)))
        await pilot.pause()
        assert lines(log) == before
        assert log.record is record
        assert log.total == RING
        assert log.line_count == RING


async def test_going_to_the_end_follows_again() -> None:
    log = LogView()
    stage = Stage(log)
    async with stage.run_test(size=(80, 24)) as pilot:
        log.write(records(range(100)))
        log.focus()
        await pilot.press("k", "k", "G")
        log.write(records(range(100, 200)))
        await pilot.pause()
        assert "record 199" in lines(log)[-1]
        assert [message.follows for message in stage.said(LogView.FollowChanged)] == [False, True]


async def test_severity_and_text_filter_what_is_shown_and_what_comes_later() -> None:
    log = LogView()
    async with Stage(log).run_test(size=(80, 24)) as pilot:
        log.write(records(range(100)))
        log.focus()
        await pilot.press("f", "f")
        assert log.least is Severity.ERROR
        assert [record.text for record in log.records()] == [f"record {number}" for number in range(0, 100, 10)]
        log.needle = "RECORD 9"
        assert [record.text for record in log.records()] == ["record 90"]
        log.write(records([900, 901, 200]))
        assert [record.text for record in log.records()] == ["record 90", "record 900"]
        log.needle = "nobody says this"
        await pilot.pause()
        assert any("nothing passes the log's filter" in line for line in lines(log))


async def test_enter_jumps_to_the_entry_of_a_record_and_to_none_without_one() -> None:
    log = LogView()
    stage = Stage(log)
    async with stage.run_test(size=(80, 24)) as pilot:
        log.write(records(range(11)))
        log.focus()
        await pilot.press("enter", "k", "enter")
        assert [message.path for message in stage.said(LogView.JumpTo)] == ["views/blocks/global/10.parquet"]


async def test_foreign_text_in_a_record_is_shown_and_not_obeyed_but_kept_for_copies() -> None:
    log = LogView()
    async with Stage(log).run_test(size=(80, 24)) as pilot:
        log.write([LogRecord(START, Severity.WARNING, "bad \x1b]0;owned\x07 and \u202e turned")])
        await pilot.pause()
        assert "bad \\x1b]0;owned\\x07 and \\u202e turned" in lines(log)[0]
        assert log.records()[0].line() == "2025-06-14T09:12:00.000Z warning bad \x1b]0;owned\x07 and \u202e turned"


async def test_a_line_filters_the_log_by_text_and_goes_once_it_is_empty() -> None:
    pane = LogPane()
    async with Stage(pane).run_test(size=(80, 24)) as pilot:
        pane.view.write(records(range(100)))
        pane.view.focus()
        await pilot.press("/", *"record 7", "enter")
        await pilot.pause()
        assert pane.view.has_focus
        assert len(pane.view.records()) == 11
        assert pane.query_one(OneLine).display
        await pilot.press("/", "ctrl+u", "escape")
        await pilot.pause()
        assert pane.view.has_focus
        assert len(pane.view.records()) == 100
        assert not pane.query_one(OneLine).display
