"""The one transaction that writes to somebody's catalog: lock first, then look, then write (safety 1 and 2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import errors

from refooter.catalog.changes import Change, Settled, Written
from refooter.catalog.connection import Connection, exhausted, lost, timed_out
from refooter.catalog.insertions import KeyTaken
from refooter.catalog.journal import Journal
from refooter.catalog.rows import Uneven, lock_rows, sort, write_rows
from refooter.catalog.storable import storable
from refooter.catalog.version import current_version
from refooter.errors import CatalogChanged, RunStopped
from refooter.values import Outcome, Reason


class RunClosed(RunStopped):
    """Somebody else has closed this run: it must write nothing more (safety 7)."""

    code = "run_closed"


@dataclass(frozen=True, slots=True)
class StoreDelta:
    """Requests and bytes since the last batch, for the run's counts."""

    requests: int = 0
    bytes: int = 0


NO_STORE = StoreDelta()


@dataclass(frozen=True, slots=True)
class Totals:
    """What the run's row counts: entries with an outcome of any kind, and what was asked of the store."""

    entries: int = 0
    requests: int = 0
    bytes: int = 0


class Writer:
    """Applies batches of one run. Not for concurrent use: one batch at a time."""

    def __init__(self, journal: Journal, run_id: int) -> None:
        self._journal = journal
        self._database = journal.database
        self.run_id = run_id
        self.totals = Totals()

    async def apply(
        self,
        changes: Sequence[Change],
        settled: Sequence[Settled] = (),
        *,
        skipped: int = 0,
        store: StoreDelta = NO_STORE,
    ) -> Written:
        """Writes what can be written of `changes`, records outcomes and counts, all in one transaction.

        A row that PostgreSQL refuses is found by halving, and ends `failed` with reason `database`; the others are written.
        Raises `RunClosed`, `CatalogChanged`, `DatabaseUnreachable` (then nothing of this batch was written), and `RunStopped` for
        what no row is to blame for, such as a full disk.
        """
        try:
            return await self._apply(changes, settled, skipped, store)
        except Uneven as error:
            refused: Exception = error
        except KeyTaken as error:
            if len(changes) == 1:
                rest = await self.apply((), settled, skipped=skipped, store=store)
                return Written(rest.settled, (changes[0].file_path,))
            refused = error
        except (errors.UndefinedTable, errors.UndefinedColumn) as error:
            raise CatalogChanged(
                f"the catalog changed while the run was going on: {self._database.reason(error)}; start anew"
            ) from None
        except psycopg.Error as error:
            if lost(error):
                raise self._database.unreachable(error) from error
            if exhausted(error):
                raise RunStopped(
                    f"the database cannot take more: {self._database.reason(error)}; make room, then run again"
                ) from None
            if not changes:
                raise RunStopped(
                    f"the journal cannot be written: {self._database.reason(error)}; see what PostgreSQL has against it, then run again"
                ) from None
            if isinstance(error, errors.LockNotAvailable) or (timed_out(error) and len(changes) == 1):
                # Whole tables are locked, or the one row is too slow: no half would fare better just now. What came with the changes
                # in this batch is recorded.
                rest = await self.apply((), settled, skipped=skipped, store=store)
                return Written(rest.settled, tuple(change.file_path for change in changes))
            refused = error
        if len(changes) == 1:
            return await self._refused(changes[0], settled, skipped, store, refused)
        half = len(changes) // 2
        first = await self.apply(changes[:half], settled, skipped=skipped, store=store)
        second = await self.apply(changes[half:])
        return Written(
            (*first.settled, *second.settled), (*first.busy, *second.busy), (*first.refused, *second.refused)
        )

    async def _refused(
        self, change: Change, settled: Sequence[Settled], skipped: int, store: StoreDelta, error: Exception
    ) -> Written:
        said = (
            "the update was suppressed by a trigger or a policy"
            if isinstance(error, Uneven)
            else self._database.reason(error)
        )
        failure = Settled(change.file_path, Outcome.FAILED, Reason.DATABASE, f"PostgreSQL refused this row: {said}")
        rest = await self.apply((), settled, skipped=skipped, store=store)
        return Written(rest.settled, (), (failure,))

    async def _apply(
        self, changes: Sequence[Change], settled: Sequence[Settled], skipped: int, store: StoreDelta
    ) -> Written:
        async with self._database.writing() as connection:
            await self._fence(connection)
            versioned = self._database.version.has_format_version
            locked = await lock_rows(connection, [change.file_path for change in changes], versioned=versioned)
            # Read under our locks, which hold off every ALTER TABLE until we are done.
            version = await current_version(connection)
            if version != self._database.version.number:
                raise CatalogChanged(
                    f"the catalog went from version {self._database.version.number} to {version} while the run was going on: start anew"
                )
            ready, ended, busy = sort(changes, locked)
            done = await write_rows(connection, self._journal, self.run_id, ready, locked, versioned=versioned)
            outcomes = (*done, *await self._named(connection, ended), *settled)
            await self._record(connection, outcomes, skipped, store)
        self.totals = Totals(
            self.totals.entries + len(outcomes) + skipped,
            self.totals.requests + store.requests,
            self.totals.bytes + store.bytes,
        )
        return Written(outcomes, tuple(busy))

    async def _fence(self, connection: Connection) -> None:
        beat = await connection.execute(
            self._journal.sql("UPDATE {run} SET heartbeat = clock_timestamp() WHERE run_id = %s AND state = 'running'"),
            (self.run_id,),
        )
        if beat.rowcount != 1:
            raise RunClosed(f"run {self.run_id} was closed by another process: stopped without writing further")

    async def _named(self, connection: Connection, ended: Sequence[Settled]) -> list[Settled]:
        """Conflicts with a word on which run of ours did it, if one did."""
        conflicts = [one.file_path for one in ended if one.outcome is Outcome.CONFLICT]
        if not conflicts:
            return list(ended)
        rows = await (
            await connection.execute(
                self._journal.sql(
                    "SELECT file_path::text, max(run_id) FROM {change} WHERE file_path = ANY(%s) AND run_id <> %s GROUP BY file_path"
                ),
                (conflicts, self.run_id),
            )
        ).fetchall()
        by: dict[str, int] = dict(rows)
        return [
            replace(one, sentence=f"{one.sentence}; run {by[one.file_path]} is the last of ours that changed it")
            if one.outcome is Outcome.CONFLICT and one.file_path in by
            else one
            for one in ended
        ]

    async def _record(
        self, connection: Connection, outcomes: Sequence[Settled], skipped: int, store: StoreDelta
    ) -> None:
        told = [
            one for one in outcomes if one.reason or one.outcome in (Outcome.FAILED, Outcome.CONFLICT, Outcome.GONE)
        ]
        if told:
            await connection.execute(
                self._journal.sql(
                    "INSERT INTO {result} (run_id, file_path, outcome, reason, sentence)"
                    " SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])"
                ),
                (
                    self.run_id,
                    [one.file_path for one in told],
                    [one.outcome.value for one in told],
                    [one.reason.value if one.reason else None for one in told],
                    [storable(connection, one.sentence or "") for one in told],
                ),
            )
        counts: dict[str, int] = defaultdict(int)
        for one in outcomes:
            counts[one.outcome.value] += 1
            counts["proved"] += one.proved
        counts["skipped"] += skipped
        counts["store_requests"], counts["store_bytes"] = store.requests, store.bytes
        added: dict[str, Any] = {name: number for name, number in counts.items() if number}
        if added:
            await connection.execute(
                self._journal.sql(
                    f"UPDATE {{run}} SET {', '.join(f'{n} = {n} + %({n})s' for n in added)} WHERE run_id = %(run_id)s"
                ),
                {**added, "run_id": self.run_id},
            )

    async def recorded(self, paths: Sequence[str], done: Outcome) -> dict[str, Settled]:
        """After a connection was lost during COMMIT: what the journal holds of these entries in this run; `totals` are the row's own
        from then on.

        The fence waits for a COMMIT that the server may still be busy with, since that holds the run's row to its end; one that takes
        longer is `DatabaseUnreachable` too.
        """
        try:
            async with self._database.writing() as connection:
                await self._fence(connection)
                return await self._recorded(connection, paths, done)
        except errors.LockNotAvailable as error:
            raise self._database.unreachable(error) from None

    async def _recorded(self, connection: Connection, paths: Sequence[str], done: Outcome) -> dict[str, Settled]:
        of_these = (self.run_id, list(paths))
        changed = await (
            await connection.execute(
                self._journal.sql(
                    "SELECT file_path::text, proved, repair FROM {change} WHERE run_id = %s AND file_path = ANY(%s)"
                ),
                of_these,
            )
        ).fetchall()
        told = await (
            await connection.execute(
                self._journal.sql(
                    "SELECT file_path::text, outcome, reason, sentence FROM {result} WHERE run_id = %s AND file_path = ANY(%s)"
                ),
                of_these,
            )
        ).fetchall()
        row = await (
            await connection.execute(
                self._journal.sql(
                    "SELECT migrated + restored + skipped + failed + conflict + gone, store_requests, store_bytes FROM {run}"
                    " WHERE run_id = %s"
                ),
                (self.run_id,),
            )
        ).fetchone()
        assert row is not None
        self.totals = Totals(*row)
        found = {path: Settled(path, done, proved=proved, repair=repair) for path, proved, repair in changed}
        for path, outcome, reason, sentence in told:
            repair = found[path].repair if path in found else ""
            found[path] = Settled(path, Outcome(outcome), Reason(reason) if reason else None, sentence, repair=repair)
        return found
