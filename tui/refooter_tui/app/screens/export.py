"""Where an export goes: a name, local or remote; what is there already is overwritten only when told."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import urlsplit

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from refooter_tui.app.clipboard import copy
from refooter_tui.app.screens.dialog import Dialog
from refooter_tui.app.screens.gate import KeyGate
from refooter_tui.app.widgets.cells import byte_size
from refooter_tui.app.widgets.one_line import ShownInput
from refooter_tui.text import visible

_ENDINGS: Final = (".csv", ".jsonl", ".parquet")


@dataclass(frozen=True, slots=True)
class Target:
    """Where to: a path, absolute and without `~`, or a URI. `overwrite`: what is there may go."""

    name: str
    overwrite: bool


class ExportScreen(Dialog[Target | None]):
    """`what` says what will be in it, `name` is a suggestion, `command` how a shell would do it, given a target's name.
    `directory` is where copied texts are saved.

    A local file that is there asks for enter once more. Nobody looks whether a remote one is: unless told to overwrite, the job
    itself refuses.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "toggle_overwrite", "overwrite", id="export.overwrite"),
        Binding("ctrl+y", "copy", "copy the command", id="export.copy"),
    ]
    DEFAULT_CSS = """
    ExportScreen #name { margin: 1 0 0 0; }
    ExportScreen #wrong { color: $text-warning; height: auto; min-height: 1; padding: 0 1; }
    ExportScreen #overwrite { height: 1; padding: 0 1; }
    ExportScreen #overwrite.on { color: $text-warning; text-style: bold; }
    ExportScreen #command { color: $text-muted; margin: 1 0 0 0; }
    """

    def __init__(self, what: str, name: str, command: Callable[[str], str], directory: Path) -> None:
        super().__init__(f"Export {what}", "")
        self._suggested, self._command, self._directory = name, command, directory
        self._overwrite = False
        self._warned_of: str | None = None
        self._gate = KeyGate()
        self._held = False

    def compose_body(self) -> ComposeResult:
        yield Static("a file or a URI; its ending says the format: .csv, .jsonl or .parquet", markup=False)
        yield ShownInput(self._suggested, id="name")
        yield Static("", id="wrong", markup=False)
        yield Static("", id="overwrite", markup=False)
        yield Static("", id="command", markup=False)

    def on_mount(self) -> None:
        self._gate.open()
        others = (("export.overwrite", "overwrite"), ("export.copy", "copy command"), ("dialog.leave", "leave it"))
        self.keys("   ".join(["[b]enter[/b] write", *(self.key(name, does) for name, does in others)]))
        field = self._field
        field.value = free_name(self._suggested)
        field.cursor_position = len(field.value)
        field.focus()
        self._show_overwrite()
        self._show_command()

    @property
    def _field(self) -> Input:
        return self.query_one("#name", Input)

    def on_key(self, event: events.Key) -> None:
        self._held = not self._gate.lets_through(event)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._warned_of = None
        self._say("")
        self._show_command()

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        held, name = self._held, event.value.strip()
        # Directories may be far away, and slow to answer.
        seen = await asyncio.to_thread(look_at, name)
        if not self.is_current or self._field.value.strip() != name:
            return
        if seen.wrong:
            self._say(seen.wrong)
        elif seen.there is None or self._overwrite:
            self.dismiss(Target(seen.name, self._overwrite))
        elif self._warned_of != name:
            self._warned_of = name
            self._say(f"this file is there already ({seen.there}): enter once more overwrites it")
        elif not held:
            self.dismiss(Target(seen.name, True))

    def on_click(self, event: events.Click) -> None:
        if event.widget is not None and event.widget.id == "overwrite":
            self.action_toggle_overwrite()

    def action_toggle_overwrite(self) -> None:
        self._overwrite = not self._overwrite
        self._show_overwrite()

    def action_copy(self) -> None:
        copy(self.app, "command", self._command(absolute(self._field.value.strip())), self._directory)

    def _say(self, text: str) -> None:
        self.query_one("#wrong", Static).update(visible(text))

    def _show_overwrite(self) -> None:
        line = self.query_one("#overwrite", Static)
        line.set_class(self._overwrite, "on")
        line.update(f"[{'x' if self._overwrite else ' '}] overwrite what is there")

    def _show_command(self) -> None:
        command = self._command(absolute(self._field.value.strip()))
        self.query_one("#command", Static).update(visible(f"$ {command}"))


@dataclass(frozen=True, slots=True)
class Seen:
    """What a name comes to: `wrong` in a sentence, or the name in full, and what is `there` already."""

    name: str
    wrong: str = ""
    there: str | None = None


def look_at(name: str) -> Seen:
    """Looks at the file system, but never at a remote store."""
    if not name:
        return Seen(name, "type a name")
    # as the job itself reads the ending
    plain = name.partition("?")[0]
    if Path(plain).suffix.lower() not in _ENDINGS:
        return Seen(name, f"the name has to end in {', '.join(_ENDINGS)}, with something before it")
    if "://" in name:
        return _remote(name)
    return _local(name)


def _remote(name: str) -> Seen:
    try:
        parts = urlsplit(name)
    except ValueError:
        return Seen(name, "that is not a valid URI")
    if parts.password is not None:
        return Seen(name, "the address holds a password: take it out, and set it in the environment")
    if parts.scheme == "file":
        return _local(name, Path(name.removeprefix("file://")))
    if not parts.netloc or parts.path in ("", "/"):
        return Seen(name, "the address has to name a bucket or host, and a file in it")
    return Seen(name)


def _local(name: str, path: Path | None = None) -> Seen:
    try:
        found = Path(absolute(name)) if path is None else path
        full = str(found) if path is None else name
        parent = found.parent
        if "\x00" in name:
            return Seen(name, "no file has a NUL in its name")
        if not found.is_absolute():
            return Seen(
                name, "there is no such home directory" if name.startswith("~") else "write file:///directory/file"
            )
        if found.is_dir():
            return Seen(name, "that is a directory")
        if not parent.is_dir():
            return Seen(name, f"there is no directory {parent}")
        if not os.access(parent, os.W_OK | os.X_OK):
            return Seen(name, f"nothing can be written in {parent}")
        return Seen(full, there=_described(found))
    except OSError as error:
        return Seen(name, f"that cannot be looked at: {error.strerror or type(error).__name__}")


def _described(path: Path) -> str | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return f"{byte_size(found.st_size)}, of {datetime.fromtimestamp(found.st_mtime, UTC):%Y-%m-%d %H:%M} UTC"


def absolute(name: str) -> str:
    """A local name as it is from everywhere; a URI, or the home directory of nobody, as it is."""
    if "://" in name or not name:
        return name
    try:
        return str(Path(name).expanduser().absolute())
    except RuntimeError:
        return name


def free_name(name: str) -> str:
    """A local name that nothing has yet: `entries.csv`, `entries-2.csv` and so on."""
    if "://" in name:
        return name
    path = Path(name)
    numbered = path
    for number in range(2, 100):
        if not numbered.exists():
            break
        numbered = path.with_stem(f"{path.stem}-{number}")
    return str(numbered)
