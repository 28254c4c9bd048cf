"""What keys do: every action of the app, and where it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np
from textual import events
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from refooter_tui.app.copying import CopyMenu, copies_of
from refooter_tui.app.desk import Desk
from refooter_tui.app.doings import Doings
from refooter_tui.app.equivalents import Equivalents
from refooter_tui.app.leaving import Leaving
from refooter_tui.app.palette_commands import palette_commands
from refooter_tui.app.planning import Planning
from refooter_tui.app.results import Results
from refooter_tui.app.scoped import EVERY_ENTRY, Scoped, of_rows, picked
from refooter_tui.app.screens.entry import EntryScreen
from refooter_tui.app.screens.help import HelpScreen
from refooter_tui.app.screens.palette import PaletteScreen
from refooter_tui.app.screens.steady import Steady
from refooter_tui.app.state import save_looks
from refooter_tui.app.waiting import Waiting
from refooter_tui.app.watching import Watching
from refooter_tui.model.columns import Int32s

_PANES: Final = ("left", "filter", "entries", "timeline", "detail", "log")


class MainScreen(Steady[None]):
    """Textual's own, but that its keys have names."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "Next pane", show=False, id="pane.next"),
        Binding("shift+tab", "app.focus_previous", "Previous pane", show=False, id="pane.previous"),
    ]


class Keys(Desk):
    """The bindings of the app and their actions; what these begin is begun by the app's own objects."""

    doings: Doings
    planning: Planning
    results: Results
    waiting: Waiting
    leaving: Leaving
    watching: Watching
    load_job = -1
    """The list that was asked for last."""
    commands: Equivalents

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+q", "quit", "Quit", id="quit", priority=False),
        Binding("question_mark", "help", "Help", id="help"),
        Binding("ctrl+p,colon", "palette", "Palette", show=False, id="palette"),
        # before any widget hears of it: what is typed right behind it is for the filter
        Binding("slash", "filter", "Filter", id="filter", priority=True),
        Binding("equals_sign", "reapply", "Apply again", show=False, id="reapply"),
        Binding("m", "migrate", "Migrate", id="migrate"),
        Binding("M", "migrate_view", "Migrate the view", show=False, id="migrate_view"),
        Binding("p", "pause", "Pause or resume", show=False, id="pause"),
        Binding("x", "cancel", "Cancel the run", show=False, id="cancel"),
        Binding("o", "runs", "Runs", id="runs"),
        Binding("u", "roll_back", "Roll back", show=False, id="rollback"),
        Binding("v", "verify", "Verify", show=False, id="verify"),
        Binding("r", "judge", "Judge again", show=False, id="judge"),
        Binding("ctrl+r", "scan_all", "Judge every entry", show=False, id="scan_all"),
        Binding("R", "reload", "Read the catalog again", show=False, id="reload"),
        Binding("e", "export", "Export", id="export"),
        Binding("c", "copy", "Copy", show=False, id="copy"),
        Binding("z", "maximise", "Maximise", show=False, id="maximise"),
        Binding("left_square_bracket", "detail_tab(-1)", "Previous tab", show=False, id="tab.previous"),
        Binding("right_square_bracket", "detail_tab(1)", "Next tab", show=False, id="tab.next"),
        Binding("ctrl+z", "sleep", "Suspend", show=False, id="suspend"),
        *(
            # as with the slash: what is typed right behind it is for that pane
            Binding(str(at), f"pane('{name}')", f"To {name}", show=False, id=f"pane.{name}", priority=True)
            for at, name in enumerate(_PANES, 1)
        ),
    ]

    def get_default_screen(self) -> Screen[Any]:
        return MainScreen(id="_default")

    # keys: what they are about

    def selected_rows(self) -> Int32s | None:
        """The selection if there is one, else the highlighted entry; `None`, and a word, if there is neither."""
        rows = self.lake.selection.rows()
        if len(rows):
            return rows
        row = self._entries.row
        if row is None:
            self.notify("no entry is highlighted")
            return None
        return picked([row])

    def _selected(self) -> Scoped | None:
        rows = self.selected_rows()
        return None if rows is None else of_rows(self.lake, rows, self.directory)

    def _selection_or_all(self) -> Scoped | None:
        return self._selected() if self.lake.selection.count else EVERY_ENTRY

    def open_entry(self, row: int) -> None:
        """Decoded with its file, beside the table or on a screen of its own."""
        if self.has_class("-narrow"):
            path = self.lake.table.path(row)
            self.push_screen(EntryScreen(path))
            self.engine.detail(path, with_file=True)
        else:
            self.open_detail(row)
            self._detail.focus_page()

    # keys: what they do

    def action_migrate(self) -> None:
        self.planning.selection()

    def action_migrate_view(self) -> None:
        view = self._left.views.view if self._left.views.has_focus else None
        row = self._entries.row
        if view is None and row is not None:
            view = self.lake.table.views[int(self.lake.table.view[row])]
        if view is None:
            self.notify("no view is highlighted")
        else:
            self.planning.view(view)

    def action_migrate_all(self) -> None:
        self.planning.scoped(EVERY_ENTRY)

    def action_pause(self) -> None:
        self.doings.pause()

    def action_cancel(self) -> None:
        self.doings.cancel()

    def action_runs(self) -> None:
        """The runs; but a result that has waited for somebody to look at it comes first."""
        if not self.waiting.show_next():
            self._open_runs()

    def _open_runs(self) -> None:
        self.engine.runs()
        self._left.face = "runs"
        self.add_class("-drawer")
        self._left.runs.focus()

    def action_roll_back(self) -> None:
        """Of a run that is highlighted in the list of runs; from elsewhere it opens that list at the newest, and does nothing else."""
        run_id = self._left.runs.run_id if self._left.runs.has_focus else None
        if run_id is None:
            self._open_runs()
            self._left.runs.move_to(0)
        else:
            self.results.ask_rollback(run_id)

    def action_rollback_newest(self) -> None:
        run_id = self._left.runs.newest
        if run_id is None:
            self.notify("there is no run that could be rolled back")
        else:
            self.results.ask_rollback(run_id)

    def action_verify(self) -> None:
        scoped = self._selection_or_all()
        if scoped is not None:
            self.doings.verify(scoped)

    def action_verify_store(self) -> None:
        scoped = self._selection_or_all()
        if scoped is not None:
            self.doings.verify(scoped, against_store=True)

    def action_judge(self) -> None:
        scoped = self._selected()
        if scoped is not None:
            self.doings.scan(scoped)

    def action_scan_all(self) -> None:
        """Judges every entry, whatever there are of them."""
        self.doings.scan(EVERY_ENTRY)

    def action_scan_deep(self) -> None:
        """The same, and the store is asked for every file."""
        if self.info is not None and self.info.store is None:
            self.notify("no object store is named: start with --store", severity="warning")
        else:
            self.doings.scan(EVERY_ENTRY, deep=True)

    def action_select_alike(self, column: str) -> None:
        """Every entry of the highlighted one's status, cause or view, whether it is shown or not."""
        row, table = self._entries.row, self.lake.table
        if row is None:
            self.notify("no entry is highlighted")
            return
        values = table.column(column)
        alike = np.flatnonzero((values == values[row]) & ~table.retired[: len(values)])
        self.lake.selection.select(alike)
        self._entries.selection_changed()
        self._filter.show_counts(self.lake.counts())

    def action_reload(self) -> None:
        self.watching.give_up()
        self.lake.begin_loading()
        self.load_job = self.engine.load()
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
            self.doings.ask_export(EVERY_ENTRY)
        else:
            self.doings.ask_export(of_rows(self.lake, snapshot.rows, self.directory))

    def action_copy(self) -> None:
        row = self._entries.row
        if row is None:
            self.notify("no entry is highlighted")
            return
        lake, selected = self.lake, self.lake.selection.rows()
        copies = copies_of(
            lake.table,
            row,
            self._detail.found,
            store=None if self.info is None else self.info.store,
            selected=lambda: lake.paths(selected),
            selected_count=len(selected),
            where=self.commands.where,
        )
        self.push_screen(CopyMenu(copies, self.directory))
        if copies.found is None:
            # only the latest question is answered: this one is the detail pane's too
            self.looking.asked(self.engine.detail(copies.path))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("filter", "pane"):
            # what is typed somewhere, or into a dialog, is no command; the log has a filter of its own
            typed = len(self.screen_stack) > 1 or isinstance(self.focused, Input)
            return not typed and not (action == "filter" and self._in_log())
        return super().check_action(action, parameters)

    def _in_log(self) -> bool:
        return self.focused is not None and self._log_view in self.focused.ancestors_with_self

    def action_filter(self) -> None:
        self._filter.edit()

    def action_reapply(self) -> None:
        self._apply()

    def action_detail_tab(self, by: int) -> None:
        self._detail.action_turn(by)

    def action_pane(self, name: str) -> None:
        self.set_class(name == "left", "-drawer")
        targets: dict[str, Widget] = {"entries": self._entries, "timeline": self._timeline, "log": self._log_view}
        if name == "filter":
            self._filter.edit()
        elif name == "left":
            # a drawer is not there yet
            self._left.showing.focus()
        elif name == "detail":
            if self.has_class("-narrow") and self._entries.row is not None:
                self.open_entry(self._entries.row)
            else:
                self._detail.focus_page()
        else:
            self.screen.set_focus(targets[name], scroll_visible=False)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if self._left not in event.widget.ancestors_with_self:
            self.remove_class("-drawer")

    def action_maximise(self) -> None:
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif self.focused is not None:
            pane = next(
                (one for one in self.focused.ancestors_with_self if one in (self._right, self._left_side)), self.focused
            )
            if isinstance(pane, Widget):
                self.screen.maximize(pane, container=False)

    def action_help(self) -> None:
        self.push_screen(HelpScreen())

    def _titled(self) -> list[tuple[str, Widget]]:
        """The panes that have keys of their own."""
        return [
            ("Entries", self._entries),
            ("Views", self._left.views),
            ("Timeline", self._timeline),
            ("Log", self._log_view),
        ]

    def action_palette(self) -> None:
        """Every action, by its name."""
        self._choose("Do what?", list(palette_commands(self, self._titled())))

    def action_change_theme(self) -> None:
        def taking(name: str) -> SystemCommand:
            return SystemCommand(name, "", lambda: setattr(self, "theme", name))

        self._choose("Which theme?", [taking(name) for name in sorted(self.available_themes)])

    def _choose(self, title: str, commands: Sequence[SystemCommand]) -> None:
        def chosen(command: SystemCommand | None) -> None:
            if command is not None:
                self.call_next(command.callback)

        self.push_screen(PaletteScreen(title, commands), chosen)

    # the end

    async def action_quit(self) -> None:
        """`q`, `ctrl+q` and the palette's: one way."""
        self.leaving.ask()

    def action_help_quit(self) -> None:
        """`ctrl+c`, which kills nothing here."""
        quits, cancels, copies = (self.key_named(name) for name in ("quit", "cancel", "copy"))
        said = f"{quits} quits; {cancels} cancels a run, and what was written stays; {copies} copies"
        self.notify(said, title="ctrl+c", markup=False)

    def action_sleep(self) -> None:
        self.leaving.sleep()

    def keep_looks(self) -> None:
        """How it looked, for the next start."""
        save_looks(self.directory, self.looks_now())
