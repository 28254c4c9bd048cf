"""`refooter.heal`: one entry at a time, on somebody else's connection, in somebody else's transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection, IsolationLevel
from psycopg.rows import dict_row

import refooter
from refooter.catalog.address import parse_address
from refooter.catalog.connection import Database
from refooter.catalog.journal import Journal
from refooter.demo.lake import LakeSummary, build_lake
from refooter.demo.plan import Situation
from refooter.demo.values import footer
from refooter.diagnosis.safely import diagnose_safely, undiagnosed
from refooter.errors import NothingSelected, UsageError
from refooter.jobs.rollback import rollback
from refooter.store import Store, open_store
from refooter.target.target import ARROW_57
from refooter.target.workers import Judges
from refooter.values import Cause, Diagnosis, Reason, Status
from support.jobs import session, told
from support.tables import execute, rows, table_digests, values


@pytest.fixture(scope="module")
def judges() -> Iterator[Judges[Diagnosis]]:
    judges: Judges[Diagnosis] = Judges(ARROW_57, diagnose_safely, undiagnosed, workers=1)
    judges.start()
    yield judges
    judges.close()


class Here:
    """A lake of 120 entries, and what heals one of them."""

    def __init__(self, lake: LakeSummary, root: Path, judges: Judges[Diagnosis]) -> None:
        self.lake, self.root, self.judges = lake, root, judges
        self.dsn = lake.dsn

    def paths(self, *kinds: str) -> list[str]:
        return [
            entry.file_path
            for entry in self.lake.planned
            if entry.kind in kinds and entry.situation is Situation.NORMAL and entry.file_path is not None
        ]

    @property
    def broken(self) -> list[str]:
        """Whose old values prove the files' own footers."""
        return self.paths("prefixed", "prefixed_framed_twice", "cut_out", "file_tail")

    def own(self, path: str) -> bytes:
        return footer((self.root / path).read_bytes())

    @asynccontextmanager
    async def connection(self, **options: Any) -> AsyncIterator[AsyncConnection[Any]]:
        connection = await AsyncConnection.connect(self.dsn, **options)
        try:
            yield connection
        finally:
            await connection.close()

    async def heal(self, connection: AsyncConnection[Any], path: str, store: Store | None = None) -> refooter.Healed:
        return await refooter.heal(connection, store, path, judges=self.judges)

    async def begin_journal(self) -> None:
        """As after a first heal: the journal is there, and a run of this process."""
        async with self.connection() as connection:
            assert (await self.heal(connection, self.broken[-1])).stored

    def changes(self) -> dict[str, tuple[int, str, bool]]:
        found = rows(self.dsn, "SELECT file_path, run_id, repair, proved FROM refooter.change")
        return {path: (run, repair, proved) for path, run, repair, proved in found}

    def runs(self) -> list[tuple[Any, ...]]:
        return rows(self.dsn, "SELECT run_id, kind, state FROM refooter.run ORDER BY run_id")


@pytest.fixture
def here(dsn: str, tmp_path: Path, judges: Judges[Diagnosis]) -> Here:
    return Here(build_lake(dsn, tmp_path / "lake", entries=120), tmp_path / "lake", judges)


@pytest.fixture
async def store(here: Here) -> AsyncIterator[Store]:
    assert here.lake.store is not None
    async with open_store(here.lake.store) as store:
        yield store


async def test_a_broken_entry_is_mended_committed_and_journaled_on_an_idle_connection(here: Here) -> None:
    path = here.paths("prefixed")[0]
    async with here.connection() as connection:
        healed = await here.heal(connection, path)
        assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
    assert (healed.stored, healed.why_not, healed.repair) == (True, None, "true_pointers")
    assert healed.footer == here.own(path) == values(here.dsn)[path]
    assert healed.diagnosis.cause is Cause.PAGE_INDEX_PREFIX
    assert healed.decoded.num_rows == healed.diagnosis.facts.num_rows
    assert healed.decoded.findings == ()
    assert here.changes() == {path: (healed.run_id, "true_pointers", True)}


async def test_what_nothing_proves_is_read_from_the_store_by_the_rules_of_a_migration(here: Here, store: Store) -> None:
    async with here.connection(autocommit=True) as connection:
        damaged = here.paths("truncated", "chunk_past_end", "chunk_negative", "lost_row_group", "empty", "bit_rot")[:4]
        for path in damaged:
            with pytest.raises(refooter.NotHealed) as refusal:
                await here.heal(connection, path)
            assert refusal.value.reason is Reason.NEEDS_FILE
            healed = await here.heal(connection, path, store)
            assert (healed.stored, healed.repair) == (True, "refetch")
            assert healed.footer == here.own(path) == values(here.dsn)[path]
    assert store.counts.requests == len(damaged) == 4


async def test_a_sound_entry_is_returned_as_it_is(here: Here) -> None:
    before = table_digests(here.dsn)
    async with here.connection() as connection:
        for kind in ("raw", "framed", "framed_twice", "trailing_bytes"):
            healed = await here.heal(connection, here.paths(kind)[0])
            assert healed.footer == here.own(healed.file_path)
            assert (healed.repair, healed.stored, healed.why_not, healed.run_id) == (None, False, None, None)
            assert healed.diagnosis.status in (Status.OK, Status.STALE)
    assert table_digests(here.dsn) == before


async def test_all_that_a_process_heals_is_one_run_that_can_be_rolled_back(here: Here) -> None:
    before = table_digests(here.dsn)
    async with here.connection() as one, here.connection() as other:
        healed = await asyncio.gather(
            *(_one_by_one(here, connection, here.broken[part::2]) for part, connection in enumerate((one, other)))
        )
    assert all(one.stored for part in healed for one in part)
    [(run_id, kind, state)] = here.runs()
    assert (kind, state) == ("heal", "running")
    async with Database(parse_address(here.dsn)) as database:
        [record] = await Journal(database).runs()
    counted = {name: count for name, count in record.counts.items() if count}
    assert counted == dict.fromkeys(("selected", "migrated", "proved"), len(here.broken))
    with session(here.dsn) as opened:
        async with opened.open() as lake:
            await told(rollback(lake, [run_id]))
    assert table_digests(here.dsn) == before
    async with here.connection() as connection:
        again = await here.heal(connection, here.broken[0])
    assert again.stored
    assert again.run_id != run_id


async def _one_by_one(here: Here, connection: AsyncConnection[Any], paths: list[str]) -> list[refooter.Healed]:
    return [await here.heal(connection, path) for path in paths]


async def test_inside_a_transaction_it_is_the_callers_to_commit(here: Here) -> None:
    await here.begin_journal()
    path = here.broken[0]
    before = table_digests(here.dsn)
    async with here.connection() as connection:
        await connection.execute("CREATE TABLE mine (n int)")
        assert (await here.heal(connection, path)).stored
        await connection.execute("INSERT INTO mine VALUES (1)")
        assert table_digests(here.dsn) == before
        await connection.rollback()
        assert table_digests(here.dsn) == before
        await connection.execute("CREATE TABLE mine (n int)")
        assert (await here.heal(connection, path)).stored
        await connection.commit()
    assert rows(here.dsn, "SELECT count(*) FROM mine") == [(0,)]
    assert values(here.dsn)[path] == here.own(path)


async def test_a_run_that_was_rolled_back_with_its_transaction_is_begun_anew(here: Here) -> None:
    await here.begin_journal()
    [(first, _, _)] = here.runs()
    execute(here.dsn, "UPDATE refooter.run SET state = 'stopped'")
    async with here.connection() as connection, here.connection() as other:
        await connection.execute("SELECT 1")
        begun = await here.heal(connection, here.broken[0])
        assert begun.run_id != first
        meanwhile = await here.heal(other, here.broken[1])
        assert (meanwhile.stored, meanwhile.footer) == (False, here.own(here.broken[1]))
        assert "still open" in (meanwhile.why_not or "")
        await connection.rollback()
        assert (await here.heal(other, here.broken[1])).stored
    assert len(here.runs()) == 2


async def test_without_a_journal_nothing_is_made_in_somebody_elses_transaction(here: Here) -> None:
    async with here.connection() as connection:
        await connection.execute("SELECT 1")
        healed = await here.heal(connection, here.broken[0])
        assert (healed.stored, healed.footer) == (False, here.own(here.broken[0]))
        assert "no journal" in (healed.why_not or "")
        await connection.commit()
    assert rows(here.dsn, "SELECT to_regnamespace('refooter')") == [(None,)]


@pytest.mark.parametrize("table", ["partition_metadata", "lakehouse_partitions"])
@pytest.mark.parametrize("inside", [True, False])
async def test_a_row_that_another_session_holds_is_not_waited_for(here: Here, inside: bool, table: str) -> None:
    await here.begin_journal()
    path = here.broken[0]
    before = table_digests(here.dsn)
    async with here.connection() as holder, here.connection() as connection:
        await holder.execute(f"SELECT 1 FROM {table} WHERE file_path = %s FOR UPDATE", (path,))
        if inside:
            await connection.execute("CREATE TABLE mine (n int)")
        healed = await here.heal(connection, path)
        assert (healed.stored, healed.footer) == (False, here.own(path))
        assert healed.why_not == "another session holds the row"
        await connection.execute("SELECT 1")
        await connection.commit()
    assert table_digests(here.dsn) == before
    assert rows(here.dsn, "SELECT to_regclass('mine') IS NOT NULL") == [(inside,)]


async def test_of_two_that_heal_one_entry_one_stores_it_and_both_have_the_footer(here: Here) -> None:
    path = here.broken[0]
    async with here.connection() as one, here.connection() as other:
        healed = await asyncio.gather(here.heal(one, path), here.heal(other, path))
    assert {one.footer for one in healed} == {here.own(path)}
    assert len(here.changes()) == 1
    assert len(here.runs()) == 1


class Disturbed:
    """A store before whose answer something happens."""

    def __init__(self, store: Store, action: Callable[[], Awaitable[None]]) -> None:
        self._store, self._action = store, action

    async def read_footer(self, *args: Any, **named: Any) -> Any:
        await self._action()
        return await self._store.read_footer(*args, **named)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE partition_metadata SET metadata = 'other' WHERE file_path = %s", "changed by another session"),
        (
            "UPDATE partition_metadata SET partition_format_version = 7 WHERE file_path = %s",
            "changed by another session",
        ),
        ("DELETE FROM lakehouse_partitions WHERE file_path = %s", "retired meanwhile"),
        ("DELETE FROM partition_metadata WHERE file_path = %s", "retired meanwhile"),
    ],
)
@pytest.mark.parametrize("level", [IsolationLevel.READ_COMMITTED, IsolationLevel.REPEATABLE_READ])
async def test_a_row_that_changed_meanwhile_is_left_alone(
    here: Here, store: Store, change: str, why: str, level: IsolationLevel
) -> None:
    await here.begin_journal()
    path = here.paths("truncated")[0]
    after: list[Any] = []

    async def disturb() -> None:
        psycopg.connect(here.dsn, autocommit=True).execute(change, (path,))
        after.append(table_digests(here.dsn))

    async with here.connection() as connection:
        await connection.set_isolation_level(level)
        await connection.execute("CREATE TABLE mine (n int)")
        healed = await here.heal(connection, path, Disturbed(store, disturb))  # type: ignore[arg-type]
        assert (healed.stored, healed.footer) == (False, here.own(path))
        expected = "since this transaction began" if level is IsolationLevel.REPEATABLE_READ else why
        assert expected in (healed.why_not or "")
        await connection.execute("INSERT INTO mine VALUES (1)")
        await connection.commit()
    assert [table_digests(here.dsn)] == after
    assert rows(here.dsn, "SELECT n FROM mine") == [(1,)]


@pytest.mark.parametrize("inside", [True, False])
async def test_a_connection_that_is_lost_while_writing_is_the_callers_to_know(here: Here, inside: bool) -> None:
    await here.begin_journal()
    before = table_digests(here.dsn)
    execute(
        here.dsn,
        "CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN new; END'",
    )
    execute(
        here.dsn,
        "CREATE TRIGGER hangs_up BEFORE UPDATE ON partition_metadata FOR EACH ROW EXECUTE FUNCTION hang_up()",
    )
    async with here.connection() as connection:
        if inside:
            await connection.execute("CREATE TABLE mine (n int)")
        with pytest.raises(psycopg.OperationalError):
            await here.heal(connection, here.broken[0])
        assert connection.broken
    assert table_digests(here.dsn) == before
    assert len(here.changes()) == 1


@pytest.mark.parametrize("how", ["the connection", "the session", "the transaction"])
async def test_on_a_read_only_connection_the_footer_comes_back_unstored(here: Here, how: str) -> None:
    before = table_digests(here.dsn)
    path = here.broken[0]
    async with here.connection() as connection:
        if how == "the connection":
            await connection.set_read_only(True)
        elif how == "the session":
            await connection.execute("SET default_transaction_read_only = on")
            await connection.commit()
        else:
            await connection.execute("SET TRANSACTION READ ONLY")
        healed = await here.heal(connection, path)
    assert (healed.stored, healed.why_not, healed.footer) == (False, "the connection is read-only", here.own(path))
    assert table_digests(here.dsn) == before


async def test_without_the_right_to_write_the_footer_comes_back_unstored(here: Here) -> None:
    await here.begin_journal()
    execute(here.dsn, "CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    try:
        async with here.connection() as connection:
            await connection.execute("SET ROLE reader")
            await connection.commit()
            healed = await here.heal(connection, here.broken[0])
            assert (healed.stored, healed.footer) == (False, here.own(here.broken[0]))
            assert "missing right" in (healed.why_not or "") or "permission denied" in (healed.why_not or "")
    finally:
        execute(here.dsn, "DROP OWNED BY reader; DROP ROLE reader")


async def test_the_callers_settings_and_factories_are_left_as_they_were(here: Here) -> None:
    await here.begin_journal()
    async with here.connection(row_factory=dict_row) as connection:
        await connection.execute("SET LOCAL statement_timeout = '77s'")
        await connection.execute("SET LOCAL lock_timeout = '66s'")
        for path in (here.broken[0], here.paths("raw")[0]):
            await here.heal(connection, path)
            now = await (
                await connection.execute(
                    "SELECT current_setting('statement_timeout') a, current_setting('lock_timeout') b"
                )
            ).fetchone()
            assert now == {"a": "77s", "b": "66s"}
        with pytest.raises(refooter.NotHealed):
            await here.heal(connection, here.paths("truncated")[0])
        assert connection.row_factory is dict_row
        await connection.commit()


async def test_what_cannot_be_healed_is_refused_in_one_sentence_and_nothing_is_written(
    here: Here, store: Store
) -> None:
    before = table_digests(here.dsn)
    gone = here.paths("truncated")[0]
    (here.root / gone).unlink()
    async with here.connection() as connection:
        with pytest.raises(refooter.NotHealed) as refusal:
            await here.heal(connection, gone, store)
        assert refusal.value.reason is Reason.FILE_MISSING
        with pytest.raises(NothingSelected):
            await here.heal(connection, "views/no/such/entry.parquet", store)
        with pytest.raises(psycopg.Error):
            await connection.execute("SELECT no_such_column")
        with pytest.raises(UsageError, match="has failed"):
            await here.heal(connection, gone, store)
        await connection.rollback()
    assert table_digests(here.dsn) == before
    assert rows(here.dsn, "SELECT to_regnamespace('refooter')") == [(None,)]


async def test_a_program_needs_no_session_of_ours(here: Here) -> None:
    async with here.connection() as connection:
        healed = await refooter.heal(connection, None, here.broken[0])
    assert healed.stored
