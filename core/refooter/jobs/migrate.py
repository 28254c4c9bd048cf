"""The main job: read, judge, decide, fetch, check, write. Every arrow is a bounded queue, so that all of it overlaps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from refooter import __version__
from refooter.catalog.changes import Change, Settled, digest
from refooter.catalog.journal import RunStart
from refooter.catalog.pages import count_entries
from refooter.catalog.rights import check_may_read, check_may_write
from refooter.catalog.selection import Selection
from refooter.errors import StoreUnreachable
from refooter.events import EntriesDone, Event, Notice, Progress, Severity, Started
from refooter.jobs.breaker import Breaker
from refooter.jobs.check import check_footer
from refooter.jobs.decide import NEWEST_VERSION, MigrateOptions, Step, decide, first_tail
from refooter.jobs.examine import entry_result, examined
from refooter.jobs.flow import ByteQueue, Pace
from refooter.jobs.lake import Lake
from refooter.jobs.proof import StoreProof
from refooter.jobs.run import Control, Item, Run, Tally, failure, item_queue, who_am_i
from refooter.jobs.story import story
from refooter.store import FooterRead, StoreFailure
from refooter.values import HEALTHY, Diagnosis, Entry, Outcome, Question, Reason

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
        return self.entry.size + 512


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
    """Mends what is broken of the selection from the files' own footers, each entry behind a before image.

    Ends with a `RunSummary`. Cancelling the iterator, or `control.cancel()`, finishes the batch in flight; what was committed stays,
    and a rerun completes. A run that stops itself says `Finished` with the reason, and then raises it. Raises `UsageError`,
    `MissingRights`, `NothingSelected`, `StoreUnreachable` before anything was written.
    """
    lake.need_store()
    if options.dry_run:
        await check_may_read(lake.database)
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
        self._store = lake.need_store()
        self._selection = selection
        self._options = options
        self._control = control
        self._tally = Tally()
        self._events: asyncio.Queue[Event] = asyncio.Queue(maxsize=64)
        self._run = Run(lake.journal, self._tally, control, self._events.put, self._store)
        self._proof = StoreProof(lake.database, self._store)
        self._pace = Pace(options.max_rate)
        self._breaker: Breaker[Item] = Breaker("the object store")
        self._to_fetch: ByteQueue[_ToFetch] = ByteQueue(lambda item: item.size, items=2000, size=_QUEUE_BYTES)
        self._to_check: ByteQueue[_ToCheck] = ByteQueue(lambda item: item.size, items=500, size=_QUEUE_BYTES)
        self._to_write = item_queue()
        self._decided = False
        self._fetches = 0
        self._total = 0
        self._retries_told = self._store.counts.retries
        self._next_notice = 0.0

    async def events(self, total: int) -> AsyncGenerator[Event, None]:
        self._total = total
        told = story("migrate", self._run, self._work(), self._events, self._control, self._lake.target, total)
        async with aclosing(told) as events:
            async for event in events:
                yield event
                if isinstance(event, Progress) and (notice := self._retry_notice(event.seconds)) is not None:
                    yield notice

    def _retry_notice(self, seconds: float) -> Notice | None:
        """A burst of retries is worth a line, at most one in five seconds."""
        burst = self._store.counts.retries - self._retries_told
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
        async with aclosing(examined(self._lake, self._selection)) as batches:
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
        if action.step is Step.STAMP:
            await self._pace.pass_one()
            await self._to_write.put(Item(result, self._change(entry, diagnosis, None)))
        elif action.step is Step.FAIL:
            assert action.reason is not None
            await self._to_write.put(failure(result, action.reason, action.why))
        else:
            await self._to_write.put(Item(result))

    def _change(self, entry: Entry, diagnosis: Diagnosis, footer: bytes | None) -> Change:
        assert entry.value is not None
        old = digest(entry.value)
        return Change(
            file_path=entry.file_path,
            old_digest=old,
            old_version=entry.version,
            new_digest=old if footer is None else digest(footer),
            new_value=footer,
            new_version=NEWEST_VERSION if self._lake.database.version.has_format_version else None,
            partitions=entry.partitions,
            cause=diagnosis.cause.value,
            repair="stamp" if footer is None else "refetch",
            # A refetched value is the file's own footer by construction; a stamp vouches for nothing but the version.
            proved=footer is not None,
        )

    async def _fetch_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._lake.concurrency):
                group.create_task(self._fetch_some())
        for held in self._breaker.release():
            await self._to_write.put(held)
        await self._to_check.close()

    async def _fetch_some(self) -> None:
        while (item := await self._to_fetch.get()) is not None:
            await self._control.gate()
            entry = item.entry
            try:
                if not self._proof.holds:
                    await self._proof.ensure((entry.file_path, entry.partitions.agreed_file_size))
                found = await self._store.read_footer(
                    entry.file_path, entry.partitions.agreed_file_size, first_tail(item.diagnosis)
                )
            except StoreFailure as error:
                if error.whole_store:
                    raise StoreUnreachable(error.sentence) from None
                # Other keys could be read by now: a 403 may be what a store says of a missing key to those who may not list.
                sentence = error.missing_or_denied or error.sentence
                failed = failure(entry_result(entry, item.diagnosis), error.reason, sentence)
                if error.reason in _WORLD_FAILURES:
                    self._breaker.failed(failed, sentence)
                    continue
                await self._to_write.put(failed)
            else:
                await self._take(_ToCheck(entry, item.diagnosis, found))
            for held in self._breaker.release():
                await self._to_write.put(held)

    async def _take(self, item: _ToCheck) -> None:
        """A footer from the store: to the target parser, unless it is the very one that the target has accepted already."""
        old = item.diagnosis
        if old.facts is None or old.foreseen is None or old.foreseen != digest(item.found.footer):
            await self._to_check.put(item)
            return
        facts = replace(old.facts, start=0, length=len(item.found.footer))
        await self._to_write.put(self._checked(item, replace(HEALTHY, facts=facts)))

    async def _check_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(_CHECKERS):
                group.create_task(self._check_some())

    async def _check_some(self) -> None:
        while batch := await self._to_check.get_many(_CHECK_AT_ONCE, 0.005):
            questions = [
                Question(
                    item.found.footer,
                    item.entry.partitions.agreed_num_rows,
                    item.found.file_size,
                    (NEWEST_VERSION,),
                    facts_only=True,
                )
                for item in batch
            ]
            for item, new in zip(batch, await self._lake.judges.examine(questions), strict=True):
                await self._to_write.put(self._checked(item, new))

    def _checked(self, item: _ToCheck, new: Diagnosis) -> Item:
        result = entry_result(item.entry, item.diagnosis)
        refusal = check_footer(item.entry, item.diagnosis, new, item.found.file_size)
        if refusal is not None:
            return failure(result, *refusal)
        if item.found.footer == item.entry.value:
            if NEWEST_VERSION in item.entry.versions or not item.entry.versions:
                # What looks wrong is how the file was written: its own footer says the same, and nothing is to be done.
                return Item(result)
            return Item(result, self._change(item.entry, item.diagnosis, None))
        return Item(result, self._change(item.entry, item.diagnosis, item.found.footer))

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
        if not self._proof.holds and not (self._decided and self._fetches == 0):
            await self._proof.ensure()
        await self._begin()

    async def _rehearse(self) -> None:
        """The dry run's last box: says what would have been written."""
        await self._events.put(Started("migrate", self._total, self._lake.target, dry_run=True))
        while batch := await self._to_write.get_many(500, 0.25):
            results = []
            for item in batch:
                outcome = Outcome.WOULD_MIGRATE if item.change is not None else Outcome.SKIPPED
                settled = item.settled or Settled(item.result.file_path, outcome)
                self._tally.add(settled)
                results.append(
                    replace(item.result, outcome=settled.outcome, reason=settled.reason, sentence=settled.sentence)
                )
            await self._events.put(EntriesDone(tuple(results)))
