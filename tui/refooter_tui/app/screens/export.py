"""Where an export goes: a name, local or remote; a file that is there is overwritten only when told."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from refooter_tui.app.screens.dialog import Dialog
from refooter_tui.text import visible

_ENDINGS = (".csv", ".jsonl", ".parquet")


class ExportScreen(Dialog[str | None]):
    """Answers with the file's name. `what` says what will be in it, `command` how a shell would do it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+y", "copy", "copy the command", id="export.copy")]
    DEFAULT_CSS = """
    ExportScreen #wrong { color: $text-warning; height: auto; }
    ExportScreen #command { color: $text-muted; margin: 1 0 0 0; }
    """

    def __init__(self, what: str, name: str, command: str) -> None:
        super().__init__(f"Export {what}", "[b]enter[/b] write   [b]ctrl+y[/b] copy the command   [b]esc[/b] leave it")
        self._suggested, self._command = name, command
        self._warned = ""

    def compose_body(self) -> ComposeResult:
        yield Static("a file or a URI; its ending says the format: .csv, .jsonl or .parquet", markup=False)
        field = Input(self._suggested, id="name")
        field.cursor_blink = False
        yield field
        yield Static("", id="wrong", markup=False)
        yield Static(visible(f"$ {self._shell_command(self._suggested)}"), id="command", markup=False)

    def _shell_command(self, name: str) -> str:
        import shlex

        return f"{self._command} -o {shlex.quote(name)}"

    def on_mount(self) -> None:
        self.query_one("#name", Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one("#command", Static).update(visible(f"$ {self._shell_command(event.value)}"))
        self.query_one("#wrong", Static).update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        name = event.value.strip()
        wrong = self.query_one("#wrong", Static)
        if not name.lower().endswith(_ENDINGS):
            wrong.update(f"the name has to end in {', '.join(_ENDINGS)}")
        elif "://" not in name and not Path(name).expanduser().absolute().parent.is_dir():
            wrong.update("there is no such directory")
        elif "://" not in name and Path(name).expanduser().exists() and self._warned != name:
            self._warned = name
            wrong.update("this file is there already: enter once more overwrites it")
        else:
            self.dismiss(str(Path(name).expanduser()) if "://" not in name else name)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._shell_command(self.query_one("#name", Input).value))
        self.notify("sent to the terminal", title="command")
