"""A plan is frozen: what changed behind it is told before anything is written."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest

from app.engines import Stage, built_lake, copy_of, opened
from refooter.catalog.selection import Selection, View
from refooter.catalog.stamps import Stamps
from refooter.demo.lake import LakeSummary
from refooter.demo.server import Server
from refooter.events import Plan
from refooter.jobs import drift
from refooter.jobs import plan as jobs_plan
from refooter.jobs.decide import MigrateOptions
from refooter.jobs.drift import Drift
from refooter.values import Cause, Status
from refooter_tui.app.engine import Scope
from refooter_tui.app.messages import JobDone, JobKind
from support.tables import execute, values

_TEMPLATE = "engine_drift"


@pytest.fixture(scope="module")
def template(server: Server) -> Iterator[LakeSummary]:
    with built_lake(server, _TEMPLATE) as lake:
        yield lake


@pytest.fixture
def stage(server: Server, template: LakeSummary) -> Iterator[Stage]:
    with copy_of(server, _TEMPLATE) as dsn, opened(dsn, template) as ready:
        yield ready


def planned(stage: Stage, what: Scope) -> Stamps:
    done = stage.heard.done(stage.engine.plan(what, MigrateOptions()))
    assert isinstance(done.summary, Plan)
    assert done.stamps is not None
    assert len(done.stamps) == done.summary.selected
    return done.stamps


def drifted(stage: Stage, what: Scope, stamps: Stamps) -> Drift:
    done = stage.heard.done(stage.engine.drift(what, stamps))
    assert (done.kind, done.error) == (JobKind.DRIFT, None)
    assert isinstance(done.summary, Drift)
    return done.summary


def test_where_nothing_changed_there_is_no_difference(stage: Stage) -> None:
    for what in (None, Selection(views=(View("blocks"),)), stage.lake.paths(cause=Cause.PAGE_INDEX_PREFIX)):
        found = drifted(stage, what, planned(stage, what))
        assert found.total == 0
        assert (found.changed_entries, found.gone_paths, found.new_paths) == ((), (), ())


def test_what_changed_is_judged_anew_and_what_is_gone_or_new_is_named(stage: Stage) -> None:
    mended, retired, *_ = stage.lake.paths(cause=Cause.PAGE_INDEX_PREFIX)
    sound = values(stage.dsn)[stage.lake.paths(cause=Cause.NONE)[0]]
    stamps = planned(stage, None)
    execute(stage.dsn, "UPDATE partition_metadata SET metadata = '' WHERE file_path = %s", mended)
    execute(stage.dsn, "DELETE FROM partition_metadata WHERE file_path = %s", retired)
    execute(stage.dsn, "INSERT INTO partition_metadata VALUES ('views/blocks/global/new.parquet', %s, now(), 2)", sound)
    found = drifted(stage, None, stamps)
    assert (found.changed, found.gone, found.new) == (1, 1, 1)
    [entry] = found.changed_entries
    assert (entry.file_path, entry.diagnosis.status, entry.diagnosis.cause) == (mended, Status.CORRUPT, Cause.EMPTY)
    assert (found.gone_paths, found.new_paths) == ((retired,), ("views/blocks/global/new.parquet",))


def test_a_run_of_our_own_is_a_change_like_any_other(stage: Stage) -> None:
    paths = stage.lake.paths(cause=Cause.PAGE_INDEX_PREFIX)
    stamps = planned(stage, paths)
    run = stage.heard.done(stage.engine.migrate(paths[:3], MigrateOptions()))
    assert run.error is None
    assert set(stage.migrated()) == set(paths[:3])
    found = drifted(stage, paths, stamps)
    assert (found.changed, found.gone, found.new) == (3, 0, 0)
    assert {entry.file_path: entry.diagnosis.status for entry in found.changed_entries} == dict.fromkeys(
        paths[:3], Status.OK
    )


def test_a_retired_partition_is_a_change_of_its_entry(stage: Stage) -> None:
    path = stage.lake.paths(cause=Cause.PAGE_INDEX_PREFIX)[0]
    stamps = planned(stage, [path])
    execute(stage.dsn, "DELETE FROM lakehouse_partitions WHERE file_path = %s", path)
    [entry] = drifted(stage, [path], stamps).changed_entries
    assert entry.orphan


def test_the_next_difference_is_told_from_where_the_last_one_was(stage: Stage) -> None:
    path, other, *_ = stage.lake.paths(cause=Cause.PAGE_INDEX_PREFIX)
    execute_on = "UPDATE partition_metadata SET metadata = metadata WHERE file_path = %s"
    stamps = planned(stage, None)
    execute(stage.dsn, execute_on, path)
    first = drifted(stage, None, stamps)
    assert drifted(stage, None, first.now).total == 0
    execute(stage.dsn, execute_on, other)
    assert [entry.file_path for entry in drifted(stage, None, first.now).changed_entries] == [other]


def test_what_changes_while_the_plan_is_being_made_is_a_change_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stage.lake.paths(cause=Cause.PAGE_INDEX_PREFIX)[0]
    made = jobs_plan.plan

    async def somebody_writes_and_then(*args: Any) -> AsyncGenerator[Any, None]:
        execute(stage.dsn, "UPDATE partition_metadata SET metadata = '' WHERE file_path = %s", path)
        async for said in made(*args):
            yield said

    monkeypatch.setattr(jobs_plan, "plan", somebody_writes_and_then)
    stamps = planned(stage, [path])
    assert drifted(stage, [path], stamps).changed == 1


def test_of_many_changes_all_are_counted_and_some_are_listed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "LISTED", 10)
    stamps = planned(stage, None)
    changed = execute(stage.dsn, "UPDATE partition_metadata SET metadata = metadata")
    found = drifted(stage, None, stamps)
    assert found.changed == changed == stage.lake.entries
    assert len(found.changed_entries) == 10


def test_a_difference_that_is_being_told_can_be_cancelled(stage: Stage) -> None:
    stamps = planned(stage, None)
    job = stage.engine.drift(None, stamps)
    stage.engine.pause(job)
    stage.engine.cancel(job)
    assert stage.heard.done(job) == JobDone(job, JobKind.DRIFT, cancelled=True)
