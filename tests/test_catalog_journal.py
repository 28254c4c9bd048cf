from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import psycopg
import pytest

from refooter.catalog import journal as journal_module
from refooter.catalog.changes import Change, digest
from refooter.catalog.journal import Journal, LaterChange, RunStart, RunState
from refooter.catalog.journal_schema import LOCK, journal_ddl
from refooter.catalog.write import Writer
from refooter.demo.server import Server
from refooter.errors import MissingRights, RefooterError, UsageError
from refooter.values import Outcome
from support.tables import execute, rows
from test_catalog_rows import Rows, database_of, one_database, path_of


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


START = RunStart("migrate", "me@here", "0.1", "arro3-io 0.8.0", {"view": ["blocks"]}, "refetch")
LONG_AGO = "UPDATE refooter.run SET heartbeat = clock_timestamp() - interval '61 seconds' WHERE run_id = %s"


@asynccontextmanager
async def journal_of(dsn: str, schema: str = "refooter") -> AsyncIterator[Journal]:
    async with database_of(dsn) as database:
        yield Journal(database, schema)


def tables(dsn: str) -> list[tuple[str, str]]:
    found = rows(
        dsn,
        "SELECT schemaname, tablename FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'public') ORDER BY 1, 2",
    )
    return [(schema, table) for schema, table in found]


async def test_where_there_is_no_journal_there_are_no_runs_and_none_is_made(dsn: str) -> None:
    Rows(dsn).make()
    async with journal_of(dsn) as journal:
        assert not await journal.exists()
        assert await journal.runs() == []
    assert tables(dsn) == []


async def test_the_journal_is_made_once_when_several_start_at_the_same_time(dsn: str) -> None:
    Rows(dsn).make()
    async with journal_of(dsn) as one, journal_of(dsn) as two, journal_of(dsn) as three:
        await asyncio.gather(one.ensure(), two.ensure(), three.ensure())
        await one.ensure()
        assert await two.exists()
    assert tables(dsn) == [("refooter", name) for name in ("change", "journal_version", "result", "run")]
    assert rows(dsn, "SELECT version FROM refooter.journal_version") == [(2,)]


async def test_where_there_is_a_journal_nobody_waits_for_whoever_is_making_sure_of_it(dsn: str) -> None:
    Rows(dsn).make()
    async with journal_of(dsn) as journal:
        await journal.ensure()
        async with journal.database.writing() as first, journal.database.writing(seconds=5) as second:
            await first.execute("SELECT pg_advisory_xact_lock(%s, %s)", LOCK)
            await journal.make(first)
            await journal.make(second)


async def test_a_journal_may_have_another_name_however_odd(dsn: str) -> None:
    Rows(dsn).make()
    name = 'it\'s a "journal" {run}'
    async with journal_of(dsn, name) as journal:
        await journal.ensure()
        run_id = await journal.start(START, 5)
        [run] = await journal.runs()
    assert run.run_id == run_id
    assert {schema for schema, _ in tables(dsn)} == {name}


async def test_a_schema_that_a_dba_made_is_enough_without_the_right_to_create_one(dsn: str) -> None:
    made = Rows(dsn).make()
    role = made.role("journal_owner", "SELECT ON ALL TABLES IN SCHEMA public")
    execute(dsn, "CREATE SCHEMA refooter AUTHORIZATION journal_owner")
    try:
        async with journal_of(role) as journal:
            assert rows(role, "SELECT has_database_privilege(current_database(), 'CREATE')") == [(False,)]
            await journal.ensure()
            assert await journal.start(START, 0) == 1
    finally:
        made.drop_role("journal_owner")


async def test_a_journal_made_by_the_printed_statements_is_taken_as_it_is(dsn: str) -> None:
    Rows(dsn).make()
    execute(dsn, journal_ddl("refooter"))
    async with journal_of(dsn) as journal:
        assert await journal.exists()
        await journal.ensure()
        assert await journal.start(START, 0) == 1


@pytest.mark.parametrize(
    ("setting_up", "said"),
    [
        ("SELECT 1", "missing right: CREATE on the database"),
        ("CREATE SCHEMA refooter", "missing right: CREATE on the schema refooter"),
    ],
)
async def test_a_role_that_may_not_make_the_journal_is_told_which_right_it_lacks(
    dsn: str, setting_up: str, said: str
) -> None:
    made = Rows(dsn).make()
    role = made.role("journal_less", "SELECT ON ALL TABLES IN SCHEMA public")
    execute(dsn, setting_up)
    try:
        async with journal_of(role) as journal:
            with pytest.raises(MissingRights) as refused:
                await journal.ensure()
        assert said in str(refused.value)
        execute(dsn, "DROP SCHEMA IF EXISTS refooter")
        execute(dsn, journal_ddl("refooter"))
        async with journal_of(role) as journal:
            with pytest.raises(MissingRights, match="missing right: USAGE on the schema refooter"):
                await journal.runs()
    finally:
        made.drop_role("journal_less")


@pytest.mark.parametrize(
    "change", ["UPDATE refooter.journal_version SET version = 3", "DELETE FROM refooter.journal_version"]
)
async def test_a_journal_of_another_version_is_refused(dsn: str, change: str) -> None:
    Rows(dsn).make()
    async with journal_of(dsn) as journal:
        await journal.ensure()
        execute(dsn, change)
        for call in (journal.exists, journal.ensure, journal.runs):
            with pytest.raises(UsageError, match="use the program that made it"):
                await call()


async def test_a_run_is_recorded_as_it_was_started_and_ended(dsn: str) -> None:
    Rows(dsn).make()
    async with journal_of(dsn) as journal:
        await journal.ensure()
        run_id = await journal.start(START, 12)
        [going] = await journal.runs()
        assert await journal.finish(run_id, RunState.FINISHED, None, 11)
        [ended] = await journal.runs()
        # whoever comes second is told so, and changes nothing
        assert not await journal.finish(run_id, RunState.STOPPED, "too late")
        assert await journal.runs() == [ended]
    assert (going.kind, going.who, going.program_version, going.target) == (
        "migrate",
        "me@here",
        "0.1",
        "arro3-io 0.8.0",
    )
    assert (going.state, going.finished, going.catalog_version) == (RunState.RUNNING, None, 5)
    assert (going.selection, going.strategy, going.counts["selected"]) == ({"view": ["blocks"]}, "refetch", 12)
    assert (ended.state, ended.message, ended.counts["selected"]) == (RunState.FINISHED, None, 11)
    assert ended.finished is not None
    assert ended.finished >= ended.started


async def test_runs_come_newest_first_or_the_one_named(dsn: str) -> None:
    Rows(dsn).make()
    async with journal_of(dsn) as journal:
        await journal.ensure()
        for kind in ("migrate", "rollback", "migrate"):
            await journal.start(replace(START, kind=kind), 0)
        assert [(run.run_id, run.kind) for run in await journal.runs()] == [
            (3, "migrate"),
            (2, "rollback"),
            (1, "migrate"),
        ]
        assert [run.run_id for run in await journal.runs(2)] == [2]
        assert await journal.runs(4) == []


async def test_a_run_without_a_heartbeat_for_a_minute_is_dead_by_the_servers_clock(dsn: str) -> None:
    Rows(dsn).make()
    async with journal_of(dsn) as journal:
        await journal.ensure()
        dead, live, ended = [await journal.start(START, 0) for _ in range(3)]
        await journal.finish(ended, RunState.FINISHED, None)
        execute(dsn, LONG_AGO, dead)
        execute(dsn, LONG_AGO, ended)
        states = {run.run_id: run.state for run in await journal.runs()}
        assert states == {dead: RunState.DEAD, live: RunState.RUNNING, ended: RunState.FINISHED}
        # looking closes nothing: a laptop that wakes up in time goes on
        assert rows(dsn, "SELECT state FROM refooter.run WHERE run_id = %s", dead) == [("running",)]
        assert await journal.heartbeat(dead)
        assert {run.run_id: run.state for run in await journal.runs()}[dead] is RunState.RUNNING


async def test_closing_somebody_elses_run_is_what_its_heartbeat_then_finds(dsn: str) -> None:
    Rows(dsn).make()
    async with journal_of(dsn) as journal:
        await journal.ensure()
        dead, live, ended = [await journal.start(START, 0) for _ in range(3)]
        await journal.finish(ended, RunState.INTERRUPTED, None)
        execute(dsn, LONG_AGO, dead)
        assert await journal.close_other(dead) is RunState.DEAD
        assert await journal.close_other(live) is RunState.STOPPED
        assert await journal.close_other(ended) is RunState.INTERRUPTED
        assert await journal.close_other(404) is None
        for run_id in (dead, live, ended, 404):
            assert not await journal.heartbeat(run_id)
            assert not await journal.finish(run_id, RunState.FINISHED, None)
        assert {run.run_id: run.state for run in await journal.runs()} == {
            dead: RunState.DEAD,
            live: RunState.STOPPED,
            ended: RunState.INTERRUPTED,
        }


async def test_a_heartbeat_does_not_wait_for_the_runs_own_batch(dsn: str) -> None:
    Rows(dsn).make()
    async with journal_of(dsn) as journal:
        await journal.ensure()
        run_id = await journal.start(START, 0)
        with psycopg.connect(dsn) as batch:
            batch.execute("UPDATE refooter.run SET heartbeat = clock_timestamp() WHERE run_id = %s", (run_id,))
            assert await journal.heartbeat(run_id)


async def changed(journal: Journal, dsn: str, numbers: list[int], before: bytes, after: bytes) -> int:
    """A run that changed these entries."""
    run_id = await journal.start(START, len(numbers))
    changes = [
        Change(path_of(n), digest(before), 1, digest(after), after, 1, None, "none", "refetch", True) for n in numbers
    ]
    written = await Writer(journal, run_id).apply(changes)
    assert {one.outcome for one in written.settled} == {Outcome.MIGRATED}
    return run_id


@pytest.mark.parametrize(
    ("page_paths", "page_bytes"), [(500, 4 << 20), (1, 4 << 20), (3, 4 << 20), (500, 1), (500, 25), (2, 15)]
)
async def test_before_images_come_by_path_newest_run_first_whatever_the_page_size(
    dsn: str, page_paths: int, page_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_PAGE_PATHS", page_paths)
    monkeypatch.setattr(journal_module, "_PAGE_BYTES", page_bytes)
    made = Rows(dsn).make()
    for number in range(6):
        made.entry(path_of(number), b"0123456789")
    async with journal_of(dsn) as journal:
        await journal.ensure()
        first = await changed(journal, dsn, [0, 1, 2, 3, 4, 5], b"0123456789", b"abcdefghij")
        second = await changed(journal, dsn, [1, 2, 5], b"abcdefghij", b"ABCDEFGHIJ")
        pages = [page async for page in journal.changes([first, second])]
        of_second = [group async for page in journal.changes([second]) for group in page]
        of_none = [group async for page in journal.changes([404]) for group in page]
        later = await journal.later_changes(first, [path_of(n) for n in range(6)])
    found = [(group[0].file_path, [one.run_id for one in group]) for page in pages for group in page]
    both, one = [second, first], [first]
    assert found == [(path_of(n), runs) for n, runs in enumerate([one, both, both, one, one, both])]
    for page in pages:
        size = sum(len(one.old_value or b"") for group in page for one in group)
        assert len(page) == 1 or (len(page) <= page_paths and size <= page_bytes)
    assert [[one.old_value for one in group] for group in of_second] == [[b"abcdefghij"]] * 3
    assert of_none == []
    assert later == {path_of(n): LaterChange(second, digest(b"ABCDEFGHIJ")) for n in (1, 2, 5)}


@pytest.mark.parametrize("page", [1, 2, 3, 5000])
async def test_outcomes_come_by_path_whatever_the_page_size(dsn: str, page: int) -> None:
    Rows(dsn).make()
    async with journal_of(dsn) as journal:
        await journal.ensure()
        run_id, other = await journal.start(START, 0), await journal.start(START, 0)
        for owner, path in ((run_id, "c"), (run_id, "a"), (other, "x"), (run_id, "b")):
            execute(
                dsn, "INSERT INTO refooter.result VALUES (%s, %s, 'failed', 'mismatch', 'another file')", owner, path
            )
        found = [one for some in [p async for p in journal.results(run_id, page=page)] for one in some]
    assert [one.file_path for one in found] == ["a", "b", "c"]
    assert (found[0].outcome, found[0].reason, found[0].sentence) == ("failed", "mismatch", "another file")


async def test_a_read_only_session_makes_no_journal(dsn: str) -> None:
    Rows(dsn).make()
    async with database_of(dsn, read_only=True) as database:
        with pytest.raises((RefooterError, PermissionError)):
            await Journal(database).ensure()
    assert tables(dsn) == []
