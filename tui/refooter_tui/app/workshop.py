"""The engine's jobs, in its event loop: begun, put in a row where they write, paused, cancelled, and told of to their end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from refooter.errors import DatabaseUnreachable, StoreUnreachable
from refooter.events import BackupSummary, EntriesDone, Event, Finished, Notice, RestorePlan, Severity
from refooter.jobs.ending import Ending, ending_of, told_in_full
from refooter.jobs.lake import Lake
from refooter.jobs.listing import listing, nothing_listed
from refooter.jobs.run import Control
from refooter.values import FileState, Reason
from refooter_tui.app.lifeline import Lifeline
from refooter_tui.app.messages import JobDone, JobKind, Listed, Summary
from refooter_tui.app.outbox import Outbox
from refooter_tui.app.paced import for_one_job
from refooter_tui.app.turnstile import Turnstile

if TYPE_CHECKING:
    from refooter.catalog.stamps import Stamps

_log = logging.getLogger(__name__)
_LAST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a job ends with that is no `Finished`."""

    summary: Summary


@dataclass(frozen=True, slots=True)
class Taken:
    """What the entries of a plan were before it read anything."""

    stamps: Stamps


Begin = Callable[[Lake, Control], AsyncGenerator[Any, None]]
"""A job: the events of core, a `Result` where that is no event, and of a plan what was `Taken`."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done. `writes`: to the catalog, one such job at a time. `urgent`: somebody waits in front of the screen.
    `own_control`: the job heeds its `Control` itself. `quiet`: a list that nobody waits for."""

    job: int
    kind: JobKind
    begin: Begin
    writes: bool = False
    urgent: bool = False
    own_control: bool = False
    quiet: bool = False


@dataclass(eq=False, slots=True)
class _Job:
    order: Order
    control: Control = field(default_factory=Control)
    task: asyncio.Task[None] | None = None
    entered: bool = False
    begun: bool = False
    summary: Summary | None = None
    stamps: Stamps | None = None


class Workshop:
    def __init__(self, lifeline: Lifeline, outbox: Outbox, turnstile: Turnstile, *, read_only: bool) -> None:
        self._lifeline = lifeline
        self._outbox = outbox
        self._read_only = read_only
        self._turnstile = turnstile
        self._jobs: dict[int, _Job] = {}
        self._writing = asyncio.Lock()
        self._loading = asyncio.Lock()
        self._writer: _Job | None = None
        self._hurry = asyncio.Event()
        self._closed = False

    def begin(self, order: Order) -> None:
        """Begins a job, or puts it behind the one that is writing. Always ends with a `JobDone`."""
        if self._closed:
            self._outbox.done(JobDone(order.job, order.kind, cancelled=True))
            return
        if order.writes and self._read_only:
            said = "this session is read-only: nothing is written (leave out --read-only to write)"
            self._outbox.done(JobDone(order.job, order.kind, error=said, code="read_only"))
            return
        job = self._jobs[order.job] = _Job(order)
        job.task = asyncio.create_task(self._carry_out(job))

    def load(self, number: int, *, quiet: bool = False) -> None:
        """Lists the catalog from its beginning. An earlier list that is still coming is left; a quiet one waits for it to end, and
        takes the place of a quiet one that waits already."""
        for job in list(self._jobs.values()):
            if job.order.kind is JobKind.LOAD and (not quiet or (job.order.quiet and not job.begun)):
                self.cancel(job.order.job)

        async def parts(lake: Lake, control: Control) -> AsyncGenerator[Any, None]:
            done = 0
            async with aclosing(listing(lake)) as pages:
                async for page in pages:
                    done = page.done
                    yield Listed(number, page.batch, done, page.about, False, quiet)
            # That a page was the last one is known only when no other follows: the end is a part of its own.
            yield Listed(number, nothing_listed(), done, done, True, quiet)

        self.begin(Order(number, JobKind.LOAD, parts, quiet=quiet))

    def pause(self, number: int) -> None:
        job = self._jobs.get(number)
        if job is not None and not job.control.paused and not job.control.cancelled.is_set():
            job.control.pause()
            self._notice(job, "paused")

    def resume(self, number: int) -> None:
        job = self._jobs.get(number)
        if job is not None and job.control.paused:
            job.control.resume()
            self._notice(job, "resumed")

    def cancel(self, number: int) -> None:
        """A run finishes its batch and is recorded as interrupted; anything else ends where it is."""
        job = self._jobs.get(number)
        if job is None or job.control.cancelled.is_set():
            return
        job.control.cancel()
        # A task cancelled before its first step would end without a word; it looks for itself.
        if job.entered and not (job.begun and job.order.own_control) and job.task is not None:
            job.task.cancel()

    async def close(self, patience: float) -> None:
        """Cancels everything and waits: `patience` seconds for runs to finish their batch, or until `hurry`."""
        self._closed = True
        for number in list(self._jobs):
            self.cancel(number)
        going = {job.task for job in self._jobs.values() if job.task is not None}
        hurried = asyncio.create_task(self._hurry.wait())
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while going and not hurried.done():
                    await asyncio.wait({*going, hurried}, return_when=asyncio.FIRST_COMPLETED)
                    going = {task for task in going if not task.done()}
        hurried.cancel()
        for task in going:
            task.cancel()
        if going:
            await asyncio.wait(going, timeout=_LAST_SECONDS)

    def hurry(self) -> None:
        """Whoever closes has no patience left."""
        self._hurry.set()

    async def _carry_out(self, job: _Job) -> None:
        order = job.order
        ending: Ending | None = None
        job.entered = True
        try:
            if job.control.cancelled.is_set():
                return
            lake = await self._lifeline.lake()
            lake = for_one_job(lake, self._turnstile, job.control.gate, urgent=order.urgent)
            async with self._turn(job), aclosing(order.begin(lake, job.control)) as events:
                async for event in events:
                    self._tell(job, event)
                    if not order.own_control:
                        await job.control.gate()
        except asyncio.CancelledError:
            # Ours, since nobody else has the task: a job that was cancelled has ended, and says so below.
            job.control.cancel()
        except Exception as error:
            ending = said_of(error, self._lifeline, f"job {order.job} ({order.kind})")
        finally:
            self._jobs.pop(order.job, None)
            self._outbox.done(
                JobDone(
                    order.job,
                    order.kind,
                    job.summary,
                    None if ending is None else ending.sentence,
                    None if ending is None else ending.code,
                    job.control.cancelled.is_set(),
                    job.stamps,
                )
            )

    @asynccontextmanager
    async def _turn(self, job: _Job) -> AsyncIterator[None]:
        """When it is this job's turn, and for as long as it goes on."""
        order = job.order
        async with AsyncExitStack() as stack:
            if order.kind is JobKind.LOAD:
                await stack.enter_async_context(self._loading)
            if order.writes:
                if self._writing.locked():
                    other = "" if self._writer is None else f": {self._writer.order.kind} is going on"
                    self._notice(job, f"waits for its turn, since one run writes at a time{other}")
                await stack.enter_async_context(self._writing)
                self._writer = job
                stack.callback(self._forget_writer)
                stack.enter_context(self._lifeline.writing())
            if order.urgent:
                stack.enter_context(self._turnstile.urgent())
            job.begun = True
            yield

    def _forget_writer(self) -> None:
        self._writer = None

    def _tell(self, job: _Job, event: Event | Listed | Result | Taken) -> None:
        if isinstance(event, Finished):
            # what no job of the app's ends with
            assert not isinstance(event.summary, list | BackupSummary | RestorePlan)
            job.summary = event.summary
        elif isinstance(event, Result):
            job.summary = event.summary
        elif isinstance(event, Taken):
            job.stamps = event.stamps
        elif isinstance(event, Listed):
            self._outbox.listed(event)
        else:
            if isinstance(event, EntriesDone):
                self._heed_store(event)
            self._outbox.event(job.order.job, job.order.kind, event)

    def _heed_store(self, event: EntriesDone) -> None:
        for one in event.results:
            if one.reason is Reason.STORE_UNREACHABLE or one.file_state is FileState.UNREACHABLE:
                self._lifeline.store_failed(one.sentence or "the object store does not answer")
                return

    def _notice(self, job: _Job, text: str) -> None:
        self._outbox.event(job.order.job, job.order.kind, Notice(Severity.INFO, text))


def said_of(error: Exception, lifeline: Lifeline, doing: str) -> Ending:
    """One sentence for people; what was not foreseen is in the log with all there is."""
    database = None if lifeline.opened is None else lifeline.opened.database
    ending = ending_of(error, database)
    if not ending.foreseen:
        _log.error("%s failed unexpectedly\n%s", doing, told_in_full(error, database))
    if isinstance(error, DatabaseUnreachable):
        lifeline.nudge()
    elif isinstance(error, StoreUnreachable):
        lifeline.store_failed(ending.sentence)
    return ending
