"""What migrate and rollback have in common: a run's counts, its failures, and how they are told."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from refooter.events import EntriesDone, Event, RunSummary, Started
from refooter.values import Outcome
from refooter_tui.cli.follow import Tally, follow
from refooter_tui.cli.reports import show_run
from refooter_tui.cli.shell import Shell


def nothing_done() -> dict[str, Any]:
    """The fields of a run that has not begun."""
    counts: dict[str, Any] = {outcome.value: 0 for outcome in Outcome}
    return {
        "run_id": None,
        "selected": 0,
        **counts,
        "proved": 0,
        "store_requests": 0,
        "store_bytes": 0,
        "requests_saved": 0,
        "by_repair": {},
        "seconds": 0.0,
        "by_reason": {},
        "failures": [],
        "failures_total": 0,
    }


def run_fields(summary: RunSummary) -> dict[str, Any]:
    return {
        "run_id": summary.run_id,
        "state": summary.state,
        "selected": summary.selected,
        **{outcome.value: summary.count(outcome) for outcome in Outcome},
        "proved": summary.proved,
        "store_requests": summary.store_requests,
        "store_bytes": summary.store_bytes,
        "requests_saved": summary.requests_saved,
        "by_repair": summary.repairs,
        "seconds": summary.seconds,
        "by_reason": summary.reasons,
        "target": summary.target,
    }


async def carry_out(
    events: AsyncGenerator[Event, None], shell: Shell, doing: str, *, advise: bool = True
) -> RunSummary:
    """Follows a run to its end, tells it, and keeps the answer true meanwhile."""
    tally = Tally()

    def see(event: Event) -> None:
        tally.see(event)
        if isinstance(event, Started):
            shell.answer.put(run_id=event.run_id)
        elif isinstance(event, EntriesDone):
            shell.answer.put(
                selected=tally.entries,
                **{outcome.value: tally.outcomes[outcome] for outcome in Outcome},
                by_reason=tally.reasons,
            )
            shell.answer.put_list("failures", tally.failures, tally.failures_total)

    def finished(summary: RunSummary) -> None:
        shell.answer.put(**run_fields(summary))
        if not shell.json:
            show_run(shell.out, summary, tally, advise=advise)

    return await follow(events, shell, doing, RunSummary, see=see, finished=finished)


def amiss(summary: RunSummary) -> bool:
    """Whether something failed or is in conflict; what is gone never counts."""
    return bool(summary.count(Outcome.FAILED) or summary.count(Outcome.CONFLICT))
