"""The writing half of a run: batches, retries of locked rows, lost connections, heartbeat, counts. All kinds of runs share it."""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from refooter.catalog.changes import Change, Settled, Written
from refooter.catalog.connection import RECONNECT_SECONDS
from refooter.catalog.journal import Journal, RunStart, RunState
from refooter.catalog.write import RunClosed, StoreDelta, Writer
from refooter.errors import DatabaseUnreachable
from refooter.events import EntriesDone, Event, Notice, RunSummary, Severity
from refooter.jobs.breaker import Breaker
from refooter.jobs.flow import ByteQueue
from refooter.jobs.whole import whole
from refooter.store import Store
from refooter.values import EntryResult, Outcome, Reason, TargetName

BATCH_ENTRIES = 500
BATCH_BYTES = 8 << 20
LINGER_SECONDS = 0.25
HEARTBEAT_SECONDS = 10.0
# How long a locked row is tried again: 0.5 + 1 + 2 + 4 s, then it is a conflict (safety 2).
BUSY_ATTEMPTS = 4
BUSY_SECONDS = 0.5

Emit = Callable[[Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Item:
    """One entry on its way to be written: a change, or an outcome that is only recorded, or neither (skipped; `unchanged` where it is
    as it should be)."""

    result: EntryResult
    change: Change | None = None
    settled: Settled | None = None
    unchanged: bool = False

    @property
    def size(self) -> int:
        return 512 if self.change is None else self.change.size


def item_queue() -> ByteQueue[Item]:
    return ByteQueue(lambda item: item.size, items=4 * BATCH_ENTRIES, size=2 * BATCH_BYTES)


def failure(result: EntryResult, reason: Reason, sentence: str) -> Item:
    return Item(result, settled=Settled(result.file_path, Outcome.FAILED, reason, sentence))


def who_am_i() -> str:
    """`user@host`, for the journal."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


class Control:
    """How a run is paused, resumed and cancelled from outside. While paused nothing is read from the store or written; the
    heartbeat goes on."""

    def __init__(self) -> None:
        self._going = asyncio.Event()
        self._going.set()
        self.cancelled = asyncio.Event()

    @property
    def paused(self) -> bool:
        return not self._going.is_set()

    def pause(self) -> None:
        self._going.clear()

    def resume(self) -> None:
        self._going.set()

    def cancel(self) -> None:
        """The batch in flight is finished, the run recorded as interrupted."""
        self.cancelled.set()
        self._going.set()

    async def gate(self) -> None:
        """Returns at once unless paused."""
        await self._going.wait()


class Tally:
    """Outcomes and reasons so far; what the summary is made of."""

    def __init__(self) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.reasons: Counter[Reason] = Counter()
        self.repairs: Counter[str] = Counter()
        self.selected = 0
        self.unchanged = 0
        self.proved = 0
        self.started = time.monotonic()

    def add(self, settled: Settled) -> None:
        self.outcomes[settled.outcome] += 1
        self.proved += settled.proved
        if settled.repair:
            self.repairs[settled.repair] += 1
        elif settled.reason is not None:
            self.reasons[settled.reason] += 1

    @property
    def done(self) -> int:
        return self.outcomes.total()

    def counts(self) -> dict[str, int]:
        return {outcome.value: count for outcome, count in self.outcomes.items()}

    def summary(
        self, kind: str, run_id: int | None, state: RunState, target: TargetName, store: StoreDelta, error: str | None
    ) -> RunSummary:
        return RunSummary(
            kind=kind,
            run_id=run_id,
            selected=self.selected,
            outcomes=dict(self.outcomes),
            reasons=dict(self.reasons),
            proved=self.proved,
            repairs=dict(self.repairs),
            store_requests=store.requests,
            store_bytes=store.bytes,
            seconds=time.monotonic() - self.started,
            target=target,
            state=state.value,
            error=error,
            unchanged=self.unchanged,
        )


class Run:
    """Writes a queue of items in batches until the queue is closed, and keeps the journal's row true meanwhile."""

    def __init__(
        self, journal: Journal, tally: Tally, control: Control, emit: Emit, store: Store | None = None
    ) -> None:
        self._journal = journal
        self.tally = tally
        self._control = control
        self._emit = emit
        self._store = store
        self._store_before = self._store_now()
        self._store_said = StoreDelta()
        self._writer: Writer | None = None
        self._breaker: Breaker[Item] = Breaker("the database")
        self._refused_before: list[Item] = []

    @property
    def run_id(self) -> int | None:
        return None if self._writer is None else self._writer.run_id

    async def begin(self, start: RunStart, selected: int) -> int:
        """Makes the journal if there is none, and records the run as running."""
        await self._journal.ensure()
        # What has been recorded as running has to be closed by `finish`, whoever is cancelled just then.
        return await whole(self._start(start, selected))

    async def _start(self, start: RunStart, selected: int) -> int:
        self._writer = Writer(self._journal, await self._journal.start(start, selected))
        return self._writer.run_id

    def store_delta(self) -> StoreDelta:
        """What this run has asked of the store."""
        now = self._store_now()
        return StoreDelta(now.requests - self._store_before.requests, now.bytes - self._store_before.bytes)

    def _store_now(self) -> StoreDelta:
        return (
            StoreDelta() if self._store is None else StoreDelta(self._store.counts.requests, self._store.counts.bytes)
        )

    async def heartbeat(self) -> None:
        """Until cancelled. Raises `RunClosed` when somebody else has closed the run (safety 7)."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            # A database that does not answer is the writer's to wait for; the fence in its transaction decides.
            with suppress(DatabaseUnreachable, psycopg.Error):
                if self._writer is not None and not await self._journal.heartbeat(self._writer.run_id):
                    raise RunClosed(
                        f"run {self._writer.run_id} was closed by another process: stopped without writing further"
                    )

    async def write_all(self, queue: ByteQueue[Item], prepare: Callable[[], Awaitable[None]]) -> None:
        """Takes items until the queue ends. `prepare` is awaited before every batch: what has to come first is
        its to know."""
        locked: list[tuple[float, Item]] = []
        attempts: dict[str, int] = {}
        while True:
            batch = await self._next_batch(queue, locked)
            now = asyncio.get_running_loop().time()
            batch += [item for due, item in locked if due <= now]
            locked = [waiting for waiting in locked if waiting[0] > now]
            if not batch:
                if not locked:
                    break
                continue
            await self._control.gate()
            await prepare()
            for item in await self._flush(batch):
                path = item.result.file_path
                attempts[path] = attempt = attempts.get(path, 0) + 1
                if attempt > BUSY_ATTEMPTS:
                    said = Settled(path, Outcome.CONFLICT, sentence="the row stayed locked by another session")
                    locked.append((now, Item(item.result, settled=said)))
                else:
                    locked.append((now + BUSY_SECONDS * 2 ** (attempt - 1), item))
        await self._flush(self._breaker.release())

    async def _next_batch(self, queue: ByteQueue[Item], locked: Sequence[tuple[float, Item]]) -> list[Item]:
        if not locked:
            return await queue.get_many(BATCH_ENTRIES, LINGER_SECONDS, BATCH_BYTES)
        loop = asyncio.get_running_loop()
        due = min(waiting[0] for waiting in locked)
        try:
            async with asyncio.timeout_at(max(due, loop.time() + 0.001)):
                found = await queue.get_many(BATCH_ENTRIES, LINGER_SECONDS, BATCH_BYTES)
        except TimeoutError:
            return []
        if not found:
            # The queue has ended: only the locked rows are left to wait for.
            await asyncio.sleep(max(0.0, due - loop.time()))
        return found

    async def _flush(self, batch: list[Item]) -> list[Item]:
        """Writes a batch to its end, even when cancelled meanwhile; returns the items whose rows were locked."""
        batch = [*self._refused_before, *batch]
        self._refused_before = []
        if not batch:
            return []
        return await whole(self._write(batch))

    async def _write(self, batch: list[Item]) -> list[Item]:
        assert self._writer is not None, "begin() first"
        items = {item.result.file_path: item for item in batch}
        skipped = [item for item in batch if item.change is None and item.settled is None]
        changes = [item.change for item in batch if item.change is not None]
        settled = [item.settled for item in batch if item.settled is not None]
        store = self.store_delta()
        delta = StoreDelta(store.requests - self._store_said.requests, store.bytes - self._store_said.bytes)
        written = await self._apply(self._writer, changes, settled, len(skipped), delta)
        self._store_said = store
        results = [item.result.ended(Outcome.SKIPPED, None, item.result.sentence) for item in skipped]
        if skipped:
            self.tally.outcomes[Outcome.SKIPPED] += len(skipped)
            self.tally.unchanged += sum(item.unchanged for item in skipped)
        for one in written.settled:
            self.tally.add(one)
            item = items[one.file_path]
            results.append(item.result.ended(one.outcome, one.reason, one.sentence))
        await self._emit(EntriesDone(tuple(results)))
        if any(one.outcome in (Outcome.MIGRATED, Outcome.RESTORED) for one in written.settled):
            self._refused_before += self._breaker.release()
        for one in written.refused:
            self._breaker.failed(Item(items[one.file_path].result, settled=one), one.sentence or "")
        return [items[path] for path in written.busy]

    async def _apply(
        self, writer: Writer, changes: list[Change], settled: list[Settled], skipped: int, store: StoreDelta
    ) -> Written:
        """As `Writer.apply`, but waits for a database that went away, and then looks what of the batch had been committed."""
        done: dict[str, Settled] = {}
        before = writer.totals
        all_skipped, all_store = skipped, store
        give_up = time.monotonic() + RECONNECT_SECONDS
        pause = 0.5
        lost = False
        while True:
            try:
                if lost:
                    paths = [change.file_path for change in changes] + [one.file_path for one in settled]
                    found = await writer.recorded(paths, changes[0].done if changes else Outcome.MIGRATED)
                    done |= found
                    changes = [change for change in changes if change.file_path not in found]
                    settled = [one for one in settled if one.file_path not in found]
                    # Skipped entries are nowhere but in the counts.
                    skipped = all_skipped - (writer.totals.entries - before.entries - len(done))
                    store = StoreDelta(
                        all_store.requests - (writer.totals.requests - before.requests),
                        all_store.bytes - (writer.totals.bytes - before.bytes),
                    )
                    lost = False
                    await self._emit(Notice(Severity.INFO, "the database is back"))
                written = await writer.apply(changes, settled, skipped=skipped, store=store)
                return Written((*done.values(), *written.settled), written.busy, written.refused)
            except DatabaseUnreachable as error:
                if time.monotonic() + pause > give_up:
                    raise
                if not lost:
                    await self._emit(Notice(Severity.WARNING, f"{error}; trying again for {RECONNECT_SECONDS:.0f} s"))
                lost = True
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    async def finish(self, state: RunState, message: str | None) -> None:
        """Closes the run's row, however the run ended; a database that is gone leaves it to its heartbeat."""
        if self._writer is None:
            return
        with suppress(DatabaseUnreachable, psycopg.Error, TimeoutError):
            # whoever holds the database may do so for hours: that is not what the time below is for
            await self._journal.database.released()
            await whole(self._close(self._writer.run_id, state, message))

    async def _close(self, run_id: int, state: RunState, message: str | None) -> None:
        async with asyncio.timeout(15):
            await self._journal.finish(run_id, state, message, self.tally.selected)
