"""The list stays true while somebody else writes: what comes and goes is announced, and nothing is called gone that is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.seat import seated
from refooter.demo.lake import LakeSummary, build_lake
from refooter.jobs.listing import nothing_listed
from refooter_tui.app.messages import Listed
from refooter_tui.app.news import EngineNews
from support.tables import execute


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=60)


async def test_entries_that_come_and_go_are_announced_and_the_screen_stays(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        before = seat.shown
        gone = before[3]
        execute(lake.dsn, "DELETE FROM lakehouse_partitions WHERE file_path = %s", gone)
        execute(lake.dsn, "DELETE FROM partition_metadata WHERE file_path = %s", gone)
        execute(
            lake.dsn,
            "INSERT INTO partition_metadata SELECT 'views/blocks/global/2026-03-01/new.parquet', metadata, insert_time,"
            " partition_format_version FROM partition_metadata WHERE file_path = %s",
            before[0],
        )
        await seat.until(lambda: "1 new, 1 retired" in seat.text)
        assert seat.shown == before
        await seat.press("equals_sign")
        await seat.until(lambda: "views/blocks/global/2026-03-01/new.parquet" in seat.shown)
        assert gone not in seat.shown
        await seat.settled()


async def test_the_end_of_a_list_that_was_begun_anew_retires_nothing(lake: LakeSummary, tmp_path: Path) -> None:
    async with seated(lake, tmp_path) as seat:
        table = seat.app.lake.table
        table.begin_listing()
        stale = Listed(job=-7, batch=nothing_listed(), done=0, about=0, complete=True)
        for part in (stale, replace(stale, quiet=True)):
            seat.app.post_message(EngineNews(part))
            await seat.pilot.pause()
        assert not table.retired_count
