"""The plan of a migration: what would become of how many entries, what it would cost; then a dry run, or go.

Nothing here decides anything: it shows a `Plan`, and answers with what was chosen.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from refooter.events import Plan, Progress
from refooter_tui.app.report import Report
from refooter_tui.app.screens.dialog import Dialog
from refooter_tui.app.screens.gate import KeyGate, last_key_of
from refooter_tui.cli.render import duration, entries, number
from refooter_tui.cli.reports import show_plan
from refooter_tui.text import visible

_WAITING = "the plan is being made   [b]esc[/b] leave it"
_READY = "[b]d[/b] or [b]enter[/b] dry run   [b]y[/b] go   [b]c[/b] copy the command   [b]esc[/b] leave it"
_READ_ONLY = "[b]d[/b] or [b]enter[/b] dry run   [dim]y go: this session is read-only[/dim]   [b]esc[/b] leave it"
_NOTHING = "nothing to change   [b]d[/b] or [b]enter[/b] dry run   [b]esc[/b] leave it"


class Chosen(StrEnum):
    DRY_RUN = "dry run"
    GO = "go"


class PlanScreen(Dialog[Chosen | None]):
    """`what` names the selection. `typed`: the word that a run of `large` changed entries asks to be typed before it goes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "dry_run", "dry run", id="plan.dry_run"),
        Binding("c", "copy", "copy the command", id="plan.copy"),
    ]
    DEFAULT_CSS = """
    PlanScreen #typed { display: none; margin: 1 0 0 0; }
    PlanScreen.asking #typed { display: block; }
    PlanScreen #command { color: $text-muted; margin: 1 0 0 0; }
    """

    def __init__(
        self, what: str, catalog: str, command: str, *, read_only: bool, typed: str, large: int = 10_000
    ) -> None:
        super().__init__(f"Plan: migrate {what}", _WAITING)
        self._catalog, self._command = catalog, command
        self._read_only = read_only
        self._typed, self._large = typed, large
        self._plan: Plan | None = None
        self._gate = KeyGate()

    def on_mount(self) -> None:
        self._gate.seen(*last_key_of(self.app))

    def compose_body(self) -> ComposeResult:
        yield Static("judging and deciding ...", id="plan", markup=False)
        yield Static(visible(f"$ {self._command}"), id="command", markup=False)
        yield Input(placeholder=f"type {self._typed} to go", id="typed")

    @property
    def plan(self) -> Plan | None:
        """The plan, once it is complete."""
        return self._plan

    @property
    def ready(self) -> bool:
        """Whether the plan is complete and painted, and keys count."""
        return self._gate.is_open

    def progress(self, said: Progress) -> None:
        """While the plan is being made."""
        if self._plan is None:
            left = "" if said.seconds_left is None else f", {duration(said.seconds_left)} left"
            self._show(Text(f"judging and deciding: {number(said.done)} of {entries(said.total)}{left}"))

    def complete(self, plan: Plan) -> None:
        """The whole plan. Keys count from the moment on that it is painted."""
        self._plan = plan
        self._show(Report(lambda console: show_plan(console, plan, self._catalog)))
        self.keys(_NOTHING if not plan.changed else _READ_ONLY if self._read_only else _READY)
        self.call_after_refresh(self._gate.open)

    def failed(self, sentence: str) -> None:
        """There will be no plan."""
        self._show(Text(visible(sentence), style="red"))
        self.keys("[b]esc[/b] leave it")

    def _show(self, what: Text | Report) -> None:
        self.query_one("#plan", Static).update(what)

    def on_key(self, event: events.Key) -> None:
        lets = self._gate.lets_through(event)
        if event.key == "escape":
            return
        if isinstance(self.focused, Input):
            return
        if event.key in ("y", "enter", "d"):
            event.stop()
            event.prevent_default()
        if not lets or self._plan is None:
            return
        if event.key in ("enter", "d"):
            self.dismiss(Chosen.DRY_RUN)
        elif event.key == "y":
            self._go()

    def _go(self) -> None:
        if self._read_only:
            self.notify("this session is read-only: start it without --read-only to migrate", severity="warning")
        elif self._plan is None or not self._plan.changed:
            self.notify("there is nothing to change", severity="warning")
        elif self._plan.changed < self._large or not self._typed:
            self.dismiss(Chosen.GO)
        else:
            self.add_class("asking")
            self.query_one("#typed", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip() == self._typed:
            self.dismiss(Chosen.GO)
        else:
            self.notify(f"that is not {self._typed}: nothing was written", severity="warning")

    def action_dry_run(self) -> None:
        """Handled as a key, so that it waits for the plan like the others; here for the help."""

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._command)
        self.notify("sent to the terminal", title="command")
