"""An engine on a real lake for its tests, and what it said."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from faults.world import database_copy
from refooter.demo.lake import LakeSummary, build_lake
from refooter.demo.server import Server
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.lake import Session
from refooter.settings import Settings
from refooter.values import EntryResult
from refooter_tui.app.engine import Engine
from refooter_tui.app.messages import EngineMessage, JobDone, JobEvents
from support.tables import rows

ENTRIES = 120
SECONDS = 30.0
_numbers = itertools.count(1)
M = TypeVar("M")

# A run that can be caught half way.
SLOWLY = MigrateOptions(Strategy.REFETCH, max_rate=30.0)


@dataclass
class Heard:
    """The app's side: every message in its order. `until` waits for one, not for a time."""

    queue: SimpleQueue[EngineMessage] = field(default_factory=SimpleQueue)
    messages: list[EngineMessage] = field(default_factory=list)

    def until(self, kind: type[M], when: Callable[[M], bool] = lambda message: True) -> M:
        give_up = time.monotonic() + SECONDS
        while True:
            message = self.queue.get(timeout=max(0.01, give_up - time.monotonic()))
            self.messages.append(message)
            if isinstance(message, kind) and when(message):
                return message

    def done(self, job: int) -> JobDone:
        for message in self.messages:
            if isinstance(message, JobDone) and message.job == job:
                return message
        return self.until(JobDone, lambda message: message.job == job)

    def events(self, job: int) -> list[JobEvents]:
        return [message for message in self.messages if isinstance(message, JobEvents) and message.job == job]

    def results(self, job: int) -> dict[str, EntryResult]:
        return {result.file_path: result for said in self.events(job) for result in said.results}

    def notices(self, job: int) -> list[str]:
        return [notice.text for said in self.events(job) for notice in said.notices]


@dataclass
class Stage:
    engine: Engine
    heard: Heard
    dsn: str
    lake: LakeSummary

    def migrated(self) -> list[str]:
        """What the journal says was changed."""
        [(there,)] = rows(self.dsn, "SELECT to_regclass('refooter.change') IS NOT NULL")
        return [path for (path,) in rows(self.dsn, "SELECT file_path FROM refooter.change")] if there else []

    def states(self) -> list[str]:
        return [state for (state,) in rows(self.dsn, "SELECT state FROM refooter.run ORDER BY run_id")]


@contextmanager
def built_lake(server: Server, name: str) -> Iterator[LakeSummary]:
    """A lake to be copied, in the database `name`."""
    with tempfile.TemporaryDirectory(prefix="refooter-engine-") as directory:
        yield build_lake(server.create_database(name), Path(directory) / "lake", entries=ENTRIES)
        server.drop_database(name)


@contextmanager
def copy_of(server: Server, name: str) -> Iterator[str]:
    """The address of a copy of that lake's catalog."""
    with database_copy(server, name, f"{name}_{next(_numbers)}") as address:
        yield address


@contextmanager
def engine_of(session: Session, dsn: str, lake: LakeSummary, *, heartbeat: float = 60.0) -> Iterator[Stage]:
    heard = Heard()
    engine = Engine(session, heard.queue.put, heartbeat=heartbeat)
    engine.start()
    try:
        yield Stage(engine, heard, dsn, lake)
    finally:
        assert engine.stop(20.0)


@contextmanager
def opened(dsn: str, lake: LakeSummary, *, heartbeat: float = 60.0, **settings: Any) -> Iterator[Stage]:
    given: dict[str, Any] = {"dsn": dsn, "store": lake.store, "workers": 1, **settings}
    with Session(Settings(**given)) as session, engine_of(session, dsn, lake, heartbeat=heartbeat) as stage:
        yield stage
