"""From a selection to a run: the plan, the questions before it goes, and what has changed since it was made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from refooter.catalog.stamps import Stamps
from refooter.events import Plan
from refooter.jobs.decide import MigrateOptions
from refooter.jobs.drift import Drift
from refooter_tui.app.doings import Going
from refooter_tui.app.drifting import Known, show_drift
from refooter_tui.app.lake_view import SMALL
from refooter_tui.app.messages import JobDone, JobKind
from refooter_tui.app.report import Report
from refooter_tui.app.scoped import Scoped, of_rows, of_view
from refooter_tui.app.screens.plan import Chosen, PlanScreen, Replan
from refooter_tui.app.screens.question import Question
from refooter_tui.cli.render import entries
from refooter_tui.model.columns import Int32s

if TYPE_CHECKING:
    from refooter_tui.app.app import RefooterApp

# From so many changed entries on, a run asks for the database's name to be typed.
LARGE: Final = 10_000


class Planning:
    """Nothing is written but by way of a plan that was complete, painted, confirmed, and still true."""

    def __init__(self, app: RefooterApp) -> None:
        self._app = app

    def rows(self, rows: Int32s) -> None:
        """A migration of picked entries."""
        lake, directory = self._app.lake, self._app.directory
        if len(rows) <= SMALL:
            self.scoped(of_rows(lake, rows, directory))
            return
        self._app.log_line(f"gathering {entries(len(rows))} for a plan")

        def gather() -> None:
            scoped = of_rows(lake, rows, directory)
            self._app.call_from_thread(self.scoped, scoped)

        self._app.run_worker(gather, thread=True, exclusive=True, group="gather")

    def view(self, view: str) -> None:
        """A migration of a whole view set or view."""
        self.scoped(of_view(view))

    def selection(self) -> None:
        """Of the selection, or the highlighted entry. What the filter hides is asked about first."""
        lake = self._app.lake
        if not lake.selection.hidden(lake.snapshot):
            rows = self._app.selected_rows()
            if rows is not None:
                self.rows(rows)
            return
        shown, hidden = lake.selection.shown(lake.snapshot), lake.selection.hidden(lake.snapshot)

        def answered(key: str | None) -> None:
            if key == "v":
                self.rows(shown)
            elif key == "a":
                self.rows(lake.selection.rows())

        said = f"{entries(lake.selection.count)} are selected, and the filter hides {hidden:,} of them."
        answers = {"a": f"all {lake.selection.count:,}"}
        if len(shown):
            answers = {"v": f"the {len(shown):,} visible", **answers}
        self._app.push_screen(Question("Which of them?", said, answers), answered)

    def scoped(self, scoped: Scoped, options: MigrateOptions | None = None) -> None:
        """The plan of these entries, and what it is answered with."""
        app, wanted = self._app, options or MigrateOptions()
        screen = PlanScreen(
            scoped.what,
            app.info.database if app.info else "",
            app.commands.migrate(scoped, wanted),
            wanted,
            journal=app.journal_schema,
            store=app.info.store if app.info else None,
            read_only=app.read_only,
            typed=app.database_name,
            large=LARGE,
            whole=scoped.whole,
        )
        made: list[tuple[Stamps, Known]] = []

        def ended(said: JobDone) -> None:
            if isinstance(said.summary, Plan) and said.error is None and said.stamps is not None:
                made.append((said.stamps, Known.of(app.lake.table)))
                screen.complete(said.summary)
            elif not said.cancelled:
                screen.failed(said.error or "there is no plan")

        def chosen(answer: Chosen | Replan | None) -> None:
            app.doings.drop(job)
            if answer is Chosen.DRY_RUN:
                app.doings.migrate(scoped, replace(wanted, dry_run=True))
            elif answer is Chosen.GO:
                self._go(scoped, wanted, *made[0])
            elif isinstance(answer, Replan):
                self.scoped(scoped, answer.options)

        job = app.engine.plan(scoped.scope, wanted)
        app.doings.begin(Going(job, JobKind.PLAN, scoped, wanted, ended=ended, told=screen.progress))
        app.push_screen(screen, chosen)

    def _go(self, scoped: Scoped, options: MigrateOptions, stamps: Stamps, known: Known) -> None:
        """Once more a look at the catalog: what is not as it was planned is shown, and asked about."""
        app = self._app

        def ended(said: JobDone) -> None:
            if said.error is not None:
                app.notify(f"{said.error}; nothing was written", title="migrate", severity="error", markup=False)
            elif isinstance(said.summary, Drift):
                self._drifted(scoped, options, known, said.summary)

        job = app.engine.drift(scoped.scope, stamps)
        app.doings.begin(Going(job, JobKind.DRIFT, scoped, options, quiet=_is_quick(scoped), ended=ended))

    def _drifted(self, scoped: Scoped, options: MigrateOptions, known: Known, drift: Drift) -> None:
        app = self._app
        if not drift.total:
            app.doings.migrate(scoped, options)
            return
        app.entries_judged(drift.changed_entries)
        table = app.lake.table

        def answered(key: str | None) -> None:
            if key == "y":
                self._go(scoped, options, drift.now, known)
            elif key == "p":
                self.scoped(scoped, options)

        report = Report(lambda console: show_drift(console, drift, known, table))
        answers = {"y": "go all the same", "p": "plan again"}
        app.push_screen(Question("Changed since it was planned", report, answers), answered)


def _is_quick(scoped: Scoped) -> bool:
    """Whether a look at all of it takes no longer than anybody notices."""
    return scoped.rows is not None and len(scoped.rows) <= LARGE
