"""The journal: runs, before images and failures, in a schema of our own. The only tables that refooter ever makes."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from psycopg import errors

from refooter.catalog.changes import digest
from refooter.catalog.connection import Connection, Database
from refooter.catalog.journal_schema import JournalSchema
from refooter.catalog.storable import storable
from refooter.errors import RunStopped

DEAD_AFTER_SECONDS = 60
_COUNTS = (
    "selected",
    "migrated",
    "restored",
    "skipped",
    "failed",
    "conflict",
    "gone",
    "proved",
    "store_requests",
    "store_bytes",
)
_IS_DEAD = f"state = 'running' AND heartbeat < clock_timestamp() - interval '{DEAD_AFTER_SECONDS} seconds'"
# Beside what was selected, under a name that no selection has: the journal's older versions need no column more for it.
DROPPED_KEY = "images_dropped"
_EMPTY = digest(b"")
_PAGE_PATHS = 500
_PAGE_BYTES = 4 << 20


class RunState(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class RunStart:
    """What is known of a run before it begins."""

    kind: str
    who: str
    program_version: str
    target: str
    selection: dict[str, Any]
    strategy: str


@dataclass(frozen=True, slots=True)
class ImagesDropped:
    """That before images of a run were dropped to free their space: who did it, when last (microseconds since `PG_EPOCH`), of how
    many entries, and how many bytes they had held."""

    who: str
    when: int
    entries: int
    bytes: int


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One row of the journal. Times are microseconds since `PG_EPOCH`. `state` is `dead` where a run still calls itself
    running but its heartbeat is older than `DEAD_AFTER_SECONDS` by the server's clock; `heartbeat_age` is in seconds, by that clock.
    """

    run_id: int
    kind: str
    who: str
    started: int
    finished: int | None
    state: RunState
    program_version: str
    catalog_version: int
    target: str
    selection: dict[str, Any]
    strategy: str
    message: str | None
    counts: dict[str, int] = field(default_factory=dict)
    heartbeat: int | None = None
    # not what a run is, but when it was looked at
    heartbeat_age: float | None = field(default=None, compare=False)
    images_dropped: ImagesDropped | None = None

    @property
    def seconds(self) -> float | None:
        """How long it went on: until it was closed by itself, or until its last heartbeat."""
        ended = self.heartbeat if self.state is RunState.DEAD or self.finished is None else self.finished
        return None if ended is None else max(0, ended - self.started) / 1e6


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """A before image. `old_value` is `None` where the value stayed, and where the image was `dropped`. `partitions`: one
    `{identity, old, new}` each."""

    run_id: int
    file_path: str
    old_digest: bytes
    new_digest: bytes
    old_value: bytes | None
    old_version: int | None
    new_version: int | None
    partitions: list[dict[str, Any]]
    cause: str
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class ResultRecord:
    file_path: str
    outcome: str
    reason: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class LaterChange:
    """What a later run made of an entry; `new_digest` as in `ChangeRecord`."""

    run_id: int
    new_digest: bytes


class Journal(JournalSchema):
    """The journal of one catalog. Reading it needs SELECT on its tables; where there is none yet, there are no runs."""

    def __init__(self, database: Database, schema: str = "refooter") -> None:
        super().__init__(schema)
        self.database = database

    async def exists(self) -> bool:
        """Raises `UsageError` for a journal of a newer version than this program's."""
        async with self.database.reading() as connection:
            return await self.version(connection) is not None

    async def ensure(self) -> None:
        """Makes the journal where there is none."""
        if await self.exists():
            return
        async with self.database.writing() as connection:
            await self.make(connection)

    async def start(self, start: RunStart, selected: int) -> int:
        """Records a run as running and returns its id."""
        async with self.database.writing() as connection:
            row = await (
                await connection.execute(
                    self.sql(
                        "INSERT INTO {run} (kind, who, program_version, catalog_version, target, selection, strategy, selected)"
                        " VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s, %s) RETURNING run_id"
                    ),
                    (
                        start.kind,
                        storable(connection, start.who),
                        start.program_version,
                        self.database.version.number,
                        start.target,
                        json.dumps(start.selection, ensure_ascii=False),
                        start.strategy,
                        selected,
                    ),
                )
            ).fetchone()
        assert row is not None
        return int(row[0])

    async def heartbeat(self, run_id: int) -> bool:
        """By the server's clock. False once the run is no longer `running`: whoever runs it must stop (safety 7).

        A row locked by the run's own batch is passed over: that batch says the same.
        """
        async with self.database.writing(seconds=10) as connection:
            updated = await connection.execute(
                self.sql(
                    "UPDATE {run} SET heartbeat = clock_timestamp() WHERE run_id ="
                    " (SELECT run_id FROM {run} WHERE run_id = %s AND state = 'running' FOR NO KEY UPDATE SKIP LOCKED)"
                ),
                (run_id,),
            )
            if updated.rowcount == 1:
                return True
            row = await (
                await connection.execute(self.sql("SELECT state FROM {run} WHERE run_id = %s"), (run_id,))
            ).fetchone()
            return row is not None and row[0] == "running"

    async def finish(self, run_id: int, state: RunState, message: str | None, selected: int | None = None) -> bool:
        """Closes a running run; false if it had been closed by somebody else."""
        async with self.database.writing(seconds=10) as connection:
            updated = await connection.execute(
                self.sql(
                    "UPDATE {run} SET state = %s, finished = clock_timestamp(), heartbeat = clock_timestamp(), message = %s,"
                    " selected = coalesce(%s, selected) WHERE run_id = %s AND state = 'running'"
                ),
                (state.value, None if message is None else storable(connection, message), selected, run_id),
            )
            return updated.rowcount == 1

    async def close_other(self, run_id: int) -> RunState | None:
        """Makes sure that a run no longer writes: a dead one is marked `dead`, a live one `stopped` (it stops at its next
        batch or heartbeat). `None` for a run that does not exist.

        Raises `RunStopped` where its row stays locked: its process has stopped in the middle of a batch.
        """
        try:
            return await self._close_other(run_id)
        except errors.LockNotAvailable:
            raise RunStopped(
                f"run {run_id} cannot be closed: its process does not go on with a batch that is open in the database;"
                " wake or end it, or try again in a minute"
            ) from None

    async def _close_other(self, run_id: int) -> RunState | None:
        async with self.database.writing(seconds=30) as connection:
            row = await (
                await connection.execute(
                    self.sql(
                        "UPDATE {run} SET finished = clock_timestamp(), state = CASE WHEN heartbeat < clock_timestamp()"
                        f" - interval '{DEAD_AFTER_SECONDS} seconds' THEN 'dead' ELSE 'stopped' END"
                        " WHERE run_id = %s AND state = 'running' RETURNING state"
                    ),
                    (run_id,),
                )
            ).fetchone()
            if row is None:
                row = await (
                    await connection.execute(self.sql("SELECT state FROM {run} WHERE run_id = %s"), (run_id,))
                ).fetchone()
        return None if row is None else RunState(row[0])

    async def close_dead(self, run_id: int) -> bool:
        """Marks a run `dead` that is, and leaves one alone that still goes on. False where it was not dead."""
        async with self.database.writing(seconds=30) as connection:
            updated = await connection.execute(
                self.sql(
                    f"UPDATE {{run}} SET finished = clock_timestamp(), state = 'dead' WHERE run_id = %s AND {_IS_DEAD}"
                ),
                (run_id,),
            )
            return updated.rowcount == 1

    async def runs(self, run_id: int | None = None) -> list[RunRecord]:
        """All runs, newest first, or the one named."""
        if not await self.exists():
            return []
        async with self.database.reading() as connection:
            cursor = connection.cursor(binary=True)
            await cursor.execute(
                self.sql(
                    f"SELECT run_id, kind, who, started, finished, CASE WHEN {_IS_DEAD} THEN 'dead' ELSE state END,"
                    " program_version, catalog_version, target, selection::text, strategy, message, heartbeat,"
                    " extract(epoch FROM clock_timestamp() - heartbeat)::float8,"
                    f" {', '.join(map(_count, _COUNTS))} FROM {{run}}"
                    " WHERE %(one)s::int8 IS NULL OR run_id = %(one)s ORDER BY run_id DESC"
                ),
                {"one": run_id},
            )
            rows = await cursor.fetchall()
        return [_run_record(row) for row in rows]

    async def changes(self, run_ids: Sequence[int]) -> AsyncGenerator[list[list[ChangeRecord]], None]:
        """The before images of some runs, by pages of the path, bounded in bytes: for each path its changes, newest run first."""
        after: str | None = None
        while True:
            async with self.database.reading() as connection:
                sizes = await (
                    await connection.execute(
                        self.sql(
                            "SELECT file_path::text, sum(coalesce(octet_length(old_value), 0)) FROM {change}"
                            " WHERE run_id = ANY(%(runs)s) AND (%(after)s::text IS NULL OR file_path > %(after)s)"
                            " GROUP BY file_path ORDER BY file_path LIMIT %(most)s"
                        ),
                        {"runs": list(run_ids), "after": after, "most": _PAGE_PATHS},
                    )
                ).fetchall()
                paths: list[str] = []
                total = 0
                for path, size in sizes:
                    if paths and total + size > _PAGE_BYTES:
                        break
                    paths.append(path)
                    total += size
                groups = await self._changes_of(connection, run_ids, paths) if paths else []
            if groups:
                yield groups
            if len(paths) == len(sizes) < _PAGE_PATHS:
                return
            after = paths[-1]

    async def _changes_of(
        self, connection: Connection, run_ids: Sequence[int], paths: list[str]
    ) -> list[list[ChangeRecord]]:
        cursor = connection.cursor(binary=True)
        await cursor.execute(
            self.sql(
                "SELECT run_id, file_path::text, old_digest, new_digest, old_value, old_version, new_version, partitions::text, cause"
                " FROM {change} WHERE run_id = ANY(%s) AND file_path = ANY(%s) ORDER BY run_id DESC"
            ),
            (list(run_ids), paths),
        )
        groups: dict[str, list[ChangeRecord]] = {path: [] for path in paths}
        for run_id, path, old, new, value, before, after, partitions, cause in await cursor.fetchall():
            dropped = value == b"" and old != _EMPTY
            image = None if dropped else value
            groups[path].append(
                ChangeRecord(run_id, path, old, new, image, before, after, json.loads(partitions), cause, dropped)
            )
        return list(groups.values())

    async def results(self, run_id: int, *, page: int = 5000) -> AsyncGenerator[list[ResultRecord], None]:
        """What a run could not do, by pages of the path."""
        async with aclosing(
            self._pages("file_path::text, outcome, reason, sentence FROM {result}", run_id, page)
        ) as pages:
            async for rows in pages:
                yield [ResultRecord(*row) for row in rows]

    async def changed_paths(self, run_id: int, *, page: int = 20_000) -> AsyncGenerator[list[str], None]:
        """The entries that a run changed, by pages of the path."""
        async with aclosing(self._pages("file_path::text FROM {change}", run_id, page)) as pages:
            async for rows in pages:
                yield [path for (path,) in rows]

    async def _pages(self, what: str, run_id: int, page: int) -> AsyncGenerator[list[tuple[Any, ...]], None]:
        """`what`: columns, the path first, and their table. Pages that hold something, each read in a transaction of its own."""
        after: str | None = None
        while True:
            async with self.database.reading() as connection:
                rows = await (
                    await connection.execute(
                        self.sql(
                            f"SELECT {what} WHERE run_id = %(run)s"
                            " AND (%(after)s::text IS NULL OR file_path > %(after)s) ORDER BY file_path LIMIT %(page)s"
                        ),
                        {"run": run_id, "after": after, "page": page},
                    )
                ).fetchall()
            if rows:
                yield rows
            if len(rows) < page:
                return
            after = rows[-1][0]

    async def later_changes(self, run_id: int, paths: list[str]) -> dict[str, LaterChange]:
        """For each path, the last that another run did to it after this one.

        By when it happened, not by the run's number: a program that heals is one run for as long as it lives.
        """
        async with self.database.reading() as connection:
            rows = await (
                await connection.execute(
                    self.sql(
                        "SELECT DISTINCT ON (other.file_path) other.file_path::text, other.run_id, other.new_digest"
                        " FROM {change} mine JOIN {change} other ON other.file_path = mine.file_path"
                        " AND other.run_id <> mine.run_id AND other.changed > mine.changed"
                        " WHERE mine.run_id = %s AND mine.file_path = ANY(%s) ORDER BY other.file_path, other.changed DESC"
                    ),
                    (run_id, paths),
                )
            ).fetchall()
        return {path: LaterChange(later, new) for path, later, new in rows}


def _count(name: str) -> str:
    """A column of counts. A heal run's are its changes: many transactions add to it at a time, none may wait for another."""
    heal = {
        "selected": "count(*)",
        "migrated": "count(*)",
        "proved": "count(*) FILTER (WHERE change.proved)",
    }.get(name)
    if heal is None:
        return name
    return f"CASE WHEN kind = 'heal' THEN (SELECT {heal} FROM {{change}} change WHERE change.run_id = run.run_id) ELSE {name} END"


def _run_record(row: tuple[Any, ...]) -> RunRecord:
    run_id, kind, who, started, finished, state, program, catalog, target, selection, strategy, message, *rest = row
    heartbeat, age, *counts = rest
    selected = json.loads(selection)
    dropped = selected.pop(DROPPED_KEY, None)
    return RunRecord(
        run_id,
        kind,
        who,
        started,
        finished,
        RunState(state),
        program,
        catalog,
        target,
        selected,
        strategy,
        message,
        dict(zip(_COUNTS, counts, strict=True)),
        heartbeat,
        age,
        None if dropped is None else ImagesDropped(**dropped),
    )
