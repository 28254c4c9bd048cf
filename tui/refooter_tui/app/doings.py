"""From a selection to a plan, a dry run, a run, its result, and on from there. Talks to the engine, and shows dialogs; paints nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from refooter.catalog.journal import RunRecord, RunState
from refooter.catalog.selection import Selection as CatalogSelection
from refooter.catalog.selection import View
from refooter.events import (
    EntriesDone,
    Plan,
    ProblemsFound,
    Progress,
    RunSummary,
    ScanSummary,
    Severity,
    VerifySummary,
)
from refooter.jobs.decide import MigrateOptions
from refooter.jobs.save import Saved
from refooter.values import Outcome, Reason, TargetName
from refooter_tui.app.command import export_command, migrate_command, scope_words
from refooter_tui.app.messages import JobDone, JobEvents, JobKind, RunResults
from refooter_tui.app.report import Report
from refooter_tui.app.screens.export import ExportScreen
from refooter_tui.app.screens.plan import Chosen, PlanScreen
from refooter_tui.app.screens.question import Question
from refooter_tui.app.screens.reading import Reading
from refooter_tui.app.screens.result import Group, Next, ResultScreen
from refooter_tui.cli import words
from refooter_tui.cli.follow import Tally
from refooter_tui.cli.render import entries
from refooter_tui.cli.reports import show_verification
from refooter_tui.model.columns import Int32s

if TYPE_CHECKING:
    from refooter_tui.app.app import RefooterApp
    from refooter_tui.app.engine import Scope

# From so many changed entries on, a run asks for the database's name to be typed.
LARGE = 10_000


@dataclass
class Scoped:
    """Frozen when it was planned: which entries, in words, as the engine and as a shell take them, and as rows if they were picked."""

    what: str
    scope: Scope
    command: list[str]
    rows: Int32s | None = None
    revision: int = 0


@dataclass
class Going:
    """A job that is under way."""

    job: int
    kind: JobKind
    scoped: Scoped
    options: MigrateOptions = field(default_factory=MigrateOptions)
    tally: Tally = field(default_factory=Tally)
    screen: PlanScreen | None = None
    run_id: int | None = None
    restored: list[str] = field(default_factory=list)


class Doings:
    """All that the app has asked the engine to do, by job."""

    def __init__(self, app: RefooterApp) -> None:
        self._app = app
        self._going: dict[int, Going] = {}

    @property
    def writing(self) -> Going | None:
        """The run that is writing, or rehearsing, if there is one."""
        kinds = (JobKind.MIGRATE, JobKind.ROLLBACK, JobKind.DRY_RUN)
        return next((one for one in self._going.values() if one.kind in kinds), None)

    @property
    def latest(self) -> Going | None:
        """What the progress line shows: a run before anything else."""
        return self.writing or next(reversed(self._going.values()), None)

    # what is asked for

    def plan_rows(self, rows: Int32s, options: MigrateOptions | None = None) -> None:
        """A migration of picked entries."""
        lake = self._app.lake
        paths = lake.paths(rows)
        what = paths[0] if len(paths) == 1 else entries(len(paths))
        scoped = Scoped(what, paths, scope_words(paths, self._app.directory), rows.copy(), lake.table.revision)
        self._plan(scoped, options or MigrateOptions())

    def plan_view(self, view: str) -> None:
        """A migration of a whole view set or view."""
        name, _, instance = view.partition("/")
        selection = CatalogSelection(views=(View(name, instance or None),))
        self._plan(Scoped(f"view {view}", selection, ["--view", view]), MigrateOptions())

    def _plan(self, scoped: Scoped, options: MigrateOptions) -> None:
        app = self._app
        # What a dry run found out since is in this plan already.
        scoped = replace(scoped, revision=app.lake.table.revision)
        screen = PlanScreen(
            scoped.what,
            app.info.database if app.info else "",
            migrate_command(scoped.command, options),
            read_only=app.read_only,
            large=LARGE,
            typed=app.database_name,
        )
        job = app.engine.plan(scoped.scope, options)
        self._going[job] = Going(job, JobKind.PLAN, scoped, options, screen=screen)

        def chosen(answer: Chosen | None) -> None:
            if job in self._going:
                del self._going[job]
                app.engine.cancel(job)
            if answer is Chosen.DRY_RUN:
                self._migrate(scoped, replace(options, dry_run=True))
            elif answer is Chosen.GO:
                self._go(scoped, options)

        app.push_screen(screen, chosen)

    def _go(self, scoped: Scoped, options: MigrateOptions) -> None:
        """Asks again where entries have changed since they were planned."""
        lake = self._app.lake
        changed = 0 if scoped.rows is None else lake.touched_since(scoped.rows, scoped.revision)
        if not changed:
            self._migrate(scoped, options)
            return
        said = (
            f"{entries(changed)} of the plan changed since it was made; what they are now is what the run will go by."
        )

        def answered(key: str | None) -> None:
            if key == "y":
                self._migrate(scoped, options)

        self._app.push_screen(Question("Changed meanwhile", said, {"y": "go all the same"}), answered)

    def _migrate(self, scoped: Scoped, options: MigrateOptions) -> None:
        kind = JobKind.DRY_RUN if options.dry_run else JobKind.MIGRATE
        job = self._app.engine.migrate(scoped.scope, options)
        self._begin(Going(job, kind, scoped, options))

    def verify(self, scoped: Scoped, run_id: int | None = None) -> None:
        self._begin(Going(self._app.engine.verify(scoped.scope, run_id=run_id), JobKind.VERIFY, scoped))

    def scan(self, scoped: Scoped, *, deep: bool = False) -> None:
        self._begin(Going(self._app.engine.scan(scoped.scope, deep), JobKind.SCAN, scoped))

    def ask_rollback(self, run_id: int, scoped: Scoped | None = None) -> None:
        """Never without a question."""
        if self._app.read_only:
            self._app.notify("this session is read-only: start it without --read-only to roll back", severity="warning")
            return
        said = (
            f"Run {run_id} will be undone: every value that it replaced, and every stamp, comes back, where nobody has changed it since."
            f" That is a run of its own, and can itself be rolled back.\n\n$ refooter rollback {run_id}"
        )

        def answered(key: str | None) -> None:
            if key == "y":
                job = self._app.engine.rollback([run_id], None if scoped is None else scoped.scope)
                self._begin(Going(job, JobKind.ROLLBACK, scoped or Scoped(f"run {run_id}", None, [])))

        self._app.push_screen(Question(f"Roll back run {run_id}", said, {"y": "roll back"}), answered)

    def ask_export(self, scoped: Scoped, run_id: int | None = None) -> None:
        what = scoped.what if run_id is None else f"what run {run_id} could not do"
        name = f"refooter-{'run-' + str(run_id) if run_id is not None else 'entries'}-{date.today().isoformat()}.csv"

        def answered(target: str | None) -> None:
            if target is not None:
                job = self._app.engine.export(target, scoped.scope, run_id=run_id, overwrite=True)
                self._begin(Going(job, JobKind.EXPORT, scoped))

        self._app.push_screen(ExportScreen(what, name, export_command(scoped.command, run_id)), answered)

    def open_run(self, record: RunRecord, results: RunResults) -> None:
        """The result of a run of the journal, as if it had just ended."""
        tally = Tally()
        for one in results.results:
            reason = Reason(one.reason) if one.reason else None
            if one.outcome in (Outcome.FAILED, Outcome.CONFLICT):
                tally.failed(one.file_path, Outcome(one.outcome), reason, one.sentence)
        self._show_result(_summary_of(record, self._app.target), tally, Scoped(f"run {record.run_id}", None, []))

    def pause(self) -> None:
        going = self.latest
        if going is None:
            self._app.notify("nothing is going on")
            return
        bar = self._app.run_bar
        bar.paused = not bar.paused
        (self._app.engine.pause if bar.paused else self._app.engine.resume)(going.job)
        self._app.log_line(f"{going.kind.value} {'paused' if bar.paused else 'resumed'}")

    def cancel(self) -> None:
        going = self.latest
        if going is None:
            self._app.notify("nothing is going on")
            return
        self._app.engine.cancel(going.job)
        self._app.notify(f"{going.kind.value}: the batch under way is finished first")

    def _begin(self, going: Going) -> None:
        self._going[going.job] = going
        self._app.log_line(f"{going.kind.value} of {going.scoped.what} began")
        self._tell_bar(None)

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
        if said.problems:
            going.tally.see(ProblemsFound(said.problems))
        if said.progress is not None:
            if going.screen is not None:
                going.screen.progress(said.progress)
            self._tell_bar(said.progress, going)
        for one in said.results:
            if one.outcome is Outcome.RESTORED:
                going.restored.append(one.file_path)
            if one.outcome in (Outcome.FAILED, Outcome.CONFLICT):
                severity = Severity.ERROR if one.outcome is Outcome.FAILED else Severity.WARNING
                self._app.log_line(
                    f"{one.outcome.value} {one.reason or ''} {one.file_path}: {one.sentence or ''}",
                    severity,
                    one.file_path,
                )

    def done(self, said: JobDone) -> None:
        going = self._going.pop(said.job, None)
        self._app.run_bar.paused = False
        self._tell_bar(None)
        if going is None:
            return
        if going.screen is not None:
            self._planned(going.screen, said)
            return
        self._log_end(going, said)
        if said.error is not None:
            self._app.notify(said.error, title=going.kind.value, severity="error", timeout=12, markup=False)
        if isinstance(said.summary, RunSummary):
            self._show_result(said.summary, going.tally, going.scoped, going.options)
            self._app.engine.runs()
            if going.restored:
                # What came back is another value than the one that was judged last.
                self._app.engine.scan(going.restored)
        elif isinstance(said.summary, VerifySummary):
            summary, tally = said.summary, going.tally
            self._app.push_screen(
                Reading("Verified", Report(lambda console: show_verification(console, summary, tally)))
            )
        elif isinstance(said.summary, Saved):
            self._app.notify(f"{entries(said.summary.rows)} in {said.summary.target}", title="exported", markup=False)

    def _planned(self, screen: PlanScreen, said: JobDone) -> None:
        if isinstance(said.summary, Plan) and said.error is None:
            screen.complete(said.summary)
        elif not said.cancelled:
            screen.failed(said.error or "there is no plan")

    def _log_end(self, going: Going, said: JobDone) -> None:
        severity = Severity.ERROR if said.error else Severity.INFO
        how = f"stopped: {said.error}" if said.error else "was cancelled" if said.cancelled else "ended"
        detail = ""
        if isinstance(said.summary, RunSummary):
            counts = ", ".join(f"{count:,} {outcome.value}" for outcome, count in said.summary.outcomes.items())
            detail = f" ({counts or 'nothing done'})"
        elif isinstance(said.summary, ScanSummary):
            detail = f" ({said.summary.entries:,} judged in {said.summary.seconds:.1f} s)"
        self._app.log_line(f"{going.kind.value} of {going.scoped.what} {how}{detail}", severity)

    def _tell_bar(self, progress: Progress | None, going: Going | None = None) -> None:
        latest = self.latest
        bar = self._app.run_bar
        bar.doing = "" if latest is None else f"{latest.kind.value} {latest.run_id or ''}".strip()
        if progress is None or going is latest:
            bar.progress = progress

    def _show_result(
        self, summary: RunSummary, tally: Tally, scoped: Scoped, options: MigrateOptions | None = None
    ) -> None:
        app = self._app

        def answered(wanted: Next | None) -> None:
            if wanted is None:
                return
            if wanted.what == "filter":
                app.filter_by(wanted.filter)
            elif wanted.what == "export":
                app.doings.ask_export(scoped, summary.run_id)
            elif wanted.what == "verify":
                self.verify(scoped, summary.run_id)
            elif wanted.what == "rollback" and summary.run_id is not None:
                self.ask_rollback(summary.run_id)
            elif wanted.what == "go" and options is not None:
                self._plan(scoped, replace(options, dry_run=False))

        app.push_screen(ResultScreen(summary, tally, _groups(summary, tally), read_only=app.read_only), answered)


def _groups(summary: RunSummary, tally: Tally) -> Sequence[Group]:
    run = f"run:{summary.run_id} " if summary.run_id is not None else ""
    groups = []
    for name, group in sorted(tally.groups.items(), key=lambda item: -item[1].total):
        if isinstance(name, Reason):
            groups.append(
                Group(
                    Outcome.FAILED, name.value, group.total, f"outcome:failed reason:{name.value}", words.REASONS[name]
                )
            )
        else:
            groups.append(Group(name, "", group.total, f"outcome:{name.value}", words.CONFLICT))
    others = (Outcome.MIGRATED, Outcome.WOULD_MIGRATE, Outcome.RESTORED, Outcome.GONE)
    groups += [
        Group(outcome, "", count, f"{run}outcome:{outcome.value}", "")
        for outcome in others
        if (count := summary.count(outcome))
    ]
    return groups


def _summary_of(record: RunRecord, target: TargetName | None) -> RunSummary:
    known = {outcome.value: outcome for outcome in Outcome}
    seconds = 0.0 if record.finished is None else (record.finished - record.started) / 1e6
    return RunSummary(
        kind=record.kind,
        run_id=record.run_id,
        selected=record.counts.get("selected", 0),
        outcomes={known[name]: count for name, count in record.counts.items() if name in known and count},
        reasons={},
        proved=record.counts.get("proved", 0),
        store_requests=record.counts.get("store_requests", 0),
        store_bytes=record.counts.get("store_bytes", 0),
        seconds=seconds,
        target=target or TargetName("?", "?", "?"),
        state=record.state.value,
        error=record.message if record.state is not RunState.FINISHED else None,
    )


def picked(rows: Sequence[int] | Int32s) -> Int32s:
    """Row ids as the model has them."""
    return np.asarray(rows, np.int32)
