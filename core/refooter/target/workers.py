"""The judges: a pool of worker processes that take values through the target parser, and may be lost to it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from refooter.target.lane import Chunk, Closed, Lane, Limits
from refooter.target.target import Judge, Target
from refooter.target.tasks import SetUp
from refooter.values import Question, Verdict

T = TypeVar("T")

_CHUNK: Final = 64
_CHUNK_BYTES: Final = 1 << 20
_MOST_WORKERS: Final = 8


class Judges(Generic[T]):
    """Worker processes, each doing `then(question, verdict, judge)` with the target's verdict on the question's value.

    `then` is a module-level function, imported in the workers; it may ask the judge about other bytes. Its result has
    to pickle. An exception of `then` is the caller's to see: `examine` raises it as a `RuntimeError`.

    A value that hangs or kills the parser costs its own verdict only. The worker is replaced, and the value judged once
    more alone; if it is lost again, its verdict is a rejection that says so, with which `then` runs, asking nothing.
    Where `then` is lost over it too, the result is `otherwise(question, verdict)`, made here.

    `deadline` and `last_deadline` (alone) are seconds of the worker's processor time for one value, so that a busy
    machine turns no sound value into a broken one. `patience` is seconds of real time without any progress, for a
    parser that sleeps. `nice` lowers the workers' priority. `workers` defaults to one a core, eight at most.
    """

    def __init__(
        self,
        target: Target,
        then: Callable[[Question, Verdict, Judge], T],
        otherwise: Callable[[Question, Verdict], T],
        *,
        workers: int | None = None,
        deadline: float = 2.0,
        last_deadline: float = 10.0,
        patience: float = 30.0,
        nice: int = 10,
    ) -> None:
        self.target = target
        self._queue: SimpleQueue[Chunk[T] | None] = SimpleQueue()
        set_up = SetUp(target, then, nice)
        limits = Limits(deadline, last_deadline, patience)
        count = max(1, min(_cores(), _MOST_WORKERS) if workers is None else workers)
        self._lanes = [Lane(set_up, otherwise, limits, self._queue) for _ in range(count)]
        self._lock = threading.Lock()
        self._spawned = self._open = False

    def spawn(self) -> None:
        """Starts the workers without waiting for them; `start` does. Raises as `start` does."""
        self.target.check()
        try:
            for lane in self._lanes:
                lane.spawn()
        except BaseException:
            self.close()
            raise
        self._spawned = True

    def start(self) -> None:
        """Starts the workers and waits for them: a tenth of a second or so.

        Raises `UsageError` where another version of the target is installed, `RefooterError` where it does not load.
        """
        if not self._spawned:
            self.spawn()
        try:
            for lane in self._lanes:
                lane.start()
        except BaseException:
            self.close()
            raise
        self._open = True

    def close(self) -> None:
        """Ends the workers at once, for good; whoever awaits `examine` gets a `RuntimeError`. Repeatable."""
        with self._lock:
            self._open = False
        for lane in self._lanes:
            lane.abandon()
        while True:
            try:
                chunk = self._queue.get_nowait()
            except Empty:
                break
            if chunk is not None and chunk.results.set_running_or_notify_cancel():
                chunk.results.set_exception(Closed())
        for _ in self._lanes:
            self._queue.put(None)
        for lane in self._lanes:
            lane.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """The worker processes at this moment."""
        return tuple(pid for lane in self._lanes if (pid := lane.pid) is not None)

    async def examine(self, questions: Sequence[Question]) -> list[T]:
        """What `then` makes of each question, in their order. From any number of tasks and event loops at once.

        Cancelled, it takes back what is not at work yet; what is, ends by itself soon.
        """
        chunks: list[Chunk[T]] = [Chunk(piece) for piece in self._pieces(questions)]
        with self._lock:
            if not self._open:
                raise Closed
            for chunk in chunks:
                self._queue.put(chunk)
        try:
            lists = await asyncio.gather(*(asyncio.wrap_future(chunk.results) for chunk in chunks))
        finally:
            for chunk in chunks:
                chunk.abandoned = True
                chunk.results.cancel()
        return [result for results in lists for result in results]

    def _pieces(self, questions: Sequence[Question]) -> Iterator[Sequence[Question]]:
        """Chunks of a bounded number of values and bytes, at least one for each worker if there are enough values."""
        most = min(_CHUNK, -(-len(questions) // len(self._lanes)))
        begin = size = 0
        for at, question in enumerate(questions):
            length = len(question.value)
            if at > begin and (at - begin == most or size + length > _CHUNK_BYTES):
                yield questions[begin:at]
                begin, size = at, 0
            size += length
        if begin < len(questions):
            yield questions[begin:]


def _cores() -> int:
    """The cores that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
