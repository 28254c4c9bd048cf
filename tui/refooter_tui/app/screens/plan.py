"""The plan of a migration: what would become of how many entries, what it would cost; then a dry run, or go. What one has to know
before that stands first, the details follow below.

Nothing here decides anything: it shows a `Plan`, and answers with what was chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Final

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from refooter.events import Plan, Progress
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter_tui.app.keymap import meant
from refooter_tui.app.report import Report
from refooter_tui.app.screens.dialog import Dialog
from refooter_tui.app.screens.gate import KeyGate, last_key_of
from refooter_tui.app.screens.plan_words import show_essentials
from refooter_tui.app.widgets.asking import CopyAsked
from refooter_tui.app.widgets.one_line import ShownInput
from refooter_tui.cli.render import duration, entries, number
from refooter_tui.cli.reports import show_plan_details
from refooter_tui.text import visible

_STRATEGIES: Final = {
    Strategy.AUTO: "auto: from the old value if that is proved, else the file",
    Strategy.REPAIR: "repair: from the old value only, without one request",
    Strategy.REFETCH: "refetch: from the file, always",
}


class Chosen(StrEnum):
    DRY_RUN = "dry run"
    GO = "go"


# where the keys that begin something are looked up
_CHOICES: Final = {"plan.dry_run": Chosen.DRY_RUN, "plan.go": Chosen.GO}


@dataclass(frozen=True, slots=True)
class Replan:
    """The same entries, otherwise."""

    options: MigrateOptions


class PlanScreen(Dialog[Chosen | Replan | None]):
    """`what` names the entries. `typed`: the word that a run of `large` changed entries, or one of the whole lake, asks to be typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d,enter", "handled_as_a_key", "dry run", id="plan.dry_run"),
        Binding("y", "handled_as_a_key", "go", id="plan.go"),
        Binding("s", "strategy", "another strategy", id="plan.strategy"),
        Binding("f", "force", "healthy entries too", id="plan.force"),
        Binding("a", "accept", "accept unproved repairs", id="plan.accept"),
        Binding("c", "copy", "copy the command", id="plan.copy"),
    ]
    DEFAULT_CSS = """
    PlanScreen > #box { max-height: 100%; }
    PlanScreen #typed { display: none; margin: 1 0 0 0; }
    PlanScreen.asking #typed { display: block; }
    PlanScreen #options, PlanScreen #command { color: $text-muted; }
    """

    def __init__(
        self,
        what: str,
        catalog: str,
        command: str,
        options: MigrateOptions,
        *,
        journal: str,
        store: str | None,
        read_only: bool,
        typed: str,
        large: int = 10_000,
        whole: bool = False,
    ) -> None:
        super().__init__(f"Plan: migrate {what}", "")
        self._catalog, self._command, self._options = catalog, command, options
        self._journal, self._store = journal, store
        self._read_only = read_only
        self._typed, self._large, self._whole = typed, large, whole
        self._plan: Plan | None = None
        self._words: Text | Report = Text("judging and deciding ...")
        self._details: Text | Report = Text()
        self._failed = False
        self._gate = KeyGate()

    def on_mount(self) -> None:
        self._gate.seen(*last_key_of(self.app))
        self._paint()

    def compose_body(self) -> ComposeResult:
        yield Static(_options_text(self._options), id="options")
        yield Static(self._words, id="plan", markup=False)
        yield Static(visible(f"$ {self._command}"), id="command", markup=False)
        yield ShownInput(placeholder=f"type {visible(self._typed)} to go", id="typed")
        yield Static("", id="details", markup=False)

    @property
    def plan(self) -> Plan | None:
        """The plan, once it is complete."""
        return self._plan

    @property
    def command(self) -> str:
        """What a shell would do the same with."""
        return self._command

    @property
    def ready(self) -> bool:
        """Whether the plan is complete and painted, and keys count."""
        return self._gate.is_open

    def progress(self, said: Progress) -> None:
        """While the plan is being made."""
        if self._plan is None:
            left = "" if said.seconds_left is None else f", {duration(said.seconds_left)} left"
            self._words = Text(f"judging and deciding: {number(said.done)} of {entries(said.total)}{left}")
            self._paint()

    def complete(self, plan: Plan) -> None:
        """The whole plan. Keys count from the moment on that it is painted."""
        self._plan = plan
        self._words = Report(
            lambda console: show_essentials(console, plan, self._catalog, journal=self._journal, store=self._store)
        )
        self._details = Report(lambda console: show_plan_details(console, plan))
        self._paint()

    def failed(self, sentence: str) -> None:
        """There will be no plan."""
        self._words = Text(visible(sentence), style="red")
        self._failed = True
        self._paint()

    def _paint(self) -> None:
        """What there is to say; it may be there before the dialog is."""
        if not self.query("#plan"):
            return
        self.query_one("#plan", Static).update(self._words)
        self.query_one("#details", Static).update(self._details)
        self.keys("   ".join(self._key_words()))
        if self._plan is not None:
            self.call_after_refresh(self._gate.open)

    def _key_words(self) -> list[str]:
        said = []
        if self._plan is None and not self._failed:
            said.append("the plan is being made")
        elif self._plan is not None:
            said.append(self.key("plan.dry_run", "dry run"))
            if not self._plan.changed:
                said.append("[dim]nothing to change[/dim]")
            elif self._read_only:
                said.append("[dim]go: this session is read-only[/dim]")
            else:
                said.append(self.key("plan.go", "go"))
        others = (
            ("strategy", "strategy"),
            ("force", "force"),
            ("accept", "accept unproved"),
            ("copy", "copy the command"),
        )
        return [*said, *(self.key(f"plan.{name}", does) for name, does in others), self.key("dialog.leave", "leave it")]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # what is typed into the field is for the field
        if isinstance(self.focused, Input) and action in ("strategy", "force", "accept", "copy"):
            return False
        return super().check_action(action, parameters)

    def on_key(self, event: events.Key) -> None:
        """The two keys that begin something: here, with the key itself in hand, since a binding's action cannot tell when it was
        pressed. All keys come by, for the gate to know which are repeats."""
        lets = self._gate.lets_through(event)
        chosen = _CHOICES.get(meant(self, event.key) or "")
        if chosen is None or isinstance(self.focused, Input):
            return
        event.stop()
        event.prevent_default()
        if not lets or self._plan is None:
            return
        if chosen is Chosen.DRY_RUN:
            self.dismiss(Chosen.DRY_RUN)
        else:
            self._go(self._plan)

    def _go(self, plan: Plan) -> None:
        if self._read_only:
            self.notify("this session is read-only: start it without --read-only to migrate", severity="warning")
        elif not plan.changed:
            self.notify("there is nothing to change", severity="warning")
        elif (plan.changed < self._large and not self._whole) or not self._typed:
            self.dismiss(Chosen.GO)
        else:
            self.add_class("asking")
            self.query_one("#typed", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip() == self._typed:
            self.dismiss(Chosen.GO)
        else:
            self.notify(f"that is not {visible(self._typed)}: nothing was written", severity="warning", markup=False)

    def action_strategy(self) -> None:
        order = tuple(_STRATEGIES)
        after = order[(order.index(self._options.strategy) + 1) % len(order)]
        self.dismiss(Replan(replace(self._options, strategy=after)))

    def action_force(self) -> None:
        self.dismiss(Replan(replace(self._options, force=not self._options.force)))

    def action_accept(self) -> None:
        self.dismiss(Replan(replace(self._options, accept_unproved=not self._options.accept_unproved)))

    def action_copy(self) -> None:
        self.post_message(CopyAsked("command", self._command))


def _options_text(options: MigrateOptions) -> Text:
    said = Text(f"strategy {_STRATEGIES[options.strategy]}")
    if options.force:
        said.append("; healthy entries too (force)", style="bold")
    if options.accept_unproved:
        said.append("; repairs that nothing proves are accepted", style="bold")
    return said
