from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from footer_corpus import framed, prefixed, without_num_rows
from refooter.catalog.journal import Journal, RunStart, RunState
from refooter.catalog.selection import EVERYTHING, Selection, View, parse_time
from refooter.demo.server import Server
from refooter.diagnosis import Diagnosis
from refooter.diagnosis.safely import diagnose_safely, undiagnosed
from refooter.errors import NothingSelected
from refooter.events import Severity
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.migrate import migrate
from refooter.jobs.rollback import rollback
from refooter.target.target import ARROW_57
from refooter.target.workers import Judges
from refooter.values import Cause, Outcome, Status
from support.jobs import Told, told
from support.tables import execute, rows, table_digests, values
from test_catalog_rows import Rows, database_of, lake_of, one_database, path_of, small_file


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


PREFIXED, BARE, STALE, SOUND, ELSEWHERE = (*(path_of(n) for n in range(1, 5)), path_of(5, "measures/global"))
FILES = {path: small_file(10 + n, first=n) for n, path in enumerate((PREFIXED, BARE, STALE, SOUND, ELSEWHERE))}


@pytest.fixture(scope="module")
def judges() -> Iterator[Judges[Diagnosis]]:
    with Judges(ARROW_57, diagnose_safely, undiagnosed, workers=1) as started:
        yield started


def fill(made: Rows) -> Rows:
    """Three entries to be mended, one of them with two partition rows of different versions; a stale and a sound one."""
    for path, file in FILES.items():
        value = {
            PREFIXED: prefixed(file),
            BARE: without_num_rows(file.footer),
            ELSEWHERE: prefixed(file),
            STALE: framed(file.footer),
        }.get(path, file.footer)
        made.file(path, file, value, version=2 if path == SOUND else 1)
    made.partition(PREFIXED, FILES[PREFIXED].num_rows, len(FILES[PREFIXED].data), hour=1, version=2)
    return made


class Story:
    """A catalog and its runs, each step a session of its own."""

    def __init__(self, made: Rows, judges: Judges[Diagnosis]) -> None:
        self.made, self.dsn = made, made.dsn
        self.judges = judges

    async def migrate(self, selection: Selection = EVERYTHING, **options: Any) -> int:
        async with lake_of(self.dsn, self.judges, self.made.root) as lake:
            run_id = (await told(migrate(lake, selection, MigrateOptions(Strategy.REFETCH, **options)))).summary.run_id
            assert isinstance(run_id, int)
            return run_id

    async def back(self, *run_ids: int, selection: Selection = EVERYTHING) -> Told:
        async with lake_of(self.dsn, self.judges) as lake:
            return await told(rollback(lake, run_ids, selection))

    def digests(self) -> dict[str, str]:
        return table_digests(self.dsn)

    def change(self, path: str, value: bytes, version: int = 2) -> None:
        """Somebody else's doing."""
        execute(self.dsn, "UPDATE partition_metadata SET metadata = %s WHERE file_path = %s", value, path)
        if self.made.version >= 5:
            execute(
                self.dsn,
                "UPDATE partition_metadata SET partition_format_version = %s WHERE file_path = %s",
                version,
                path,
            )


@pytest.fixture
def story(dsn: str, tmp_path: Path, judges: Judges[Diagnosis]) -> Story:
    return Story(fill(Rows(dsn, tmp_path).make()), judges)


async def test_going_back_gives_both_tables_back_stamps_of_partition_rows_included(story: Story) -> None:
    before = story.digests()
    run = await story.migrate()
    assert values(story.dsn) == {path: file.footer for path, file in FILES.items()} | {
        STALE: framed(FILES[STALE].footer)
    }
    assert story.made.stamps(PREFIXED) == [2, 2, 2]
    assert story.made.stamps(STALE) == [2, 2]
    back = await story.back(run)
    assert back.summary.outcomes == {Outcome.RESTORED: 4}
    assert (back.summary.kind, back.summary.state, back.summary.selected) == ("rollback", "finished", 4)
    assert story.made.stamps(PREFIXED) == [1, 1, 2]
    assert story.digests() == before
    kinds = rows(story.dsn, "SELECT kind, state, migrated, restored FROM refooter.run ORDER BY run_id")
    assert kinds == [("migrate", "finished", 4, 0), ("rollback", "finished", 0, 4)]


async def test_a_rollback_can_itself_be_rolled_back(story: Story) -> None:
    before = story.digests()
    run = await story.migrate()
    after = story.digests()
    back = (await story.back(run)).summary.run_id
    assert story.digests() == before
    forth = (await story.back(back)).summary
    assert forth.outcomes == {Outcome.RESTORED: 4}
    assert story.digests() == after
    assert (await story.back(forth.run_id)).summary.outcomes == {Outcome.RESTORED: 4}
    assert story.digests() == before


async def test_two_runs_over_the_same_entries_go_back_at_once(story: Story) -> None:
    before = story.digests()
    first = await story.migrate()
    # what the first run only stamped, the second one derives anew
    second = await story.migrate(Selection(paths=(STALE,)), force=True)
    assert rows(story.dsn, "SELECT count(*) FROM refooter.change WHERE file_path = %s", STALE) == [(2,)]
    back = await story.back(first, second)
    assert back.summary.outcomes == {Outcome.RESTORED: 4}
    assert story.digests() == before
    # and that one run, which went two steps at a time, is one step itself
    assert (await story.back(back.summary.run_id)).summary.outcomes == {Outcome.RESTORED: 4}
    assert story.made.value(STALE) == FILES[STALE].footer
    assert story.made.stamps(STALE) == [2, 2]


async def test_a_chain_that_somebody_broke_in_the_middle_is_a_conflict(story: Story) -> None:
    first = await story.migrate(Selection(paths=(PREFIXED, BARE)))
    story.change(PREFIXED, prefixed(FILES[PREFIXED]), version=1)
    second = await story.migrate(Selection(paths=(PREFIXED,)))
    held = story.made.value(PREFIXED)
    back = await story.back(first, second)
    assert back.summary.outcomes == {Outcome.CONFLICT: 1, Outcome.RESTORED: 1}
    assert f"between runs {first} and {second} something else changed this entry" in (
        back.results[PREFIXED].sentence or ""
    )
    assert story.made.value(PREFIXED) == held
    # run by run it goes: the second one's before image is what somebody wrote
    assert (await story.back(second)).summary.outcomes == {Outcome.RESTORED: 1}
    assert story.made.value(PREFIXED) == prefixed(FILES[PREFIXED])


async def test_a_row_that_a_later_run_changed_is_a_conflict_that_names_it(story: Story) -> None:
    first = await story.migrate()
    second = await story.migrate(Selection(paths=(STALE,)), force=True)
    back = await story.back(first)
    assert back.summary.outcomes == {Outcome.RESTORED: 3, Outcome.CONFLICT: 1}
    assert f"run {second} " in (back.results[STALE].sentence or "")
    assert story.made.value(STALE) == FILES[STALE].footer
    assert rows(story.dsn, "SELECT file_path, outcome FROM refooter.result") == [(STALE, "conflict")]


@pytest.mark.parametrize(("value", "version"), [(b"theirs", 2), (None, 1), (None, 3)])
async def test_a_row_that_somebody_else_changed_is_left_alone(story: Story, value: bytes | None, version: int) -> None:
    run = await story.migrate()
    held = story.made.value(BARE) if value is None else value
    story.change(BARE, held, version)
    back = await story.back(run)
    assert back.summary.outcomes == {Outcome.RESTORED: 3, Outcome.CONFLICT: 1}
    assert back.results[BARE].outcome is Outcome.CONFLICT
    assert (story.made.value(BARE), story.made.stamps(BARE)) == (held, [version, 2])


async def test_a_partition_row_that_somebody_else_stamped_is_left_alone(story: Story) -> None:
    run = await story.migrate()
    execute(story.dsn, "UPDATE lakehouse_partitions SET partition_format_version = 3 WHERE file_path = %s", BARE)
    back = await story.back(run)
    assert back.results[BARE].outcome is Outcome.CONFLICT
    assert story.made.stamps(BARE) == [2, 3]


async def test_what_was_retired_meanwhile_is_gone(story: Story) -> None:
    run = await story.migrate()
    execute(story.dsn, "DELETE FROM lakehouse_partitions WHERE file_path = %s", PREFIXED)
    execute(story.dsn, "DELETE FROM lakehouse_partitions WHERE file_path = %s", BARE)
    execute(story.dsn, "DELETE FROM partition_metadata WHERE file_path = %s", BARE)
    held = story.made.value(PREFIXED)
    back = await story.back(run)
    assert back.summary.outcomes == {Outcome.RESTORED: 2, Outcome.GONE: 2}
    assert {path for path, result in back.results.items() if result.outcome is Outcome.GONE} == {PREFIXED, BARE}
    assert story.made.value(PREFIXED) == held
    assert rows(story.dsn, "SELECT FROM partition_metadata WHERE file_path = %s", BARE) == []


async def test_one_of_two_partition_rows_that_was_retired_does_not_hold_the_entry_back(story: Story) -> None:
    run = await story.migrate()
    execute(
        story.dsn,
        "DELETE FROM lakehouse_partitions WHERE file_path = %s AND begin_insert_time = '2026-03-02T01:00Z'",
        PREFIXED,
    )
    assert (await story.back(run)).summary.outcomes == {Outcome.RESTORED: 4}
    assert story.made.stamps(PREFIXED) == [1, 1]


@pytest.mark.parametrize(
    ("selection", "restored"),
    [
        (Selection(paths=(BARE, SOUND)), {BARE}),
        (Selection(views=(View("measures"),)), {ELSEWHERE}),
        (Selection(views=(View("blocks", "global"),)), {PREFIXED, BARE, STALE}),
        (Selection(views=(View("measures"),), paths=(BARE,)), set()),
        (Selection(since=parse_time("2026-03-03")), set()),
        (Selection(since=parse_time("2026-03-02"), until=parse_time("2026-03-03")), {PREFIXED, BARE, STALE, ELSEWHERE}),
        (Selection(until=parse_time("2026-03-02")), set()),
        (Selection(statuses=(Status.OK,)), {PREFIXED, BARE, STALE, ELSEWHERE}),
        (Selection(causes=(Cause.PAGE_INDEX_PREFIX,)), set()),
    ],
)
async def test_only_the_selected_part_of_a_run_goes_back(
    story: Story, selection: Selection, restored: set[str]
) -> None:
    before = values(story.dsn) | {STALE: b"stamped alone"}
    run = await story.migrate()
    back = await story.back(run, selection=selection)
    assert {path for path, result in back.results.items() if result.outcome is Outcome.RESTORED} == restored
    assert set(back.results) == restored
    assert back.summary.selected == len(restored)
    for path in (PREFIXED, BARE, ELSEWHERE):
        assert (story.made.value(path) == before[path]) is (path in restored)


async def test_a_run_of_a_version_4_catalog_goes_back_in_it(
    dsn: str, tmp_path: Path, judges: Judges[Diagnosis]
) -> None:
    story = Story(fill(Rows(dsn, tmp_path, 4).make()), judges)
    before = story.digests()
    run = await story.migrate()
    assert (await story.back(run)).summary.outcomes == {Outcome.RESTORED: 3}
    assert story.digests() == before


def upgrade(dsn: str) -> None:
    """What the engine does to a catalog of version 4."""
    for table in ("partition_metadata", "lakehouse_partitions"):
        execute(dsn, f"ALTER TABLE {table} ADD COLUMN partition_format_version integer NOT NULL DEFAULT 1")
    execute(dsn, "UPDATE lakehouse_migration SET version = 5")


@pytest.fixture
def upgraded(dsn: str, tmp_path: Path, judges: Judges[Diagnosis]) -> Story:
    return Story(fill(Rows(dsn, tmp_path, 4).make()), judges)


async def test_a_run_made_at_version_4_goes_back_at_version_5(upgraded: Story) -> None:
    before = values(upgraded.dsn)
    run = await upgraded.migrate()
    upgrade(upgraded.dsn)
    untouched = upgraded.digests()["lakehouse_partitions"]
    back = await upgraded.back(run)
    assert back.summary.outcomes == {Outcome.RESTORED: 3}
    assert values(upgraded.dsn) == before
    assert upgraded.made.stamps(PREFIXED) == [1, 1, 1]
    assert upgraded.digests()["lakehouse_partitions"] == untouched
    forth = await upgraded.back(back.summary.run_id)
    assert forth.summary.outcomes == {Outcome.RESTORED: 3}
    assert upgraded.made.value(PREFIXED) == FILES[PREFIXED].footer


async def test_runs_made_before_and_after_the_upgrade_go_back_one_by_one(upgraded: Story) -> None:
    before = values(upgraded.dsn)
    old = await upgraded.migrate()
    upgrade(upgraded.dsn)
    new = await upgraded.migrate()
    assert upgraded.made.stamps(PREFIXED) == [2, 2, 2]
    assert (await upgraded.back(new)).summary.count(Outcome.CONFLICT) == 0
    assert (await upgraded.back(old)).summary.outcomes == {Outcome.RESTORED: 3}
    assert values(upgraded.dsn) == before
    assert upgraded.made.stamps(PREFIXED) == [1, 1, 1]


async def test_runs_made_before_and_after_the_upgrade_go_back_at_once(upgraded: Story) -> None:
    before = values(upgraded.dsn)
    old = await upgraded.migrate()
    upgrade(upgraded.dsn)
    new = await upgraded.migrate()
    back = await upgraded.back(new, old)
    assert back.summary.count(Outcome.CONFLICT) == 0
    assert values(upgraded.dsn) == before
    assert upgraded.made.stamps(PREFIXED) == [1, 1, 1]


@pytest.mark.parametrize(("ago", "state"), [(0, RunState.STOPPED), (61, RunState.DEAD)])
async def test_a_run_that_still_goes_on_is_stopped_first(story: Story, ago: int, state: RunState) -> None:
    run = await story.migrate()
    execute(
        story.dsn,
        "UPDATE refooter.run SET state = 'running', finished = NULL, heartbeat = clock_timestamp() - %s * interval '1 second'",
        ago,
    )
    back = await story.back(run)
    assert rows(story.dsn, "SELECT state FROM refooter.run WHERE run_id = %s", run) == [(state.value,)]
    assert back.summary.outcomes == {Outcome.RESTORED: 4}
    if state is RunState.STOPPED:
        [notice] = back.notices
        assert notice.severity is Severity.WARNING
        assert f"run {run} was still going on" in notice.text


async def test_a_run_that_the_journal_does_not_have_is_named_and_nothing_begins(story: Story) -> None:
    run = await story.migrate()
    with pytest.raises(NothingSelected, match="no run 404 in the journal"):
        await story.back(run, 404)
    assert rows(story.dsn, "SELECT count(*) FROM refooter.run") == [(1,)]


async def test_a_run_that_changed_nothing_goes_back_to_nothing(story: Story) -> None:
    before = story.digests()
    async with database_of(story.dsn) as database:
        journal = Journal(database)
        await journal.ensure()
        empty = await journal.start(RunStart("migrate", "me", "0", "t", {}, "refetch"), 0)
        await journal.finish(empty, RunState.FINISHED, None)
    back = await story.back(empty)
    assert (back.summary.outcomes, back.summary.state) == ({}, "finished")
    assert story.digests() == before
