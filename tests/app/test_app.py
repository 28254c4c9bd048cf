"""The app as somebody uses it: real keys on a real lake, and afterwards a look at the catalog itself."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input

import refooter_tui.app.lake_view
from app.seat import seated
from refooter.demo.lake import LakeSummary, build_lake
from refooter.values import Cause, Status
from refooter_tui.app.lake_view import LakeView, Tallies
from refooter_tui.app.screens.entry import EntryScreen
from refooter_tui.app.screens.question import Question
from refooter_tui.app.screens.result import ResultScreen
from refooter_tui.model.codes import code_of
from support.tables import rows, table_digests


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=120)


async def test_the_whole_lake_is_read_and_judged_and_told_in_one_sentence(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        summary = seat.app.lake.tallies().summary
        planned = [entry for entry in lake.planned if entry.kind is not None]
        assert summary.entries == len(planned) == len(seat.shown)
        for cause in Cause:
            assert summary.causes[code_of(cause)] == sum(entry.cause is cause for entry in planned)
        await seat.until(lambda: "do not decode" in str(seat.app.query_one("#top").render()))


async def test_a_lake_that_takes_long_to_count_is_counted_beside_the_event_loop_to_the_last_entry(
    lake: LakeSummary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter_tui.app.lake_view, "SMALL", 0)
    counted_in: set[int] = set()
    tallies = LakeView.tallies

    def seen(view: LakeView) -> Tallies:
        counted_in.add(threading.get_ident())
        return tallies(view)

    monkeypatch.setattr(LakeView, "tallies", seen)
    async with seated(lake, tmp_path) as seat:
        said = "; ".join(tallies(seat.app.lake).summary.parts()[:1])
        await seat.until(lambda: said in str(seat.app.query_one("#top").render()))
        assert counted_in
        assert threading.get_ident() not in counted_in


async def test_filter_select_plan_rehearse_migrate_and_go_back(lake: LakeSummary, tmp_path: Path) -> None:
    before = table_digests(lake.dsn)
    async with seated(lake, tmp_path) as seat:
        await seat.press("slash")
        await seat.type("cause:page_index_prefix")
        await seat.press("enter")
        await seat.until(lambda: len(seat.shown) < 120)
        prefixed = set(seat.shown)
        assert prefixed
        await seat.press("a", "m")
        plan = await seat.plan()
        assert plan.plan is not None
        assert plan.plan.selected == len(prefixed)
        await seat.press("d")
        rehearsed = await seat.result()
        assert rehearsed.summary.run_id is None
        assert table_digests(lake.dsn) == before
        await seat.press("escape", "m")
        await seat.plan()
        await seat.press("y")
        result = await seat.result()
        assert result.summary.run_id == 1
        changed = {path for (path,) in rows(lake.dsn, "SELECT file_path FROM refooter.change")}
        assert changed
        assert changed <= prefixed
        table = seat.app.lake.table
        assert {Status.OK} == {list(Status)[table.status[table.row_of(path)]] for path in changed}
        assert seat.app.lake.snapshot.changed_count == len(changed)
        await seat.press("u")
        await seat.until(lambda: isinstance(seat.app.screen, Question))
        await seat.pilot.pause()
        await seat.press("y")
        await seat.until(
            lambda: isinstance(seat.app.screen, ResultScreen) and seat.app.screen.summary.kind == "rollback"
        )
    assert table_digests(lake.dsn) == before


async def test_a_key_held_down_since_before_the_plan_was_there_goes_nowhere(lake: LakeSummary, tmp_path: Path) -> None:
    before = table_digests(lake.dsn)
    async with seated(lake, tmp_path) as seat:
        released = threading.Event()

        def hold() -> None:
            # in a thread, as a terminal's keys are read: they come whether the app is busy or not
            while not released.wait(0.02):
                seat.app.post_message(events.Key("y", "y"))

        held = threading.Thread(target=hold)
        held.start()
        seat.app.action_migrate()
        screen = await seat.plan()
        for _ in range(20):
            await asyncio.sleep(0.02)
        released.set()
        held.join()
        await seat.pilot.pause()
        assert seat.app.screen is screen
        await seat.press("escape")
    assert table_digests(lake.dsn) == before


async def test_a_read_only_session_rehearses_and_refuses_to_go(lake: LakeSummary, tmp_path: Path) -> None:
    before = table_digests(lake.dsn)
    async with seated(lake, tmp_path, read_only=True) as seat:
        await seat.press("n", "m")
        screen = await seat.plan()
        await seat.press("y")
        await seat.pilot.pause()
        assert seat.app.screen is screen
        await seat.press("d")
        result = await seat.result()
        assert result.summary.run_id is None
        await seat.press("y")
        await seat.pilot.pause()
        assert seat.app.screen is result
    assert table_digests(lake.dsn) == before


async def test_a_selection_that_the_filter_hides_never_acts_unseen(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        await seat.press("a")
        everything = seat.app.lake.selection.count
        seat.app.filter_by("status:legacy")
        await seat.until(lambda: len(seat.shown) < everything)
        await seat.press("m")
        await seat.until(lambda: isinstance(seat.app.screen, Question))
        await seat.pilot.pause()
        await seat.press("v")
        plan = await seat.plan()
        assert plan.plan is not None
        assert plan.plan.selected == len(seat.shown)


async def test_an_entry_is_decoded_beside_the_table_or_on_a_screen_of_its_own(
    lake: LakeSummary, tmp_path: Path
) -> None:
    for size in ((160, 50), (80, 24)):
        async with seated(lake, tmp_path, size) as seat:
            await seat.press("n", "enter")
            if size[0] < 120:
                await seat.until(lambda: isinstance(seat.app.screen, EntryScreen))
                detail = seat.app.screen.query_one("DetailPane")
            else:
                detail = seat.app.query_one("#detail")
            await seat.until(lambda detail=detail: detail.found is not None)  # type: ignore[attr-defined]
            for _ in range(9):
                await seat.press("right_square_bracket")
                await seat.pilot.pause()
            assert detail.tab == "history"  # type: ignore[attr-defined]


async def test_what_is_shown_is_exported(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        seat.app.filter_by("status:corrupt")
        await seat.until(lambda: 0 < len(seat.shown) < 120)
        await seat.press("e")
        await seat.until(lambda: seat.app.screen.query("#name"))
        seat.app.screen.query_one("#name", Input).value = str(tmp_path / "corrupt.csv")
        await seat.press("enter")
        await seat.until(lambda: (tmp_path / "corrupt.csv").exists())
        await seat.until(lambda: seat.app.doings.latest is None)
        written = (tmp_path / "corrupt.csv").read_text().splitlines()
        assert len(written) == 1 + len(seat.shown)


@pytest.mark.parametrize("size", [(80, 24), (120, 30), (200, 60), (59, 14)])
async def test_every_size_has_room_for_the_entries_or_says_so(
    lake: LakeSummary, tmp_path: Path, size: tuple[int, int]
) -> None:
    async with seated(lake, tmp_path, size) as seat:
        await seat.pilot.pause()
        if size[0] < 60:
            assert seat.app.query_one("#small").display
        else:
            assert seat.app.query_one("#entries").size.height >= 12
            assert not seat.app.query_one("#small").display
