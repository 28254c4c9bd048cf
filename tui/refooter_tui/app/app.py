"""The app: what the engine's news change on the desk. Its keys are in `keys`; what it does to the lake begins in `planning`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from textual.notifications import SeverityLevel

from refooter.events import Severity
from refooter.jobs.lake import Session
from refooter.values import EntryResult
from refooter_tui.app.clipboard import copy
from refooter_tui.app.command import Where
from refooter_tui.app.copying import CopyMenu
from refooter_tui.app.doings import Doings
from refooter_tui.app.equivalents import Equivalents
from refooter_tui.app.keys import Keys
from refooter_tui.app.lake_view import SMALL
from refooter_tui.app.leaving import Leaving
from refooter_tui.app.messages import (
    Back,
    CatalogChanged,
    Connected,
    Detail,
    JobDone,
    JobEvents,
    JobKind,
    LakeInfo,
    Listed,
    Lost,
    RunResults,
    Runs,
    StoreBack,
    StoreLost,
)
from refooter_tui.app.news import EngineNews
from refooter_tui.app.planning import Planning
from refooter_tui.app.results import Results
from refooter_tui.app.scoped import EVERY_ENTRY
from refooter_tui.app.screens.entry import EntryScreen
from refooter_tui.app.waiting import Waiting
from refooter_tui.app.watching import Watching
from refooter_tui.app.widgets.asking import CopyAsked
from refooter_tui.app.widgets.entries import EntriesTable
from refooter_tui.app.widgets.header import Link
from refooter_tui.app.widgets.log import LogView
from refooter_tui.app.widgets.runs import RunsPane
from refooter_tui.cli.render import entries
from refooter_tui.model.columns import Int32s
from refooter_tui.text import visible


class RefooterApp(Keys):
    """Returns an exit code: 0, or what a signal asks for."""

    def __init__(
        self,
        session: Session,
        directory: Path,
        log_file: Path | None = None,
        *,
        label: str = "",
        colour: str = "",
        keys: Mapping[str, str] | None = None,
        where: Where | None = None,
        scan_up_to: int = SMALL,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(session, directory, log_file, label=label, colour=colour, clock=clock)
        self.scan_up_to = scan_up_to
        self.set_keymap(dict(keys or {}))
        self.doings = Doings(self)
        self.planning = Planning(self)
        self.results = Results(self)
        self.waiting = Waiting(self)
        self.watching = Watching(self)
        self.leaving = Leaving(self)
        self.commands = Equivalents(where or Where.of(session.settings))
        self._opened_whole = False

    @property
    def ended_by(self) -> int | None:
        """The signal that ended it, if one did."""
        return self.leaving.ended_by

    def on_mount(self) -> None:
        self._timeline.show(self.lake.timeline)
        self._entries.show(self.lake.table, self.lake.snapshot, self.lake.selection)
        self._entries.focus()
        self._header.facts = self._facts(Link.CONNECTING)
        self.set_interval(0.25, self._tick)
        self.leaving.heed_signals()
        self.engine.start()

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Nothing that a toast says is markup, and anything of it may be foreign."""
        super().notify(visible(message), title=visible(title), severity=severity, timeout=timeout, markup=False)

    # what the engine says

    def on_engine_news(self, news: EngineNews) -> None:
        if not self.is_running:
            # it is ending: the panes may be gone already
            news.prevent_default()
            return
        said = news.said
        match said:
            case Connected():
                self._connected(said.info)
            case Lost():
                self._lost(said)
            case Back():
                self._header.facts = self._facts(Link.UP)
                self.log_line("the database is back")
                self.notify("the database is back")
            case StoreLost():
                self.log_line(said.sentence, Severity.ERROR)
                self.notify(said.sentence, title="object store", severity="error", timeout=10, markup=False)
            case StoreBack():
                self.log_line("the object store answers again")
                self.notify("the object store answers again")
            case CatalogChanged():
                self.watching.catalog_changed()
            case Listed():
                self._listed(said)
            case JobEvents():
                self._events(said)
            case JobDone():
                self._done(said)
            case Detail():
                self._show_detail(said)
            case Runs():
                self.results.told_runs(said)
                self._left.runs.show(said.runs)
                if said.error is not None:
                    self.log_line(said.error, Severity.WARNING)
            case RunResults():
                self.results.told_results(said)

    def _connected(self, info: LakeInfo) -> None:
        self.info = info
        self._header.facts = self._facts(Link.UP)
        self.log_line(
            f"connected to {info.database}, a catalog of version {info.catalog_version}, judged by {info.target}"
        )
        self.action_reload()

    def _lost(self, said: Lost) -> None:
        self._header.facts = self._facts(Link.NEVER if self.info is None else Link.LOST)
        self.log_line(said.sentence, Severity.ERROR)
        self.notify(said.sentence, title="no connection", severity="error", timeout=10, markup=False)

    def _listed(self, part: Listed) -> None:
        first = not len(self.lake.table)
        if part.quiet:
            self.watching.listed(part)
            self._refresh_marks()
            return
        if part.job != self.load_job:
            # of a list that was begun anew since: what it does not name is not gone
            return
        self.lake.listed(part)
        if part.complete:
            self._settled = True
            self.log_line(f"the catalog has {entries(part.done)}")
        if first or part.complete:
            self._apply()
        else:
            self._refresh_marks()
        if part.complete and not self._opened_whole:
            self._opened_whole = True
            self._open_scan()

    def _open_scan(self) -> None:
        """What is small is judged whole; of the others what is on the screen, until more is asked for."""
        if len(self.lake.table) <= self.scan_up_to:
            self.doings.scan(EVERY_ENTRY)
        else:
            self.log_line(
                f"{entries(len(self.lake.table))}: judged as they come into sight;"
                f" {self.key_named('scan_all')} judges every one of them"
            )
            self._scan_in_sight()

    def _events(self, said: JobEvents) -> None:
        going = self.doings.going(said.job)
        run = None if going is None else going.run_id
        if said.started is not None:
            run = said.started.run_id
        self.doings.events(said)
        self.entries_judged(said.results, run if said.kind is not JobKind.DRY_RUN else None)
        for notice in said.notices:
            self.log_line(notice.text, notice.severity)

    def entries_judged(self, results: Sequence[EntryResult], run: int | None = None) -> None:
        """What a job, or a look at the catalog, found entries to be."""
        if results:
            self.rows_ended(self.lake.judged(results, run))

    def rows_ended(self, changed: Int32s) -> None:
        """Rows that look different now."""
        self._entries.rows_changed(changed)
        self._refresh_marks()
        self._dirty = True
        row = self._entries.row
        if row is not None and (changed == row).any():
            self._ask_detail()

    def _done(self, said: JobDone) -> None:
        self.doings.done(said)
        self.watching.done(said)
        self.leaving.look()
        if said.kind is JobKind.LOAD and said.error is not None:
            self.log_line(said.error, Severity.ERROR)
        self._ask_detail()

    def _show_detail(self, said: Detail) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, EntryScreen | CopyMenu):
                screen.answered(said)
        if said.request != self.looking.request:
            return
        if said.inspection is None:
            self._detail.say(said.error or "there is no such entry any more")
        else:
            self._detail.show(said.inspection, said.history, said.history_error)

    # what the panes ask for

    def on_entries_table_opened(self, event: EntriesTable.Opened) -> None:
        self.open_entry(event.row)

    def on_log_view_jump_to(self, event: LogView.JumpTo) -> None:
        row = self.lake.table.row_of(event.path)
        if row is None:
            self.notify("the catalog has no such entry any more", severity="warning")
        elif not self._entries.highlight(row):
            self.notify("the filter hides this entry", severity="warning")
        else:
            self._entries.focus()

    def on_copy_asked(self, event: CopyAsked) -> None:
        copy(self, event.what, event.text, self.directory)

    def on_runs_pane_run_opened(self, event: RunsPane.RunOpened) -> None:
        self.results.open_run(event.run_id)
