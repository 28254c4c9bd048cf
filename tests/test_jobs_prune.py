"""Before images that are dropped: what a run did stays told, and what can then not be rolled back is refused before a write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from refooter.catalog import images
from refooter.catalog.history import entry_history
from refooter.catalog.journal import Journal, RunStart
from refooter.catalog.selection import Selection
from refooter.demo.server import Server
from refooter.diagnosis import Diagnosis
from refooter.errors import MissingRights, NothingSelected, RunStopped, UsageError
from refooter.jobs import rollback as rollback_job
from refooter.jobs.prune import ImagesGone, Pruned, prune, prune_plan
from refooter.jobs.verify import verify
from refooter.target.workers import Judges
from refooter.values import Outcome
from support.jobs import told
from support.tables import execute, rows, values
from test_catalog_rows import Rows, database_of, lake_of, one_database, path_of, small_file
from test_jobs_rollback import BARE, ELSEWHERE, PREFIXED, STALE, Story, fill
from test_jobs_rollback import judges as judges

ROLE = "pruner"
VALUED = {PREFIXED, BARE, ELSEWHERE}


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


@pytest.fixture
def story(dsn: str, tmp_path: Path, judges: Judges[Diagnosis]) -> Story:
    return Story(fill(Rows(dsn, tmp_path).make()), judges)


async def pruned(story: Story, *run_ids: int, before: int | None = None) -> list[Pruned]:
    async with lake_of(story.dsn, story.judges) as lake:
        return [batch async for batch in prune(lake, await prune_plan(lake, run_ids, before))]


def changes(dsn: str) -> list[tuple[object, ...]]:
    """All that the journal tells of changes but the images."""
    return rows(
        dsn,
        "SELECT to_jsonb(c) - 'old_value' FROM refooter.change c ORDER BY run_id, file_path",
    )


def held(dsn: str, run_id: int) -> dict[str, bytes | None]:
    return dict(rows(dsn, "SELECT file_path, old_value FROM refooter.change WHERE run_id = %s", run_id))


def run_row(dsn: str, run_id: int) -> tuple[object, ...]:
    return rows(
        dsn, "SELECT to_jsonb(r) - 'selection' - 'heartbeat' - 'finished' FROM refooter.run r WHERE run_id = %s", run_id
    )[0]


async def test_the_images_go_and_all_that_the_journal_tells_of_the_run_stays(story: Story) -> None:
    run = await story.migrate()
    before = held(story.dsn, run)
    assert {path for path, image in before.items() if image is not None} == VALUED
    told_of, row, selection = (
        changes(story.dsn),
        run_row(story.dsn, run),
        rows(story.dsn, "SELECT selection FROM refooter.run"),
    )
    batches = await pruned(story, run)
    assert sum(batch.entries for batch in batches) == 3
    assert sum(batch.bytes for batch in batches) > 0
    assert held(story.dsn, run) == {PREFIXED: b"", BARE: b"", ELSEWHERE: b"", STALE: None}
    assert (changes(story.dsn), run_row(story.dsn, run)) == (told_of, row)
    async with database_of(story.dsn) as database:
        journal = Journal(database)
        [record] = await journal.runs()
        [history] = await entry_history(journal, PREFIXED)
        [change] = [one async for page in journal.changes([run]) for [one] in page if one.file_path == PREFIXED]
    assert [(record.selection,)] == selection
    assert record.images_dropped is not None
    assert (record.images_dropped.entries, record.images_dropped.bytes) == (3, sum(batch.bytes for batch in batches))
    assert record.images_dropped.who
    assert record.finished is not None
    assert record.images_dropped.when > record.finished
    assert history.change is not None
    assert (history.change.old_size, history.change.new_size is None) == (None, False)
    assert (change.old_value, change.dropped) == (None, True)


async def test_a_pruned_run_can_still_be_accounted_for(story: Story) -> None:
    run = await story.migrate()
    await pruned(story, run)
    execute(story.dsn, "DELETE FROM partition_metadata WHERE file_path = %s", BARE)
    async with lake_of(story.dsn, story.judges) as lake:
        said = await told(verify(lake, Selection(), run_id=run))
    assert said.summary.run == {"holds": 3, "lost": 1}


async def test_rolling_back_a_pruned_run_is_refused_before_anything_is_written(story: Story) -> None:
    run = await story.migrate()
    await pruned(story, run)
    digests = story.digests()
    execute(story.dsn, "UPDATE refooter.run SET state = 'stopped'")
    with pytest.raises(
        ImagesGone, match=f"run {run} cannot be rolled back: the before images of 3 of its entries were"
    ) as refused:
        await story.back(run)
    assert refused.value.exit_code == 2
    assert story.digests() == digests
    assert rows(story.dsn, "SELECT run_id, state FROM refooter.run") == [(run, "stopped")]


async def test_entries_of_a_pruned_run_that_were_only_stamped_can_be_named_and_go_back(story: Story) -> None:
    run = await story.migrate()
    await pruned(story, run)
    with pytest.raises(ImagesGone):
        await story.back(run, selection=Selection(paths=(STALE, BARE)))
    back = await story.back(run, selection=Selection(paths=(STALE,)))
    assert {path: result.outcome for path, result in back.results.items()} == {STALE: Outcome.RESTORED}
    assert story.made.stamps(STALE) == [1, 1]


async def test_of_several_runs_only_the_images_that_going_back_needs_must_be_there(story: Story) -> None:
    before = values(story.dsn)
    first = await story.migrate()
    after = values(story.dsn)
    second = (await story.back(first)).summary.run_id
    third = (await story.back(second)).summary.run_id
    await pruned(story, second, third)
    # from what the third wrote to what the first found: only the first one's images are needed
    with pytest.raises(ImagesGone, match=f"run {second} cannot"):
        await story.back(third, second)
    assert (await story.back(first, second, third)).summary.outcomes == {Outcome.RESTORED: 4}
    assert values(story.dsn) == before
    await pruned(story, first)
    with pytest.raises(ImagesGone, match=f"run {first} cannot"):
        await story.back(third, second, first)
    assert after != before


async def test_an_image_that_was_dropped_after_the_look_is_a_conflict_and_nothing_is_written(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await story.migrate()
    await pruned(story, run)
    now = values(story.dsn)

    async def seen_too_early(*_: object) -> None:
        pass

    monkeypatch.setattr(rollback_job, "refuse_without_images", seen_too_early)
    back = await story.back(run)
    assert {path for path, result in back.results.items() if result.outcome is Outcome.CONFLICT} == VALUED
    assert "dropped" in (back.results[BARE].sentence or "")
    assert back.results[STALE].outcome is Outcome.RESTORED
    assert values(story.dsn) == now


async def test_an_image_of_nothing_is_an_image_and_not_a_dropped_one(
    dsn: str, tmp_path: Path, judges: Judges[Diagnosis]
) -> None:
    story = Story(Rows(dsn, tmp_path).make(), judges)
    story.made.file(path_of(1), small_file(10), b"")
    run = await story.migrate()
    assert held(dsn, run) == {path_of(1): b""}
    assert await pruned(story, run) == []
    assert (await story.back(run)).summary.outcomes == {Outcome.RESTORED: 1}
    assert story.made.value(path_of(1)) == b""


@pytest.mark.parametrize("batch", [1, 2, 1000])
async def test_the_runs_row_counts_every_batch_in_the_batchs_own_transaction(
    story: Story, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(images, "_BATCH", batch)
    run = await story.migrate()
    async with lake_of(story.dsn, story.judges) as lake:
        entries = size = 0
        async for one in prune(lake, await prune_plan(lake, [run])):
            entries, size = entries + one.entries, size + one.bytes
            [(said,)] = rows(story.dsn, "SELECT selection->'images_dropped' FROM refooter.run")
            assert (said["entries"], said["bytes"]) == (entries, size)
            [(dropped,)] = rows(story.dsn, "SELECT count(*) FROM refooter.change WHERE octet_length(old_value) = 0")
            assert dropped == entries
    assert entries == 3


async def test_dropping_goes_on_where_an_earlier_one_was_interrupted_and_a_second_finds_nothing(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "_BATCH", 1)
    run = await story.migrate()
    async with lake_of(story.dsn, story.judges) as lake:
        batches = prune(lake, await prune_plan(lake, [run]))
        await anext(batches)
        await batches.aclose()
    assert sum(batch.entries for batch in await pruned(story, run)) == 2
    assert await pruned(story, run) == []
    [(said,)] = rows(story.dsn, "SELECT selection->'images_dropped'->'entries' FROM refooter.run")
    assert said == 3


async def test_a_live_run_keeps_its_images_and_a_dead_one_is_set_dead_first(story: Story) -> None:
    run = await story.migrate()
    execute(story.dsn, "UPDATE refooter.run SET state = 'running', finished = NULL, heartbeat = clock_timestamp()")
    with pytest.raises(UsageError, match=f"run {run} still goes on"):
        await pruned(story, run)
    async with database_of(story.dsn) as database:
        with pytest.raises(RunStopped, match=f"run {run} still goes on"):
            await images.drop_images(Journal(database), run, "me", None)
    execute(story.dsn, "UPDATE refooter.run SET heartbeat = clock_timestamp() - interval '61 seconds'")
    assert sum(batch.entries for batch in await pruned(story, run)) == 3
    assert rows(story.dsn, "SELECT state, finished IS NOT NULL FROM refooter.run") == [("dead", True)]


async def test_a_run_that_somebody_is_just_going_back_on_keeps_its_images(story: Story) -> None:
    run = await story.migrate()
    async with database_of(story.dsn) as database:
        journal = Journal(database)
        going = await journal.start(RunStart("rollback", "them", "0", "t", {"runs": [run]}, "before_image"), 4)
        with pytest.raises(RunStopped, match=f"run {going} is just going back on run {run}"):
            await pruned(story, run)
        assert None not in [image for path, image in held(story.dsn, run).items() if path in VALUED]
    execute(
        story.dsn,
        "UPDATE refooter.run SET heartbeat = clock_timestamp() - interval '61 seconds' WHERE run_id = %s",
        going,
    )
    assert sum(batch.entries for batch in await pruned(story, run)) == 3


async def test_a_time_selects_the_runs_that_had_ended_before_it(story: Story) -> None:
    first = await story.migrate(Selection(paths=(PREFIXED,)))
    second = await story.migrate(Selection(paths=(BARE,)))
    third = await story.migrate(Selection(paths=(ELSEWHERE,)))
    execute(story.dsn, "UPDATE refooter.run SET state = 'running', finished = NULL WHERE run_id = %s", third)
    async with lake_of(story.dsn, story.judges) as lake:
        ended = {run.run_id: run.finished for run in await lake.journal.runs()}
        assert ended[second] is not None
        assert [one.run.run_id for one in await prune_plan(lake, before=ended[second])] == [first]
        assert [one.run.run_id for one in await prune_plan(lake, before=2**62)] == [second, first]
        assert await prune_plan(lake, before=0) == []
        with pytest.raises(NothingSelected, match="no run 404 in the journal"):
            await prune_plan(lake, [404])


@pytest.fixture
def limited(story: Story) -> Iterator[Callable[..., str]]:
    """Makes a role of just these rights, in place of the one before, and gives its address."""

    def drop() -> None:
        if rows(story.dsn, "SELECT FROM pg_roles WHERE rolname = %s", ROLE):
            story.made.drop_role(ROLE)

    def role(*rights: str) -> str:
        drop()
        return story.made.role(
            ROLE, "USAGE ON SCHEMA refooter", "SELECT ON ALL TABLES IN SCHEMA refooter, public", *rights
        )

    yield role
    drop()


@pytest.mark.parametrize(("table", "column"), [("change", "old_value"), ("run", "selection")])
async def test_a_role_that_may_not_drop_is_told_which_right_it_lacks(
    story: Story, limited: Callable[..., str], table: str, column: str
) -> None:
    run = await story.migrate()
    rights = {"change": "UPDATE (old_value) ON refooter.change", "run": "UPDATE ON refooter.run"}
    async with lake_of(limited(*(right for name, right in rights.items() if name != table)), story.judges) as lake:
        with pytest.raises(MissingRights, match=rf"UPDATE \({column}\) on refooter\.{table} .* for the role {ROLE}"):
            await prune_plan(lake, [run])
    async with lake_of(limited(*rights.values()), story.judges) as lake:
        assert sum([batch.entries async for batch in prune(lake, await prune_plan(lake, [run]))]) == 3


async def test_a_read_only_session_drops_nothing(story: Story) -> None:
    run = await story.migrate()
    async with (
        lake_of(story.dsn, story.judges) as lake,
        database_of(story.dsn, read_only=True) as database,
    ):
        with pytest.raises(MissingRights, match="read-only"):
            await prune_plan(replace(lake, database=database, journal=Journal(database)), [run])
