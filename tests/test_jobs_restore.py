from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import refooter.jobs.restore
from footer_corpus import framed, prefixed, without_num_rows
from refooter.catalog.selection import EVERYTHING, Selection, View, parse_time
from refooter.demo.server import Server
from refooter.diagnosis import Diagnosis
from refooter.diagnosis.safely import diagnose_safely, undiagnosed
from refooter.errors import UsageError
from refooter.events import RestorePlan
from refooter.jobs.backup import backup
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.migrate import migrate
from refooter.jobs.restore import RestoreOptions, open_backup, restore, restore_plan
from refooter.jobs.rollback import rollback
from refooter.jobs.run import Control
from refooter.jobs.verify import verify
from refooter.target.target import ARROW_57
from refooter.target.workers import Judges
from refooter.values import Cause, Outcome, Reason, Status
from support.jobs import Told, told
from support.tables import execute, rows, table_digests, values
from test_catalog_rows import Rows, lake_of, one_database, path_of, small_file


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


@pytest.fixture(scope="module")
def judges() -> Iterator[Judges[Diagnosis]]:
    with Judges(ARROW_57, diagnose_safely, undiagnosed, workers=1) as started:
        yield started


PREFIXED, BARE, STALE, SOUND, ELSEWHERE = (*(path_of(n) for n in range(1, 5)), path_of(5, "measures/global"))
FILES = {path: small_file(10 + n, first=n) for n, path in enumerate((PREFIXED, BARE, STALE, SOUND, ELSEWHERE))}
ORPHAN = path_of(6)
MISSING = RestoreOptions(missing=True)


def fill(made: Rows) -> Rows:
    """Three entries to be mended, one of them with two partition rows of different versions; a stale and a sound one; an orphan."""
    for path, file in FILES.items():
        value = {
            PREFIXED: prefixed(file),
            BARE: without_num_rows(file.footer),
            ELSEWHERE: prefixed(file),
            STALE: framed(file.footer),
        }.get(path, file.footer)
        made.file(path, file, value, version=2 if path == SOUND else 1)
    made.partition(PREFIXED, FILES[PREFIXED].num_rows, len(FILES[PREFIXED].data), hour=1, version=2)
    made.entry(ORPHAN, b"orphan")
    return made


class Story:
    """A catalog, its backup, and what is done to it; each step a session of its own."""

    def __init__(self, made: Rows, judges: Judges[Diagnosis], directory: Path) -> None:
        self.made, self.dsn = made, made.dsn
        self.target = str(directory / "b.parquet")
        self._judges = judges

    def _lake(self, dsn: str | None = None) -> Any:
        return lake_of(dsn or self.dsn, self._judges, self.made.root)

    async def backup(self) -> Story:
        async with self._lake() as lake:
            await told(backup(lake, self.target))
        return self

    async def migrate(self) -> int:
        async with self._lake() as lake:
            run_id = (await told(migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)))).summary.run_id
            assert isinstance(run_id, int)
            return run_id

    async def restore(
        self, selection: Selection = EVERYTHING, options: RestoreOptions | None = None, dsn: str | None = None
    ) -> Told:
        async with self._lake(dsn) as lake:
            return await told(restore(lake, await open_backup(lake, self.target, selection), selection, options))

    async def plan(self, selection: Selection = EVERYTHING, options: RestoreOptions | None = None) -> RestorePlan:
        async with self._lake() as lake:
            opened = await open_backup(lake, self.target)
            plan = (await told(restore_plan(lake, opened, selection, options or RestoreOptions()))).summary
            assert isinstance(plan, RestorePlan)
            return plan

    async def back(self, *run_ids: int) -> Told:
        async with self._lake() as lake:
            return await told(rollback(lake, run_ids))

    async def verify(self, run_id: int) -> dict[str, int]:
        async with self._lake() as lake:
            accounted: dict[str, int] = (await told(verify(lake, EVERYTHING, run_id=run_id))).summary.run
            return accounted

    def digests(self) -> dict[str, str]:
        return table_digests(self.dsn)

    def forget(self, *paths: str) -> None:
        """What somebody's mistake does: entries vanish whose partitions are there."""
        execute(self.dsn, "DELETE FROM partition_metadata WHERE file_path = ANY(%s)", list(paths))

    def retire(self, *paths: str) -> None:
        """What the engine does first."""
        execute(self.dsn, "DELETE FROM lakehouse_partitions WHERE file_path = ANY(%s)", list(paths))

    def counts(self, run_id: int) -> tuple[Any, ...]:
        [row] = rows(
            self.dsn,
            "SELECT kind, state, selected, restored, skipped, failed, conflict, gone FROM refooter.run WHERE run_id = %s",
            run_id,
        )
        return row


@pytest.fixture(params=[4, 5])
def either(request: pytest.FixtureRequest, dsn: str, tmp_path: Path, judges: Judges[Diagnosis]) -> Story:
    return Story(fill(Rows(dsn, tmp_path, request.param).make()), judges, tmp_path)


@pytest.fixture
def story(dsn: str, tmp_path: Path, judges: Judges[Diagnosis]) -> Story:
    return Story(fill(Rows(dsn, tmp_path).make()), judges, tmp_path)


def sentences(said: Told) -> dict[str, str]:
    return {path: result.sentence for path, result in said.results.items() if result.sentence is not None}


async def test_a_restore_gives_both_tables_back_and_the_second_one_finds_nothing_to_do(either: Story) -> None:
    before = either.digests()
    await either.backup()
    await either.migrate()
    assert either.digests() != before
    changed = 4 if either.made.version >= 5 else 3
    first = (await either.restore()).summary
    assert (first.kind, first.state, first.selected, first.unchanged) == ("restore", "finished", 6, 6 - changed)
    assert first.outcomes == {Outcome.RESTORED: changed, Outcome.SKIPPED: 6 - changed}
    assert either.digests() == before
    assert either.counts(first.run_id) == ("restore", "finished", 6, changed, 6 - changed, 0, 0, 0)
    again = (await either.restore()).summary
    assert (again.outcomes, again.unchanged) == ({Outcome.SKIPPED: 6}, 6)


async def test_a_restore_can_be_rolled_back_and_that_can_be_too(either: Story) -> None:
    before = either.digests()
    await either.backup()
    await either.migrate()
    migrated = either.digests()
    run = (await either.restore()).summary.run_id
    back = (await either.back(run)).summary
    assert back.count(Outcome.CONFLICT) == back.count(Outcome.GONE) == 0
    assert either.digests() == migrated
    await either.back(back.run_id)
    assert either.digests() == before


async def test_entries_that_came_since_are_untouched(story: Story) -> None:
    await story.backup()
    await story.migrate()
    story.made.pair(path_of(7), b"new", version=1)
    said = await story.restore()
    assert path_of(7) not in said.results
    assert (story.made.value(path_of(7)), story.made.stamps(path_of(7))) == (b"new", [1, 1])


def between(story: Story, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """`act` happens after the rows were compared and before they are written."""
    compare = refooter.jobs.restore._compare

    async def then(*args: Any) -> Any:
        found = await compare(*args)
        act()
        return found

    monkeypatch.setattr(refooter.jobs.restore, "_compare", then)


async def test_what_changes_between_the_look_and_the_write_is_a_conflict_or_gone(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    await story.backup()
    await story.migrate()
    story.forget(SOUND, STALE)

    def act() -> None:
        story.made.entry(SOUND, b"theirs")
        story.retire(STALE)
        execute(story.dsn, "UPDATE partition_metadata SET metadata = 'theirs' WHERE file_path = %s", PREFIXED)
        story.forget(BARE)

    between(story, monkeypatch, act)
    said = await story.restore(options=MISSING)
    assert {path: result.outcome for path, result in said.results.items()} == {
        SOUND: Outcome.CONFLICT,
        STALE: Outcome.GONE,
        PREFIXED: Outcome.CONFLICT,
        BARE: Outcome.GONE,
        ELSEWHERE: Outcome.RESTORED,
        ORPHAN: Outcome.SKIPPED,
    }
    assert story.made.value(SOUND) == story.made.value(PREFIXED) == b"theirs"
    assert story.counts(said.summary.run_id) == ("restore", "finished", 6, 1, 1, 0, 2, 2)


async def test_partition_rows_that_are_new_or_gone_hold_nothing_back(story: Story) -> None:
    await story.backup()
    await story.migrate()
    execute(
        story.dsn,
        "DELETE FROM lakehouse_partitions WHERE file_path = %s AND begin_insert_time = '2026-03-02T01:00Z'",
        PREFIXED,
    )
    file = FILES[PREFIXED]
    story.made.partition(PREFIXED, file.num_rows, len(file.data), hour=2, version=2)
    assert (await story.restore()).summary.count(Outcome.RESTORED) == 4
    # the entry and the row that was there then; not the new one
    assert story.made.stamps(PREFIXED) == [1, 1, 2]


async def test_a_stamp_alone_is_restored_without_writing_the_value(story: Story) -> None:
    await story.backup()
    execute(story.dsn, "UPDATE lakehouse_partitions SET partition_format_version = 2 WHERE file_path = %s", BARE)
    said = (await story.restore()).summary
    assert said.outcomes == {Outcome.RESTORED: 1, Outcome.SKIPPED: 5}
    assert story.made.stamps(BARE) == [1, 1]
    assert rows(story.dsn, "SELECT old_value FROM refooter.change WHERE run_id = %s", said.run_id) == [(None,)]


async def test_what_was_retired_is_left_alone_and_so_is_what_a_newer_engine_wrote(story: Story) -> None:
    await story.backup()
    await story.migrate()
    story.retire(PREFIXED)
    execute(story.dsn, "UPDATE partition_metadata SET partition_format_version = 3 WHERE file_path = %s", BARE)
    held = story.made.value(PREFIXED), story.made.value(BARE)
    said = await story.restore()
    assert said.summary.outcomes == {Outcome.RESTORED: 2, Outcome.SKIPPED: 4}
    assert "retired since the backup" in sentences(said)[PREFIXED]
    assert "format version above 2" in sentences(said)[BARE]
    assert (story.made.value(PREFIXED), story.made.value(BARE)) == held


async def test_a_value_is_not_given_to_another_file_of_the_same_name(story: Story) -> None:
    await story.backup()
    story.forget(SOUND)
    await story.migrate()
    execute(story.dsn, "UPDATE lakehouse_partitions SET file_size = 77 WHERE file_path = ANY(%s)", [SOUND, BARE])
    said = await story.restore(options=MISSING)
    for path in (SOUND, BARE):
        assert (said.results[path].outcome, said.results[path].reason) == (Outcome.FAILED, Reason.MISMATCH)
        assert "another size" in sentences(said)[path]
    assert SOUND not in values(story.dsn)


async def test_num_rows_is_never_altered(story: Story) -> None:
    await story.backup()
    await story.migrate()
    execute(story.dsn, "UPDATE lakehouse_partitions SET num_rows = 0")
    await story.restore()
    assert rows(story.dsn, "SELECT DISTINCT num_rows FROM lakehouse_partitions") == [(0,)]


def upgrade(dsn: str) -> None:
    """What the engine does to a catalog of version 4."""
    for table in ("partition_metadata", "lakehouse_partitions"):
        execute(dsn, f"ALTER TABLE {table} ADD COLUMN partition_format_version integer NOT NULL DEFAULT 1")
    execute(dsn, "UPDATE lakehouse_migration SET version = 5")


async def test_a_backup_of_version_4_is_restored_at_version_5(
    dsn: str, tmp_path: Path, judges: Judges[Diagnosis]
) -> None:
    story = await Story(fill(Rows(dsn, tmp_path, 4).make()), judges, tmp_path).backup()
    before = values(dsn)
    upgrade(dsn)
    stamped = story.digests()
    assert (await story.restore()).summary.unchanged == 6
    await story.migrate()
    story.forget(SOUND)
    assert (await story.restore(options=MISSING)).summary.count(Outcome.CONFLICT) == 0
    assert values(dsn) == before
    assert story.made.stamps(PREFIXED) == [1, 1, 1]
    assert story.digests() == stamped


async def test_a_backup_of_version_5_is_restored_at_version_4(story: Story) -> None:
    await story.backup()
    before = values(story.dsn)
    await story.migrate()
    story.forget(SOUND)
    for table in ("partition_metadata", "lakehouse_partitions"):
        execute(story.dsn, f"ALTER TABLE {table} DROP COLUMN partition_format_version")
    execute(story.dsn, "UPDATE lakehouse_migration SET version = 4")
    said = (await story.restore(options=MISSING)).summary
    assert (said.count(Outcome.RESTORED), said.inserted) == (4, 1)
    assert values(story.dsn) == before
    assert (await story.restore()).summary.unchanged == 6


async def test_another_session_s_time_zone_is_no_other_partition_row(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = story.digests()
    await story.backup()
    await story.migrate()
    migrated = story.digests()
    monkeypatch.setenv("PGTZ", "Asia/Kolkata")
    run = (await story.restore()).summary
    assert run.count(Outcome.RESTORED) == 4
    monkeypatch.setenv("PGTZ", "America/St_Johns")
    assert (await story.back(run.run_id)).summary.outcomes == {Outcome.RESTORED: 4}
    monkeypatch.delenv("PGTZ")
    assert story.digests() == migrated
    assert (await story.back(1)).summary.outcomes == {Outcome.RESTORED: 4}
    assert story.digests() == before
    identity = rows(story.dsn, "SELECT DISTINCT partitions->0->'identity'->>2 FROM refooter.change")
    assert set(identity) == {("2026-03-02T00:00:00+00:00",), ("2026-03-02T01:00:00+00:00",)}


@pytest.mark.parametrize(
    ("selection", "restored"),
    [
        (Selection(paths=(BARE, SOUND)), {BARE, SOUND}),
        (Selection(views=(View("measures"),)), {ELSEWHERE}),
        (Selection(views=(View("blocks", "global"),)), {PREFIXED, BARE, STALE, SOUND}),
        (Selection(views=(View("measures"),), paths=(BARE,)), set()),
        (Selection(since=parse_time("2026-03-03")), set()),
        (
            Selection(since=parse_time("2026-03-02"), until=parse_time("2026-03-03")),
            {PREFIXED, BARE, STALE, SOUND, ELSEWHERE},
        ),
        (Selection(until=parse_time("2026-03-02")), set()),
        # of what has vanished nobody knows a status
        (Selection(statuses=(Status.OK,)), {PREFIXED, BARE, STALE, ELSEWHERE}),
        (Selection(causes=(Cause.PAGE_INDEX_PREFIX,)), set()),
    ],
)
async def test_only_the_selected_part_is_restored(story: Story, selection: Selection, restored: set[str]) -> None:
    await story.backup()
    await story.migrate()
    story.forget(SOUND)
    plan = await story.plan(selection, MISSING)
    said = await story.restore(selection, MISSING)
    assert {path for path, result in said.results.items() if result.outcome is Outcome.RESTORED} == restored
    assert said.summary.selected == plan.selected == len(said.results)
    assert plan.changed == len(restored)


async def test_the_plan_says_what_would_become_of_everything_and_writes_nothing(story: Story) -> None:
    await story.backup()
    await story.migrate()
    story.forget(SOUND, ORPHAN)
    before = story.digests()
    plan = await story.plan(options=MISSING)
    assert plan.by_fate == {"restore": 4, "insert": 1, "unnamed": 1}
    # two behind their page index, one without its row count; the stale one does no harm
    assert plan.harmful == 3
    assert plan.wal_bytes > plan.table_bytes > 0 < plan.journal_bytes
    assert (await story.plan()).by_fate == {"restore": 4, "vanished": 1, "unnamed": 1}
    assert story.digests() == before
    assert rows(story.dsn, "SELECT count(*) FROM refooter.run") == [(1,)]


async def test_another_database_is_refused_unless_it_is_meant(
    story: Story, server: Server, judges: Judges[Diagnosis]
) -> None:
    await story.backup()
    before = story.digests()
    [(name,)] = rows(story.dsn, "SELECT current_database()")
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE restore_twin TEMPLATE "{name}"')  # type: ignore[arg-type]
    twin = server.dsn("restore_twin")
    try:
        execute(twin, "UPDATE partition_metadata SET metadata = 'x'")
        with pytest.raises(UsageError, match=r"of another database \('test_jobs_restore'\).*--force restores it here"):
            await story.restore(dsn=twin)
        assert rows(twin, "SELECT FROM pg_namespace WHERE nspname = 'refooter'") == []
        forced = (await story.restore(options=RestoreOptions(force=True), dsn=twin)).summary
        assert forced.outcomes == {Outcome.RESTORED: 6}
        assert table_digests(twin) == before
    finally:
        server.drop_database("restore_twin")


async def test_a_file_that_changed_after_it_was_verified_stops_the_run(story: Story) -> None:
    await story.backup()
    await story.migrate()
    after = story.digests()
    async with story._lake() as lake:
        opened = await open_backup(lake, story.target)
        other = Story(story.made, story._judges, Path(story.target).parent / "other")
        Path(other.target).parent.mkdir()
        await other.backup()
        Path(other.target).replace(story.target)
        with pytest.raises(refooter.jobs.restore.BackupChanged, match="changed while it was being restored from"):
            await told(restore(lake, opened))
    assert story.digests() == after
    assert rows(story.dsn, "SELECT kind FROM refooter.run") == [("migrate",)]


async def test_what_the_database_says_in_the_middle_is_not_said_of_the_backup(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    await story.backup()

    def act() -> None:
        raise psycopg.errors.QueryCanceled("canceling statement due to statement timeout")

    between(story, monkeypatch, act)
    with pytest.raises(psycopg.errors.QueryCanceled):
        await story.restore()


async def test_a_cancelled_restore_is_interrupted_and_the_next_one_completes(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter.jobs.run, "BATCH_ENTRIES", 1)
    before = story.digests()
    await story.backup()
    await story.migrate()
    control = Control()
    async with story._lake() as lake:
        opened = await open_backup(lake, story.target)
        summary = None
        async for event in restore(lake, opened, control=control):
            control.cancel()
            summary = getattr(event, "summary", None)
    assert summary is not None
    assert summary.state == "interrupted"
    assert summary.count(Outcome.RESTORED) < 4
    monkeypatch.undo()
    await story.restore()
    assert story.digests() == before
