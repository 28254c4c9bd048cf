"""An engine that inserts, updates and retires partitions while a migration rewrites the whole catalog (safety 2)."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from hashlib import sha256

import psycopg
import pytest
from psycopg import errors

import refooter.jobs.run
from faults.accounts import assert_counts_are_right, read_books
from faults.world import World
from refooter.catalog.selection import EVERYTHING
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.migrate import migrate
from support.jobs import told

# At least so many runs, and as many more as the engine needs for so many transactions.
_RUNS = 4
_TRANSACTIONS = 150
_ROWS = 8
_INSERTED = 60

_INSERT_ENTRY = (
    "INSERT INTO partition_metadata SELECT %s, metadata, insert_time, 1 FROM partition_metadata WHERE file_path = %s"
)
_INSERT_PARTITION = (
    "INSERT INTO lakehouse_partitions SELECT view_set_name, view_instance_id, begin_insert_time, end_insert_time, min_event_time,"
    " max_event_time, updated, %s, file_size, file_schema_hash, source_data_hash, num_rows, 1 FROM lakehouse_partitions"
    " WHERE file_path = %s LIMIT 1"
)


@dataclass
class Engine:
    """Transactions over several rows of both tables, in random order, until told to stop.

    `wrote`: by path, the digests of all values that it ever committed, the last of them last; `inserted`: entries of its own;
    `retired`: the paths whose partition or entry it deleted; `failures`: what PostgreSQL answered where a transaction failed.
    """

    world: World
    paths: list[str]
    stop: threading.Event = field(default_factory=threading.Event)
    chance: random.Random = field(default_factory=lambda: random.Random(11))
    wrote: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    inserted: list[str] = field(default_factory=list)
    retired: set[str] = field(default_factory=set)
    failures: Counter[str] = field(default_factory=Counter)
    committed: int = 0

    def work(self) -> None:
        with psycopg.connect(self.world.dsn, autocommit=True) as connection:
            connection.execute("SET lock_timeout = '2s'")
            connection.execute("SET deadlock_timeout = '50ms'")
            while not self.stop.wait(0.002):
                try:
                    self._transaction(connection)
                except (errors.DeadlockDetected, errors.LockNotAvailable) as error:
                    self.failures[type(error).__name__] += 1

    def _transaction(self, connection: psycopg.Connection) -> None:
        chance = self.chance
        wrote: dict[str, bytes] = {}
        inserted: list[str] = []
        retired: list[str] = []
        steps: list[tuple[str, tuple[object, ...]]] = []
        for path in chance.sample(self.paths, _ROWS):
            kind = chance.random()
            if kind < 0.005:
                retired.append(path)
            elif kind < 0.03:
                # Something else every time, and what a migration with --force derives anew.
                value = self.world.original.entries[path][0] + f" {self.committed}".encode()
                steps.append(("UPDATE partition_metadata SET metadata = %s WHERE file_path = %s", (value, path)))
                wrote[path] = sha256(value).digest()
            elif kind < 0.1:
                new = f"{path}.{uuid.uuid4()}.parquet"
                os.link(self.world.directory / path, self.world.directory / new)
                steps += [(_INSERT_ENTRY, (new, path)), (_INSERT_PARTITION, (new, path))]
                inserted.append(new)
            else:
                steps.append(("UPDATE lakehouse_partitions SET updated = now() WHERE file_path = %s", (path,)))
                steps.append(("UPDATE partition_metadata SET insert_time = insert_time WHERE file_path = %s", (path,)))
        if len(self.inserted) > _INSERTED:
            retired += [self.inserted.pop(chance.randrange(len(self.inserted))) for _ in range(3)]
        for path in retired:
            steps.append(("DELETE FROM lakehouse_partitions WHERE file_path = %s", (path,)))
            if chance.random() < 0.5:
                steps.append(("DELETE FROM partition_metadata WHERE file_path = %s", (path,)))
        chance.shuffle(steps)
        with connection.transaction():
            for statement, parameters in steps:
                connection.execute(statement, parameters)
        self.committed += 1
        self.inserted += inserted
        self.retired.update(retired)
        for path, digest in wrote.items():
            self.wrote[path].append(digest)


async def test_an_engine_that_writes_meanwhile_meets_no_deadlock_and_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter.jobs.run, "BATCH_ENTRIES", 40)
    monkeypatch.setattr(refooter.jobs.run, "BUSY_SECONDS", 0.02)
    engine = Engine(world, sorted(path for path in world.changed if (world.directory / path).exists()))
    thread = threading.Thread(target=engine.work)
    thread.start()
    try:
        async with world.lake() as lake:
            runs = 0
            while runs < _RUNS or (engine.committed < _TRANSACTIONS and thread.is_alive()):
                runs += 1
                said = await told(migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH, force=True)))
                assert said.error is None
                assert len(said.results) == said.summary.selected
    finally:
        engine.stop.set()
        await asyncio.to_thread(thread.join)

    assert not engine.failures
    assert engine.committed >= _TRANSACTIONS
    books = read_books(world.dsn)
    assert_counts_are_right(books)
    assert sum(len(changes) for changes in books.changes.values()) > _RUNS * 20
    assert len(books.changed - world.original.entries.keys()) > 10
    assert sum(run["conflict"] for run in books.runs.values()) > 0
    now = world.tables()
    missing = world.original.entries.keys() - now.entries.keys()
    assert missing <= engine.retired
    for path, (value, _) in now.entries.items():
        digest = sha256(value).digest()
        changes = books.changes.get(path, [])
        theirs = engine.wrote.get(path, [])
        if path in world.original.entries:
            known = [sha256(world.original.entries[path][0]).digest(), *theirs]
            # Each change began with what the engine, or the change before, had left there ...
            for change, before in zip(changes, [None, *changes], strict=False):
                assert change.old in known or (before is not None and change.old == before.new), path
        # ... and what is there now is the last thing that either of the two wrote.
        assert not changes or digest in (changes[-1].new, *theirs[-1:]), path
        # The engine's last value is there, or it is a before image.
        if theirs:
            assert theirs[-1] in (digest, *(change.old for change in changes)), path
