"""A lane: one thread of the program that keeps one worker process alive and takes chunks of questions through it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Generic, TypeVar

from refooter.errors import RefooterError
from refooter.target.process import End, Lost, WorkerProcess
from refooter.target.tasks import Done, Examine, JudgeOnly, Raised, SetUp, Task, ThenOnly
from refooter.values import Question, Verdict

T = TypeVar("T")

# A worker that dies this often without having begun a value is not killed by values.
_IDLE_DEATHS = 5


class Closed(RuntimeError):
    """The judges were closed while a value was waiting for them."""

    def __init__(self) -> None:
        super().__init__("the judges are not at work: call start() first, and nothing after close()")


class Abandoned(Exception):
    """Nobody waits for this chunk any more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: processor time a value in company, alone; real time without any progress."""

    deadline: float
    last_deadline: float
    patience: float


@dataclass(slots=True)
class Chunk(Generic[T]):
    """Questions on their way to a lane. `abandoned`, set by who asked, stops the work on them half-way."""

    questions: Sequence[Question]
    results: Future[list[T]] = field(default_factory=Future)
    abandoned: bool = False


class Lane(Generic[T]):
    def __init__(
        self,
        set_up: SetUp,
        otherwise: Callable[[Question, Verdict], T],
        limits: Limits,
        queue: SimpleQueue[Chunk[T] | None],
    ) -> None:
        self._set_up = set_up
        self._otherwise = otherwise
        self._limits = limits
        self._queue = queue
        self._lock = threading.Lock()
        self._closing = False
        self._worker: WorkerProcess | None = None
        self._ready = False
        # a daemon, so that a program which forgot to close can still end; its workers then follow by themselves
        self._thread = threading.Thread(target=self._serve, name="refooter-judge", daemon=True)

    def spawn(self) -> None:
        """Starts the first worker without waiting for it."""
        self._replace()

    def start(self) -> None:
        """Waits for the worker, then takes chunks. Raises `RefooterError` if the worker cannot work."""
        self._live_worker()
        self._thread.start()

    def abandon(self) -> None:
        """From any thread: no more work; what the worker is at is lost."""
        with self._lock:
            self._closing = True
            if self._worker is not None:
                self._worker.kill()

    def join(self) -> None:
        """After `abandon`, and a `None` in the queue: waits for the thread, and leaves no process behind."""
        if self._thread.ident is not None:
            self._thread.join()
        self._discard()

    @property
    def pid(self) -> int | None:
        """The worker process, if there is one."""
        with self._lock:
            return None if self._worker is None else self._worker.pid

    def _serve(self) -> None:
        while (chunk := self._queue.get()) is not None:
            if not chunk.results.set_running_or_notify_cancel():
                continue
            try:
                chunk.results.set_result(self._examine(chunk))
            except BaseException as error:
                chunk.results.set_exception(error)

    def _examine(self, chunk: Chunk[T]) -> list[T]:
        """A result each. The value that a worker is lost over is judged alone, the others once more in company."""
        questions = chunk.questions
        results: dict[int, T] = {}
        pieces = [range(len(questions))]
        idle_deaths = 0
        while pieces:
            if chunk.abandoned:
                raise Abandoned
            piece = pieces.pop()
            if not piece:
                continue
            company = Examine.of([questions[i] for i in piece], self._limits.deadline)
            reply = self._ask(company)
            if not isinstance(reply, Lost):
                results.update(zip(piece, reply.result, strict=True))
            elif reply.begun:
                suspect = piece[reply.begun - 1]
                results[suspect] = self._examine_alone(questions[suspect])
                pieces += [piece[reply.begun :], piece[: reply.begun - 1]]
            else:
                idle_deaths += 1
                if idle_deaths == _IDLE_DEATHS:
                    raise RefooterError(
                        "the target parser's worker processes die before they are given anything: is this Python environment whole?"
                    )
                pieces.append(piece)
        return [results[i] for i in range(len(questions))]

    def _examine_alone(self, question: Question) -> T:
        """The last word on a value that a worker was lost over, which need not have been the value's fault."""
        limit = self._limits.last_deadline
        reply = self._ask(JudgeOnly(question.value, limit))
        verdict: Verdict = self._lost(reply) if isinstance(reply, Lost) else reply.result
        instead = verdict if isinstance(reply, Lost) else None
        reply = self._ask(ThenOnly(question, verdict, instead, limit))
        if isinstance(reply, Lost) and instead is None:  # by what `then` asked, perhaps: let it ask nothing
            reply = self._ask(ThenOnly(question, verdict, self._lost(reply), limit))
        return self._otherwise(question, verdict) if isinstance(reply, Lost) else reply.result

    def _lost(self, lost: Lost) -> Verdict:
        within = f" within {self._limits.last_deadline:g} s" if lost.end is End.OVERDUE else ""
        return Verdict(False, f"the target parser {lost.end.value}{within}")

    def _ask(self, task: Task) -> Done | Lost:
        worker = self._live_worker()
        limit = self._limits.last_deadline if isinstance(task, JudgeOnly | ThenOnly) else self._limits.deadline
        reply = worker.ask(task, max(self._limits.patience, 3 * limit))
        if isinstance(reply, Lost):
            self._discard()
        if isinstance(reply, Raised):
            error = RuntimeError(f"examining a value failed: {reply.summary}")
            error.add_note(reply.traceback)
            raise error
        return reply

    def _live_worker(self) -> WorkerProcess:
        worker = self._worker
        if worker is None or (self._ready and not worker.idle_and_alive()):
            worker = self._replace()
        if not self._ready:
            try:
                worker.wait_until_ready()
            except RefooterError:
                self._discard()
                if self._closing:
                    raise Closed from None
                raise
            self._ready = True
        return worker

    def _replace(self) -> WorkerProcess:
        self._discard()
        with self._lock:
            if self._closing:
                raise Closed
            try:
                self._worker = WorkerProcess(self._set_up)
            except OSError as error:
                said = error.strerror or type(error).__name__
                raise RefooterError(
                    f"no worker process for the target parser can be started: {said}; free memory or processes, then run again"
                ) from error
            return self._worker

    def _discard(self) -> None:
        with self._lock:
            worker, self._worker, self._ready = self._worker, None, False
        if worker is not None:
            worker.dispose()
