"""What became of a run, or would: outcomes by reason with the remedy for each, and what can be done from here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from refooter.events import RunSummary
from refooter.values import Outcome
from refooter_tui.app.report import Report
from refooter_tui.app.screens.dialog import Dialog
from refooter_tui.app.screens.gate import KeyGate, last_key_of
from refooter_tui.cli.follow import Tally
from refooter_tui.cli.render import OUTCOME_STYLES, entries
from refooter_tui.cli.reports import show_run
from refooter_tui.text import visible


@dataclass(frozen=True, slots=True)
class Group:
    """Entries that ended alike. `filter` is what shows them in the table."""

    outcome: Outcome
    name: str
    count: int
    filter: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Next:
    """What was asked for: `filter`, `export`, `verify`, `rollback`, `go` (after a dry run)."""

    what: str
    filter: str = ""


class ResultScreen(Dialog[Next | None]):
    """Of a run that has ended: `summary` is what it said last, `tally` what became of its entries."""

    DEFAULT_CSS = """
    ResultScreen #groups { height: auto; max-height: 12; margin: 1 0 0 0; border: none; background: $surface; }
    """

    def __init__(self, summary: RunSummary, tally: Tally, groups: Sequence[Group], *, read_only: bool) -> None:
        rehearsed = summary.run_id is None
        title = "Dry run" if rehearsed else f"Run {summary.run_id}"
        keys = ["[b]enter[/b] show these"] if groups else []
        if rehearsed and not read_only and summary.count(Outcome.WOULD_MIGRATE):
            keys.append("[b]y[/b] go")
        if not rehearsed:
            keys += ["[b]v[/b] verify", "[b]u[/b] roll back"]
        super().__init__(title, "   ".join([*keys, "[b]e[/b] export", "[b]esc[/b] close"]))
        self._summary, self._tally, self._groups = summary, tally, groups
        self._rehearsed, self._read_only = rehearsed, read_only
        self._gate = KeyGate()

    @property
    def summary(self) -> RunSummary:
        return self._summary

    @property
    def ready(self) -> bool:
        """Whether keys count."""
        return self._gate.is_open

    def compose_body(self) -> ComposeResult:
        yield Static(Report(lambda console: show_run(console, self._summary, self._tally, advise=False)))
        if self._groups:
            yield OptionList(*(Option(_line(group), id=str(at)) for at, group in enumerate(self._groups)), id="groups")

    def on_mount(self) -> None:
        self._gate.seen(*last_key_of(self.app))
        if self._groups:
            self.query_one("#groups", OptionList).focus()
        self.call_after_refresh(self._gate.open)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(Next("filter", self._groups[event.option_index].filter))

    def on_key(self, event: events.Key) -> None:
        if event.key not in ("y", "v", "u", "e"):
            return
        event.stop()
        event.prevent_default()
        if not self._gate.lets_through(event):
            return
        if event.key == "y" and self._rehearsed and not self._read_only:
            self.dismiss(Next("go"))
        elif event.key == "v" and not self._rehearsed:
            self.dismiss(Next("verify"))
        elif event.key == "u" and not self._rehearsed:
            self.dismiss(Next("rollback"))
        elif event.key == "e":
            self.dismiss(Next("export"))


def _line(group: Group) -> Text:
    said = Text(f"{group.outcome.value}", style=OUTCOME_STYLES[group.outcome])
    said.append(f"  {visible(group.name)}" if group.name else "", style="bold")
    said.append(f"  {entries(group.count)}", style="")
    if group.remedy:
        said.append(f"\n  {visible(group.remedy)}", style="dim")
    return said
