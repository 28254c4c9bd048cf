"""A catalog on hold: no transaction of ours begins, and none is open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from refooter.catalog.connection import Database
from refooter.demo.server import Server
from support.tables import rows
from test_catalog_rows import Rows, database_of, one_database

NAME = "refooter"


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        Rows(address).make()
        yield address


def open_transactions(dsn: str) -> int:
    [(count,)] = rows(
        dsn,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
        " AND (xact_start IS NOT NULL OR state <> 'idle')",
        NAME,
    )
    return int(count)


async def settled() -> None:
    """Lets every task of the loop come as far as it can without the server."""
    for _ in range(20):
        await asyncio.sleep(0)


class Somebody:
    """Reads when it is told to, and holds its transaction open until it is told to end."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.inside, self.leave = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async with self._database.reading() as connection:
            await connection.execute("SELECT 1")
            self.inside.set()
            await self.leave.wait()


async def test_holding_waits_for_the_last_open_transaction(dsn: str) -> None:
    async with database_of(dsn) as database:
        first, second = Somebody(database), Somebody(database)
        await first.inside.wait()
        await second.inside.wait()
        assert open_transactions(dsn) == 2
        holding = asyncio.create_task(database.hold())
        first.leave.set()
        await first.task
        await settled()
        assert not holding.done()
        second.leave.set()
        await holding
        assert open_transactions(dsn) == 0
        await second.task


async def test_while_it_is_held_no_transaction_begins_and_afterwards_all_do(dsn: str) -> None:
    async with database_of(dsn) as database:
        await database.hold()
        waiting = [Somebody(database) for _ in range(10)]
        await settled()
        assert open_transactions(dsn) == 0
        assert not any(one.inside.is_set() for one in waiting)
        database.release()
        for one in waiting:
            one.leave.set()
        await asyncio.gather(*(one.task for one in waiting))


async def test_a_write_waits_as_well(dsn: str) -> None:
    async with database_of(dsn) as database:
        await database.hold()

        async def write() -> None:
            async with database.writing() as connection:
                await connection.execute("CREATE TABLE written (x int)")

        writing = asyncio.create_task(write())
        await settled()
        assert rows(dsn, "SELECT to_regclass('written')") == [(None,)]
        database.release()
        await writing
        assert rows(dsn, "SELECT to_regclass('written')") == [("written",)]


async def test_whoever_was_on_the_way_to_a_connection_gives_it_back(dsn: str) -> None:
    async with Database(database_of(dsn).address, size=1) as database:
        first = Somebody(database)
        await first.inside.wait()
        second = Somebody(database)
        await settled()
        holding = asyncio.create_task(database.hold())
        await settled()
        first.leave.set()
        await holding
        await settled()
        assert not second.inside.is_set()
        assert open_transactions(dsn) == 0
        database.release()
        second.leave.set()
        await second.task


async def test_a_transaction_that_fails_or_is_cancelled_has_ended_too(dsn: str) -> None:
    async with database_of(dsn) as database:
        with pytest.raises(ZeroDivisionError):
            async with database.reading():
                raise ZeroDivisionError
        left = Somebody(database)
        await left.inside.wait()
        left.task.cancel()
        await asyncio.wait({left.task})
        async with asyncio.timeout(20):
            await database.hold()
        database.release()


async def test_giving_up_to_wait_still_holds_and_a_release_lets_all_go_on(dsn: str) -> None:
    async with database_of(dsn) as database:
        first = Somebody(database)
        await first.inside.wait()
        holding = asyncio.create_task(database.hold())
        await settled()
        holding.cancel()
        await asyncio.wait({holding})
        second = Somebody(database)
        await settled()
        assert not second.inside.is_set()
        database.release()
        await second.inside.wait()
        for one in (first, second):
            one.leave.set()
            await one.task


async def test_behind_a_gate_only_its_own_job_waits(dsn: str) -> None:
    async with database_of(dsn) as database:
        gate = asyncio.Event()
        paused = Somebody(database.behind(lambda: _passed(gate)))
        other = Somebody(database)
        await other.inside.wait()
        assert not paused.inside.is_set()
        gate.set()
        await paused.inside.wait()
        for one in (paused, other):
            one.leave.set()
            await one.task


async def _passed(gate: asyncio.Event) -> None:
    await gate.wait()
