"""What the program and a worker process say to each other; pickled, a message a request and a message a reply."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from refooter.target.target import Target
from refooter.values import Question, Verdict, Wanted


@dataclass(frozen=True, slots=True)
class SetUp:
    """The first message: what the worker is to load. Its reply is `Done(None)` or `Raised`."""

    target: Target
    then: Callable[..., Any]
    nice: int


@dataclass(frozen=True, slots=True)
class Examine:
    """Judge each value and hand it to `then`. `limit`: seconds of processor time for each. Reply: a result each.

    All values in one piece, `about` what each is: length, then the other fields of a `Question`. Pickling a chunk of
    single 9 KB values costs seven times as much, about as much as half a rejection.
    """

    values: bytes
    about: tuple[tuple[int, int | None, int | None, tuple[int, ...], Wanted], ...]
    limit: float

    @staticmethod
    def of(questions: Sequence[Question], limit: float) -> Examine:
        return Examine(
            b"".join([question.value for question in questions]),
            tuple((len(q.value), q.num_rows, q.file_size, q.versions, q.wanted) for q in questions),
            limit,
        )

    def questions(self) -> Iterator[Question]:
        at = 0
        for length, num_rows, file_size, versions, wanted in self.about:
            yield Question(self.values[at : at + length], num_rows, file_size, versions, wanted)
            at += length


@dataclass(frozen=True, slots=True)
class JudgeOnly:
    """Judge one value. Reply: its `Verdict`."""

    value: bytes
    limit: float


@dataclass(frozen=True, slots=True)
class ThenOnly:
    """Hand one value, already judged, to `then`. With `instead`, whatever it asks is answered by that, unasked."""

    question: Question
    verdict: Verdict
    instead: Verdict | None
    limit: float


Task = SetUp | Examine | JudgeOnly | ThenOnly


@dataclass(frozen=True, slots=True)
class Done:
    result: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception of Python code in the worker, as text: not every exception survives pickling."""

    summary: str
    traceback: str


Reply = Done | Raised
