from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from footer_corpus import framed, prefixed, with_num_rows, without_num_rows
from refooter.catalog.selection import EVERYTHING, Selection, View
from refooter.demo.server import Server
from refooter.diagnosis import Diagnosis
from refooter.diagnosis.safely import diagnose_safely, undiagnosed
from refooter.errors import NothingSelected, StoreUnreachable, UsageError
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.migrate import migrate
from refooter.jobs.verify import verify
from refooter.target.target import ARROW_57
from refooter.target.workers import Judges
from refooter.values import Cause, Outcome, Status
from support.jobs import Told, told
from support.tables import execute, table_digests
from test_catalog_rows import Rows, lake_of, one_database, path_of, small_file


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


FILE, OTHER = small_file(20), small_file(20, first=1)


@pytest.fixture(scope="module")
def judges() -> Iterator[Judges[Diagnosis]]:
    with Judges(ARROW_57, diagnose_safely, undiagnosed, workers=1) as started:
        yield started


@pytest.fixture
def made(dsn: str, tmp_path: Path) -> Rows:
    """One sound entry."""
    made = Rows(dsn, tmp_path).make()
    made.file(path_of(1), FILE, version=2)
    return made


async def verified(made: Rows, judges: Judges[Diagnosis], selection: Selection = EVERYTHING, **options: Any) -> Told:
    before = table_digests(made.dsn)
    async with lake_of(made.dsn, judges, made.root) as lake:
        said = await told(verify(lake, selection, **options))
    assert table_digests(made.dsn) == before
    counts: dict[str, int] = {}
    for problem in said.problems:
        counts[problem.problem] = counts.get(problem.problem, 0) + 1
        assert problem.sentence
    assert said.summary.by_problem == counts
    return said


def problems(said: Told) -> set[tuple[str, str]]:
    return {(problem.file_path, problem.problem) for problem in said.problems}


async def test_a_sound_catalog_has_no_problems(made: Rows, judges: Judges[Diagnosis]) -> None:
    made.file(path_of(2), OTHER, framed(OTHER.footer), version=1)  # out of date, but answered rightly
    made.partition(None, 0, None)
    said = await verified(made, judges)
    assert (said.summary.entries, said.summary.ok, said.summary.problems) == (2, 2, 0)


async def test_every_entry_that_does_not_decode_or_does_harm_is_a_problem_by_its_cause(
    made: Rows, judges: Judges[Diagnosis]
) -> None:
    values = {
        Cause.PAGE_INDEX_PREFIX: prefixed(FILE),
        Cause.MISSING_NUM_ROWS: without_num_rows(FILE.footer),
        Cause.ZERO_NUM_ROWS: with_num_rows(FILE.footer, 0),
        Cause.EMPTY: b"",
        Cause.TRUNCATED: FILE.footer[:200],
    }
    for number, value in enumerate(values.values(), 2):
        made.file(path_of(number), FILE, value)
    said = await verified(made, judges)
    assert problems(said) == {(path_of(number), cause.value) for number, cause in enumerate(values, 2)}
    assert (said.summary.entries, said.summary.ok) == (6, 1)


async def test_an_orphan_is_no_problem_unless_it_is_named(made: Rows, judges: Judges[Diagnosis]) -> None:
    made.entry(path_of(2), b"")
    assert (await verified(made, judges)).summary.entries == 1
    said = await verified(made, judges, Selection(paths=(path_of(1), path_of(2))))
    assert problems(said) == {(path_of(2), "empty")}
    assert said.summary.entries == 2


async def test_a_partition_with_a_file_but_no_entry_is_a_problem_once(made: Rows, judges: Judges[Diagnosis]) -> None:
    made.partition(path_of(2))
    made.partition(path_of(2), hour=1)
    made.partition(path_of(3, "measures/global"), view="measures/global")
    both = {(path_of(2), "no_metadata"), (path_of(3, "measures/global"), "no_metadata")}
    said = await verified(made, judges)
    assert problems(said) == both
    assert (said.summary.entries, said.summary.ok, said.summary.problems) == (1, 1, 2)
    assert problems(await verified(made, judges, Selection(views=(View("blocks"),)))) == {(path_of(2), "no_metadata")}
    assert problems(await verified(made, judges, Selection(paths=(path_of(1),)))) == set()
    # what only entries have, a status, cannot select what has no entry
    assert problems(await verified(made, judges, Selection(statuses=(Status.OK,)))) == set()


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((0,), {"catalog_zero_rows"}),
        ((20, 0), {"catalog_zero_rows", "partitions_disagree"}),
        ((20, 20), set()),
        ((20, 21), {"partitions_disagree"}),
    ],
)
async def test_partition_rows_that_say_nothing_or_disagree_are_problems(
    made: Rows, judges: Judges[Diagnosis], counts: tuple[int, ...], expected: set[str]
) -> None:
    made.entry(path_of(2), FILE.footer, version=2)
    for hour, count in enumerate(counts):
        made.partition(path_of(2), count, len(FILE.data), hour=hour, version=2)
    said = await verified(made, judges)
    assert problems(said) == {(path_of(2), problem) for problem in expected}
    # however many problems an entry has, it is one entry
    assert said.summary.ok == (1 if expected else 2)


async def test_zero_rows_of_a_file_without_any_are_right(made: Rows, judges: Judges[Diagnosis]) -> None:
    made.file(path_of(2), small_file(0), version=2)
    assert (await verified(made, judges)).summary.problems == 0


async def test_each_value_is_compared_with_its_files_own_footer(made: Rows, judges: Judges[Diagnosis]) -> None:
    assert made.root is not None
    made.file(path_of(2), FILE, framed(FILE.footer), version=2)
    made.file(path_of(3), FILE, version=2)
    # as a reader's round trip would leave it: all the same but for a detail
    retold = FILE.footer.replace(b"parquet-rs version 57.1.0", b"parquet-rs version 57.1.9")
    assert retold != FILE.footer
    execute(made.dsn, "UPDATE partition_metadata SET metadata = %s WHERE file_path = %s", retold, path_of(3))
    made.file(path_of(4), FILE, version=2)
    (made.root / path_of(4)).unlink()
    made.file(path_of(5), FILE, version=2)
    (made.root / path_of(5)).write_bytes(FILE.data + b"more")
    assert problems(await verified(made, judges)) == set()
    said = await verified(made, judges, against_store=True)
    assert problems(said) == {
        (path_of(3), "differs_from_file"),
        (path_of(4), "file_missing"),
        (path_of(5), "mismatch"),
    }
    assert said.summary.ok == 2
    assert said.summary.store_requests >= 5
    assert said.summary.store_bytes >= 4 * len(FILE.footer)


async def test_a_store_that_is_not_the_lakes_is_no_list_of_missing_files(
    made: Rows, judges: Judges[Diagnosis], tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = Rows(made.dsn, tmp_path_factory.mktemp("elsewhere"))
    async with lake_of(made.dsn, judges, elsewhere.root) as lake:
        with pytest.raises(StoreUnreachable, match="nothing found under"):
            await told(verify(lake, EVERYTHING, against_store=True))
    async with lake_of(made.dsn, judges) as lake:
        with pytest.raises(UsageError, match="no object store is named"):
            await told(verify(lake, EVERYTHING, against_store=True))


async def run_over(made: Rows, judges: Judges[Diagnosis], selection: Selection = EVERYTHING, **options: Any) -> int:
    async with lake_of(made.dsn, judges, made.root) as lake:
        summary = (await told(migrate(lake, selection, MigrateOptions(Strategy.REFETCH, **options)))).summary
    assert summary.outcomes.keys() <= {Outcome.MIGRATED, Outcome.SKIPPED}
    assert isinstance(summary.run_id, int)
    return summary.run_id


async def test_every_entry_of_a_run_is_accounted_for(made: Rows, judges: Judges[Diagnosis]) -> None:
    held, lost, gone, changed, later, restamped = (path_of(number) for number in range(2, 8))
    for path in (held, lost, gone, changed, later, restamped):
        made.file(path, FILE, prefixed(FILE))
    run = await run_over(made, judges)
    assert (await verified(made, judges, run_id=run)).summary.run == {"holds": 6}
    for path in (lost, gone):
        execute(made.dsn, "DELETE FROM partition_metadata WHERE file_path = %s", path)
    execute(made.dsn, "DELETE FROM lakehouse_partitions WHERE file_path = %s", gone)
    execute(made.dsn, "UPDATE partition_metadata SET metadata = %s WHERE file_path = %s", framed(FILE.footer), changed)
    execute(made.dsn, "UPDATE partition_metadata SET partition_format_version = 1 WHERE file_path = %s", restamped)
    execute(made.dsn, "UPDATE partition_metadata SET metadata = %s WHERE file_path = %s", prefixed(FILE), later)
    second = await run_over(made, judges, Selection(paths=(later,)))
    execute(made.dsn, "UPDATE partition_metadata SET metadata = %s WHERE file_path = %s", framed(FILE.footer), later)
    said = await verified(made, judges, run_id=run)
    assert said.summary.run == {"holds": 1, "lost": 1, "gone": 1, "changed": 2, "changed_later": 1}
    assert problems(said) == {(lost, "lost"), (lost, "no_metadata"), (changed, "changed"), (restamped, "changed")}
    of_second = await verified(made, judges, run_id=second)
    assert of_second.summary.run == {"changed": 1}


async def test_a_row_that_the_run_itself_took_away_is_accounted_for_and_one_that_came_back_is_not(
    made: Rows, judges: Judges[Diagnosis]
) -> None:
    gone, back, again = path_of(2), path_of(3), path_of(4)
    for path in (gone, back, again):
        made.file(path, FILE, prefixed(FILE))
    run = await run_over(made, judges)
    # as undoing an insert leaves it
    execute(made.dsn, "UPDATE refooter.change SET new_digest = '' WHERE file_path <> %s", again)
    execute(made.dsn, "DELETE FROM partition_metadata WHERE file_path = %s", gone)
    said = await verified(made, judges, run_id=run)
    assert said.summary.run == {"holds": 2, "changed": 1}
    assert problems(said) == {(gone, "no_metadata"), (back, "changed")}


async def test_what_was_changed_later_is_told_by_when_and_not_by_the_number_of_the_run(
    made: Rows, judges: Judges[Diagnosis]
) -> None:
    made.file(path_of(2), FILE, prefixed(FILE))
    first = await run_over(made, judges)
    execute(made.dsn, "UPDATE partition_metadata SET metadata = %s WHERE file_path = %s", prefixed(FILE), path_of(2))
    second = await run_over(made, judges)
    execute(
        made.dsn, "UPDATE partition_metadata SET metadata = %s WHERE file_path = %s", framed(FILE.footer), path_of(2)
    )
    assert (await verified(made, judges, run_id=second)).summary.run == {"changed": 1}
    # a program that heals is one run for as long as it lives
    execute(made.dsn, "UPDATE refooter.change SET changed = clock_timestamp() WHERE run_id = %s", first)
    assert (await verified(made, judges, run_id=second)).summary.run == {"changed_later": 1}
    execute(made.dsn, "DELETE FROM partition_metadata WHERE file_path = %s", path_of(2))
    assert (await verified(made, judges, run_id=second)).summary.run == {"lost": 1}


async def test_a_run_made_at_version_4_is_accounted_for_at_version_5(
    dsn: str, tmp_path: Path, judges: Judges[Diagnosis]
) -> None:
    made = Rows(dsn, tmp_path, 4).make()
    made.file(path_of(1), FILE, prefixed(FILE))
    run = await run_over(made, judges)
    for table in ("partition_metadata", "lakehouse_partitions"):
        execute(dsn, f"ALTER TABLE {table} ADD COLUMN partition_format_version integer NOT NULL DEFAULT 1")
    execute(dsn, "UPDATE lakehouse_migration SET version = 5")
    said = await verified(made, judges, run_id=run)
    assert said.summary.run == {"holds": 1}
    assert said.summary.problems == 0


async def test_a_run_that_the_journal_does_not_have_is_named(made: Rows, judges: Judges[Diagnosis]) -> None:
    with pytest.raises(NothingSelected, match="no run 7 in the journal"):
        await verified(made, judges, run_id=7)
