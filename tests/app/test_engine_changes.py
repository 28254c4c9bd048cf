"""The catalog changes while somebody looks at it: that is said, once, and not of what we did ourselves."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import psycopg
import pytest

from app.engines import SECONDS, Stage, built_lake, copy_of, opened
from refooter.catalog import connection
from refooter.catalog.activity import Activity, Changes
from refooter.demo.lake import LakeSummary
from refooter.demo.server import Server
from refooter.events import RunSummary
from refooter.jobs.decide import MigrateOptions
from refooter.jobs.listing import ListedPage
from refooter.values import Outcome
from refooter_tui.app import lifeline, workshop
from refooter_tui.app.messages import CatalogChanged, Connected, JobDone, JobKind, Listed

_TEMPLATE = "engine_changes"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def template(server: Server) -> Iterator[LakeSummary]:
    with built_lake(server, _TEMPLATE) as lake:
        yield lake


@pytest.fixture
def stage(server: Server, template: LakeSummary) -> Iterator[Stage]:
    with copy_of(server, _TEMPLATE) as dsn, opened(dsn, template, heartbeat=0.1) as ready:
        ready.heard.until(Connected)
        yield ready


@contextmanager
def somebody(stage: Stage) -> Iterator[psycopg.Connection[Any]]:
    """A session of somebody else's, whose transaction is counted as soon as it has ended."""
    with psycopg.connect(stage.dsn) as session:
        session.execute("SELECT pg_stat_force_next_flush()")
        yield session


def insert(stage: Stage) -> None:
    with somebody(stage) as session:
        session.execute(
            "INSERT INTO partition_metadata SELECT %s, metadata, insert_time, 1 FROM partition_metadata LIMIT 1",
            (f"views/blocks/global/new{next(_numbers)}.parquet",),
        )


def told(stage: Stage) -> list[CatalogChanged]:
    return [message for message in stage.heard.messages if isinstance(message, CatalogChanged)]


def test_rows_that_come_and_go_are_told_once(stage: Stage) -> None:
    insert(stage)
    assert stage.heard.until(CatalogChanged) == CatalogChanged(1, 0, 0)
    with somebody(stage) as session:
        session.execute("DELETE FROM partition_metadata WHERE file_path LIKE 'views/blocks/global/new%'")
    assert stage.heard.until(CatalogChanged) == CatalogChanged(0, 1, 0)
    with somebody(stage) as session:
        session.execute("INSERT INTO lakehouse_partitions (num_rows) VALUES (0), (0)")
    assert stage.heard.until(CatalogChanged) == CatalogChanged(2, 0, 0)


def test_what_somebody_else_updates_is_told(stage: Stage) -> None:
    with somebody(stage) as session:
        session.execute("UPDATE partition_metadata SET metadata = metadata")
    assert stage.heard.until(CatalogChanged) == CatalogChanged(0, 0, stage.lake.entries)


def test_what_a_run_of_ours_updates_is_no_news_and_what_is_inserted_meanwhile_is(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = connection.limit

    async def counted_at_once(ours: connection.Connection, *seconds: float) -> None:
        await limit(ours, *seconds)
        await ours.execute("SELECT pg_stat_force_next_flush()")

    looks: SimpleQueue[Changes] = SimpleQueue()
    look = Activity.look

    async def watched(activity: Activity) -> Changes:
        looks.put(changes := await look(activity))
        return changes

    monkeypatch.setattr(connection, "limit", counted_at_once)
    monkeypatch.setattr(Activity, "look", watched)
    done = stage.heard.done(stage.engine.migrate(None, MigrateOptions()))
    assert isinstance(done.summary, RunSummary)
    seen = Changes()
    while seen.updated < done.summary.count(Outcome.MIGRATED):
        seen += looks.get(timeout=SECONDS)
    insert(stage)
    assert stage.heard.until(CatalogChanged).inserted == 1
    assert [changed.inserted for changed in told(stage)] == [1]


def test_long_after_a_run_of_ours_updates_are_somebody_elses_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifeline, "OURS_SECONDS", 0.0)
    path = stage.lake.paths()[0]
    stage.heard.done(stage.engine.migrate([path], MigrateOptions(dry_run=False)))
    with somebody(stage) as session:
        session.execute("UPDATE partition_metadata SET metadata = metadata")
    assert stage.heard.until(CatalogChanged, lambda said: said.updated >= stage.lake.entries).inserted == 0


def test_a_list_says_whether_somebody_waits_for_it(stage: Stage) -> None:
    for quiet in (False, True):
        job = stage.engine.load(quiet=quiet)
        assert stage.heard.done(job).error is None
        parts = [said for said in stage.heard.messages if isinstance(said, Listed) and said.job == job]
        assert parts[-1].complete
        assert {part.quiet for part in parts} == {quiet}


def test_a_quiet_list_waits_for_the_one_that_is_coming_and_many_of_them_are_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[int] = []
    listing = workshop.listing

    async def paused_after_a_page(lake: Any) -> AsyncGenerator[ListedPage, None]:
        async for page in listing(lake):
            yield page
            if not paused:
                paused.append(1)
                stage.engine.pause(first)

    monkeypatch.setattr(workshop, "listing", paused_after_a_page)
    first = stage.engine.load()
    stage.heard.until(Listed)
    replaced, last = stage.engine.load(quiet=True), stage.engine.load(quiet=True)
    assert stage.heard.done(replaced) == JobDone(replaced, JobKind.LOAD, cancelled=True)
    stage.engine.resume(first)
    assert not stage.heard.done(first).cancelled
    assert not stage.heard.done(last).cancelled
    complete = [said.job for said in stage.heard.messages if isinstance(said, Listed) and said.complete]
    assert complete == [first, last]


def test_whoever_asks_aloud_is_not_kept_waiting_by_a_quiet_list(stage: Stage) -> None:
    quiet, loud = stage.engine.load(quiet=True), stage.engine.load()
    assert not stage.heard.done(loud).cancelled
    assert stage.heard.done(quiet).cancelled
