"""What the workers run: a diagnosis that never ends a job. It imports nothing but the diagnosis, since every worker loads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from refooter.diagnosis import diagnose
from refooter.values import NOT_JUDGED, Cause, Diagnosis, Layout, Question, Status, Verdict


def diagnose_safely(question: Question, verdict: Verdict, ask: Callable[[bytes], Verdict]) -> Diagnosis:
    """`diagnose` in the workers; a mistake of ours over one value must not end a job over a million."""
    try:
        return diagnose(question, verdict, ask)
    except Exception as error:
        return replace(NOT_JUDGED, error=f"our own diagnosis failed, please report it: {type(error).__name__}: {error}")


def undiagnosed(question: Question, verdict: Verdict) -> Diagnosis:
    """Of a value over which our own decoder was lost too: what is left to say."""
    return Diagnosis(Status.CORRUPT, Cause.MALFORMED, (Cause.MALFORMED,), Layout.UNKNOWN, error=verdict.error)
