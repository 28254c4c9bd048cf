"""One lake, opened: its catalog, its store, the judges of its values. The jobs get this and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import psycopg

from refooter.catalog.address import parse_address
from refooter.catalog.connection import Database
from refooter.catalog.journal import Journal
from refooter.catalog.rights import check_may_write
from refooter.diagnosis.safely import diagnose_safely, undiagnosed
from refooter.errors import UsageError
from refooter.jobs.ending import refusal
from refooter.settings import Settings
from refooter.store import Store, open_store
from refooter.target.target import ARROW_57, Target
from refooter.target.workers import Judges
from refooter.values import Diagnosis, TargetName


@dataclass(frozen=True, slots=True)
class Lake:
    """`store` is `None` where none was named; what needs one asks `need_store`."""

    database: Database
    journal: Journal
    store: Store | None
    judges: Judges[Diagnosis]
    target: TargetName
    concurrency: int

    async def need_rights_to_write(self) -> None:
        """Raises `MissingRights` naming what a run needs and this role may not: asked before anybody confirms a plan (safety 20)."""
        await check_may_write(self.database, self.journal.schema)

    def need_store(self) -> Store:
        """Raises `UsageError` where no object store was named."""
        if self.store is None:
            raise UsageError(
                "no object store is named: give --store or set MICROMEGAS_OBJECT_STORE_URI, such as s3://bucket/lake"
            )
        return self.store


class Session:
    """Settings and worker processes. Enter it before the event loop (and before a terminal app): a pool of processes cannot be
    made inside one."""

    def __init__(self, settings: Settings, *, judging: bool = True, target: Target = ARROW_57) -> None:
        self.settings = settings
        self.target = target
        self._address = parse_address(settings.dsn)
        self.judges: Judges[Diagnosis] = Judges(target, diagnose_safely, undiagnosed, workers=settings.workers)
        self._judging = judging

    def spawn(self) -> None:
        """Starts the worker processes before anybody waits for them: what is done until the session is entered, they load in."""
        if self._judging:
            self.judges.spawn()

    def __enter__(self) -> Self:
        if self._judging:
            self.judges.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.judges.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Lake]:
        """Connects. Raises a `RefooterError` for a catalog or a store that cannot be used, and for whatever PostgreSQL refuses to
        the block within."""
        settings = self.settings
        async with Database(self._address, read_only=settings.read_only) as database:
            journal = Journal(database, settings.journal_schema)
            try:
                if settings.store is None:
                    yield Lake(database, journal, None, self.judges, self.target.name, settings.concurrency)
                    return
                async with open_store(settings.store, settings.store_driver, concurrency=settings.concurrency) as store:
                    yield Lake(database, journal, store, self.judges, self.target.name, settings.concurrency)
            except psycopg.Error as error:
                raise refusal(error, database) from error
