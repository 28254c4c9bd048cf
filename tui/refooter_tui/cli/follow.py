"""Follows a job's events to the end: a bar on a terminal, notices, and the failures worth showing."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from refooter.events import EntriesDone, Event, Finished, Notice, Problem, ProblemsFound, Progress, Severity, Started
from refooter.values import EntryResult, Outcome, Reason, Status
from refooter_tui.cli import render
from refooter_tui.cli.output import LIST_LIMIT
from refooter_tui.cli.shell import Shell

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

S = TypeVar("S")
FEW = 3
_NOTICE_STYLES = {Severity.INFO: "", Severity.WARNING: "yellow", Severity.ERROR: "red"}


@dataclass(slots=True)
class Group:
    """Things with one name: how many, and the first few of them with a sentence each."""

    total: int = 0
    first: list[tuple[str, str]] = field(default_factory=list)

    def add(self, file_path: str, sentence: str) -> None:
        self.total += 1
        if len(self.first) < FEW:
            self.first.append((file_path, sentence))


@dataclass(slots=True)
class Tally:
    """What events have said so far. Bounded, however long the job: counts, and the first of each list."""

    run_id: int | None = None
    total: int = 0
    entries: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    by_cause: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    groups: dict[Reason | Outcome, Group] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    failures_total: int = 0
    problem_groups: dict[str, Group] = field(default_factory=dict)
    problems: list[dict[str, Any]] = field(default_factory=list)
    problems_total: int = 0

    def see(self, event: Event) -> None:
        match event:
            case Started():
                self.run_id, self.total = event.run_id, event.total
            case EntriesDone():
                self.entries += len(event.results)
                for result in event.results:
                    self._see_entry(result)
            case ProblemsFound():
                for problem in event.problems:
                    self._see_problem(problem)

    def _see_entry(self, result: EntryResult) -> None:
        self.by_status[result.diagnosis.status] += 1
        self.by_cause[result.diagnosis.cause] += 1
        if result.outcome is None:
            return
        self.outcomes[result.outcome] += 1
        if result.reason is not None:
            self.reasons[result.reason] += 1
        if result.outcome in (Outcome.FAILED, Outcome.CONFLICT):
            self.failed(result.file_path, result.outcome, result.reason, result.sentence or "")

    def failed(self, file_path: str, outcome: Outcome, reason: Reason | None, sentence: str) -> None:
        self.failures_total += 1
        self.groups.setdefault(reason or outcome, Group()).add(file_path, sentence)
        if len(self.failures) < LIST_LIMIT:
            self.failures.append(
                {"file_path": file_path, "outcome": outcome, "reason": reason, "sentence": sentence or None}
            )

    def _see_problem(self, problem: Problem) -> None:
        self.problems_total += 1
        self.problem_groups.setdefault(problem.problem, Group()).add(problem.file_path, problem.sentence)
        if len(self.problems) < LIST_LIMIT:
            self.problems.append(
                {"file_path": problem.file_path, "problem": problem.problem, "sentence": problem.sentence}
            )


async def follow(
    events: AsyncGenerator[Event, None],
    shell: Shell,
    doing: str,
    kind: type[S],
    *,
    see: Callable[[Event], None],
    finished: Callable[[S], None],
) -> S:
    """Consumes a job and returns its summary. `see` gets every event. `finished` is called with the summary as soon as it is there:
    a run that stopped itself raises its error only after that, and what it did until then is to be told first. Warnings are part of the
    answer, too."""
    summary: S | None = None
    warnings: list[str] = list(shell.answer.fields.get("warnings", ()))
    with _Bar(shell, doing) as bar:
        async with aclosing(events) as stream:
            async for event in stream:
                see(event)
                match event:
                    case Started():
                        bar.start(event.total)
                    case Progress():
                        bar.show(event)
                    case Notice():
                        render.say(shell.err, event.text, _NOTICE_STYLES[event.severity])
                        if event.severity is not Severity.INFO:
                            warnings.append(event.text)
                            shell.answer.put_list("warnings", warnings)
                    case Finished():
                        bar.stop()
                        assert isinstance(event.summary, kind)
                        summary = event.summary
                        finished(summary)
    assert summary is not None, "a job ends with Finished"
    return summary


class _Bar:
    """A progress bar on standard error, if that is a terminal that can draw one."""

    def __init__(self, shell: Shell, doing: str) -> None:
        self._console = shell.err
        self._doing = doing
        self._bar: Bar | None = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self, total: int) -> None:
        if self._bar is not None or not self._console.is_terminal or self._console.is_dumb_terminal:
            return
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[said]}", markup=False, justify="right"),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            expand=True,
        )
        self._bar.add_task(self._doing, total=total or None, said="")
        self._bar.start()

    def show(self, progress: Progress) -> None:
        if self._bar is not None:
            self._bar.update(
                self._bar.task_ids[0],
                completed=progress.done,
                total=max(progress.total, progress.done) or None,
                said=_said(progress, self._console.width >= 110),
            )

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _said(progress: Progress, wide: bool) -> str:
    said = [f"{render.number(progress.done)}/{render.number(progress.total)}", f"{progress.rate:,.0f}/s"]
    if progress.seconds_left is not None:
        left = round(progress.seconds_left)
        said.append(f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}")
    if wide:
        quiet = (Status.OK.value, Outcome.SKIPPED.value)
        said += [f"{name} {render.number(n)}" for name, n in progress.counts.items() if n and name not in quiet]
    return "  ".join(said)
