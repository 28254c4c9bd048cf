from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest

from refooter.catalog.changes import Change, Settled, digest
from refooter.catalog.journal import Journal, RunRecord, RunStart, RunState
from refooter.catalog.write import RunClosed, StoreDelta, Writer
from refooter.demo.server import Server
from refooter.errors import CatalogChanged
from refooter.values import Outcome, Partitions, Reason
from support.tables import execute, rows, table_digests, values
from test_catalog_rows import Rows, database_of, one_database, path_of


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


START = RunStart("migrate", "me@here", "0", "target", {}, "refetch")
HERE = Partitions(1, (10,), (1000,), (1,), "blocks", "global")


def change(number: int, value: bytes | None = b"new", **others: Any) -> Change:
    """From b"value" at version 1 to `value` at version 2; `None` stamps only."""
    old = digest(b"value")
    made = Change(
        path_of(number), old, 1, old if value is None else digest(value), value, 2, HERE, "page_index_prefix",
        "stamp" if value is None else "refetch", value is not None,
    )  # fmt: skip
    return replace(made, **others)


@dataclass
class Open:
    journal: Journal
    writer: Writer

    async def run(self) -> RunRecord:
        [run] = await self.journal.runs(self.writer.run_id)
        return run


@asynccontextmanager
async def writing(dsn: str) -> AsyncIterator[Open]:
    async with database_of(dsn) as database:
        journal = Journal(database)
        await journal.ensure()
        yield Open(journal, Writer(journal, await journal.start(START, 0)))


def results(dsn: str) -> list[tuple[Any, ...]]:
    return rows(dsn, "SELECT file_path, outcome, reason FROM refooter.result ORDER BY file_path")


def outcomes(settled: tuple[Settled, ...]) -> dict[str, Outcome]:
    assert len({one.file_path for one in settled}) == len(settled)
    return {one.file_path: one.outcome for one in settled}


@pytest.fixture
def made(dsn: str) -> Rows:
    """Eight entries of b"value" with a partition row each."""
    made = Rows(dsn).make()
    for number in range(8):
        made.pair(path_of(number))
    return made


async def test_a_value_is_written_with_its_before_image_its_stamps_and_its_counts(made: Rows) -> None:
    made.partition(path_of(1), hour=1, version=2)
    made.partition(path_of(1), hour=2, version=1)
    async with writing(made.dsn) as open_:
        written = await open_.writer.apply([change(1)], skipped=3, store=StoreDelta(5, 700))
        run = await open_.run()
        [[[record]]] = [page async for page in open_.journal.changes([open_.writer.run_id])]
    assert outcomes(written.settled) == {path_of(1): Outcome.MIGRATED}
    assert made.value(path_of(1)) == b"new"
    assert made.stamps(path_of(1)) == [2, 2, 2, 2]
    assert (record.old_value, record.old_version, record.new_version) == (b"value", 1, 2)
    assert (record.old_digest, record.new_digest) == (digest(b"value"), digest(b"new"))
    # all partition rows are in it, that which kept its version too
    assert sorted((one["old"], one["new"]) for one in record.partitions) == [(1, 2), (1, 2), (2, 2)]
    counts = {name: count for name, count in run.counts.items() if count}
    assert counts == {"migrated": 1, "proved": 1, "skipped": 3, "store_requests": 5, "store_bytes": 700}


async def test_only_the_partition_rows_that_differ_are_touched(made: Rows) -> None:
    made.partition(path_of(1), hour=1, version=2)
    before = rows(
        made.dsn, "SELECT ctid::text, begin_insert_time FROM lakehouse_partitions WHERE file_path = %s", path_of(1)
    )
    async with writing(made.dsn) as open_:
        await open_.writer.apply([change(1)])
    after = rows(
        made.dsn, "SELECT ctid::text, begin_insert_time FROM lakehouse_partitions WHERE file_path = %s", path_of(1)
    )
    # a row that is updated moves
    assert {begin.hour for _, begin in set(before) & set(after)} == {1}


async def test_a_stamp_leaves_the_value_and_journals_none(made: Rows) -> None:
    async with writing(made.dsn) as open_:
        written = await open_.writer.apply([change(1, None)])
        [[[record]]] = [page async for page in open_.journal.changes([open_.writer.run_id])]
    assert outcomes(written.settled) == {path_of(1): Outcome.MIGRATED}
    assert (made.value(path_of(1)), made.stamps(path_of(1))) == (b"value", [2, 2])
    assert record.old_value is None
    assert record.old_digest == record.new_digest == digest(b"value")


async def test_a_version_4_catalog_gets_the_value_and_no_stamp(dsn: str) -> None:
    made = Rows(dsn, version=4).make()
    made.pair(path_of(1))
    async with writing(dsn) as open_:
        written = await open_.writer.apply([change(1, old_version=None, new_version=None)])
        [[[record]]] = [page async for page in open_.journal.changes([open_.writer.run_id])]
    assert outcomes(written.settled) == {path_of(1): Outcome.MIGRATED}
    assert made.value(path_of(1)) == b"new"
    assert (record.old_version, record.new_version) == (None, None)
    assert [(one["old"], one["new"]) for one in record.partitions] == [(None, None)]


async def test_every_entry_of_a_batch_has_its_own_outcome(made: Rows) -> None:
    execute(made.dsn, "UPDATE partition_metadata SET metadata = 'theirs' WHERE file_path = %s", path_of(1))
    execute(made.dsn, "DELETE FROM lakehouse_partitions WHERE file_path = %s", path_of(2))
    execute(made.dsn, "DELETE FROM partition_metadata WHERE file_path = %s", path_of(3))
    execute(made.dsn, "UPDATE lakehouse_partitions SET num_rows = 11 WHERE file_path = %s", path_of(4))
    execute(made.dsn, "UPDATE partition_metadata SET partition_format_version = 2 WHERE file_path = %s", path_of(5))
    failed = Settled(path_of(6), Outcome.FAILED, Reason.FILE_MISSING, "no such object")
    async with writing(made.dsn) as open_:
        written = await open_.writer.apply([change(number) for number in (0, 1, 2, 3, 4, 5)], [failed])
        run = await open_.run()
    assert outcomes(written.settled) == {
        path_of(0): Outcome.MIGRATED,
        path_of(1): Outcome.CONFLICT,
        path_of(2): Outcome.GONE,
        path_of(3): Outcome.GONE,
        path_of(4): Outcome.CONFLICT,
        path_of(5): Outcome.CONFLICT,
        path_of(6): Outcome.FAILED,
    }
    assert made.value(path_of(1)) == b"theirs"
    assert values(made.dsn)[path_of(2)] == values(made.dsn)[path_of(4)] == b"value"
    assert results(made.dsn) == [
        (path_of(1), "conflict", None),
        (path_of(2), "gone", None),
        (path_of(3), "gone", None),
        (path_of(4), "conflict", None),
        (path_of(5), "conflict", None),
        (path_of(6), "failed", "file_missing"),
    ]
    counts = {name: count for name, count in run.counts.items() if count}
    assert counts == {"migrated": 1, "proved": 1, "conflict": 3, "gone": 2, "failed": 1}
    assert rows(made.dsn, "SELECT count(*) FROM refooter.change") == [(1,)]


async def test_a_row_that_another_session_has_locked_is_not_waited_for(
    made: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions = 0
    applying = Writer._apply

    async def counted(self: Writer, *arguments: Any) -> Any:
        nonlocal transactions
        transactions += 1
        return await applying(self, *arguments)

    # waiting would end in a timeout, and that in halves
    monkeypatch.setattr(Writer, "_apply", counted)
    with psycopg.connect(made.dsn) as other:
        other.execute("SELECT FROM partition_metadata WHERE file_path = %s FOR UPDATE", (path_of(1),))
        other.execute("SELECT FROM lakehouse_partitions WHERE file_path = %s FOR UPDATE", (path_of(2),))
        async with writing(made.dsn) as open_:
            written = await open_.writer.apply([change(number) for number in (0, 1, 2)])
            assert written.busy == (path_of(1), path_of(2))
            assert outcomes(written.settled) == {path_of(0): Outcome.MIGRATED}
            assert results(made.dsn) == []
            assert transactions == 1
            other.rollback()
            again = await open_.writer.apply([change(1), change(2)])
    assert outcomes(again.settled) == {path_of(1): Outcome.MIGRATED, path_of(2): Outcome.MIGRATED}


def refuse(dsn: str, number: int, what: str) -> None:
    """A trigger that does this with one entry's update."""
    execute(
        dsn,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF OLD.file_path = '{path_of(number)}' THEN {what}; END IF; RETURN NEW; END $$",
    )
    execute(dsn, "CREATE TRIGGER refuse BEFORE UPDATE ON partition_metadata FOR EACH ROW EXECUTE FUNCTION refuse()")


@pytest.mark.parametrize("number", [0, 3, 7])
@pytest.mark.parametrize(
    ("what", "sentence"),
    [("RAISE EXCEPTION 'not this one'", "not this one"), ("RETURN NULL", "suppressed by a trigger or a policy")],
)
async def test_a_row_that_postgresql_refuses_is_found_and_the_others_are_written(
    made: Rows, number: int, what: str, sentence: str
) -> None:
    refuse(made.dsn, number, what)
    settled = Settled("elsewhere", Outcome.FAILED, Reason.FILE_MISSING, "no such object")
    async with writing(made.dsn) as open_:
        written = await open_.writer.apply([change(n) for n in range(8)], [settled], skipped=2, store=StoreDelta(9, 90))
        run = await open_.run()
    [refused] = written.refused
    assert (refused.file_path, refused.outcome, refused.reason) == (path_of(number), Outcome.FAILED, Reason.DATABASE)
    assert sentence in (refused.sentence or "")
    others = {path_of(n): Outcome.MIGRATED for n in range(8) if n != number}
    assert outcomes(written.settled) == {**others, "elsewhere": Outcome.FAILED}
    assert {path for path, value in values(made.dsn).items() if value == b"value"} == {path_of(number)}
    # whether it counts is not decided here; nothing else is counted twice on the way
    counts = {name: count for name, count in run.counts.items() if count}
    assert counts == {"migrated": 7, "proved": 7, "skipped": 2, "failed": 1, "store_requests": 9, "store_bytes": 90}
    assert results(made.dsn) == [("elsewhere", "failed", "file_missing")]


@pytest.mark.parametrize("number", [0, 3, 7])
async def test_a_row_that_takes_too_long_is_tried_again_later_and_what_came_with_it_is_kept(
    made: Rows, number: int
) -> None:
    refuse(made.dsn, number, "RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = '57014'")
    settled = Settled("elsewhere", Outcome.FAILED, Reason.FILE_MISSING, "no such object")
    async with writing(made.dsn) as open_:
        written = await open_.writer.apply([change(n) for n in range(8)], [settled], skipped=2, store=StoreDelta(9, 90))
        run = await open_.run()
    assert written.busy == (path_of(number),)
    assert written.refused == ()
    others = {path_of(n): Outcome.MIGRATED for n in range(8) if n != number}
    assert outcomes(written.settled) == {**others, "elsewhere": Outcome.FAILED}
    counts = {name: count for name, count in run.counts.items() if count}
    assert counts == {"migrated": 7, "proved": 7, "skipped": 2, "failed": 1, "store_requests": 9, "store_bytes": 90}
    assert results(made.dsn) == [("elsewhere", "failed", "file_missing")]


def close_run(dsn: str) -> None:
    execute(dsn, "UPDATE refooter.run SET state = 'dead'")


def drop_run(dsn: str) -> None:
    execute(dsn, "DELETE FROM refooter.run")


@pytest.mark.parametrize("do", [close_run, drop_run])
async def test_a_run_that_somebody_closed_writes_nothing_more(made: Rows, do: Callable[[str], None]) -> None:
    before = table_digests(made.dsn)
    async with writing(made.dsn) as open_:
        do(made.dsn)
        with pytest.raises(RunClosed, match="closed by another process"):
            await open_.writer.apply(
                [change(1)], [Settled("p", Outcome.FAILED, Reason.FILE_MISSING, "gone")], skipped=1
            )
        with pytest.raises(RunClosed):
            await open_.writer.apply([change(n) for n in range(8)])
    assert table_digests(made.dsn) == before
    assert rows(made.dsn, "SELECT (SELECT count(*) FROM refooter.change) + (SELECT count(*) FROM refooter.result)") == [
        (0,)
    ]


@pytest.mark.parametrize(
    "change_of_catalog",
    [
        "UPDATE lakehouse_migration SET version = 6",
        "UPDATE lakehouse_migration SET version = 4",
        "DROP TABLE lakehouse_migration",
        "DELETE FROM lakehouse_migration",
    ],
)
async def test_a_catalog_that_changes_its_version_ends_the_run_cleanly(made: Rows, change_of_catalog: str) -> None:
    before = table_digests(made.dsn)
    async with writing(made.dsn) as open_:
        execute(made.dsn, change_of_catalog)
        with pytest.raises(CatalogChanged) as changed:
            await open_.writer.apply([change(n) for n in range(4)])
        [run] = await open_.journal.runs()
    assert changed.value.exit_code == 2
    assert table_digests(made.dsn) == before
    assert (run.state, run.counts["migrated"]) == (RunState.RUNNING, 0)


async def test_a_table_that_is_dropped_ends_the_run_cleanly(made: Rows) -> None:
    async with writing(made.dsn) as open_:
        execute(made.dsn, "DROP TABLE partition_metadata")
        with pytest.raises(CatalogChanged):
            await open_.writer.apply([change(1)])


async def test_what_was_committed_before_a_connection_was_lost_can_be_looked_up(made: Rows) -> None:
    failed = Settled(path_of(6), Outcome.FAILED, Reason.MISMATCH, "another size")
    async with writing(made.dsn) as open_:
        await open_.writer.apply([change(1), change(2, None)], [failed])
        found = await open_.writer.recorded([path_of(n) for n in range(8)], Outcome.MIGRATED)
    assert found == {
        path_of(1): Settled(path_of(1), Outcome.MIGRATED, proved=True, repair="refetch"),
        path_of(2): Settled(path_of(2), Outcome.MIGRATED, repair="stamp"),
        path_of(6): failed,
    }


async def test_a_conflict_names_the_run_of_ours_that_changed_the_entry(made: Rows) -> None:
    async with writing(made.dsn) as first, writing(made.dsn) as second:
        await first.writer.apply([change(1)])
        written = await second.writer.apply([change(1)])
    [one] = written.settled
    assert one.outcome is Outcome.CONFLICT
    assert f"run {first.writer.run_id} is the last of ours" in (one.sentence or "")
    assert f"run {second.writer.run_id} " not in (one.sentence or "")


async def test_no_session_state_is_left_behind_by_a_batch(made: Rows) -> None:
    async with writing(made.dsn) as open_:
        await open_.writer.apply([change(1)])
        async with open_.journal.database.reading() as connection:
            prepared = await (await connection.execute("SELECT count(*) FROM pg_prepared_statements")).fetchone()
    assert prepared == (0,)
    assert rows(made.dsn, "SELECT count(*) FROM pg_class WHERE relpersistence = 't'") == [(0,)]
