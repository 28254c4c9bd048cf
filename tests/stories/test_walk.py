"""The whole walk, as a user makes it: scan, dry run, migrate, verify, roll back; over each store and both catalog versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from refooter.catalog.selection import EVERYTHING
from refooter.demo.lake import LakeSummary, build_lake
from refooter.demo.plan import LakeEntry, Situation
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.lake import Lake
from refooter.jobs.migrate import migrate
from refooter.jobs.rollback import rollback
from refooter.jobs.scan import scan
from refooter.jobs.verify import verify
from refooter.parquet.thrift import decode
from refooter.values import Cause, Outcome, Reason, Status
from stores.lakes import moto_server
from support.jobs import session, told
from support.tables import table_digests, values

ENTRIES = 300


@pytest.fixture(scope="module")
def s3() -> Iterator[tuple[str, Any]]:
    with moto_server() as (url, client):
        yield url, client


Built = tuple[LakeSummary, str, str, dict[str, bytes]]


@pytest.fixture
def build(
    request: pytest.FixtureRequest, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, int], Built]:
    """Builds the lake in a store of one kind; gives what was planned, the store's address, its driver, and all files."""

    def of(kind: str, version: int) -> Built:
        files: dict[str, bytes] = {}
        if kind == "file":
            lake = build_lake(dsn, tmp_path / "lake", entries=ENTRIES, version=version)
            assert lake.store is not None
            for path in (tmp_path / "lake").rglob("*.parquet"):
                files[path.relative_to(tmp_path / "lake").as_posix()] = path.read_bytes()
            return lake, lake.store, "auto", files
        url, client = request.getfixturevalue("s3")
        for name, value in {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "k",
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }.items():
            monkeypatch.setenv(name, value)
        bucket = f"lake-{kind.replace('_', '-')}-{version}"
        client.create_bucket(Bucket=bucket)

        def put(key: str, data: bytes) -> None:
            client.put_object(Bucket=bucket, Key=f"the prefix/{key}", Body=data)
            files[key] = data

        lake = build_lake(dsn, entries=ENTRIES, version=version, put=put)
        return lake, f"s3://{bucket}/the%20prefix", "auto" if kind == "s3" else "fsspec", files

    return of


def own_footer(file: bytes) -> bytes:
    return file[len(file) - 8 - int.from_bytes(file[-8:-4], "little") : -8]


def expected(entry: LakeEntry) -> tuple[Outcome, Reason | None]:
    """What a migration has to do with an entry of the demo lake."""
    if entry.situation is Situation.ORPHAN or entry.cause is Cause.NONE:
        return Outcome.SKIPPED, None
    if entry.situation is Situation.TWO_DISAGREE:
        return Outcome.FAILED, Reason.MISMATCH
    if entry.cause is Cause.OUTDATED_VERSION:
        return Outcome.MIGRATED, None
    if entry.situation is Situation.FILE_GONE:
        return Outcome.FAILED, Reason.FILE_MISSING
    if entry.situation is Situation.FILE_REPLACED:
        return Outcome.FAILED, Reason.MISMATCH
    if entry.cause is Cause.ENCRYPTED:
        return Outcome.FAILED, Reason.REJECTED
    return Outcome.MIGRATED, None


def entries_of(lake: LakeSummary) -> dict[str, LakeEntry]:
    return {entry.file_path: entry for entry in lake.planned if entry.kind is not None and entry.file_path is not None}


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("store", ["file", "s3", "s3_by_fsspec"])
async def test_the_walk_mends_what_can_be_mended_and_goes_back_byte_for_byte(
    build: Callable[[str, int], Built], store: str, version: int
) -> None:
    lake, uri, driver, files = build(store, version)
    planned = entries_of(lake)
    wanted = {path: expected(entry) for path, entry in planned.items()}
    before, old_values = table_digests(lake.dsn), values(lake.dsn)
    with session(lake.dsn, uri, store_driver=driver) as opened:
        async with opened.open() as here:
            await the_walk(here, planned, wanted, before, old_values, files)


async def the_walk(
    here: Lake,
    planned: dict[str, LakeEntry],
    wanted: dict[str, tuple[Outcome, Reason | None]],
    before: dict[str, str],
    old_values: dict[str, bytes],
    files: dict[str, bytes],
) -> None:
    dsn = here.database.address.conninfo
    scanned = await told(scan(here, EVERYTHING))
    assert {path: result.diagnosis.cause for path, result in scanned.results.items()} == {
        path: entry.cause for path, entry in planned.items()
    }

    rehearsed = await told(migrate(here, EVERYTHING, MigrateOptions(Strategy.REFETCH, dry_run=True)))
    assert rehearsed.summary.run_id is None
    assert {path: (r.outcome, r.reason) for path, r in rehearsed.results.items()} == {
        path: (Outcome.WOULD_MIGRATE if outcome is Outcome.MIGRATED else outcome, reason)
        for path, (outcome, reason) in wanted.items()
    }
    assert table_digests(dsn) == before

    migrated = await told(migrate(here, EVERYTHING, MigrateOptions(Strategy.REFETCH)))
    assert {path: (r.outcome, r.reason) for path, r in migrated.results.items()} == wanted
    new_values = values(dsn)
    for path, (outcome, _) in wanted.items():
        if outcome is not Outcome.MIGRATED or planned[path].cause is Cause.OUTDATED_VERSION:
            assert new_values[path] == old_values[path]
        else:
            assert new_values[path] == own_footer(files[path])

    after = await told(scan(here, EVERYTHING))
    for path, result in after.results.items():
        mended = wanted[path][0] is Outcome.MIGRATED
        assert not mended or result.diagnosis.status is Status.OK, path
    left = {path for path, (outcome, _) in wanted.items() if outcome is Outcome.FAILED}
    assert {path for path, r in after.results.items() if r.diagnosis.status is not Status.OK and not r.orphan} == left

    verified = await told(verify(here, EVERYTHING, run_id=migrated.summary.run_id))
    run = verified.summary.run
    assert run == {"holds": Counter(outcome for outcome, _ in wanted.values())[Outcome.MIGRATED]}
    assert not {"row_count_mismatch", "lost", "changed"} & set(verified.summary.by_problem)

    again = await told(migrate(here, EVERYTHING, MigrateOptions(Strategy.REFETCH)))
    assert {path for path, r in again.results.items() if r.outcome is Outcome.FAILED} == left
    assert Outcome.MIGRATED not in again.summary.outcomes

    back = await told(rollback(here, [migrated.summary.run_id]))
    assert back.summary.outcomes == {Outcome.RESTORED: run["holds"]}
    assert table_digests(dsn) == before
    forth = await told(rollback(here, [back.summary.run_id]))
    assert forth.summary.outcomes == {Outcome.RESTORED: run["holds"]}
    assert values(dsn) == new_values


async def test_entries_are_mended_whatever_the_target_parser_says_of_them(
    build: Callable[[str, int], Built],
) -> None:
    lake, uri, _, _ = build("file", 5)
    with session(lake.dsn, uri) as opened:
        async with opened.open() as here:
            migrated = await told(migrate(here, EVERYTHING, MigrateOptions(Strategy.REFETCH)))
    messages = Counter(
        result.diagnosis.error
        for result in migrated.results.values()
        if result.outcome is Outcome.MIGRATED and result.diagnosis.error is not None
    )
    assert len(messages) >= 10, messages
    assert sum(count for message, count in messages.items() if "num_rows" not in message) >= 20


async def test_a_migrated_value_keeps_what_a_round_trip_through_arrow_rs_would_drop(
    build: Callable[[str, int], Built],
) -> None:
    lake, uri, _, files = build("file", 5)
    with session(lake.dsn, uri) as opened:
        async with opened.open() as here:
            migrated = await told(migrate(here, EVERYTHING, MigrateOptions(Strategy.REFETCH)))
    stored = values(lake.dsn)
    refetched = [
        path
        for path, result in migrated.results.items()
        if result.outcome is Outcome.MIGRATED and result.diagnosis.cause is not Cause.OUTDATED_VERSION
    ]
    deprecated = [path for path in refetched if has_deprecated_statistics(stored[path])]
    assert deprecated, "no file of the demo lake fills Statistics.max and .min"
    for path in refetched:
        assert stored[path] == own_footer(files[path])


def has_deprecated_statistics(footer: bytes) -> bool:
    """Statistics fields 1 and 2 (max, min) in any column chunk: FileMetaData 4, RowGroup 1, ColumnChunk 3, ColumnMetaData 12."""
    for group in decode(footer).root.value(4).values:
        for chunk in group.value(1).values:
            statistics = chunk.value(3).value(12)
            if statistics is not None and statistics.value(1) is not None and statistics.value(2) is not None:
                return True
    return False
