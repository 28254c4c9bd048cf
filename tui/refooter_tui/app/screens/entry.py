"""One entry, on the whole screen: what the detail pane is where there is no room for one."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Static

from refooter_tui.app.detail import DetailPane
from refooter_tui.app.messages import Detail
from refooter_tui.app.screens.once import Once
from refooter_tui.app.widgets.cells import fit_middle
from refooter_tui.text import visible


class EntryScreen(Once[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Back", id="entry.back"),
        Binding("left_square_bracket", "turn(-1)", "Previous tab", show=False, id="tab.previous"),
        Binding("right_square_bracket", "turn(1)", "Next tab", id="tab.next"),
    ]
    DEFAULT_CSS = """
    EntryScreen > #name { height: 1; background: $panel; text-style: bold; padding: 0 1; }
    EntryScreen > DetailPane { height: 1fr; }
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._detail = DetailPane()

    def compose(self) -> ComposeResult:
        yield Static("", id="name", markup=False)
        yield self._detail
        yield Footer(show_command_palette=False)

    def on_resize(self, event: events.Resize) -> None:
        self.query_one("#name", Static).update(fit_middle(visible(self._path), max(1, event.size.width - 2)))

    def on_mount(self) -> None:
        self._detail.say("reading …")
        self._detail.focus_page()

    def answered(self, said: Detail) -> None:
        """The engine's answer, if it is about this entry."""
        if said.path != self._path:
            return
        if said.inspection is None:
            self._detail.say(said.error or "there is no such entry any more")
        else:
            self._detail.show(said.inspection, said.history, said.history_error)

    def action_turn(self, by: int) -> None:
        self._detail.action_turn(by)
