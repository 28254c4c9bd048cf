"""A question with a few answers, each a key of its own."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events
from textual.app import ComposeResult
from textual.widgets import Static

from refooter_tui.app.screens.dialog import Dialog
from refooter_tui.app.screens.gate import KeyGate, last_key_of
from refooter_tui.text import visible


class Question(Dialog[str | None]):
    """Answers with the key pressed, or `None` for leaving it."""

    def __init__(self, title: str, text: str, answers: Mapping[str, str]) -> None:
        keys = [f"[b]{key}[/b] {said}" for key, said in answers.items()]
        super().__init__(title, "   ".join([*keys, "[b]esc[/b] leave it"]))
        self._text = text
        self._answers = answers
        self._gate = KeyGate()

    def compose_body(self) -> ComposeResult:
        yield Static(visible(self._text), markup=False)

    def on_mount(self) -> None:
        self._gate.seen(*last_key_of(self.app))
        self.call_after_refresh(self._gate.open)

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            return
        event.stop()
        event.prevent_default()
        if self._gate.lets_through(event) and event.key in self._answers:
            self.dismiss(event.key)
