"""What the engine has to say, gathered: however fast jobs are, the app hears of each at most ten times a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from refooter.events import EntriesDone, Event, Notice, Problem, ProblemsFound, Progress, Started
from refooter.values import EntryResult
from refooter_tui.app.messages import EngineMessage, JobDone, JobEvents, JobKind, Listed

if TYPE_CHECKING:
    import pyarrow as pa

GAP_SECONDS = 0.1
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Said:
    """By one job since it was last told of."""

    kind: JobKind
    results: list[EntryResult] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    progress: Progress | None = None
    started: Started | None = None
    listed: list[Listed] = field(default_factory=list)
    done: JobDone | None = None

    def messages(self, job: int) -> list[EngineMessage]:
        said: list[EngineMessage] = []
        if self.listed:
            said.append(_merged(self.listed))
        if self.results or self.notices or self.problems or self.progress or self.started:
            said.append(
                JobEvents(
                    job,
                    self.kind,
                    tuple(self.results),
                    tuple(self.notices),
                    tuple(self.problems),
                    self.progress,
                    self.started,
                )
            )
        if self.done is not None:
            said.append(self.done)
        return said


class Outbox:
    """For the engine's event loop only. The first thing said after a silence goes out at once."""

    def __init__(self, deliver: Callable[[EngineMessage], None]) -> None:
        self._deliver = deliver
        self._said: dict[int, _Said] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0

    def now(self, message: EngineMessage) -> None:
        """What somebody waits for: not gathered."""
        try:
            self._deliver(message)
        except Exception:
            # The app may be gone already; the engine has runs to close.
            _log.exception("a message of the engine was not taken: %s", type(message).__name__)

    def event(self, job: int, kind: JobKind, event: Event) -> None:
        said = self._of(job, kind)
        if isinstance(event, EntriesDone):
            said.results += event.results
        elif isinstance(event, Notice):
            said.notices.append(event)
        elif isinstance(event, ProblemsFound):
            said.problems += event.problems
        elif isinstance(event, Progress):
            said.progress = event
        elif isinstance(event, Started):
            said.started = event

    def listed(self, part: Listed) -> None:
        self._of(part.job, JobKind.LOAD).listed.append(part)

    def done(self, last: JobDone) -> None:
        self._of(last.job, last.kind).done = last

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._next = asyncio.get_running_loop().time() + GAP_SECONDS
        gathered, self._said = self._said, {}
        for job, said in gathered.items():
            for message in said.messages(job):
                self.now(message)

    def _of(self, job: int, kind: JobKind) -> _Said:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(self._next, loop.time()), self.flush)
        return self._said.setdefault(job, _Said(kind))


def _merged(parts: list[Listed]) -> Listed:
    last = parts[-1]
    if len(parts) == 1:
        return last
    return replace(last, batch=_one_batch([part.batch for part in parts]))


def _one_batch(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    import pyarrow as pa

    table = pa.Table.from_batches(batches).combine_chunks()
    return table.to_batches()[0] if table.num_rows else batches[0]
