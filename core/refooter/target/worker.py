"""The worker process: reads tasks, runs the target's judge on hostile bytes, and may die of it at any moment.

Three descriptors tie it to the program. Tasks and replies go over a socket. A pipe takes one byte for each value that
is begun, so that after a death the program knows which value it was. Standard input is a lifeline: a pipe that
nothing is ever written to, whose other end only the program holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import resource
import signal
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from refooter.loop import collect_rarely
from refooter.target.target import Judge
from refooter.target.tasks import Done, Examine, JudgeOnly, Raised, Reply, SetUp, Task, ThenOnly
from refooter.values import Question, Verdict

Then = Callable[[Question, Verdict, Judge], Any]


def main(tasks: int, progress: int) -> None:
    """Serves until the program closes the socket. The arguments are file descriptors."""
    _settle()
    connection: Connection[Any, Any] = Connection(tasks)
    with contextlib.suppress(EOFError, OSError):
        words = connection.recv_bytes()
        try:
            set_up: SetUp = pickle.loads(words)  # noqa: S301 (our own parent's words)
            judge, then = set_up.target.load(), set_up.then
        except Exception as error:
            connection.send_bytes(_packed(_raised(error)))
            return
        connection.send_bytes(_packed(Done(None)))
        collect_rarely()
        while True:
            task: Task = pickle.loads(connection.recv_bytes())  # noqa: S301
            connection.send_bytes(_answer(task, judge, then, progress))


def _settle() -> None:
    # ctrl-c is for the program to decide on. The rest undoes what a parent may have had ignored or blocked.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGPROF, signal.SIGIO, signal.SIGABRT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # an abort is foreseen: no core files in somebody's directory
    # When the program dies, however it dies, the lifeline's only writer is gone: the kernel then sends SIGIO, which
    # ends this process at once, even deep in native code that holds the interpreter's lock.
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)


def _answer(task: Task, judge: Judge, then: Then, progress: int) -> bytes:
    try:
        return _packed(Done(_perform(task, judge, then, progress)))
    except MemoryError:
        os.abort()  # a value that takes all memory is lost like any that kills its worker; the program finds it out
    except Exception as error:
        return _packed(_raised(error))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _perform(task: Task, judge: Judge, then: Then, progress: int) -> Any:
    match task:
        case Examine():
            results = []
            for question in task.questions():
                _begin(progress, task.limit)
                results.append(then(question, judge(question.value), judge))
            return results
        case JudgeOnly(value, limit):
            _begin(progress, limit)
            return judge(value)
        case ThenOnly(question, verdict, instead, limit):
            _begin(progress, limit)
            return then(question, verdict, judge if instead is None else lambda _: instead)
        case SetUp():
            raise ValueError("set up twice")


def _begin(progress: int, limit: float) -> None:
    """One more value: the deadline is the kernel's to keep (SIGPROF ends the process), and counts processor time.

    Processor time, because on a busy machine, or after a laptop's sleep, the clock says nothing about the value.
    """
    os.write(progress, b".")
    signal.setitimer(signal.ITIMER_PROF, limit)


def _packed(reply: Reply) -> bytes:
    return pickle.dumps(reply, pickle.HIGHEST_PROTOCOL)


def _raised(error: Exception) -> Raised:
    return Raised(f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)))
