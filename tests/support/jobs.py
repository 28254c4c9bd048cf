"""A job run to its end, with all that it said."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from refooter.errors import RefooterError
from refooter.events import EntriesDone, Event, Finished, Notice, Problem, ProblemsFound, Started
from refooter.jobs.lake import Session
from refooter.settings import Settings
from refooter.values import EntryResult


@dataclass
class Told:
    """Everything that a job said; `error` is what it raised after `Finished`, if it did."""

    events: list[Event] = field(default_factory=list)
    results: dict[str, EntryResult] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    started: Started | None = None
    summary: Any = None
    error: RefooterError | None = None


async def told(job: AsyncGenerator[Event, None]) -> Told:
    """Runs a job to its end. An error before anything had begun is raised."""
    all_of_it = Told()
    async with aclosing(job) as events:
        try:
            async for event in events:
                _take(all_of_it, event)
        except RefooterError as error:
            if all_of_it.summary is None:
                raise
            all_of_it.error = error
    return all_of_it


def _take(all_of_it: Told, event: Event) -> None:
    all_of_it.events.append(event)
    if isinstance(event, EntriesDone):
        for result in event.results:
            assert result.file_path not in all_of_it.results, f"two outcomes for {result.file_path}"
            all_of_it.results[result.file_path] = result
    elif isinstance(event, ProblemsFound):
        all_of_it.problems += event.problems
    elif isinstance(event, Notice):
        all_of_it.notices.append(event)
    elif isinstance(event, Started):
        all_of_it.started = event
    elif isinstance(event, Finished):
        all_of_it.summary = event.summary


@contextmanager
def session(dsn: str, store: str | None = None, **settings: Any) -> Iterator[Session]:
    """A session with two workers, as on a small machine."""
    with Session(Settings(dsn=dsn, store=store, workers=settings.pop("workers", 2), **settings)) as opened:
        yield opened
