"""What the tests of the judges run in worker processes: apart, so that a worker need not import the tests' own tools."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from refooter.values import Question, Verdict

Ask = Callable[[bytes], Verdict]
ACCEPTED = Verdict(True)


@dataclass(frozen=True, slots=True)
class Seen:
    """What `then` was given, and where it ran."""

    question: Question
    verdict: Verdict
    asked: Verdict | None
    pid: int


def report(question: Question, verdict: Verdict, ask: Ask) -> Seen:
    return Seen(question, verdict, None, os.getpid())


def report_after_asking(question: Question, verdict: Verdict, ask: Ask) -> Seen:
    return Seen(question, verdict, ask(question.value[1:]), os.getpid())


def misbehave(question: Question, verdict: Verdict, ask: Ask) -> Seen:
    match question.value:
        case b"hang":
            while True:
                pass
        case b"die":
            ctypes.string_at(0)
        case b"exit":
            os._exit(0)
        case b"raise":
            raise ZeroDivisionError("a bug of ours")
        case b"memory":
            raise MemoryError
        case b"print":
            os.write(1, b"to descriptor 1")
            os.write(2, b"to descriptor 2")
    return report(question, verdict, ask)


def give_up(question: Question, verdict: Verdict) -> Seen:
    return Seen(question, verdict, None, os.getpid())


def sleepy_judge(blob: bytes) -> Verdict:
    time.sleep(3600 if blob == b"forever" else 0.3)
    return ACCEPTED
