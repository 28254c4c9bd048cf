"""From a selection to a run: what a plan asks, what it refuses, and what it says when the catalog has gone on since."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from app.seat import seated
from refooter.demo.lake import LakeSummary, build_lake
from refooter.values import Outcome, Reason, Status
from refooter_tui.app.app import RefooterApp
from refooter_tui.app.screens.plan import PlanScreen
from refooter_tui.app.screens.question import Question
from refooter_tui.app.screens.result import ResultScreen
from refooter_tui.app.widgets.asking import CopyAsked
from refooter_tui.cli import render
from refooter_tui.model.codes import code_of
from support.tables import execute, rows, table_digests


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=120)


def _runs(dsn: str) -> int:
    exists = rows(dsn, "SELECT to_regclass('refooter.run') IS NOT NULL")[0][0]
    return int(rows(dsn, "SELECT count(*) FROM refooter.run")[0][0]) if exists else 0


async def test_what_changed_since_the_plan_is_shown_and_asked_about(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        seat.app.filter_by("cause:page_index_prefix")
        await seat.until(lambda: 2 < len(seat.shown) < 120)
        changed, gone, *left = seat.shown
        await seat.press("a", "m")
        await seat.plan()
        sound = rows(
            lake.dsn,
            "SELECT metadata FROM partition_metadata WHERE file_path = %s",
            seat.app.lake.table.path(int((seat.app.lake.table.status == code_of(Status.OK)).argmax())),
        )[0][0]
        execute(lake.dsn, "UPDATE partition_metadata SET metadata = %s WHERE file_path = %s", sound, changed)
        execute(lake.dsn, "DELETE FROM lakehouse_partitions WHERE file_path = %s", gone)
        execute(lake.dsn, "DELETE FROM partition_metadata WHERE file_path = %s", gone)
        before = table_digests(lake.dsn)
        await seat.press("y")
        await seat.question()
        said = seat.text
        assert "2 entries are not as the plan had it" in said
        assert "gone" in said
        assert table_digests(lake.dsn) == before
        assert not _runs(lake.dsn)
        await seat.press("p")
        again = await seat.plan()
        assert again.plan is not None
        assert again.plan.selected == len(left) + 1
        await seat.press("y")
        result = await seat.result()
        assert result.summary.run_id == 1
        assert result.summary.count(Outcome.MIGRATED) + result.summary.count(Outcome.FAILED) >= len(left)


async def test_a_plan_that_is_still_true_goes_without_another_question(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        await seat.press("n", "m")
        await seat.plan()
        await seat.press("y")
        result = await seat.result()
        assert result.summary.run_id == 1


async def test_a_run_of_the_whole_lake_asks_for_the_name_to_be_typed(lake: LakeSummary, tmp_path: Path) -> None:
    before = table_digests(lake.dsn)
    async with seated(lake, tmp_path, label="staging") as seat:
        await seat.press("a", "m")
        screen = await seat.plan()
        await seat.press("y")
        await seat.until(lambda: isinstance(seat.app.focused, Input))
        await seat.type("production")
        await seat.press("enter")
        await seat.pilot.pause()
        assert seat.app.screen is screen
        assert table_digests(lake.dsn) == before
        assert not _runs(lake.dsn)
        screen.query_one("#typed", Input).value = ""
        await seat.type("staging")
        await seat.press("enter")
        result = await seat.result()
        assert result.summary.count(Outcome.MIGRATED) > 0


async def test_the_strategy_and_its_command_change_with_a_key(
    lake: LakeSummary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with seated(lake, tmp_path) as seat:
        seat.app.filter_by("cause:page_index_prefix")
        await seat.until(lambda: len(seat.shown) < 120)
        await seat.press("a", "m")
        first = await seat.plan()
        assert first.plan is not None
        assert first.plan.by_step.get("repair")
        await seat.press("s")
        await seat.until(
            lambda: isinstance(seat.app.screen, PlanScreen) and "--strategy repair" in seat.app.screen.command
        )
        await seat.plan()
        await seat.press("s")
        await seat.until(
            lambda: isinstance(seat.app.screen, PlanScreen) and "--strategy refetch" in seat.app.screen.command
        )
        refetch = await seat.plan()
        assert refetch.plan is not None
        assert not refetch.plan.by_step.get("repair")
        assert refetch.plan.store_requests > first.plan.store_requests
        asked: list[CopyAsked] = []
        monkeypatch.setattr(RefooterApp, "on_copy_asked", lambda self, event: asked.append(event))
        await seat.press("c")
        await seat.until(lambda: asked)
        assert asked[0].text == refetch.command


async def test_only_what_failed_for_one_reason_is_tried_again(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        seat.app.filter_by("status:legacy,corrupt,harmful")
        await seat.until(lambda: len(seat.shown) < 120)
        await seat.press("a", "m")
        await seat.plan()
        await seat.press("d")
        result = await seat.result()
        missing = result.summary.reasons[Reason.FILE_MISSING]
        groups = result.query_one("#groups", OptionList)
        at = next(index for index, group in enumerate(result.groups) if group.reason is Reason.FILE_MISSING)
        groups.highlighted = at
        await seat.press("t")
        plan = await seat.plan()
        assert plan.plan is not None
        assert plan.plan.selected == missing
        assert seat.app.screen is not result


async def test_a_group_of_the_result_filters_the_entries(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        await seat.press("a", "m")
        await seat.plan()
        await seat.press("d")
        result = await seat.result()
        group = result.groups[0]
        await seat.press("enter")
        await seat.until(lambda: not isinstance(seat.app.screen, ResultScreen))
        await seat.until(lambda: len(seat.shown) == group.count)


async def test_leaving_the_plan_leaves_everything(lake: LakeSummary, tmp_path: Path) -> None:
    before = table_digests(lake.dsn)
    async with seated(lake, tmp_path) as seat:
        await seat.press("a", "m")
        await seat.plan()
        await seat.press("escape")
        await seat.until(lambda: len(seat.app.screen_stack) == 1)
        await seat.press("y", "d", "enter")
        await seat.pilot.pause()
        assert seat.app.doings.latest is None
        assert not isinstance(seat.app.screen, Question)
    assert table_digests(lake.dsn) == before


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_what_one_has_to_know_of_a_plan_is_seen_at_once_and_the_rest_below(
    lake: LakeSummary, tmp_path: Path, size: tuple[int, int]
) -> None:
    async with seated(lake, tmp_path, size) as seat:
        await seat.press("a", "m")
        screen = await seat.plan()
        plan = screen.plan
        assert plan is not None
        await seat.pilot.pause()
        # as it is read: without the box, and without the breaks of its lines
        said = " ".join(re.sub(r"[│╭╮╰╯─▁-█]", " ", seat.text).split())
        assert f"{plan.changed} of {plan.selected} entries are to be changed" in said
        for cause, count in plan.by_cause.items():
            assert re.search(rf"{cause.value} [^,a-z]*{count}\b", said), cause
        assert f"{plan.by_step['refetch']} read anew" in said
        assert f"{plan.store_requests} requests, {render.size(plan.store_bytes)}" in said
        assert f"{render.size(plan.journal_bytes)} of before images, in this database's schema" in said
        assert f"WAL {render.size(plan.wal_bytes)}" in said
        assert "$ refooter migrate" in said
        assert "y go" in said
        await seat.press("end")
        await seat.until(lambda: "what to do" in seat.text)
        assert screen.ready
