"""What is wrong with a value and why: by its layout and its numbers, never by the parser's message."""

from __future__ import annotations

from dataclasses import replace

from refooter.diagnosis.case import Ask, Case, examine
from refooter.diagnosis.causes import TABLE
from refooter.diagnosis.repairs import repair_of
from refooter.parquet import frame
from refooter.parquet.facts import read_facts
from refooter.values import HEALTHY, Cause, Diagnosis, Layout, Question, Status, Verdict, Wanted, worst

__all__ = ["diagnose"]


def diagnose(question: Question, verdict: Verdict, ask: Ask) -> Diagnosis:
    """Finds every cause that holds for a value, given what the target parser says of it.

    `ask` judges other bytes by the same parser: at most twice for a value that was rejected, and up to three times more
    for what would mend it, if that is wanted. Whatever the target accepted keeps a status that says so. Pure and
    deterministic, given `ask`.
    """
    if question.wanted is Wanted.FACTS and verdict.accepted:
        # the row counts and schema of a file's own footer, on their way into the catalog: a hot path
        facts, details = read_facts(question.value)
        return replace(HEALTHY, facts=facts if details.whole else None)
    case = examine(question, verdict, ask)
    holding = [entry for entry in TABLE if entry.holds(case)]
    causes = tuple(entry.cause for entry in holding)
    _name_cut_out(case, causes)
    cause = worst(causes)
    status = cause.status
    diagnosis = Diagnosis(
        status=status,
        cause=cause,
        causes=causes,
        layout=case.found.layout,
        error=verdict.error,
        evidence=() if status in (Status.OK, Status.STALE) else tuple(entry.shows(case) for entry in holding),
        facts=case.found.facts if _identifies(case) else None,
        foreseen=case.foreseen,
        repair=repair_of(case, causes, ask) if question.wanted in (Wanted.MENDED, Wanted.MENDABLE) else None,
    )
    return diagnosis.without_bytes() if question.wanted is Wanted.MENDABLE else diagnosis


def _identifies(case: Case) -> bool:
    """Whether there is a FileMetaData, and enough of it to tell its file by: at least the schema."""
    return case.details.whole or (case.details.version is not None and case.found.facts.schema is not None)


def _name_cut_out(case: Case, causes: tuple[Cause, ...]) -> None:
    """A footer whose pointers tile a prefix that is not there was cut out of one."""
    at_start = case.details.start == 0
    if at_start and Cause.DANGLING_PAGE_INDEX in causes and frame.tiling(case.details.chunks) is not None:
        case.found = replace(case.found, layout=Layout.CUT_OUT)
