"""The app: what the engine's news change on the desk, and its keys. What it does to the lake is in `doings`."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Final

from textual import events, work
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from refooter.events import Severity
from refooter.jobs.lake import Session
from refooter_tui.app.command import scope_words
from refooter_tui.app.copying import CopyMenu, copies_of
from refooter_tui.app.desk import Desk
from refooter_tui.app.doings import Doings, Scoped, picked
from refooter_tui.app.lake_view import SMALL
from refooter_tui.app.messages import (
    Back,
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
)
from refooter_tui.app.news import EngineNews
from refooter_tui.app.screens.entry import EntryScreen
from refooter_tui.app.screens.help import HelpScreen
from refooter_tui.app.screens.question import Question
from refooter_tui.app.state import Looks, save_looks
from refooter_tui.app.widgets.entries import EntriesTable
from refooter_tui.app.widgets.header import HeaderFacts, Link
from refooter_tui.app.widgets.log import LogView
from refooter_tui.app.widgets.runs import RunsPane
from refooter_tui.cli.render import entries
from refooter_tui.model.order import Sort
from refooter_tui.text import visible

_PANES: Final = ("left", "filter", "entries", "timeline", "detail", "log")


class RefooterApp(Desk):
    """Returns an exit code: 0, or what a signal asks for."""

    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+q", "leave", "Quit", id="quit", priority=False),
        Binding("question_mark", "help", "Help", id="help"),
        Binding("colon", "command_palette", "Palette", show=False, id="palette"),
        # before any widget hears of it: what is typed right behind it is for the filter
        Binding("slash", "filter", "Filter", id="filter", priority=True),
        Binding("equals_sign", "reapply", "Apply again", show=False, id="reapply"),
        Binding("m", "migrate", "Migrate", id="migrate"),
        Binding("M", "migrate_view", "Migrate the view", show=False, id="migrate_view"),
        Binding("p", "pause", "Pause", show=False, id="pause"),
        Binding("x", "cancel", "Cancel", show=False, id="cancel"),
        Binding("o", "runs", "Runs", id="runs"),
        Binding("u", "runs", "Roll back", show=False, id="rollback"),
        Binding("v", "verify", "Verify", show=False, id="verify"),
        Binding("r", "judge", "Judge again", show=False, id="judge"),
        Binding("R", "reload", "Read the catalog again", show=False, id="reload"),
        Binding("e", "export", "Export", id="export"),
        Binding("c", "copy", "Copy", show=False, id="copy"),
        Binding("z", "maximise", "Maximise", show=False, id="maximise"),
        Binding("left_square_bracket", "detail_tab(-1)", "Previous tab", show=False, id="tab.previous"),
        Binding("right_square_bracket", "detail_tab(1)", "Next tab", show=False, id="tab.next"),
        *(
            Binding(str(at), f"pane('{name}')", f"To {name}", show=False, id=f"pane.{name}")
            for at, name in enumerate(_PANES, 1)
        ),
    ]

    def __init__(
        self,
        session: Session,
        directory: Path,
        log_file: Path | None = None,
        *,
        label: str = "",
        scan_up_to: int = SMALL,
    ) -> None:
        super().__init__(session, directory, log_file, label=label)
        self.scan_up_to = scan_up_to
        self.doings = Doings(self)
        self.ended_by: int | None = None
        self._leaving = False
        self._scanned_all = False
        self._wanted_run: int | None = None

    def on_mount(self) -> None:
        if self.looks.theme in self.available_themes:
            self.theme = self.looks.theme
        self.lake.sort = Sort(self.looks.sort, self.looks.reverse)
        self._show_sort()
        self._timeline.show(self.lake.timeline)
        self._entries.show(self.lake.table, self.lake.snapshot, self.lake.selection)
        self._entries.placeholder = "connecting to the catalog …"
        self._entries.focus()
        if self.log_file is not None:
            self.run_bar.idle = f"nothing is going on; the whole log is in {visible(str(self.log_file))}"
        self._header.facts = HeaderFacts(label=self.label, read_only=self.read_only)
        self._fit(self.size.width, self.size.height)
        self.set_interval(0.25, self._tick)
        self._heed_signals()
        self.engine.start()

    def on_engine_news(self, news: EngineNews) -> None:
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
            case Listed():
                self._listed(said)
            case JobEvents():
                self._events(said)
            case JobDone():
                self._done(said)
            case Detail():
                self._show_detail(said)
            case Runs():
                self._runs = said
                self._left.runs.show(said.runs)
                if said.error is not None:
                    self.log_line(said.error, Severity.WARNING)
            case RunResults():
                self._show_run(said)

    def _connected(self, info: LakeInfo) -> None:
        self.info = info
        self._header.facts = self._facts(Link.UP)
        self._entries.placeholder = "reading the catalog …"
        self.log_line(
            f"connected to {info.database}, a catalog of version {info.catalog_version}, judged by {info.target}"
        )
        self.action_reload()

    def _lost(self, said: Lost) -> None:
        self._header.facts = self._facts(Link.LOST)
        self._entries.placeholder = visible(said.sentence)
        self.log_line(said.sentence, Severity.ERROR)
        self.notify(said.sentence, title="no connection", severity="error", timeout=10, markup=False)

    def _listed(self, part: Listed) -> None:
        first = not len(self.lake.table)
        self.lake.listed(part)
        self._dirty = True
        if part.complete:
            self._settled = True
            self.log_line(f"the catalog has {entries(part.done)}")
            self._entries.placeholder = "the catalog has no entries" if not part.done else "no entry matches the filter"
        if first or part.complete:
            self._apply()
        else:
            self._refresh_marks()
        if part.complete and not self._scanned_all:
            self._open_scan()

    def _open_scan(self) -> None:
        """What is small is judged whole; of the others what is on the screen, until more is asked for."""
        self._scanned_all = True
        if len(self.lake.table) <= self.scan_up_to:
            self.doings.scan(Scoped("every entry", None, []))
        elif self.info is not None:
            self.log_line(
                f"{entries(len(self.lake.table))}: judged as they come into sight; `:` scan all judges every one"
            )
            self._scan_in_sight()

    def _events(self, said: JobEvents) -> None:
        run = said.started.run_id if said.started is not None else None
        going = self.doings.writing
        if going is not None and going.job == said.job and going.run_id is not None:
            run = going.run_id
        self.doings.events(said)
        if said.results:
            judged = said.results
            changed = self.lake.judged(judged, run if said.kind is not JobKind.DRY_RUN else None)
            self._entries.rows_changed(changed)
            self._refresh_marks()
            self._dirty = True
        for notice in said.notices:
            self.log_line(notice.text, notice.severity)

    def _done(self, said: JobDone) -> None:
        self.doings.done(said)
        if said.kind is JobKind.LOAD and said.error is not None:
            self.log_line(said.error, Severity.ERROR)
            self._entries.placeholder = visible(said.error)
        self._dirty = True
        self._ask_detail()

    def _show_detail(self, said: Detail) -> None:
        if isinstance(self.screen, EntryScreen):
            self.screen.answered(said)
        if said.request != self._detail_request:
            return
        if said.inspection is None:
            self._detail.say(said.error or "there is no such entry any more")
        else:
            self._detail.show(said.inspection)

    def on_entries_table_opened(self, event: EntriesTable.Opened) -> None:
        if self.has_class("-narrow"):
            path = self.lake.table.path(event.row)
            self.push_screen(EntryScreen(path))
            self.engine.detail(path, with_file=True)
        else:
            self._detail_request = self.engine.detail(self.lake.table.path(event.row), with_file=True)
            self._detail.focus_page()

    def on_log_view_jump_to(self, event: LogView.JumpTo) -> None:
        row = self.lake.table.row_of(event.path)
        if row is None or not self._entries.highlight(row):
            self.notify("the filter hides this entry", severity="warning")
        else:
            self._entries.focus()

    def on_runs_pane_run_opened(self, event: RunsPane.RunOpened) -> None:
        self._wanted_run = event.run_id
        self.engine.run_results(event.run_id)

    def _show_run(self, said: RunResults) -> None:
        record = next((run for run in self._runs.runs if run.run_id == said.run_id), None)
        if said.run_id == self._wanted_run and record is not None:
            self._wanted_run = None
            self.doings.open_run(record, said)

    def _selected(self) -> Scoped | None:
        """The selection if there is one, else the highlighted entry."""
        rows = self.lake.selection.rows()
        if not len(rows):
            row = self._entries.row
            if row is None:
                self.notify("no entry is highlighted")
                return None
            rows = picked([row])
        paths = self.lake.paths(rows)
        what = paths[0] if len(paths) == 1 else entries(len(paths))
        return Scoped(what, paths, scope_words(paths, self.directory), rows)

    def action_migrate(self) -> None:
        lake = self.lake
        shown = lake.selection.shown(lake.snapshot)
        hidden = lake.selection.hidden(lake.snapshot)
        if not hidden:
            scoped = self._selected()
            if scoped is not None and scoped.rows is not None:
                self.doings.plan_rows(scoped.rows)
            return

        def answered(key: str | None) -> None:
            if key == "v":
                self.doings.plan_rows(shown)
            elif key == "a":
                self.doings.plan_rows(lake.selection.rows())

        said = f"{entries(lake.selection.count)} are selected, and the filter hides {hidden:,} of them."
        answers = {"a": f"all {lake.selection.count:,}"}
        if len(shown):
            answers = {"v": f"the {len(shown):,} visible", **answers}
        self.push_screen(Question("Which of them?", said, answers), answered)

    def action_migrate_view(self) -> None:
        view = self._left.views.view if self._left.views.has_focus else None
        row = self._entries.row
        if view is None and row is not None:
            view = self.lake.table.views[int(self.lake.table.view[row])]
        if view is None:
            self.notify("no view is highlighted")
        else:
            self.doings.plan_view(view)

    def action_pause(self) -> None:
        self.doings.pause()

    def action_cancel(self) -> None:
        self.doings.cancel()

    def action_runs(self) -> None:
        self.engine.runs()
        self._left.face = "runs"
        self.add_class("-drawer")
        self._left.runs.focus()

    def action_verify(self) -> None:
        scoped = self._selected() if self.lake.selection.count else Scoped("every entry", None, [])
        if scoped is not None:
            self.doings.verify(scoped)

    def action_judge(self) -> None:
        scoped = self._selected()
        if scoped is not None:
            self.doings.scan(scoped)

    def action_scan_all(self) -> None:
        """Judges every entry, whatever there are of them."""
        self.doings.scan(Scoped("every entry", None, []))

    def action_reload(self) -> None:
        self.lake.begin_loading()
        self.engine.load()
        self.engine.runs()

    def action_export(self) -> None:
        if self.lake.selection.count:
            scoped = self._selected()
            if scoped is not None:
                self.doings.ask_export(scoped)
            return
        snapshot = self.lake.snapshot
        if not len(snapshot):
            self.notify("nothing is shown that could be exported")
        elif self.lake.filter.empty:
            self.doings.ask_export(Scoped("every entry", None, []))
        else:
            paths = self.lake.paths(snapshot.rows)
            self.doings.ask_export(Scoped(f"{entries(len(paths))} shown", paths, scope_words(paths, self.directory)))

    def action_copy(self) -> None:
        row = self._entries.row
        if row is None:
            self.notify("no entry is highlighted")
            return
        self.push_screen(CopyMenu(copies_of(self.lake.table, row, self._detail.found), self.directory))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "filter":
            # a `/` that is typed somewhere, or into a dialog, is no command; the log has a filter of its own
            return len(self.screen_stack) == 1 and not isinstance(self.focused, Input)
        return super().check_action(action, parameters)

    def action_filter(self) -> None:
        self._filter.edit()

    def action_reapply(self) -> None:
        self._apply()

    def action_detail_tab(self, by: int) -> None:
        self._detail.action_turn(by)

    def action_pane(self, name: str) -> None:
        self.set_class(name == "left", "-drawer")
        targets: dict[str, Widget] = {
            "left": self._left.showing,
            "entries": self._entries,
            "timeline": self._timeline,
            "log": self._log_view,
        }
        if name == "filter":
            self._filter.edit()
        elif name == "detail":
            if self.has_class("-narrow") and self._entries.row is not None:
                self.on_entries_table_opened(EntriesTable.Opened(self._entries.row))
            else:
                self._detail.focus_page()
        else:
            targets[name].focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if self._left not in event.widget.ancestors_with_self:
            self.remove_class("-drawer")

    def action_maximise(self) -> None:
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif self.focused is not None:
            pane = next(
                (one for one in self.focused.ancestors_with_self if one in (self._detail, self._left)), self.focused
            )
            if isinstance(pane, Widget):
                self.screen.maximize(pane, container=False)

    def action_help(self) -> None:
        panes: tuple[Widget, ...] = (self._entries, self._left.views, self._timeline, self._log_view)
        own = [
            (str(pane.BINDING_GROUP_TITLE), [one for one in pane.BINDINGS if isinstance(one, Binding)])
            for pane in panes
        ]
        everywhere = [one for one in self.BINDINGS if isinstance(one, Binding)]
        self.push_screen(HelpScreen([("Everywhere", everywhere), *own]))

    def _heed_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self._heard, number)

    def _heard(self, number: int) -> None:
        self.ended_by = number
        self.leave(128 + number)

    async def action_quit(self) -> None:
        """As `q`: the palette's quit goes the same way."""
        self.action_leave()

    def action_leave(self) -> None:
        going = self.doings.writing
        if going is None:
            self.leave(0)
            return

        def answered(key: str | None) -> None:
            if key == "f":
                self.leave(0)

        said = (
            f"{going.kind.value} is going on. Quitting finishes the batch under way, and records the run as interrupted;"
            " a rerun does the rest."
        )
        self.push_screen(Question("Quit?", said, {"f": "finish the batch, then quit"}), answered)

    def leave(self, code: int) -> None:
        """Ends everything in order, then the app. Also what signals do."""
        if self._leaving:
            return
        self._leaving = True
        self.looks = Looks(self.theme, self.lake.sort.column, self.lake.sort.reverse)
        save_looks(self.directory, self.looks)
        self.run_bar.doing = "ending"
        self._stop(code)

    @work(thread=True)
    def _stop(self, code: int) -> None:
        self.engine.stop(30.0)
        self.call_from_thread(self.exit, code)
