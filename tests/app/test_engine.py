"""The engine against a real lake: whatever is asked of it comes back as messages, and nothing of it blocks or breaks."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

import refooter.catalog.connection
import refooter.jobs.run
import refooter.jobs.scan
from app.engines import SECONDS, SLOWLY, Stage, built_lake, copy_of, engine_of, opened
from faults.server_link import server_link
from refooter.catalog.selection import Selection, View
from refooter.demo.lake import LakeSummary
from refooter.demo.plan import Situation
from refooter.demo.server import Server
from refooter.events import (
    EntriesDone,
    Notice,
    Plan,
    Problem,
    ProblemsFound,
    Progress,
    RunSummary,
    ScanSummary,
    Severity,
    VerifySummary,
)
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.lake import Session
from refooter.jobs.run import Control
from refooter.jobs.save import Saved
from refooter.settings import Settings
from refooter.values import HEALTHY, NOT_JUDGED, Cause, Diagnosis, EntryResult, Outcome, Question, Reason, Status
from refooter_tui.app.engine import Engine
from refooter_tui.app.lifeline import Lifeline
from refooter_tui.app.messages import (
    Back,
    Connected,
    Detail,
    EngineMessage,
    JobDone,
    JobEvents,
    JobKind,
    Listed,
    Lost,
    RunResults,
    Runs,
)
from refooter_tui.app.outbox import GAP_SECONDS, Outbox
from refooter_tui.app.paced import PacedJudges
from refooter_tui.app.turnstile import Turnstile
from refooter_tui.app.workshop import Workshop
from refooter_tui.model.codes import CAUSES
from refooter_tui.model.table import EntryTable
from support.tables import execute, rows, table_digests

_TEMPLATE = "engine"


@pytest.fixture(scope="module")
def template(server: Server) -> Iterator[LakeSummary]:
    with built_lake(server, _TEMPLATE) as lake:
        yield lake


@pytest.fixture
def dsn(server: Server, template: LakeSummary) -> Iterator[str]:
    with copy_of(server, _TEMPLATE) as address:
        yield address


@pytest.fixture
def stage(dsn: str, template: LakeSummary) -> Iterator[Stage]:
    """A lake of the test's own, to be written to."""
    with opened(dsn, template) as ready:
        yield ready


@pytest.fixture(scope="module")
def reading(server: Server, template: LakeSummary) -> Iterator[Session]:
    with (
        copy_of(server, _TEMPLATE) as address,
        Session(Settings(dsn=address, store=template.store, workers=2)) as session,
    ):
        yield session


@pytest.fixture
def reader(reading: Session, template: LakeSummary) -> Iterator[Stage]:
    """A lake that several tests look at."""
    with engine_of(reading, reading.settings.dsn or "", template) as ready:
        yield ready


def test_it_says_what_it_is_connected_to(reader: Stage) -> None:
    info = reader.heard.until(Connected).info
    assert info.catalog_version == 5
    assert info.store == reader.lake.store
    assert "57.1.0" in info.target.parser
    assert info.read_only is False
    assert info.database.startswith("postgres@")


def test_loading_lists_every_entry_once_and_says_when_that_was_all(reader: Stage) -> None:
    job = reader.engine.load()
    done = reader.heard.done(job)
    parts = [message for message in reader.heard.messages if isinstance(message, Listed)]
    paths = [path for part in parts for path in part.batch.column("file_path").to_pylist()]
    assert len(paths) == len(set(paths)) == reader.lake.entries
    assert [part.complete for part in parts] == [False] * (len(parts) - 1) + [True]
    assert (parts[-1].done, parts[-1].about) == (reader.lake.entries, reader.lake.entries)
    assert (done.kind, done.error, done.cancelled) == (JobKind.LOAD, None, False)


def test_loading_anew_leaves_the_list_that_was_still_coming(reader: Stage) -> None:
    first, second = reader.engine.load(), reader.engine.load()
    assert reader.heard.done(second).cancelled is False
    assert reader.heard.done(first).cancelled is True
    complete = [message.job for message in reader.heard.messages if isinstance(message, Listed) and message.complete]
    assert complete == [second]


def test_scanning_paths_judges_these_and_passes_over_what_is_no_longer_there(reader: Stage) -> None:
    wanted = reader.lake.paths(cause=Cause.PAGE_INDEX_PREFIX)[:5]
    job = reader.engine.scan([*wanted, "views/blocks/global/gone.parquet"])
    done = reader.heard.done(job)
    assert isinstance(done.summary, ScanSummary)
    assert done.summary.entries == len(wanted)
    assert {path: result.diagnosis.status for path, result in reader.heard.results(job).items()} == dict.fromkeys(
        wanted, Status.LEGACY
    )


def test_scanning_all_counts_what_the_lake_was_made_with(reader: Stage) -> None:
    done = reader.heard.done(reader.engine.scan(None))
    assert isinstance(done.summary, ScanSummary)
    found = {cause: count for cause, count in done.summary.by_cause.items() if cause is not Cause.NONE}
    planned = {cause: count for cause, count in reader.lake.by_cause.items() if cause is not Cause.NONE}
    assert found == planned


def test_a_scan_knows_what_could_be_mended_without_a_read_of_every_cause(reader: Stage) -> None:
    job = reader.engine.scan(None)
    reader.heard.done(job)
    table = EntryTable()
    loaded = reader.engine.load()
    reader.heard.done(loaded)
    for part in [message for message in reader.heard.messages if isinstance(message, Listed)]:
        table.append(part.batch)
    table.judge(list(reader.heard.results(job).values()))
    mendable = {Cause(CAUSES[table.cause[row]]) for row in range(len(table)) if table.mendable[row]}
    assert mendable >= {
        Cause.PAGE_INDEX_PREFIX,
        Cause.MISSING_NUM_ROWS,
        Cause.ZERO_NUM_ROWS,
        Cause.WHOLE_FILE,
        Cause.DANGLING_PAGE_INDEX,
    }


def test_a_deep_scan_says_which_files_are_missing(reader: Stage) -> None:
    job = reader.engine.scan(Selection(views=(View("blocks"),)), deep=True)
    reader.heard.done(job)
    assert {result.file_state.value for result in reader.heard.results(job).values()} >= {"present"}


def test_the_whole_walk_there_and_back(stage: Stage) -> None:
    engine, heard = stage.engine, stage.heard
    before = table_digests(stage.dsn)
    planned = heard.done(engine.plan(None, MigrateOptions())).summary
    assert isinstance(planned, Plan)
    rehearsed = heard.done(engine.migrate(None, MigrateOptions(dry_run=True)))
    assert (rehearsed.kind, rehearsed.summary.run_id) == (JobKind.DRY_RUN, None)  # type: ignore[union-attr]
    assert table_digests(stage.dsn) == before
    job = engine.migrate(None, MigrateOptions())
    summary = heard.done(job).summary
    assert isinstance(summary, RunSummary)
    assert summary.count(Outcome.MIGRATED) == rehearsed.summary.count(Outcome.WOULD_MIGRATE) > 0  # type: ignore[union-attr]
    [started] = [said.started for said in heard.events(job) if said.started is not None]
    assert started.run_id == summary.run_id
    assert len(heard.results(job)) == summary.selected == stage.lake.entries
    verified = heard.done(engine.verify(None, run_id=summary.run_id))
    assert isinstance(verified.summary, VerifySummary)
    assert verified.summary.run.get("lost", 0) == 0
    problems = [problem for said in heard.events(verified.job) for problem in said.problems]
    assert len(problems) == verified.summary.problems
    engine.run_results(summary.run_id or 0)
    refused = heard.until(RunResults)
    assert {one.reason for one in refused.results} >= {Reason.FILE_MISSING.value}
    assert refused.total == len(refused.results) == summary.count(Outcome.FAILED)
    undone = heard.done(engine.rollback([summary.run_id or 0]))
    assert undone.error is None
    assert table_digests(stage.dsn) == before
    engine.runs()
    assert [run.kind for run in heard.until(Runs).runs] == ["rollback", "migrate"]


def test_an_orphan_is_meant_where_its_path_is_named_and_left_alone_otherwise(reader: Stage) -> None:
    orphans = reader.lake.paths(situation=Situation.ORPHAN)
    broken = [path for path in orphans if path in reader.lake.paths(cause=Cause.PAGE_INDEX_PREFIX)] or orphans
    named = reader.heard.done(reader.engine.plan(broken, MigrateOptions(Strategy.REFETCH, force=True))).summary
    among = reader.heard.done(reader.engine.plan(None, MigrateOptions(Strategy.REFETCH, force=True))).summary
    assert isinstance(named, Plan)
    assert isinstance(among, Plan)
    assert named.by_step.get("skip", 0) == 0
    assert among.by_step["skip"] >= len(orphans)


def test_one_run_writes_at_a_time_and_the_next_one_says_that_it_waits(stage: Stage) -> None:
    engine, heard = stage.engine, stage.heard
    first = engine.migrate(stage.lake.paths(cause=Cause.PAGE_INDEX_PREFIX)[:10], SLOWLY)
    second = engine.migrate(stage.lake.paths(cause=Cause.MISSING_NUM_ROWS)[:2], MigrateOptions())
    assert heard.done(second).error is None
    assert heard.done(first).error is None
    order = [message.job for message in heard.messages if isinstance(message, JobDone)]
    assert order == [first, second]
    assert [text for text in heard.notices(second) if "waits for its turn" in text and "migrate is going on" in text]
    assert stage.states() == ["finished", "finished"]


def test_a_run_cancelled_while_it_waits_never_begins(stage: Stage) -> None:
    engine, heard = stage.engine, stage.heard
    first = engine.migrate(stage.lake.paths(cause=Cause.PAGE_INDEX_PREFIX)[:10], SLOWLY)
    second = engine.migrate(stage.lake.paths(cause=Cause.MISSING_NUM_ROWS)[:2], MigrateOptions())
    heard.until(JobEvents, lambda said: said.job == second)
    engine.cancel(second)
    assert heard.done(second) == JobDone(second, JobKind.MIGRATE, cancelled=True)
    assert heard.done(first).error is None
    assert stage.states() == ["finished"]


def test_a_paused_run_changes_nothing_until_it_is_resumed_while_everything_else_goes_on(stage: Stage) -> None:
    engine, heard = stage.engine, stage.heard
    job = engine.migrate(None, MigrateOptions())
    engine.pause(job)
    scanned = heard.done(engine.scan(None))
    assert isinstance(scanned.summary, ScanSummary)
    assert heard.notices(job) == ["paused"]
    assert heard.events(job)[-1].results == ()
    assert stage.migrated() == []
    engine.resume(job)
    summary = heard.done(job).summary
    assert isinstance(summary, RunSummary)
    assert len(stage.migrated()) == summary.count(Outcome.MIGRATED) > 0
    assert heard.notices(job)[:2] == ["paused", "resumed"]


def test_a_cancelled_run_is_recorded_as_interrupted_and_says_what_it_had_done(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter.jobs.run, "BATCH_ENTRIES", 5)
    job = stage.engine.migrate(None, SLOWLY)
    stage.heard.until(JobEvents, lambda said: any(one.outcome is Outcome.MIGRATED for one in said.results))
    stage.engine.cancel(job)
    done = stage.heard.done(job)
    assert isinstance(done.summary, RunSummary)
    assert (done.cancelled, done.error, done.summary.state) == (True, None, "interrupted")
    told = {path for path, result in stage.heard.results(job).items() if result.outcome is Outcome.MIGRATED}
    assert set(stage.migrated()) == told
    assert 0 < len(told) < stage.lake.entries
    assert stage.states() == ["interrupted"]


def test_a_scan_can_be_paused_resumed_and_cancelled(reader: Stage) -> None:
    engine, heard = reader.engine, reader.heard
    kept, left = engine.scan(None), engine.scan(None)
    for job in (kept, left):
        engine.pause(job)
    # Begun later and over: by now the others would be over too.
    heard.done(engine.scan(None))
    heard.done(engine.scan(None))
    assert not [message for message in heard.messages if isinstance(message, JobDone) and message.job in (kept, left)]
    engine.cancel(left)
    assert heard.done(left).cancelled
    engine.resume(kept)
    done = heard.done(kept)
    assert (done.cancelled, done.error) == (False, None)
    assert len(heard.results(kept)) == reader.lake.entries


def test_a_detail_is_answered_while_a_scan_and_a_run_are_paused_half_way(reader: Stage) -> None:
    engine, heard = reader.engine, reader.heard
    jobs = [engine.scan(None), engine.migrate(None, SLOWLY)]
    for job in jobs:
        engine.pause(job)
    path = reader.lake.paths(cause=Cause.PAGE_INDEX_PREFIX)[0]
    asked = engine.detail(path)
    found = heard.until(Detail)
    assert (found.request, found.path, found.error) == (asked, path, None)
    assert found.inspection is not None
    assert found.inspection.diagnosis.cause is Cause.PAGE_INDEX_PREFIX
    assert found.inspection.footer is not None
    for job in jobs:
        engine.cancel(job)
        heard.done(job)


def test_a_detail_reads_the_file_only_where_that_was_asked_for(reader: Stage) -> None:
    path = reader.lake.paths(cause=Cause.TRUNCATED)[0]
    reader.engine.detail(path)
    without = reader.heard.until(Detail).inspection
    assert without is not None
    assert without.after is not None
    assert (without.after.replacement.outcome, without.after.replacement.how) == (None, "refetch")
    assert "would read its file" in without.after.replacement.sentence
    assert "no object store" not in without.after.replacement.sentence
    reader.engine.detail(path, with_file=True)
    read = reader.heard.until(Detail)
    assert read.with_file
    assert read.inspection is not None
    assert read.inspection.after is not None
    assert read.inspection.after.replacement.outcome is not None


def test_a_detail_says_what_runs_did_to_the_entry_and_that_none_did(stage: Stage) -> None:
    engine, heard = stage.engine, stage.heard
    path = stage.lake.paths(cause=Cause.PAGE_INDEX_PREFIX, situation=Situation.NORMAL)[0]
    engine.detail(path)
    assert (heard.until(Detail).history, heard.messages[-1].history_error) == ((), None)  # type: ignore[union-attr]
    summary = heard.done(engine.migrate([path], MigrateOptions())).summary
    assert isinstance(summary, RunSummary)
    heard.done(engine.rollback([summary.run_id or 0]))
    engine.detail(path)
    back, there = heard.until(Detail).history
    assert (there.run_id, there.kind) == (summary.run_id, "migrate")
    assert (back.kind, back.state.value) == ("rollback", "finished")
    assert there.change is not None
    assert back.change is not None
    assert (there.change.old_digest, there.change.new_digest) == (back.change.new_digest, back.change.old_digest)
    assert there.change.old_size == back.change.new_size != there.change.new_size == back.change.old_size


def test_a_journal_that_cannot_be_read_costs_only_the_history(stage: Stage) -> None:
    path = stage.lake.paths(cause=Cause.NONE)[0]
    execute(stage.dsn, "CREATE SCHEMA refooter")
    execute(stage.dsn, "CREATE TABLE refooter.journal_version (version int4)")
    execute(stage.dsn, "INSERT INTO refooter.journal_version VALUES (77)")
    stage.engine.detail(path)
    answer = stage.heard.until(Detail)
    assert answer.inspection is not None
    assert (answer.error, answer.history) == (None, ())
    assert "version 77" in (answer.history_error or "")


def test_of_many_details_asked_for_in_a_row_the_last_is_answered_and_it_is_the_last_answer(reader: Stage) -> None:
    paths = reader.lake.paths(cause=Cause.NONE)[:30]
    requests = [reader.engine.detail(path) for path in paths]
    last = reader.heard.until(Detail, lambda message: message.request == requests[-1])
    assert last.path == paths[-1]
    answered = [message.request for message in reader.heard.messages if isinstance(message, Detail)]
    assert answered == sorted(answered)


def test_a_detail_of_no_entry_is_a_sentence(reader: Stage) -> None:
    reader.engine.detail("views/blocks/global/none.parquet")
    answer = reader.heard.until(Detail)
    assert answer.inspection is None
    assert "no entry" in (answer.error or "")


def test_without_a_journal_there_are_no_runs(reader: Stage) -> None:
    reader.engine.runs()
    assert reader.heard.until(Runs) == Runs()


def test_a_read_only_session_refuses_to_write_and_rehearses(dsn: str, template: LakeSummary) -> None:
    with opened(dsn, template, read_only=True) as stage:
        for job in (stage.engine.migrate(None, MigrateOptions()), stage.engine.rollback([1])):
            done = stage.heard.done(job)
            assert done.code == "read_only"
            assert "read-only" in (done.error or "")
        assert stage.heard.done(stage.engine.migrate(None, MigrateOptions(dry_run=True))).error is None


def test_what_cannot_be_done_is_a_sentence_and_a_code(reader: Stage) -> None:
    done = reader.heard.done(reader.engine.rollback([99]))
    assert done.code == "nothing_selected"
    assert "no run 99" in (done.error or "")
    done = reader.heard.done(reader.engine.export("rows.xlsx", None))
    assert done.code == "usage"
    assert ".parquet" in (done.error or "")


def test_a_mistake_of_ours_ends_its_job_only_with_a_sentence_and_the_rest_in_the_log(
    reader: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: Any, **named: Any) -> Any:
        raise KeyError("a secret part of the address")

    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
        patched.setattr(refooter.jobs.scan, "scan", broken)
        done = reader.heard.done(reader.engine.scan(None))
    assert done.code == "bug"
    assert "unexpected KeyError in refooter" in (done.error or "")
    assert "secret" not in (done.error or "")
    assert "Traceback" in caplog.text
    assert reader.heard.done(reader.engine.scan(None)).error is None


def test_an_app_that_takes_no_message_stops_no_run(dsn: str, template: LakeSummary) -> None:
    ended = threading.Event()

    def deliver(message: EngineMessage) -> None:
        if isinstance(message, JobDone):
            ended.set()
        raise RuntimeError("the app is gone")

    with Session(Settings(dsn=dsn, store=template.store, workers=2)) as session:
        engine = Engine(session, deliver)
        engine.start()
        engine.migrate(None, MigrateOptions())
        assert ended.wait(SECONDS)
        assert engine.stop(10)
    assert rows(dsn, "SELECT state FROM refooter.run") == [("finished",)]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_exporting_a_selection_writes_a_row_for_each_entry(reader: Stage, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"rows.{ending}"
    paths = reader.lake.paths(cause=Cause.PAGE_INDEX_PREFIX)[:7]
    done = reader.heard.done(reader.engine.export(str(target), paths))
    assert done.summary == Saved(str(target), 7)
    if ending == "jsonl":
        assert {json.loads(line)["file_path"] for line in target.read_text().splitlines()} == set(paths)
    assert [one.name for one in tmp_path.iterdir()] == [target.name]


def test_exporting_a_runs_failures_keeps_its_reasons(stage: Stage, tmp_path: Path) -> None:
    summary = stage.heard.done(stage.engine.migrate(None, MigrateOptions())).summary
    assert isinstance(summary, RunSummary)
    target = tmp_path / "failed.jsonl"
    done = stage.heard.done(stage.engine.export(str(target), None, run_id=summary.run_id))
    exported = [json.loads(line) for line in target.read_text().splitlines()]
    assert isinstance(done.summary, Saved)
    assert done.summary.rows == len(exported) == summary.count(Outcome.FAILED)
    assert {row["reason"] for row in exported} == {reason.value for reason in summary.reasons}
    few = [row["file_path"] for row in exported[:2]]
    done = stage.heard.done(stage.engine.export(str(tmp_path / "few.jsonl"), few, run_id=summary.run_id))
    assert done.summary == Saved(str(tmp_path / "few.jsonl"), 2)


def test_an_export_overwrites_only_when_told_to(reader: Stage, tmp_path: Path) -> None:
    target = tmp_path / "rows.jsonl"
    target.write_text("precious")
    refused = reader.heard.done(reader.engine.export(str(target), None))
    assert refused.code == "usage"
    assert "there already" in (refused.error or "")
    assert target.read_text() == "precious"
    assert reader.heard.done(reader.engine.export(str(target), None, overwrite=True)).error is None
    assert len(target.read_text().splitlines()) == reader.lake.entries


def test_an_export_that_is_cancelled_leaves_nothing(reader: Stage, tmp_path: Path) -> None:
    job = reader.engine.export(str(tmp_path / "rows.csv"), None)
    reader.engine.pause(job)
    reader.heard.done(reader.engine.scan(reader.lake.paths(cause=Cause.NONE)[:1]))
    reader.engine.cancel(job)
    assert reader.heard.done(job) == JobDone(job, JobKind.EXPORT, cancelled=True)
    assert list(tmp_path.iterdir()) == []


def test_stopping_lets_a_run_finish_its_batch_and_records_it_as_interrupted(
    dsn: str, template: LakeSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter.jobs.run, "BATCH_ENTRIES", 5)
    with opened(dsn, template) as stage:
        running = stage.engine.migrate(None, SLOWLY)
        waiting = stage.engine.migrate(None, SLOWLY)
        scan = stage.engine.scan(None)
        stage.engine.pause(scan)
        stage.heard.until(JobEvents, lambda said: any(one.outcome is Outcome.MIGRATED for one in said.results))
        assert stage.engine.stop(20.0)
        assert all(stage.heard.done(job).cancelled for job in (running, waiting, scan))
        assert stage.states() == ["interrupted"]
        told = {path for path, result in stage.heard.results(running).items() if result.outcome is Outcome.MIGRATED}
        assert set(stage.migrated()) == told
    assert not [thread for thread in threading.enumerate() if thread.name == "refooter-engine"]


async def test_a_job_asked_for_while_everything_is_being_stopped_ends_as_cancelled(reading: Session) -> None:
    told: list[EngineMessage] = []
    outbox, turnstile = Outbox(told.append), Turnstile()
    workshop = Workshop(Lifeline(reading, outbox, 60.0), outbox, turnstile, read_only=False)
    await workshop.close(0.0)
    workshop.load(3)
    outbox.flush()
    assert told == [JobDone(3, JobKind.LOAD, cancelled=True)]


def test_nothing_is_begun_any_more_once_it_was_stopped(reader: Stage) -> None:
    reader.heard.until(Connected)
    assert reader.engine.stop(5.0)
    reader.engine.migrate(None, MigrateOptions())
    reader.engine.detail("views/blocks/global/none.parquet")
    assert reader.heard.queue.empty()
    assert rows(reader.dsn, "SELECT to_regnamespace('refooter')") == [(None,)]


def test_a_lake_that_cannot_be_opened_is_tried_again_and_jobs_wait_for_it(dsn: str, template: LakeSummary) -> None:
    with server_link(dsn, b"never", {}) as link:
        link.down = True
        with opened(link.dsn, template) as stage:
            job = stage.engine.scan(None)
            lost = stage.heard.until(Lost)
            assert lost.code == "database_unreachable"
            assert "cannot reach PostgreSQL" in lost.sentence
            link.down = False
            stage.heard.until(Connected)
            assert stage.heard.done(job).error is None


def test_a_database_that_goes_away_is_told_of_and_so_is_its_coming_back(
    dsn: str, template: LakeSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter.catalog.connection, "CONNECT_SECONDS", 1)
    with server_link(dsn, b"never", {}) as link, opened(link.dsn, template, heartbeat=0.2) as stage:
        stage.heard.until(Connected)
        link.down = True
        cut = threading.Event()

        def hang_up() -> None:
            # again and again: a connection of the pool may just have been on its way
            while not cut.wait(0.05):
                for session in list(link.sessions):
                    session.hang_up()

        hanging_up = threading.Thread(target=hang_up)
        hanging_up.start()
        try:
            assert stage.heard.until(Lost).code == "database_unreachable"
        finally:
            cut.set()
            hanging_up.join()
        job = stage.engine.scan(None)
        link.down = False
        stage.heard.until(Back)
        stage.heard.done(job)
        assert len([message for message in stage.heard.messages if isinstance(message, Lost)]) == 1
        assert stage.heard.done(stage.engine.scan(None)).error is None


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE lakehouse_migration SET version = 6", "unsupported_catalog"),
        ("DROP TABLE lakehouse_migration, partition_metadata, lakehouse_partitions", "unsupported_catalog"),
    ],
)
def test_a_catalog_that_is_none_is_a_sentence_of_its_own(
    dsn: str, template: LakeSummary, statement: str, code: str
) -> None:
    execute(dsn, statement)
    with opened(dsn, template) as stage:
        assert stage.heard.until(Lost).code == code


def test_no_part_of_a_password_is_in_any_message_or_log(
    template: LakeSummary, caplog: pytest.LogCaptureFixture
) -> None:
    address = "postgresql://someone:hunter2@127.0.0.1:1/nowhere"
    with caplog.at_level(logging.DEBUG), opened(address, template) as stage:
        lost = stage.heard.until(Lost)
        stage.engine.scan(None)
    assert "someone@127.0.0.1:1/nowhere" in lost.sentence
    assert "hunter2" not in repr(stage.heard.messages) + caplog.text


def _result(number: int) -> EntryResult:
    return EntryResult(f"{number}", None, None, HEALTHY, 1, None, None, None, None, False)


async def test_however_fast_a_job_is_the_app_hears_of_it_ten_times_a_second_and_of_everything() -> None:
    loop = asyncio.get_running_loop()
    told: list[tuple[float, EngineMessage]] = []
    outbox = Outbox(lambda message: told.append((loop.time(), message)))
    sent = 0
    while sum(isinstance(message, JobEvents) for _, message in told) < 4:
        outbox.event(1, JobKind.SCAN, EntriesDone((_result(sent),)))
        sent += 1
        await asyncio.sleep(0)
    outbox.done(JobDone(1, JobKind.SCAN))
    outbox.flush()
    events = [(at, message) for at, message in told if isinstance(message, JobEvents)]
    assert [result.file_path for _, message in events for result in message.results] == [str(n) for n in range(sent)]
    gaps = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(events[:4])]
    assert min(gaps) >= GAP_SECONDS * 0.95
    assert isinstance(told[-1][1], JobDone)


async def test_problems_and_warnings_of_one_moment_come_together_with_the_latest_progress() -> None:
    told: list[EngineMessage] = []
    outbox = Outbox(told.append)
    for number in range(3):
        outbox.event(7, JobKind.VERIFY, ProblemsFound((Problem(str(number), "lost", ""),)))
        outbox.event(7, JobKind.VERIFY, Notice(Severity.WARNING, str(number)))
        outbox.event(7, JobKind.VERIFY, Progress(number, 3, 0.0, 0.0, None, {}))
    outbox.flush()
    [said] = told
    assert isinstance(said, JobEvents)
    assert [problem.file_path for problem in said.problems] == ["0", "1", "2"]
    assert [notice.text for notice in said.notices] == ["0", "1", "2"]
    assert said.progress is not None
    assert said.progress.done == 2


class _SlowJudges:
    """Judges that answer when they are told to, and know how many values are before them."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def values(self) -> int:
        return sum(count for count, _ in self.waiting)

    async def examine(self, questions: Sequence[Question]) -> list[Diagnosis]:
        one = (len(questions), asyncio.get_running_loop().create_future())
        self.waiting.append(one)
        await one[1]
        self.waiting.remove(one)
        return [replace(NOT_JUDGED, error=question.value.decode()) for question in questions]


async def _settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_job_in_the_background_keeps_few_values_before_the_judges_and_stands_aside_for_who_is_in_a_hurry() -> (
    None
):
    slow, turnstile = _SlowJudges(), Turnstile()
    paced = PacedJudges(cast("Any", slow), turnstile, Control().gate)
    job = asyncio.create_task(paced.examine([Question(str(number).encode()) for number in range(2000)]))
    await _settled()
    most = slow.values
    assert 0 < most <= 256
    with turnstile.urgent():
        for _, answer in list(slow.waiting):
            answer.set_result(None)
        await _settled()
        assert slow.values == 0
    while not job.done():
        await _settled()
        assert slow.values <= most
        for _, answer in list(slow.waiting):
            if not answer.done():
                answer.set_result(None)
    assert [diagnosis.error for diagnosis in job.result()] == [str(number) for number in range(2000)]


def test_the_engine_holds_no_transaction_open_while_nothing_is_asked_of_it(reader: Stage) -> None:
    reader.heard.done(reader.engine.scan(None))
    assert rows(
        reader.dsn,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'refooter'"
        " AND state <> 'idle'",
    ) == [(0,)]
