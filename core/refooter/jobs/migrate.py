"""The main job: read, judge, decide, fetch, check, write. Every arrow is a bounded queue, so that all of it overlaps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from refooter import __version__
from refooter.catalog.changes import Settled
from refooter.catalog.journal import RunStart
from refooter.catalog.pages import count_entries
from refooter.catalog.rights import check_may_read, check_may_write
from refooter.catalog.selection import Selection
from refooter.errors import StoreUnreachable
from refooter.events import EntriesDone, Event, Notice, Progress, Severity, Started
from refooter.jobs.breaker import Breaker
from refooter.jobs.decide import MigrateOptions, Step, Strategy, decide, first_tail
from refooter.jobs.derive import foreseen, question_of, refetched, repaired, stamped
from refooter.jobs.examine import entry_result, examined
from refooter.jobs.flow import ByteQueue, Pace
from refooter.jobs.lake import Lake
from refooter.jobs.proof import StoreProof
from refooter.jobs.run import Control, Item, Run, Tally, failure, item_queue, who_am_i
from refooter.jobs.story import story
from refooter.store import FooterRead, StoreFailure
from refooter.values import Diagnosis, Entry, Outcome, Reason, Wanted

_QUEUE_BYTES = 12 << 20
_CHECK_AT_ONCE = 64
_CHECKERS = 2
_NOTICE_SECONDS = 5.0
_WORLD_FAILURES = (Reason.STORE_DENIED, Reason.STORE_UNREACHABLE)


@dataclass(frozen=True, slots=True)
class _ToFetch:
    entry: Entry
    diagnosis: Diagnosis

    @property
    def size(self) -> int:
        repair = self.diagnosis.repair
        return self.entry.size + 512 + (0 if repair is None else len(repair.value or b""))


@dataclass(frozen=True, slots=True)
class _ToCheck:
    entry: Entry
    diagnosis: Diagnosis
    found: FooterRead

    @property
    def size(self) -> int:
        return self.entry.size + len(self.found.footer) + 512


async def migrate(
    lake: Lake, selection: Selection, options: MigrateOptions, control: Control | None = None
) -> AsyncGenerator[Event, None]:
    """Mends what is broken of the selection, from the old values or from the files' own footers (`Strategy`), each entry behind a
    before image.

    Ends with a `RunSummary`. Cancelling the iterator, or `control.cancel()`, finishes the batch in flight; what was committed stays,
    and a rerun completes. A run that stops itself says `Finished` with the reason, and then raises it. Raises `UsageError`,
    `MissingRights`, `NothingSelected`, `StoreUnreachable` before anything was written.
    """
    if options.strategy is not Strategy.REPAIR:
        lake.need_store()
    if options.dry_run:
        partial = await check_may_read(lake.database)
        if partial is not None:
            yield Notice(Severity.WARNING, f"{partial}; migrating itself needs a role that sees all of them")
    else:
        await check_may_write(lake.database, lake.journal.schema)
    job = _Migration(lake, selection, options, control or Control())
    total = await count_entries(lake.database, selection)
    async with aclosing(job.events(total)) as events:
        async for event in events:
            yield event


class _Migration:
    def __init__(self, lake: Lake, selection: Selection, options: MigrateOptions, control: Control) -> None:
        self._lake = lake
        self._store = None if options.strategy is Strategy.REPAIR else lake.need_store()
        self._versioned = lake.database.version.has_format_version
        self._selection = selection
        self._options = options
        self._control = control
        self._tally = Tally()
        self._events: asyncio.Queue[Event] = asyncio.Queue(maxsize=64)
        self._run = Run(lake.journal, self._tally, control, self._events.put, self._store)
        self._proof = None if self._store is None else StoreProof(lake.database, self._store)
        self._pace = Pace(options.max_rate)
        self._breaker: Breaker[Item] = Breaker("the object store")
        self._to_fetch: ByteQueue[_ToFetch] = ByteQueue(lambda item: item.size, items=2000, size=_QUEUE_BYTES)
        self._to_check: ByteQueue[_ToCheck] = ByteQueue(lambda item: item.size, items=500, size=_QUEUE_BYTES)
        self._to_write = item_queue()
        self._decided = False
        self._fetches = 0
        self._total = 0
        self._retries_told = self._retries()
        self._next_notice = 0.0

    async def events(self, total: int) -> AsyncGenerator[Event, None]:
        self._total = total
        told = story("migrate", self._run, self._work(), self._events, self._control, self._lake.target, total)
        async with aclosing(told) as events:
            async for event in events:
                yield event
                if isinstance(event, Progress) and (notice := self._retry_notice(event.seconds)) is not None:
                    yield notice

    def _retries(self) -> int:
        return 0 if self._store is None else self._store.counts.retries

    def _retry_notice(self, seconds: float) -> Notice | None:
        """A burst of retries is worth a line, at most one in five seconds."""
        burst = self._retries() - self._retries_told
        if not burst or seconds < self._next_notice:
            return None
        self._retries_told += burst
        self._next_notice = seconds + _NOTICE_SECONDS
        return Notice(Severity.WARNING, f"{burst} requests to the object store had to be made again")

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(self._run.heartbeat())
            reading = group.create_task(self._read_and_decide())
            fetching = group.create_task(self._fetch_all())
            checking = group.create_task(self._check_all())
            writing = group.create_task(self._write_all())
            await asyncio.gather(reading, fetching, checking)
            await self._to_write.close()
            await writing
            beating.cancel()

    async def _read_and_decide(self) -> None:
        wanted = Wanted.DIAGNOSIS if self._options.strategy is Strategy.REFETCH else Wanted.MENDED
        async with aclosing(examined(self._lake, self._selection, wanted)) as batches:
            async for batch in batches:
                self._tally.selected += len(batch)
                for entry, diagnosis in batch:
                    await self._control.gate()
                    await self._route(entry, diagnosis)
        self._decided = True
        await self._to_fetch.close()

    async def _begin(self) -> None:
        start = RunStart(
            "migrate",
            who_am_i(),
            __version__,
            str(self._lake.target),
            self._selection.described(),
            self._options.strategy,
        )
        run_id = await self._run.begin(start, self._total)
        await self._events.put(Started("migrate", self._total, self._lake.target, run_id=run_id))

    async def _route(self, entry: Entry, diagnosis: Diagnosis) -> None:
        action = decide(entry, diagnosis, self._options)
        if action.step is Step.REFETCH:
            self._fetches += 1
            await self._pace.pass_one()
            await self._to_fetch.put(_ToFetch(entry, diagnosis))
            return
        result = entry_result(entry, diagnosis)
        if action.step is Step.REPAIR:
            await self._pace.pass_one()
            await self._to_write.put(Item(result, repaired(entry, diagnosis, versioned=self._versioned)))
        elif action.step is Step.STAMP:
            await self._pace.pass_one()
            await self._to_write.put(Item(result, stamped(entry, diagnosis, versioned=self._versioned)))
        elif action.step is Step.FAIL:
            assert action.reason is not None
            await self._to_write.put(failure(result, action.reason, action.why))
        else:
            await self._to_write.put(Item(result))

    async def _fetch_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._lake.concurrency):
                group.create_task(self._fetch_some())
        for held in self._breaker.release():
            await self._to_write.put(held)
        await self._to_check.close()

    async def _fetch_some(self) -> None:
        store, proof = self._store, self._proof
        if store is None or proof is None:
            return
        while (item := await self._to_fetch.get()) is not None:
            await self._control.gate()
            entry = item.entry
            try:
                if not proof.holds:
                    await proof.ensure((entry.file_path, entry.partitions.agreed_file_size))
                found = await store.read_footer(
                    entry.file_path, entry.partitions.agreed_file_size, first_tail(item.diagnosis)
                )
            except StoreFailure as error:
                if error.whole_store:
                    raise StoreUnreachable(
                        f"the store {store.shown} cannot be used: {error.sentence}; see to it, then run again for the rest"
                    ) from None
                # Other keys could be read by now: a 403 may be what a store says of a missing key to those who may not list.
                sentence = error.missing_or_denied or error.sentence
                failed = self._without_file(item, error.reason, sentence)
                if error.reason in _WORLD_FAILURES:
                    self._breaker.failed(failed, sentence)
                    continue
                await self._to_write.put(failed)
            else:
                await self._take(_ToCheck(entry, item.diagnosis, found))
            for held in self._breaker.release():
                await self._to_write.put(held)

    def _without_file(self, item: _ToFetch, reason: Reason, sentence: str) -> Item:
        """A failed fetch. Where the file is missing, and only there, a repair that nothing proves is better than nothing,
        if that was accepted (safety 15)."""
        result = entry_result(item.entry, item.diagnosis)
        repair = item.diagnosis.repair
        if reason is not Reason.FILE_MISSING or repair is None:
            return failure(result, reason, sentence)
        if self._options.accept_unproved:
            return Item(result, repaired(item.entry, item.diagnosis, versioned=self._versioned))
        why = f"{sentence}; the old value can be mended ({repair.name}), but nothing proves it: --accept-unproved writes it"
        return failure(result, Reason.UNPROVED, why)

    async def _take(self, item: _ToCheck) -> None:
        """A footer from the store: to the target parser, unless it is the very one that the target has accepted already."""
        new = foreseen(item.diagnosis, item.found.footer)
        if new is None:
            await self._to_check.put(item)
        else:
            await self._to_write.put(self._checked(item, new))

    async def _check_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(_CHECKERS):
                group.create_task(self._check_some())

    async def _check_some(self) -> None:
        while batch := await self._to_check.get_many(_CHECK_AT_ONCE, 0.005):
            questions = [question_of(item.entry, item.found) for item in batch]
            for item, new in zip(batch, await self._lake.judges.examine(questions), strict=True):
                await self._to_write.put(self._checked(item, new))

    def _checked(self, item: _ToCheck, new: Diagnosis) -> Item:
        result = entry_result(item.entry, item.diagnosis)
        found = refetched(item.entry, item.diagnosis, new, item.found, versioned=self._versioned)
        return failure(result, *found) if isinstance(found, tuple) else Item(result, found)

    async def _write_all(self) -> None:
        if self._options.dry_run:
            await self._rehearse()
        else:
            await self._run.write_all(self._to_write, self._before_first_write)

    async def _before_first_write(self) -> None:
        """Nothing is written, the journal included, before the store has shown to be the lake's; unless all is decided and nothing
        needs it (safety 16)."""
        if self._run.run_id is not None:
            return
        if self._proof is not None and not self._proof.holds and not (self._decided and self._fetches == 0):
            await self._proof.ensure()
        await self._begin()

    async def _rehearse(self) -> None:
        """The dry run's last box: says what would have been written."""
        await self._events.put(Started("migrate", self._total, self._lake.target, dry_run=True))
        while batch := await self._to_write.get_many(500, 0.25):
            results = []
            for item in batch:
                settled = item.settled or (
                    Settled(item.result.file_path, Outcome.SKIPPED)
                    if item.change is None
                    else Settled.changed(item.change, Outcome.WOULD_MIGRATE)
                )
                self._tally.add(settled)
                results.append(item.result.ended(settled.outcome, settled.reason, settled.sentence))
            await self._events.put(EntriesDone(tuple(results)))
