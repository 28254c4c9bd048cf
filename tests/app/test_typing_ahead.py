"""Keys that come faster than they are heard of: several in one read, each for whoever has the focus once the one before was heard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Input

from app.seat import Seat, seated
from app.stage import Stage
from app.terminal import Terminal, judged, terminal
from refooter.demo.lake import LakeSummary, build_lake
from refooter.events import Severity
from refooter.values import Status
from refooter_tui.app.screens.export import ExportScreen
from refooter_tui.app.screens.palette import PaletteScreen
from refooter_tui.app.screens.plan import PlanScreen
from refooter_tui.app.screens.question import Question
from refooter_tui.app.widgets.chips import FilterInput
from refooter_tui.app.widgets.one_line import ShownInput
from refooter_tui.model.codes import code_of
from support.tables import table_digests

ENTRIES = 60
# As a terminal with the kitty protocol sends it: a bare escape would be part of what follows.
ESCAPE = "\x1b[27u"


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=ENTRIES)


def at_once(pilot: Pilot[int] | Pilot[None], *keys: str) -> None:
    """As one read of the terminal brings them: all are sent before the first is heard of."""
    for key in keys:
        typed = key if len(key) == 1 else None
        pilot.app.post_message(events.Key(_character_to_key(key) if typed else key, typed))


def broken(seat: Seat) -> int:
    return int((seat.app.lake.table.status == code_of(Status.CORRUPT)).sum())


@contextmanager
def opened(lake: LakeSummary, tmp_path: Path) -> Iterator[Terminal]:
    assert lake.store is not None
    with terminal("tui", "--dsn", lake.dsn, "--store", lake.store, state=tmp_path / "state") as there:
        judged(there, ENTRIES)
        yield there


@pytest.mark.parametrize("opening", ["/", "2"])
def test_a_filter_and_a_command_typed_in_one_write_are_a_filter_and_a_command(
    lake: LakeSummary, tmp_path: Path, opening: str
) -> None:
    with opened(lake, tmp_path) as there:
        there.press(f"{opening}status:corrupt\ram")
        there.sees("Plan: migrate", "y go")
        count = re.search(r"Plan: migrate (\d+) entries", there.text)
        assert count is not None
        there.press(ESCAPE)
        there.until(lambda text: "Plan: migrate" not in text)
        there.sees(f"{count[1]} of {ENTRIES} shown", "status:corrupt ✕")


def test_what_is_typed_behind_the_escape_of_a_filter_is_for_the_table(lake: LakeSummary, tmp_path: Path) -> None:
    with opened(lake, tmp_path) as there:
        there.press(f"/status:corrupt{ESCAPE}a")
        there.sees("status:corrupt ✕", "selected")


def test_what_is_typed_behind_the_filter_of_the_log_is_for_the_log(lake: LakeSummary, tmp_path: Path) -> None:
    with opened(lake, tmp_path) as there:
        there.press("6/catalog has\r3a")
        there.sees("“catalog has”", "1 of ", f"{ENTRIES} selected")


@pytest.mark.parametrize("leaving", ["enter", "escape"])
async def test_the_filter_is_left_before_the_next_key(lake: LakeSummary, tmp_path: Path, leaving: str) -> None:
    async with seated(lake, tmp_path) as seat:
        at_once(seat.pilot, "/", *"status:corrupt", leaving, "a")
        await seat.until(lambda: seat.app.lake.selection.count)
        assert seat.app.lake.selection.count == len(seat.shown) == broken(seat)
        assert seat.app.focused is seat.app._entries
        assert seat.app.query_one(FilterInput).value == "status:corrupt"


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
@pytest.mark.parametrize("leaving", ["enter", "escape"])
async def test_the_filter_of_the_log_is_entered_and_left_before_the_next_key(
    lake: LakeSummary, tmp_path: Path, size: tuple[int, int], leaving: str
) -> None:
    async with seated(lake, tmp_path, size) as seat:
        await seat.press("6")
        log = seat.app._log_view
        at_once(seat.pilot, "/", *"catalog", leaving, "f")
        await seat.until(lambda: log.least is Severity.WARNING)
        assert log.needle == "catalog"
        assert seat.app.focused is log
        at_once(seat.pilot, "/", "/", "x", leaving, "f")
        await seat.until(lambda: log.least is Severity.ERROR)
        assert log.needle == "catalog/x"


async def test_a_filter_that_is_wrong_keeps_the_line_open(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        at_once(seat.pilot, "/", *"stat:", "enter", "m")
        line = seat.app.query_one(FilterInput)
        await seat.until(lambda: line.value == "stat:m")
        assert seat.app.focused is line


async def test_what_is_typed_behind_the_name_that_a_large_run_asks_for_changes_nothing(
    lake: LakeSummary, tmp_path: Path
) -> None:
    before = table_digests(lake.dsn)
    async with seated(lake, tmp_path, label="staging") as seat:
        await seat.press("a", "m")
        screen = await seat.plan()
        await seat.press("y")
        await seat.until(lambda: isinstance(seat.app.focused, Input))
        at_once(seat.pilot, *"stagin", "enter", "g", "q", "y", "A", "escape", "A", "m", "q")
        await seat.until(lambda: seat.app.screen is not screen)
        await seat.pilot.pause()
        # neither a run, nor another plan, nor the question that `q` asks, nor another selection
        assert len(seat.app.screen_stack) == 1
        assert seat.app.lake.selection.count == ENTRIES
        assert table_digests(lake.dsn) == before
        await seat.press("m")
        await seat.plan()
        await seat.press("y")
        await seat.until(lambda: isinstance(seat.app.focused, Input))
        at_once(seat.pilot, *"staging", "enter", "m", "A", "q")
        result = await seat.result()
        assert result.summary.run_id == 1
        assert seat.app.lake.selection.count == ENTRIES
        assert [type(one) for one in seat.app.screen_stack[1:]] == [type(result)]


async def test_what_is_typed_behind_a_name_to_export_to_is_not_part_of_it(
    lake: LakeSummary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with seated(lake, tmp_path) as seat:
        await seat.press("e")
        await seat.on(ExportScreen)
        at_once(seat.pilot, "ctrl+u", *"mine.csv", "enter", *"mAq")
        await seat.until((tmp_path / "mine.csv").exists)
        await seat.until(lambda: len(seat.app.screen_stack) == 1)
        await seat.until(lambda: seat.app.doings.unfinished is None)


async def test_what_is_typed_behind_an_action_chosen_by_name_is_for_nobody(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        await seat.press("colon")
        await seat.on(PaletteScreen)
        at_once(seat.pilot, *"read the catalog", "enter", "a", "m")
        await seat.until(lambda: len(seat.app.screen_stack) == 1)
        await seat.pilot.pause()
        assert not seat.app.lake.selection.count
        assert len(seat.app.screen_stack) == 1


async def test_what_is_typed_while_a_dialog_lies_on_top_is_not_for_what_lies_beneath(
    lake: LakeSummary, tmp_path: Path
) -> None:
    async with seated(lake, tmp_path) as seat:
        await seat.press("a", "m")
        await seat.plan()
        at_once(seat.pilot, "escape", "A", "j", "m")
        await seat.until(lambda: not isinstance(seat.app.screen, PlanScreen))
        await seat.pilot.pause()
        assert seat.app.lake.selection.count == ENTRIES
        assert not isinstance(seat.app.screen, PlanScreen | Question)
        await seat.press("A")
        assert not seat.app.lake.selection.count


async def test_what_edits_a_field_does_so_in_its_turn() -> None:
    field = ShownInput()
    async with Stage(field).run_test() as pilot:
        field.focus()
        field.value = "before"
        await pilot.pause()
        at_once(pilot, "ctrl+u", *"abx", "backspace", "c", "home", "z", "end", "d")
        await pilot.pause()
        assert field.value == "zabcd"


async def test_a_field_takes_keys_again_once_its_enter_was_heard() -> None:
    field = ShownInput()
    stage = Stage(field)
    async with stage.run_test() as pilot:
        field.focus()
        await pilot.pause()
        at_once(pilot, *"one", "enter", *"two")
        await pilot.pause()
        assert [message.value for message in stage.said(Input.Submitted)] == ["one"]
        assert field.value == "one"
        await pilot.press(*"more")
        assert field.value == "onemore"
