"""What the judges' workers do in the bare limits: a module of its own, since the workers import it."""

from __future__ import annotations

from refooter.target.target import Judge
from refooter.values import Question, Verdict


def verdict_only(question: Question, verdict: Verdict, judge: Judge) -> bool:
    """The target parser alone, its answer as small as it can be."""
    return verdict.accepted


def not_judged(question: Question, verdict: Verdict) -> bool:
    raise AssertionError("the parser was lost over a value of the benchmark's own")
