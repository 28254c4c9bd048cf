"""The frame that all dialogs share: a box in the middle, a title, its keys; nothing typed into it reaches what lies beneath."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.markup import escape
from textual.screen import ModalScreen
from textual.widgets import Static

from refooter_tui.app.keymap import key_for
from refooter_tui.app.screens.once import Once
from refooter_tui.text import visible

Answer = TypeVar("Answer")


class Dialog(Once[Answer], ModalScreen[Answer]):
    """`compose_body` says what is in the box; `keys` is the line at its bottom."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "leave", id="dialog.leave")]
    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 60%;
    }
    Dialog > #box {
        width: 92%;
        max-width: 110;
        height: auto;
        max-height: 92%;
        border: round $primary;
        border-title-color: $primary;
        background: $surface;
        padding: 0 1;
    }
    Dialog #body {
        height: auto;
        max-height: 100%;
        scrollbar-size-vertical: 1;
    }
    Dialog #keys {
        dock: bottom;
        height: auto;
        color: $text-muted;
        border-top: solid $panel;
    }
    """

    def __init__(self, title: str, keys: str) -> None:
        super().__init__()
        self._heading, self._key_line = title, keys

    def compose(self) -> ComposeResult:
        box = Vertical(id="box")
        box.border_title = visible(self._heading)
        with box:
            with VerticalScroll(id="body"):
                yield from self.compose_body()
            yield Static(self._key_line, id="keys", markup=True)

    def compose_body(self) -> ComposeResult:
        yield Static()

    def keys(self, text: str) -> None:
        """Another line of keys. Textual markup of ours."""
        self._key_line = text
        for line in self.query("#keys").results(Static):
            line.update(text)

    def key(self, name: str, does: str) -> str:
        """A piece of the line of keys: the binding's key as it is now, and what it does."""
        return f"[b]{escape(key_for(self.app, name))}[/b] {does}"

    def action_leave(self) -> None:
        self.dismiss(None)
