"""Held and paused: nothing of ours is open in the database, nothing is written, and it all goes on afterwards."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import refooter.jobs.run
from app.engines import SLOWLY, Stage, built_lake, copy_of, opened
from refooter.catalog import pages
from refooter.catalog.journal import Journal, RunState
from refooter.catalog.selection import Selection, View
from refooter.demo.lake import LakeSummary
from refooter.demo.server import Server
from refooter.events import Plan, RunSummary, ScanSummary
from refooter.jobs.decide import MigrateOptions
from refooter.values import Outcome
from refooter_tui.app.messages import Connected, JobEvents, JobKind
from support.tables import rows, table_digests
from test_catalog_rows import database_of

_TEMPLATE = "engine_hold"


@pytest.fixture(scope="module")
def template(server: Server) -> Iterator[LakeSummary]:
    with built_lake(server, _TEMPLATE) as lake:
        yield lake


@pytest.fixture
def dsn(server: Server, template: LakeSummary) -> Iterator[str]:
    with copy_of(server, _TEMPLATE) as address:
        yield address


@pytest.fixture
def stage(dsn: str, template: LakeSummary, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(refooter.jobs.run, "BATCH_ENTRIES", 5)
    monkeypatch.setattr(refooter.jobs.run, "HEARTBEAT_SECONDS", 0.1)
    with opened(dsn, template, heartbeat=0.1) as ready:
        yield ready


@pytest.fixture
def quiet_stage(dsn: str, template: LakeSummary) -> Iterator[Stage]:
    """Whose engine does not look at its connection meanwhile: that is a transaction of a moment too."""
    with opened(dsn, template) as ready:
        yield ready


def open_transactions(dsn: str) -> list[tuple[Any, ...]]:
    return rows(
        dsn,
        "SELECT state, query FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'refooter'"
        " AND (xact_start IS NOT NULL OR state <> 'idle')",
    )


def written(stage: Stage) -> tuple[Any, ...]:
    """All that a run writes: both tables, and the journal with its heartbeats."""
    return (
        table_digests(stage.dsn),
        rows(stage.dsn, "SELECT * FROM refooter.run ORDER BY run_id"),
        rows(stage.dsn, "SELECT run_id, file_path FROM refooter.change ORDER BY 1, 2"),
        rows(stage.dsn, "SELECT * FROM refooter.result ORDER BY run_id, file_path"),
    )


def half_way(stage: Stage) -> int:
    """A migration that has written a batch, and has much before it."""
    job = stage.engine.migrate(None, SLOWLY)
    stage.heard.until(JobEvents, lambda said: any(one.outcome is Outcome.MIGRATED for one in said.results))
    return job


def close_as_dead(stage: Stage) -> None:
    """What another process does that finds a run without a sign of life."""

    async def close() -> None:
        async with database_of(stage.dsn) as database:
            assert await Journal(database).close_other(1) is RunState.DEAD

    with psycopg.connect(stage.dsn) as connection:
        connection.execute("UPDATE refooter.run SET heartbeat = heartbeat - interval '10 minutes'")
    asyncio.run(close())


def test_while_it_is_held_a_run_writes_nothing_and_has_no_transaction_open_and_then_it_ends_normally(
    stage: Stage,
) -> None:
    engine, heard = stage.engine, stage.heard
    job = half_way(stage)
    assert engine.hold(20.0)
    assert open_transactions(stage.dsn) == []
    before = written(stage)
    waiting = engine.scan(None)
    # A second time it is held already; that the engine answers says that it had every chance to do something.
    for _ in range(20):
        assert engine.hold(20.0)
        assert open_transactions(stage.dsn) == []
    assert written(stage) == before
    engine.release()
    summary = heard.done(job).summary
    assert isinstance(summary, RunSummary)
    assert (summary.selected, summary.state) == (stage.lake.entries, "finished")
    assert len(stage.migrated()) == summary.count(Outcome.MIGRATED) > 0
    assert heard.done(waiting).error is None


def test_a_run_that_was_declared_dead_while_it_was_held_stops_without_another_write(stage: Stage) -> None:
    job = half_way(stage)
    assert stage.engine.hold(20.0)
    close_as_dead(stage)
    before = written(stage)
    stage.engine.release()
    done = stage.heard.done(job)
    assert done.code == "run_closed"
    assert "closed by another process" in (done.error or "")
    assert written(stage) == before
    assert stage.states() == ["dead"]


def test_a_paused_run_that_was_declared_dead_while_it_was_held_finds_out_by_its_heartbeat(stage: Stage) -> None:
    job = half_way(stage)
    stage.engine.pause(job)
    assert stage.engine.hold(20.0)
    close_as_dead(stage)
    before = written(stage)
    stage.engine.release()
    assert stage.heard.done(job).code == "run_closed"
    assert written(stage) == before


def test_where_a_transaction_stays_open_it_is_not_held_and_all_goes_on(stage: Stage) -> None:
    stage.heard.until(Connected)
    with psycopg.connect(stage.dsn) as somebody:
        somebody.execute("LOCK TABLE partition_metadata IN ACCESS EXCLUSIVE MODE")
        job = stage.engine.scan(None)
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        while rows(stage.dsn, waiting) == [(0,)]:
            pass
        assert stage.engine.hold(0.2) is False
    assert stage.heard.done(job).error is None


def test_a_held_engine_can_be_stopped_and_records_its_run_as_interrupted(
    dsn: str, template: LakeSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter.jobs.run, "BATCH_ENTRIES", 5)
    with opened(dsn, template) as stage:
        half_way(stage)
        assert stage.engine.hold(20.0)
        assert stage.engine.stop(20.0)
        assert stage.states() == ["interrupted"]
        assert stage.engine.hold(0.0)


def test_an_attempt_to_connect_is_given_up_when_it_is_held_and_made_again_afterwards(template: LakeSummary) -> None:
    with tempfile.TemporaryDirectory(prefix="refooter-silent-") as directory, socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(Path(directory) / ".s.PGSQL.5432"))
        silent.listen()
        silent.settimeout(30)
        with opened(f"postgresql://postgres@/lake?host={directory}", template) as stage:
            attempt, _ = silent.accept()
            assert stage.engine.hold(20.0)
            while attempt.recv(1024):
                pass
            silent.settimeout(0)
            with pytest.raises(BlockingIOError):
                silent.accept()
            silent.settimeout(30)
            stage.engine.release()
            again, _ = silent.accept()
            attempt.close()
            again.close()


def test_a_lake_is_opened_after_it_was_held_before_that(dsn: str, template: LakeSummary) -> None:
    with opened(dsn, template) as stage:
        assert stage.engine.hold(20.0)
        assert open_transactions(dsn) == []
        job = stage.engine.scan(None)
        stage.engine.release()
        assert stage.heard.done(job).error is None


@pytest.mark.parametrize("kind", [JobKind.SCAN, JobKind.DRY_RUN, JobKind.PLAN])
def test_a_paused_job_reads_no_further_page_and_has_no_transaction_open(
    quiet_stage: Stage, monkeypatch: pytest.MonkeyPatch, kind: JobKind
) -> None:
    stage = quiet_stage
    engine, heard = stage.engine, stage.heard
    view, first = Selection(views=(View("blocks"),)), 1
    read: Counter[bool] = Counter()
    read_page = pages._read_page

    async def paused_after_the_first(database: Any, selection: Selection, *more: Any) -> Any:
        page = await read_page(database, selection, *more)
        read[bool(selection.views)] += 1
        if bool(selection.views) and read[True] == 1:
            engine.pause(first)
            # What a thread asked of the loop comes with its next turns.
            for _ in range(5):
                await asyncio.sleep(0)
        return page

    monkeypatch.setattr(pages, "_read_page", paused_after_the_first)
    monkeypatch.setattr(pages, "PAGE_BYTES", 1)
    if kind is JobKind.SCAN:
        job = engine.scan(view)
    elif kind is JobKind.PLAN:
        job = engine.plan(view, MigrateOptions())
    else:
        job = engine.migrate(view, MigrateOptions(dry_run=True))
    assert job == first
    heard.until(JobEvents, lambda said: "paused" in [notice.text for notice in said.notices])
    # Another one reads the whole lake meanwhile, page by page.
    heard.done(engine.scan(None))
    assert read[False] > 20
    assert read[True] == 1
    assert open_transactions(stage.dsn) == []
    engine.resume(job)
    summary = heard.done(job).summary
    assert isinstance(summary, ScanSummary | RunSummary | Plan)
    assert read[True] > 20
