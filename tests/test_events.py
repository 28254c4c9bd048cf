from __future__ import annotations

import pickle
from dataclasses import fields, is_dataclass
from typing import get_args

import pytest

from refooter import events
from refooter.events import (
    BackupSummary,
    EntriesDone,
    Event,
    Finished,
    Notice,
    Plan,
    Problem,
    ProblemsFound,
    Progress,
    RestorePlan,
    RunSummary,
    ScanSummary,
    Severity,
    Started,
    VerifySummary,
    ViewCount,
)
from refooter.values import NOT_JUDGED, Cause, EntryResult, Outcome, Reason, Status, TargetName

TARGET = TargetName("arro3-io", "0.8.0", "parquet 57.1.0")
RUN = RunSummary(
    "migrate", 3, 5, {Outcome.MIGRATED: 4, Outcome.FAILED: 1}, {Reason.MISMATCH: 1}, 4, 9, 900, 1.5, TARGET, "finished"
)
VERIFIED = VerifySummary(5, 3, {"no_metadata": 1, "lost": 2}, 1.0, TARGET)
SUMMARIES = [
    RUN,
    VERIFIED,
    ScanSummary(1, {Status.OK: 1}, {Cause.NONE: 1}, {}, 1.0, TARGET, 0, 0, 1, 0, 0),
    Plan(1, {"skip": 1}, {}, {}, 0, 0, 0, 0, 0, 0, 1.0),
    BackupSummary("/b.parquet", 1, 1, 9, 900, "digest", 5, 0, 1.0),
    RestorePlan(3, {"restore": 1, "insert": 1, "unchanged": 1}, 0, 9, 9, 9, 1.0),
    [ViewCount("blocks/global", 1, {Status.OK: 1})],
]
EVENTS: list[Event] = [
    Started("scan", 5, TARGET),
    Started("migrate", 5, TARGET, run_id=3, dry_run=False),
    EntriesDone((EntryResult("p", None, None, NOT_JUDGED, 0, None, None, None, None, True),)),
    Progress(1, 5, 1.0, 1.0, 4.0, {"ok": 1}),
    Notice(Severity.WARNING, "the database is gone"),
    ProblemsFound((Problem("p", "lost", "it is gone"),)),
    *(Finished(summary) for summary in SUMMARIES),  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_plain_data_that_another_process_can_be_sent(event: Event) -> None:
    assert pickle.loads(pickle.dumps(event)) == event


def test_every_kind_of_event_is_among_those_tried() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event))
    told = {value for value in vars(events).values() if is_dataclass(value) and value.__module__ == events.__name__}
    inside = {Problem, ViewCount}
    assert told == {type(event) for event in EVENTS} | {type(s) for s in SUMMARIES if not isinstance(s, list)} | inside


def test_events_have_no_dictionary_to_be_written_to() -> None:
    for event in EVENTS:
        assert not hasattr(event, "__dict__")
        assert fields(event)


def test_an_outcome_that_did_not_come_up_counts_zero() -> None:
    assert (RUN.count(Outcome.MIGRATED), RUN.count(Outcome.FAILED), RUN.count(Outcome.GONE)) == (4, 1, 0)


def test_the_problems_of_a_verification_are_summed() -> None:
    assert VERIFIED.problems == 3
    assert VerifySummary(5, 5, {}, 1.0, TARGET).problems == 0
