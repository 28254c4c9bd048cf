"""The log with the line that filters it."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from refooter_tui.app.widgets.log import LogView
from refooter_tui.app.widgets.one_line import OneLine


class LogPane(Vertical):
    """`/` in the log filters its records by their text as it is typed; the line goes away once it is left empty."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("/", "search", "Filter the log", id="log.search"),
    ]
    DEFAULT_CSS = """
    LogPane {
        background: $surface;
        & > LogView { height: 1fr; }
        & > OneLine { display: none; height: 1; }
        & > OneLine.-textual-compact { padding: 0 1; }
        &.-searching > OneLine { display: block; }
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.view = LogView()
        self._line = OneLine("text or path of a log record")

    def compose(self) -> ComposeResult:
        yield self.view
        yield self._line

    def action_search(self) -> None:
        self.add_class("-searching")
        self._line.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.view.needle = event.value

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.view.focus()

    def on_one_line_left(self, event: OneLine.Left) -> None:
        event.stop()
        self.view.focus()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        # while it filters, the line says by what
        if event.widget is self._line and not self._line.value:
            self.remove_class("-searching")
