"""Something to read, and nothing to decide."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from refooter_tui.app.report import Report
from refooter_tui.app.screens.dialog import Dialog


class Reading(Dialog[None]):
    """Closed by `escape`, `enter` or `q`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,q", "leave", "close", id="reading.leave")]

    def __init__(self, title: str, text: Report | Text) -> None:
        super().__init__(title, "")
        self._words = text

    def compose_body(self) -> ComposeResult:
        self.keys(self.key("dialog.leave", "close"))
        yield Static(self._words)
