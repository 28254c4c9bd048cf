from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from refooter.values import (
    NOT_JUDGED,
    TIME_INFINITY,
    TIME_MINUS_INFINITY,
    Cause,
    Diagnosis,
    Entry,
    EntryResult,
    FooterFacts,
    Layout,
    Partitions,
    Status,
    TargetName,
    rfc3339,
    time_text,
    view_name,
    view_of_path,
    worst,
)

STATUS_OF = {
    "none": "ok",
    "outdated_version": "stale",
    "zero_num_rows": "harmful",
    "row_count_mismatch": "harmful",
    "dangling_page_index": "harmful",
    "chunk_out_of_bounds": "harmful",
    "page_index_prefix": "legacy",
    "missing_num_rows": "legacy",
    "whole_file": "legacy",
    "arrow_schema": "corrupt",
    "truncated": "corrupt",
    "empty": "corrupt",
    "encrypted": "corrupt",
    "malformed": "corrupt",
}


def test_every_cause_has_its_status_and_its_place_in_the_order_of_repairs() -> None:
    assert {cause.value: cause.status.value for cause in Cause} == STATUS_OF
    assert [cause.value for cause in Cause] == list(STATUS_OF)


@pytest.mark.parametrize(
    ("causes", "expected"),
    [
        ((), Cause.NONE),
        ((Cause.ZERO_NUM_ROWS,), Cause.ZERO_NUM_ROWS),
        ((Cause.MALFORMED, Cause.OUTDATED_VERSION), Cause.MALFORMED),
        ((Cause.OUTDATED_VERSION, Cause.ZERO_NUM_ROWS, Cause.PAGE_INDEX_PREFIX), Cause.PAGE_INDEX_PREFIX),
        ((Cause.PAGE_INDEX_PREFIX, Cause.MISSING_NUM_ROWS), Cause.MISSING_NUM_ROWS),
        ((Cause.NONE, Cause.OUTDATED_VERSION), Cause.OUTDATED_VERSION),
    ],
)
def test_of_several_causes_the_one_that_needs_the_biggest_repair_is_the_worst(
    causes: tuple[Cause, ...], expected: Cause
) -> None:
    assert worst(causes) is expected


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (None, None),
        (0, "2000-01-01T00:00:00Z"),
        (1, "2000-01-01T00:00:00.000001Z"),
        (-1, "1999-12-31T23:59:59.999999Z"),
        (826_588_800_000_000, "2026-03-12T00:00:00Z"),
        (TIME_INFINITY, "infinity"),
        (TIME_MINUS_INFINITY, "-infinity"),
        (2**62, f"{2**62} us from 2000-01-01T00:00:00Z"),
        (-(2**62), f"{-(2**62)} us from 2000-01-01T00:00:00Z"),
        (252_455_615_999_999_999, "9999-12-31T23:59:59.999999Z"),
        (252_455_616_000_000_000, "252455616000000000 us from 2000-01-01T00:00:00Z"),
        (-63_082_281_600_000_000, "0001-01-01T00:00:00Z"),
    ],
)
def test_any_time_that_postgresql_holds_can_be_shown(micros: int | None, text: str | None) -> None:
    assert time_text(micros) == text


def test_a_time_of_any_zone_is_shown_in_utc() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    assert rfc3339(datetime(2026, 3, 2, 1, 0, tzinfo=east)) == "2026-03-01T19:30:00Z"
    assert rfc3339(datetime(2026, 3, 2, 1, 0, 0, 5, tzinfo=UTC)) == "2026-03-02T01:00:00.000005Z"


@pytest.mark.parametrize(
    ("partitions", "num_rows", "file_size", "disagree"),
    [
        (Partitions(), None, None, False),
        (Partitions(1, (10,), (1000,)), 10, 1000, False),
        (Partitions(1, (0,), (1000,)), None, 1000, False),
        (Partitions(1, (10,), (None,)), 10, None, False),
        (Partitions(2, (10, 11), (1000,)), None, 1000, True),
        (Partitions(2, (0, 10), (1000,)), None, 1000, True),
        (Partitions(2, (10,), (1000, 2000)), 10, None, True),
        (Partitions(2, (10,), (1000, None)), 10, None, True),
        (Partitions(1, (-5,), (1000,)), None, 1000, False),
    ],
)
def test_partition_rows_agree_on_what_all_of_them_say(
    partitions: Partitions, num_rows: int | None, file_size: int | None, disagree: bool
) -> None:
    assert (partitions.agreed_num_rows, partitions.agreed_file_size, partitions.disagree) == (
        num_rows,
        file_size,
        disagree,
    )


@pytest.mark.parametrize(
    ("path", "view"),
    [
        ("views/blocks/global/2026-03-02/x.parquet", ("blocks", "global")),
        ("views/blocks/global/x.parquet", ("blocks", "global")),
        ("views/blocks/x.parquet", (None, None)),
        ("other/blocks/global/x.parquet", (None, None)),
        ("/views/blocks/global/x.parquet", (None, None)),
        ("", (None, None)),
    ],
)
def test_the_view_of_an_orphan_is_in_its_path(path: str, view: tuple[str | None, str | None]) -> None:
    assert view_of_path(path) == view
    assert Entry(path, b"", 0, None, None, Partitions()).view == view


def test_an_entry_carries_the_versions_of_all_its_rows() -> None:
    entry = Entry("views/a/b/c", b"", 0, 1, None, Partitions(2, (1,), (1,), (1, 2), "blocks", "global"))
    assert entry.versions == (1, 1, 2)
    assert entry.view == ("blocks", "global")
    assert not entry.orphan
    assert replace(entry, version=None, partitions=Partitions()).versions == ()


@pytest.mark.parametrize(
    ("view", "name"), [(("blocks", "global"), "blocks/global"), ((None, None), "?/?"), (("blocks", None), "blocks/?")]
)
def test_a_view_has_a_name_though_it_is_unknown(view: tuple[str | None, str | None], name: str) -> None:
    assert view_name(*view) == name
    assert EntryResult("p", *view, NOT_JUDGED, 0, None, None, None, None, True).view == name


def test_the_sum_of_the_row_groups_is_known_when_all_of_them_are() -> None:
    facts = FooterFacts(0, 1, None, None, 0, ((3, b""), (4, b"")), True)
    assert facts.row_group_sum == 7
    assert replace(facts, row_groups=()).row_group_sum == 0
    assert replace(facts, row_groups_whole=False).row_group_sum is None


def test_the_target_reads_what_has_a_status_that_says_so() -> None:
    accepted = {status for status in Status if Diagnosis(status, Cause.NONE, (), Layout.RAW).accepted}
    assert accepted == {Status.OK, Status.STALE, Status.HARMFUL}


def test_values_are_plain_frozen_and_pickle() -> None:
    facts = FooterFacts(0, 1, 7, b"s", 1, ((7, b"c"),), True, "writer")
    diagnosis = Diagnosis(Status.OK, Cause.NONE, (), Layout.RAW, None, ("seen",), facts)
    entry = Entry("p", b"v", 1, 1, 0, Partitions(1, (7,), (9,), (1,), "a", "b"))
    result = EntryResult("p", "a", "b", diagnosis, 1, 7, 9, 1, 0, False)
    for value in (facts, diagnosis, entry, result, TargetName("a", "1", "b"), NOT_JUDGED):
        assert pickle.loads(pickle.dumps(value)) == value
    with pytest.raises(FrozenInstanceError):
        entry.size = 2  # type: ignore[misc]
    assert str(TargetName("arro3-io", "0.8.0", "parquet 57.1.0")) == "arro3-io 0.8.0 (parquet 57.1.0)"
