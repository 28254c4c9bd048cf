"""Every action by its name: typed in part, chosen with the arrows, done with `enter`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.fuzzy import Matcher
from textual.message import Message
from textual.widgets import Input

from refooter_tui.app.screens.dialog import Dialog
from refooter_tui.app.widgets.cells import fit
from refooter_tui.app.widgets.lines import LinePane
from refooter_tui.app.widgets.one_line import ShownInput
from refooter_tui.app.widgets.palette import Palette
from refooter_tui.text import visible


class PaletteScreen(Dialog[SystemCommand | None]):
    """Answers with the command that was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "move(1)", "Down", show=False, id="commands.down"),
        Binding("up,ctrl+p", "move(-1)", "Up", show=False, id="commands.up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="commands.page_down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="commands.page_up"),
    ]
    DEFAULT_CSS = """
    PaletteScreen { align: center top; }
    PaletteScreen > #box { margin: 1 0 0 0; }
    PaletteScreen #commands { height: 18; max-height: 70vh; }
    """

    def __init__(self, title: str, commands: Sequence[SystemCommand]) -> None:
        super().__init__(title, "")
        self._list = CommandList(commands)

    def compose_body(self) -> ComposeResult:
        keys = ["type a part of it", "[b]up[/b] [b]down[/b] choose", "[b]enter[/b] do it"]
        self.keys("   ".join([*keys, self.key("dialog.leave", "leave it")]))
        yield ShownInput(placeholder="what to do", id="typed")
        yield self._list

    def on_mount(self) -> None:
        self.query_one("#typed", Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._list.search(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._choose()

    def on_command_list_chosen(self) -> None:
        self._choose()

    def _choose(self) -> None:
        if self._list.command is not None:
            self.dismiss(self._list.command)

    def action_move(self, by: int) -> None:
        self._list.action_move(by)

    def action_page(self, by: int) -> None:
        self._list.action_page(by)


class CommandList(LinePane, can_focus=False):
    """Those that match what was typed, the best first; all of them in their own order as long as nothing is typed."""

    class Chosen(Message):
        """One was clicked twice."""

    def __init__(self, commands: Sequence[SystemCommand]) -> None:
        super().__init__(id="commands")
        self.placeholder = "no action is called that"
        self._commands = self._shown = tuple(commands)

    def search(self, typed: str) -> None:
        if typed.strip():
            matcher = Matcher(typed.strip())
            scored = [(matcher.match(command.title), command) for command in self._commands]
            self._shown = tuple(command for score, command in sorted(scored, key=lambda one: -one[0]) if score > 0)
        else:
            self._shown = self._commands
        self._cursor = 0
        self.lines_changed()
        self.show_line(0)

    @property
    def command(self) -> SystemCommand | None:
        """The one under the cursor."""
        return self._shown[self._cursor] if self._shown else None

    @property
    def line_count(self) -> int:
        return len(self._shown)

    def opened(self) -> None:
        self.post_message(self.Chosen())

    def paint(self, line: int, width: int, palette: Palette, cursor: bool) -> list[Segment]:
        command = self._shown[line]
        left = max(1, width * 3 // 5)
        return [
            Segment("▌" if cursor else " ", palette.accent),
            Segment(fit(visible(command.title), left), Style(bold=cursor)),
            Segment(f" {fit(visible(command.help), max(1, width - left - 2))}", palette.muted),
        ]
