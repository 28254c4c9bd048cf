"""Entries that vanished: when a restore brings them back, and what undoes that."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

import refooter.jobs.restore
from refooter.catalog.journal_schema import journal_ddl
from refooter.demo.server import Server
from refooter.errors import MissingRights
from refooter.jobs.rollback import rollback
from refooter.values import Outcome
from support.jobs import told
from support.tables import execute, rows, values
from test_catalog_rows import lake_of, one_database
from test_jobs_restore import (
    BARE,
    ELSEWHERE,
    MISSING,
    ORPHAN,
    PREFIXED,
    SOUND,
    STALE,
    Story,
    sentences,
)
from test_jobs_restore import either as either
from test_jobs_restore import judges as judges
from test_jobs_restore import story as story


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


async def test_what_vanished_stays_away_and_is_said_unless_it_is_asked_for(story: Story) -> None:
    await story.backup()
    story.forget(SOUND, BARE, ORPHAN)
    story.retire(BARE)
    said = await story.restore()
    assert said.summary.outcomes == {Outcome.SKIPPED: 6}
    assert said.summary.unchanged == 3
    told_of = sentences(said)
    assert "--missing brings it back" in told_of[SOUND]
    assert "no partition names its file any more" in told_of[BARE]
    assert "no partition names its file any more" in told_of[ORPHAN]
    assert set(values(story.dsn)) == {PREFIXED, STALE, ELSEWHERE}


async def test_what_vanished_comes_back_with_its_time_while_a_partition_names_it(either: Story) -> None:
    execute(either.dsn, "UPDATE partition_metadata SET insert_time = 'infinity' WHERE file_path = %s", SOUND)
    odd = "UPDATE partition_metadata SET insert_time = '294276-12-31 23:59:59.999999Z' WHERE file_path = %s"
    execute(either.dsn, odd, PREFIXED)
    before = either.digests()
    await either.backup()
    either.forget(SOUND, PREFIXED)
    said = (await either.restore(options=MISSING)).summary
    assert (said.outcomes, said.inserted) == ({Outcome.RESTORED: 2, Outcome.SKIPPED: 4}, 2)
    assert either.digests() == before


async def test_what_a_restore_inserted_is_deleted_by_its_rollback_and_comes_back_by_the_next(either: Story) -> None:
    execute(either.dsn, "UPDATE partition_metadata SET insert_time = '-infinity' WHERE file_path = %s", SOUND)
    await either.backup()
    await either.migrate()
    either.forget(SOUND, PREFIXED)
    without = either.digests()
    run = (await either.restore(options=MISSING)).summary.run_id
    restored = either.digests()
    assert await either.verify(run) == {"holds": 5 if either.made.version >= 5 else 4}
    back = (await either.back(run)).summary
    assert either.digests() == without
    forth = (await either.back(back.run_id)).summary
    assert either.digests() == restored
    assert forth.outcomes == back.outcomes
    await either.back(forth.run_id)
    assert either.digests() == without
    # the insert and the delete together are nothing
    both = (await either.back(run, back.run_id)).summary
    assert both.count(Outcome.CONFLICT) == both.count(Outcome.FAILED) == 0
    assert either.digests() == without


async def test_an_inserted_row_that_somebody_changed_is_not_deleted(story: Story) -> None:
    await story.backup()
    story.forget(SOUND, BARE, STALE)
    run = (await story.restore(options=MISSING)).summary.run_id
    execute(story.dsn, "UPDATE partition_metadata SET metadata = 'theirs' WHERE file_path = %s", SOUND)
    execute(story.dsn, "UPDATE partition_metadata SET partition_format_version = 2 WHERE file_path = %s", BARE)
    back = await story.back(run)
    assert {path: result.outcome for path, result in back.results.items()} == {
        SOUND: Outcome.CONFLICT, BARE: Outcome.CONFLICT, STALE: Outcome.RESTORED
    }  # fmt: skip
    assert story.made.value(SOUND) == b"theirs"
    assert STALE not in values(story.dsn)


async def test_a_row_that_came_back_by_somebody_else_is_a_conflict(story: Story) -> None:
    await story.backup()
    story.forget(SOUND)
    run = (await story.restore(options=MISSING)).summary.run_id
    back = (await story.back(run)).summary.run_id
    story.made.entry(SOUND, b"theirs")
    forth = await story.back(back)
    assert forth.summary.outcomes == {Outcome.CONFLICT: 1}
    assert "inserted by another session" in (forth.results[SOUND].sentence or "")
    assert story.made.value(SOUND) == b"theirs"


async def test_a_deleted_row_whose_partitions_are_retired_does_not_come_back(story: Story) -> None:
    await story.backup()
    story.forget(SOUND)
    back = (await story.back((await story.restore(options=MISSING)).summary.run_id)).summary.run_id
    story.retire(SOUND)
    assert (await story.back(back)).summary.outcomes == {Outcome.GONE: 1}
    assert SOUND not in values(story.dsn)


async def test_a_locked_row_is_tried_again_and_an_insert_of_the_same_key_is_not_waited_for(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    await story.backup()
    await story.migrate()
    story.forget(SOUND)
    with psycopg.connect(story.dsn) as other:
        other.execute("SELECT FROM partition_metadata WHERE file_path = %s FOR UPDATE", (BARE,))
        other.execute("INSERT INTO partition_metadata VALUES (%s, 'theirs', now(), 2)", (SOUND,))
        monkeypatch.setattr(refooter.jobs.run, "BUSY_SECONDS", 0.01)
        monkeypatch.setattr(refooter.jobs.run, "BUSY_ATTEMPTS", 1)
        said = await story.restore(options=MISSING)
        other.rollback()
    assert {path: result.outcome for path, result in said.results.items()} == {
        SOUND: Outcome.CONFLICT,
        BARE: Outcome.CONFLICT,
        PREFIXED: Outcome.RESTORED,
        STALE: Outcome.RESTORED,
        ELSEWHERE: Outcome.RESTORED,
        ORPHAN: Outcome.SKIPPED,
    }
    assert (await story.restore(options=MISSING)).summary.outcomes == {Outcome.RESTORED: 2, Outcome.SKIPPED: 4}


async def test_a_missing_right_is_named_before_anything_is_written(story: Story) -> None:
    await story.backup()
    story.forget(SOUND)
    execute(story.dsn, journal_ddl("refooter"))
    role = story.made.role(
        "restorer",
        "SELECT ON partition_metadata, lakehouse_partitions, lakehouse_migration",
        "UPDATE ON partition_metadata, lakehouse_partitions",
        "USAGE ON SCHEMA refooter",
        "SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA refooter",
    )
    try:
        assert (await story.restore(dsn=role)).summary.state == "finished"
        with pytest.raises(
            MissingRights, match=r"INSERT \(file_path, metadata, insert_time, partition_format_version\)"
        ):
            await story.restore(options=MISSING, dsn=role)
        execute(story.dsn, "GRANT INSERT ON partition_metadata TO restorer")
        run = (await story.restore(options=MISSING, dsn=role)).summary
        assert run.inserted == 1
        async with lake_of(role, story._judges) as lake:
            with pytest.raises(MissingRights, match="DELETE on partition_metadata for the role restorer"):
                await told(rollback(lake, [run.run_id]))
        execute(story.dsn, "GRANT DELETE ON partition_metadata TO restorer")
        async with lake_of(role, story._judges) as lake:
            back = (await told(rollback(lake, [run.run_id]))).summary
            execute(story.dsn, "REVOKE INSERT ON partition_metadata FROM restorer")
            with pytest.raises(MissingRights, match="INSERT"):
                await told(rollback(lake, [back.run_id]))
    finally:
        story.made.drop_role("restorer")


async def test_a_journal_of_version_1_serves_all_runs_and_is_made_one_of_version_2_for_inserts(story: Story) -> None:
    before = story.digests()
    await story.backup()
    execute(story.dsn, journal_ddl("refooter"))
    execute(story.dsn, "ALTER TABLE refooter.change DROP COLUMN insert_time")
    execute(story.dsn, "UPDATE refooter.journal_version SET version = 1")
    run = await story.migrate()
    await story.back(run)
    await story.migrate()
    await story.restore()
    assert story.digests() == before
    assert rows(story.dsn, "SELECT version FROM refooter.journal_version") == [(1,)]
    story.forget(SOUND)
    role = story.made.role(
        "no_owner",
        "SELECT, INSERT, UPDATE ON partition_metadata, lakehouse_partitions, lakehouse_migration",
        "USAGE ON SCHEMA refooter",
        "SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA refooter",
    )
    try:
        with pytest.raises(MissingRights, match=r"have the owner of its tables run: ALTER TABLE .refooter..change ADD"):
            await story.restore(options=MISSING, dsn=role)
    finally:
        story.made.drop_role("no_owner")
    assert SOUND not in values(story.dsn)
    restored = (await story.restore(options=MISSING)).summary
    assert rows(story.dsn, "SELECT version FROM refooter.journal_version") == [(2,)]
    assert story.digests() == before
    await story.back(restored.run_id)
    assert SOUND not in values(story.dsn)
