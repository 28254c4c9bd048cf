"""The jobs that the app has asked the engine for: which are going on, what each has said, and where its end is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

from refooter.events import (
    EntriesDone,
    ProblemsFound,
    Progress,
    RunSummary,
    ScanSummary,
    Severity,
    VerifySummary,
)
from refooter.jobs.decide import MigrateOptions
from refooter.jobs.save import Saved
from refooter.values import EntryResult, Outcome, Reason
from refooter_tui.app.messages import JobDone, JobEvents, JobKind
from refooter_tui.app.report import Report
from refooter_tui.app.scoped import Scoped, of_run
from refooter_tui.app.screens.export import ExportScreen, Target
from refooter_tui.app.screens.reading import Reading
from refooter_tui.cli.follow import Tally
from refooter_tui.cli.render import entries
from refooter_tui.cli.reports import show_verification

if TYPE_CHECKING:
    from refooter_tui.app.app import RefooterApp

WRITES: Final = (JobKind.MIGRATE, JobKind.ROLLBACK)
_RUNS: Final = (*WRITES, JobKind.DRY_RUN)
# what has a screen of its own, and changes nothing, needs no line in the log
_UNLOGGED: Final = (JobKind.PLAN, JobKind.DRIFT)
_AMISS: Final = (Outcome.FAILED, Outcome.CONFLICT)
Ended = Callable[[JobDone], None]


@dataclass
class Going:
    """A job that is under way. `quiet`: neither its beginning nor its end is worth a line. `ended`: who else is told of its end.

    `amiss`: rows by how they failed, for trying just these again.
    """

    job: int
    kind: JobKind
    scoped: Scoped
    options: MigrateOptions = field(default_factory=MigrateOptions)
    quiet: bool = False
    ended: Ended | None = None
    told: Callable[[Progress], None] | None = None
    tally: Tally = field(default_factory=Tally)
    paused: bool = False
    run_id: int | None = None
    restored: list[str] = field(default_factory=list)
    amiss: dict[tuple[Outcome, Reason | None], list[str]] = field(default_factory=lambda: defaultdict(list))


class Doings:
    """All that the app has asked the engine to do, by job."""

    def __init__(self, app: RefooterApp) -> None:
        self._app = app
        self._going: dict[int, Going] = {}

    @property
    def running(self) -> Going | None:
        """The run that is writing, or rehearsing, if there is one."""
        return next((one for one in self._going.values() if one.kind in _RUNS), None)

    @property
    def unfinished(self) -> Going | None:
        """What would be cut short if the app ended now, and is worth a question: a run, or an export."""
        return self.running or next((one for one in self._going.values() if one.kind is JobKind.EXPORT), None)

    @property
    def latest(self) -> Going | None:
        """What the progress line shows: a run before anything else."""
        loud = [one for one in self._going.values() if not one.quiet]
        return self.running or (loud[-1] if loud else None)

    def going(self, job: int) -> Going | None:
        return self._going.get(job)

    # what is begun

    def begin(self, going: Going) -> None:
        self._going[going.job] = going
        if not going.quiet and going.kind not in _UNLOGGED:
            self._app.log_line(f"{going.kind.value} of {going.scoped.what} began")
        self._tell_bar(None)

    def drop(self, job: int) -> None:
        """Nobody waits for it any more."""
        if self._going.pop(job, None) is not None:
            self._app.engine.cancel(job)
            self._tell_bar(None)

    def migrate(self, scoped: Scoped, options: MigrateOptions) -> None:
        """A run, or its rehearsal: planned and confirmed by now."""
        kind = JobKind.DRY_RUN if options.dry_run else JobKind.MIGRATE
        self.begin(Going(self._app.engine.migrate(scoped.scope, options), kind, scoped, options))

    def roll_back(self, run_id: int, scoped: Scoped | None) -> None:
        """Puts back what a run found: confirmed by now."""
        job = self._app.engine.rollback([run_id], None if scoped is None else scoped.scope)
        self.begin(Going(job, JobKind.ROLLBACK, scoped or of_run(run_id)))

    def verify(self, scoped: Scoped, run_id: int | None = None, *, against_store: bool = False) -> None:
        job = self._app.engine.verify(scoped.scope, run_id=run_id, against_store=against_store)
        self.begin(Going(job, JobKind.VERIFY, scoped))

    def scan(self, scoped: Scoped, *, deep: bool = False, quiet: bool = False) -> None:
        self.begin(Going(self._app.engine.scan(scoped.scope, deep), JobKind.SCAN, scoped, quiet=quiet))

    def ask_export(self, scoped: Scoped, run_id: int | None = None) -> None:
        what = scoped.what if run_id is None else f"what run {run_id} could not do"
        app = self._app

        def answered(target: Target | None) -> None:
            if target is not None:
                job = app.engine.export(target.name, scoped.scope, run_id=run_id, overwrite=target.overwrite)
                self.begin(Going(job, JobKind.EXPORT, scoped))

        def command(name: str) -> str:
            return app.commands.export(scoped, run_id, name)

        app.push_screen(ExportScreen(what, _export_name(run_id, app.clock().date()), command, app.directory), answered)

    # what is done to a job under way

    def pause(self) -> None:
        going = self.latest
        if going is None:
            self._app.notify("nothing is going on that could be paused")
            return
        going.paused = not going.paused
        (self._app.engine.pause if going.paused else self._app.engine.resume)(going.job)
        self._app.run_bar.paused = going.paused

    def cancel(self) -> None:
        going = self.latest
        if going is None:
            self._app.notify("nothing is going on that could be cancelled")
            return
        self._app.engine.cancel(going.job)
        if going.kind in WRITES:
            self._app.notify("the batch under way is finished first; what was written stays", title="cancelled")

    # what the engine says

    def events(self, said: JobEvents) -> None:
        going = self._going.get(said.job)
        if going is None:
            return
        if said.started is not None:
            going.tally.see(said.started)
            going.run_id = said.started.run_id
        if said.results:
            going.tally.see(EntriesDone(said.results))
            self._see(going, said.results)
        if said.problems:
            going.tally.see(ProblemsFound(said.problems))
        if said.progress is not None:
            if going.told is not None:
                going.told(said.progress)
            self._tell_bar(said.progress, going)

    def _see(self, going: Going, results: tuple[EntryResult, ...]) -> None:
        for one in results:
            if one.outcome is Outcome.RESTORED:
                going.restored.append(one.file_path)
            elif one.outcome in _AMISS:
                going.amiss[one.outcome, one.reason].append(one.file_path)
                reason = f" {one.reason.value}" if one.reason else ""
                self._app.log_line(
                    f"{one.outcome.value}{reason} {one.file_path}: {one.sentence or ''}",
                    Severity.ERROR if one.outcome is Outcome.FAILED else Severity.WARNING,
                    one.file_path,
                )

    def done(self, said: JobDone) -> None:
        going = self._going.pop(said.job, None)
        self._tell_bar(None)
        if going is None:
            return
        if not going.quiet and (said.error is not None or going.kind not in _UNLOGGED):
            self._log_end(going, said)
        if going.ended is not None:
            going.ended(said)
            return
        if said.error is not None:
            self._app.notify(said.error, title=going.kind.value, severity="error", timeout=12, markup=False)
        summary = said.summary
        if isinstance(summary, RunSummary):
            self._app.results.ended(going, summary)
        elif isinstance(summary, VerifySummary):
            self._show_verification(going, summary)
        elif isinstance(summary, Saved):
            self._app.notify(f"{entries(summary.rows)} in {summary.target}", title="exported", markup=False)

    def _show_verification(self, going: Going, summary: VerifySummary) -> None:
        report = Report(lambda console: show_verification(console, summary, going.tally))
        reading = Reading(f"Verified: {going.scoped.what}", report)
        self._app.waiting.offer(f"verify of {going.scoped.what}", lambda: self._app.push_screen(reading))

    def _log_end(self, going: Going, said: JobDone) -> None:
        severity = Severity.ERROR if said.error else Severity.INFO
        how = f"stopped: {said.error}" if said.error else "was cancelled" if said.cancelled else "ended"
        detail = ""
        if isinstance(said.summary, RunSummary):
            ended = said.summary
            counts = ", ".join(f"{count:,} {one.value}" for one in Outcome if (count := ended.count(one)))
            detail = f" ({counts or 'nothing done'})"
        elif isinstance(said.summary, ScanSummary):
            detail = f" ({said.summary.entries:,} judged in {said.summary.seconds:.1f} s)"
        self._app.log_line(f"{going.kind.value} of {going.scoped.what} {how}{detail}", severity)

    def _tell_bar(self, progress: Progress | None, going: Going | None = None) -> None:
        latest = self.latest
        bar = self._app.run_bar
        bar.doing = "" if latest is None else f"{latest.kind.value} {latest.run_id or ''}".strip()
        bar.paused = latest is not None and latest.paused
        if progress is None or going is latest:
            bar.progress = progress


def _export_name(run_id: int | None, today: date) -> str:
    what = "entries" if run_id is None else f"run-{run_id}"
    return f"refooter-{what}-{today.isoformat()}.csv"
