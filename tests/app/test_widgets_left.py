"""The left pane: views with their bars, causes with the parser's messages, runs."""

from __future__ import annotations

import numpy as np
import pytest

from app.some_entries import some_entries
from app.stage import Stage, lines
from refooter.catalog.journal import RunRecord, RunState
from refooter.values import Cause, Status
from refooter_tui.app.widgets.asking import FilterAsked
from refooter_tui.app.widgets.causes import CausesPane
from refooter_tui.app.widgets.faces import FaceNames
from refooter_tui.app.widgets.left import LeftPane
from refooter_tui.app.widgets.runs import RunsPane
from refooter_tui.app.widgets.stacked import shares
from refooter_tui.app.widgets.views import ViewsPane
from refooter_tui.model.codes import CAUSES, STATUSES, code_of
from refooter_tui.model.filter import parse
from refooter_tui.model.summary import by_view, summarise

SIZES = [(80, 24), (160, 50)]


def counts_of(*rows: dict[Status, int]) -> np.ndarray:
    counts = np.zeros((len(rows), len(STATUSES)), np.int64)
    for index, row in enumerate(rows):
        for status, count in row.items():
            counts[index, code_of(status)] = count
    return counts


def causes_of(counts: dict[Cause, int]) -> list[int]:
    return [counts.get(cause, 0) for cause in CAUSES]


def run(run_id: int, state: RunState = RunState.FINISHED, **counts: int) -> RunRecord:
    return RunRecord(
        run_id, "migrate", "ops", 803_207_520_000_000, None, state, "0.1.0", 5, "arro3-io", {}, "auto", None, counts
    )


@pytest.mark.parametrize("size", SIZES)
async def test_views_show_entries_what_is_broken_and_a_bar(size: tuple[int, int]) -> None:
    pane = ViewsPane()
    async with Stage(pane).run_test(size=size) as pilot:
        table = some_entries()
        pane.show(table.views, by_view(table))
        pane.focus()
        await pilot.pause()
        painted = lines(pane)
        assert [line[1:].split()[1] for line in painted[:4]] == ["blocks", "log_entries", "measures", "thread_spans"]
        assert "100" in painted[1]
        assert "✗" in painted[1]
        assert "█" in painted[1]
        assert painted[0].rstrip().endswith("─")
        assert painted[3].rstrip().endswith("┄")


async def test_instances_are_there_only_while_their_set_is_open() -> None:
    pane = ViewsPane()
    async with Stage(pane).run_test(size=(80, 24)) as pilot:
        views = ["blocks/global", *(f"measures/{number:05d}" for number in range(20_000))]
        pane.show(views, counts_of(*({Status.OK: 1} for _ in views)))
        pane.focus()
        assert pane.line_count == 2
        await pilot.press("j", "space")
        assert pane.line_count == 20_002
        assert pane.view == "measures"
        await pilot.press("j")
        assert pane.view == "measures/00000"
        await pilot.press("G")
        assert pane.view == "measures/19999"
        await pilot.press("left")
        assert pane.line_count == 2
        assert pane.view == "measures"


async def test_worst_first_on_request_and_by_name_again() -> None:
    pane = ViewsPane()
    async with Stage(pane).run_test(size=(80, 24)) as pilot:
        views = ["a/x", "b/x", "b/y", "c/x"]
        pane.show(views, counts_of({Status.OK: 9}, {Status.OK: 1}, {Status.LEGACY: 3}, {Status.CORRUPT: 2}))
        pane.focus()
        await pilot.press("s", "space", "j")
        assert pane.view == "b/y"
        assert [line.split()[1] for line in (lines(pane)[0], lines(pane)[3], lines(pane)[4])] == ["b", "c", "a"]
        await pilot.press("s")
        assert pane.view == "a"


async def test_the_cursor_stays_with_its_view_while_others_come() -> None:
    pane = ViewsPane()
    async with Stage(pane).run_test(size=(80, 24)) as pilot:
        pane.show(["m/1", "m/2"], counts_of({Status.OK: 1}, {Status.OK: 1}))
        pane.focus()
        await pilot.press("space", "j", "j")
        assert pane.view == "m/2"
        pane.show(["m/1", "m/2", "a/1"], counts_of({Status.OK: 1}, {Status.OK: 1}, {Status.OK: 1}))
        assert pane.view == "m/2"


@pytest.mark.parametrize("view", ["blocks/global", 'na"me with, odd:things/x'])
async def test_enter_on_a_view_asks_for_a_filter_that_means_it(view: str) -> None:
    pane = ViewsPane()
    stage = Stage(pane)
    async with stage.run_test(size=(80, 24)) as pilot:
        pane.show([view], counts_of({Status.OK: 1}))
        pane.focus()
        await pilot.press("enter", "space", "j", "enter")
        asked = [parse(message.term).terms for message in stage.said(FilterAsked)]
        assert [(term.key, term.values) for (term,) in asked] == [
            ("view", (view.partition("/")[0],)),
            ("view", (view,)),
        ]


async def test_causes_open_into_the_parsers_messages_and_filter_by_both() -> None:
    pane = CausesPane()
    stage = Stage(pane)
    asked_for: list[Cause] = []

    def messages(cause: Cause) -> list[tuple[str, int]]:
        asked_for.append(cause)
        return [("Required field num_rows is missing", 900), ("invalid \x1b utf8", 304)]

    async with stage.run_test(size=(80, 24)) as pilot:
        pane.show(causes_of({Cause.NONE: 10, Cause.ZERO_NUM_ROWS: 12, Cause.PAGE_INDEX_PREFIX: 1_204}), messages)
        pane.focus()
        await pilot.pause()
        assert "◆ page_index_prefix" in lines(pane)[0]
        assert lines(pane)[0].split()[-1] == "1,204"
        assert "▲ zero_num_rows" in lines(pane)[1]
        assert not asked_for
        await pilot.press("space", "j", "j")
        assert set(asked_for) == {Cause.PAGE_INDEX_PREFIX}
        assert "invalid \\x1b utf8" in lines(pane)[2]
        await pilot.press("enter", "g", "enter")
        with_message, alone = (parse(message.term).terms for message in stage.said(FilterAsked))
        assert [(term.key, term.values) for term in with_message] == [
            ("cause", ("page_index_prefix",)),
            ("error", ("invalid \x1b utf8",)),
        ]
        assert [(term.key, term.values) for term in alone] == [("cause", ("page_index_prefix",))]


async def test_causes_of_a_real_table_are_its_summary() -> None:
    pane = CausesPane()
    async with Stage(pane).run_test(size=(80, 24)) as pilot:
        pane.show(summarise(some_entries()).causes, lambda cause: [])
        await pilot.pause()
        shown = {line.split()[-2] for line in lines(pane) if line.strip()}
        assert shown == {cause.value for cause in Cause} - {"none"}


async def test_runs_stand_newest_first_with_what_they_wrote_and_what_went_wrong() -> None:
    pane = RunsPane()
    stage = Stage(pane)
    async with stage.run_test(size=(80, 24)) as pilot:
        pane.show([run(1, migrated=1_204, failed=3), run(2, RunState.INTERRUPTED, migrated=7)])
        pane.focus()
        await pilot.pause()
        assert lines(pane)[0].split() == ["▌✗", "2", "migrate", "06-14", "09:12", "7", "interrupted"]
        assert lines(pane)[1].split() == ["✓", "1", "migrate", "06-14", "09:12", "1,204", "✗3"]
        await pilot.press("j")
        pane.show([run(1, migrated=1_204), run(2), run(3, RunState.RUNNING)])
        await pilot.press("enter")
        assert [message.run_id for message in stage.said(RunsPane.RunOpened)] == [1]


@pytest.mark.parametrize("size", SIZES)
async def test_the_faces_turn_by_key_and_by_mouse_and_keep_the_focus(size: tuple[int, int]) -> None:
    left = LeftPane()
    async with Stage(left).run_test(size=size) as pilot:
        left.showing.focus()
        await pilot.press("]")
        await pilot.pause()
        assert left.face == "causes"
        assert left.causes.has_focus
        assert "[Causes]" in lines(left.query_one(FaceNames))[0]
        await pilot.press("[", "[")
        await pilot.pause()
        assert left.runs.has_focus
        await pilot.click(FaceNames, offset=(lines(left.query_one(FaceNames))[0].index("Views"), 0))
        assert left.face == "views"
        assert left.views.has_focus


@pytest.mark.parametrize(
    ("counts", "width", "wanted"),
    [
        ([0, 0, 0], 8, [0, 0, 0]),
        ([1, 1, 40_000], 8, [1, 1, 6]),
        ([3, 0, 1], 8, [6, 0, 2]),
        ([1, 1, 1, 1], 2, [1, 1, 0, 0]),
        ([5, 5], 0, [0, 0]),
    ],
)
def test_a_bar_shows_what_is_there_and_adds_up_to_its_width(counts: list[int], width: int, wanted: list[int]) -> None:
    assert shares(counts, width) == wanted
