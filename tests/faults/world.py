"""A lake of the test's own, copied from one that was built once, and ways to do something to it at a chosen moment."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from faults.accounts import Tables, read_tables
from refooter.catalog.selection import EVERYTHING
from refooter.demo.lake import LakeSummary, build_lake
from refooter.demo.server import Server
from refooter.events import EntriesDone, Event, Finished, Notice
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.lake import Lake, Session
from refooter.jobs.migrate import migrate
from refooter.settings import Settings
from refooter.store import Store
from refooter.target.workers import Judges
from refooter.values import Outcome
from support.jobs import Told, told

ENTRIES = 150


@dataclass(frozen=True)
class World:
    """`original`: the tables before anything was done. `migrated`: as an undisturbed migration leaves them. `outcomes`: what it
    said of each entry; `refetched` and `stamped`: the entries that it changed, by how, in the order of the primary key."""

    dsn: str
    root: str
    summary: LakeSummary
    judges: Judges[Any]
    original: Tables
    migrated: Tables
    outcomes: dict[str, Outcome]
    refetched: tuple[str, ...]
    stamped: tuple[str, ...]

    @property
    def changed(self) -> set[str]:
        return {*self.refetched, *self.stamped}

    @property
    def directory(self) -> Path:
        return Path(self.root.removeprefix("file://"))

    def tables(self) -> Tables:
        return read_tables(self.dsn)

    @asynccontextmanager
    async def lake(self, **settings: Any) -> AsyncIterator[Lake]:
        """The lake, opened, its judges shared with all the tests."""
        given = {"dsn": self.dsn, "store": self.root, **settings}
        async with Session(Settings(**given), judging=False).open() as lake:
            yield replace(lake, judges=self.judges)

    async def migrate(self, options: MigrateOptions | None = None, **settings: Any) -> Told:
        async with self.lake(**settings) as lake:
            return await told(migrate(lake, EVERYTHING, options or MigrateOptions(Strategy.REFETCH)))


@contextmanager
def database_copy(server: Server, template: str, name: str) -> Iterator[str]:
    """A database of its own with everything that `template` holds."""
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    try:
        yield server.dsn(name)
    finally:
        server.drop_database(name)


def build_template(server: Server, directory: Path, judges: Judges[Any], name: str) -> World:
    """Builds the lake in the database `name`, and migrates a copy of it to know what a run does where nothing happens."""
    dsn = server.create_database(name)
    summary = build_lake(dsn, directory, entries=ENTRIES)
    assert summary.store is not None
    original = read_tables(dsn)
    with database_copy(server, name, f"{name}_migrated") as copied:
        before = World(copied, summary.store, summary, judges, original, original, {}, (), ())
        undisturbed = asyncio.run(before.migrate())
        assert undisturbed.error is None
        migrated = read_tables(copied)
        with psycopg.connect(copied) as connection:
            repairs = connection.execute("SELECT file_path, repair FROM refooter.change ORDER BY file_path").fetchall()
    return replace(
        before,
        dsn=dsn,
        migrated=migrated,
        outcomes={path: result.outcome for path, result in undisturbed.results.items() if result.outcome is not None},
        refetched=tuple(path for path, repair in repairs if repair == "refetch"),
        stamped=tuple(path for path, repair in repairs if repair == "stamp"),
    )


def take(said: Told, event: Event) -> None:
    """For a test that has to act on events: keeps what a test looks at afterwards."""
    if isinstance(event, EntriesDone):
        for result in event.results:
            assert result.file_path not in said.results, f"two outcomes for {result.file_path}"
            said.results[result.file_path] = result
    elif isinstance(event, Notice):
        said.notices.append(event)
    elif isinstance(event, Finished):
        said.summary = event.summary


Action = Callable[[], Any]
Before = Callable[[str], Awaitable[None] | None]


class HookedStore:
    """A store that does something before each footer is read: between our read of the catalog and our write, that is."""

    def __init__(self, store: Store, before: Before) -> None:
        self._store = store
        self._before = before

    async def read_footer(self, file_path: str, *args: Any, **named: Any) -> Any:
        waiting = self._before(file_path)
        if inspect.isawaitable(waiting):
            await waiting
        return await self._store.read_footer(file_path, *args, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def hooked(lake: Lake, before: Before) -> Lake:
    return replace(lake, store=HookedStore(lake.need_store(), before))  # type: ignore[arg-type]


@dataclass
class Once:
    """Does something at the first call only."""

    action: Action
    done: bool = field(default=False)

    def __call__(self, _: Any = None) -> None:
        if not self.done:
            self.done = True
            self.action()
