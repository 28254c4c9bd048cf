"""A question with a few answers, each a key of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from refooter_tui.app.keymap import meant
from refooter_tui.app.report import Report
from refooter_tui.app.screens.dialog import Dialog
from refooter_tui.app.screens.gate import KeyGate, last_key_of
from refooter_tui.app.widgets.asking import CopyAsked
from refooter_tui.text import visible

# every key that a question is answered with anywhere, for the key map to know it
_ANSWERS = "yaspvfw"


class Question(Dialog[str | None]):
    """Answers with the key pressed, or `None` for leaving it. `command`: how a shell would do what is asked about."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "copy the command", show=False, id="question.copy"),
        *(Binding(key, "handled_as_a_key", show=False, id=f"answer.{key}") for key in _ANSWERS),
    ]
    DEFAULT_CSS = """
    Question #command { color: $text-muted; margin: 1 0 0 0; }
    """

    def __init__(self, title: str, text: str | Report, answers: Mapping[str, str], *, command: str = "") -> None:
        super().__init__(title, "")
        self._text, self._command = text, command
        self._answers = answers
        self._gate = KeyGate()

    def compose_body(self) -> ComposeResult:
        yield Static(self._text if isinstance(self._text, Report) else Text(visible(self._text)))
        if self._command:
            yield Static(visible(f"$ {self._command}"), id="command", markup=False)

    @property
    def command(self) -> str:
        return self._command

    @property
    def ready(self) -> bool:
        """Whether keys count."""
        return self._gate.is_open

    def on_mount(self) -> None:
        keys = [self.key(f"answer.{key}", said) for key, said in self._answers.items()]
        if self._command:
            keys.append(self.key("question.copy", "copy the command"))
        self.keys("   ".join([*keys, self.key("dialog.leave", "leave it")]))
        self._gate.seen(*last_key_of(self.app))
        self.call_after_refresh(self._gate.open)

    def on_key(self, event: events.Key) -> None:
        """Here and not as bindings: an answer counts by when its key was pressed."""
        lets = self._gate.lets_through(event)
        answer = (meant(self, event.key) or "").removeprefix("answer.")
        if answer in self._answers:
            event.stop()
            event.prevent_default()
            if lets:
                self.dismiss(answer)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self._command) if action == "copy" else super().check_action(action, parameters)

    def action_copy(self) -> None:
        self.post_message(CopyAsked("command", self._command))
