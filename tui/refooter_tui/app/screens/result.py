"""What became of a run, or would: outcomes by reason with the remedy for each, and what can be done from here.

Of a run that is going on, in this process or in another, it is told anew as that gets on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from rich.console import Console
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from refooter.catalog.journal import RunState
from refooter.events import RunSummary
from refooter.values import Outcome, Reason
from refooter_tui.app.keymap import meant
from refooter_tui.app.report import Report
from refooter_tui.app.screens.dialog import Dialog
from refooter_tui.app.screens.gate import KeyGate, last_key_of
from refooter_tui.app.widgets.options import Options
from refooter_tui.app.widgets.palette import Palette
from refooter_tui.cli.follow import Tally
from refooter_tui.cli.render import OUTCOME_STYLES, entries, gap, say
from refooter_tui.cli.reports import show_run
from refooter_tui.model.codes import code_of
from refooter_tui.text import visible


@dataclass(frozen=True, slots=True)
class Group:
    """Entries that ended alike. `filter` is what shows them in the table, `sentence` what was said of the first of them."""

    outcome: Outcome
    reason: Reason | None
    count: int
    filter: str
    sentence: str
    remedy: str


class Then(StrEnum):
    """What to do next."""

    FILTER = "filter"
    RETRY = "retry"
    EXPORT = "export"
    VERIFY = "verify"
    ROLL_BACK = "rollback"
    GO = "go"


@dataclass(frozen=True, slots=True)
class Next:
    """What was asked for, and of which group, if one was highlighted."""

    what: Then
    group: Group | None = None


_KEYS: Final = {f"result.{then.value}": then for then in Then if then is not Then.FILTER}
_MOVES: Final = ("down", "up", "pagedown", "pageup", "home", "end")
_AMISS: Final = (Outcome.FAILED, Outcome.CONFLICT)


class ResultScreen(Dialog[Next | None]):
    """Of a run, or of a rehearsal: `summary` is what it said last, `tally` what became of its entries."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "handled_as_a_key", "go", id="result.go"),
        Binding("t", "handled_as_a_key", "try these again", id="result.retry"),
        Binding("e", "handled_as_a_key", "export", id="result.export"),
        Binding("v", "handled_as_a_key", "verify", id="result.verify"),
        Binding("u", "handled_as_a_key", "roll back", id="result.rollback"),
    ]
    DEFAULT_CSS = """
    ResultScreen #groups {
        height: auto; max-height: 12; margin: 1 0 0 0; padding: 0; border: none; background: $surface; display: none;
    }
    ResultScreen.-groups #groups { display: block; }
    """

    def __init__(self, summary: RunSummary, tally: Tally, groups: Sequence[Group], *, read_only: bool) -> None:
        super().__init__("", "")
        self._read_only = read_only
        self._gate = KeyGate()
        self._take(summary, tally, groups)
        self._heading = self._title()

    def _take(self, summary: RunSummary, tally: Tally, groups: Sequence[Group]) -> None:
        self._summary, self._tally, self._groups = summary, tally, tuple(groups)

    @property
    def summary(self) -> RunSummary:
        return self._summary

    @property
    def groups(self) -> tuple[Group, ...]:
        """In the order shown."""
        return self._groups

    @property
    def run_id(self) -> int | None:
        return self._summary.run_id

    @property
    def going_on(self) -> bool:
        """Whether the run had not ended when it was last told of."""
        return self._summary.state == RunState.RUNNING

    @property
    def ready(self) -> bool:
        """Whether keys count."""
        return self._gate.is_open

    def compose_body(self) -> ComposeResult:
        yield Static(id="run")
        yield Options(id="groups", markup=False)

    def on_mount(self) -> None:
        if not self.query("#run"):
            # closed before it was there: the app is ending
            return
        self._gate.seen(*last_key_of(self.app))
        self._paint()
        if self._groups:
            self.query_one("#groups", OptionList).focus(scroll_visible=False)
        self.call_after_refresh(self._gate.open)

    def update(self, summary: RunSummary, tally: Tally, groups: Sequence[Group]) -> None:
        """The run has got on, or ended."""
        self._take(summary, tally, groups)
        if self.is_mounted:
            self._paint()

    def _paint(self) -> None:
        summary, tally = self._summary, self._tally
        # what went wrong stands below, in groups that lead on
        self.query_one("#run", Static).update(Report(lambda console: _show(console, summary, tally)))
        self.query_one("#box").border_title = self._title()
        self.keys(self._key_words())
        shown = self.query_one("#groups", OptionList)
        at = shown.highlighted
        shown.set_options([Option(self._line(group), id=str(index)) for index, group in enumerate(self._groups)])
        if self._groups:
            shown.highlighted = min(at or 0, len(self._groups) - 1)
        self.set_class(bool(self._groups), "-groups")

    def _line(self, group: Group) -> Text:
        palette = Palette.of(self.query_one("#groups"))
        outcome = palette.strong if self.app.no_color else palette.outcome[code_of(group.outcome)]
        said = Text.assemble((group.outcome.value, outcome))
        said.append(f"  {group.reason.value}" if group.reason else "", palette.strong)
        said.append(f"  {entries(group.count)}")
        if group.sentence:
            said.append(f"\n  {visible(group.sentence)}")
        if group.remedy:
            said.append(f"\n  {visible(group.remedy)}", palette.muted)
        return said

    def _title(self) -> str:
        if self._summary.run_id is None:
            return "Dry run"
        return f"Run {self._summary.run_id}" + (", going on" if self.going_on else "")

    def _key_words(self) -> str:
        keys = ["[b]enter[/b] show these"] if self._groups else []
        for then, does in ((Then.RETRY, "try these again"), (Then.GO, "go"), (Then.VERIFY, "verify")):
            if self._allowed(then):
                keys.append(self.key(f"result.{then.value}", does))
        if self._allowed(Then.ROLL_BACK):
            said = self.key("result.rollback", "roll back")
            keys.append(f"[dim]{said}: this session is read-only[/dim]" if self._read_only else said)
        return "   ".join([*keys, self.key("result.export", "export"), self.key("dialog.leave", "close")])

    def _allowed(self, then: Then) -> bool:
        rehearsed = self._summary.run_id is None
        match then:
            case Then.GO:
                return rehearsed and not self._read_only and bool(self._summary.count(Outcome.WOULD_MIGRATE))
            case Then.RETRY:
                return any(group.outcome in _AMISS for group in self._groups)
            case Then.VERIFY | Then.ROLL_BACK:
                return not rehearsed
            case _:
                return True

    def _highlighted(self) -> Group | None:
        at = self.query_one("#groups", OptionList).highlighted
        return None if at is None or at >= len(self._groups) else self._groups[at]

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self.ready:
            self.dismiss(Next(Then.FILTER, self._groups[event.option_index]))

    def on_key(self, event: events.Key) -> None:
        """Here and not as bindings: what begins something counts by when its key was pressed."""
        lets = self._gate.lets_through(event)
        if event.key in _MOVES:
            # in a low window the groups are below what is read first
            self.query_one("#groups").scroll_visible(animate=False)
        wanted = _KEYS.get(meant(self, event.key) or "")
        if wanted is None:
            return
        event.stop()
        event.prevent_default()
        if not lets or not self._allowed(wanted):
            return
        group = self._highlighted()
        if wanted is Then.RETRY and (group is None or group.outcome not in _AMISS):
            self.notify("nothing of these is to be tried again: choose what failed, or was in conflict")
            return
        self.dismiss(Next(wanted, group))


def _show(console: Console, summary: RunSummary, tally: Tally) -> None:
    show_run(console, summary, tally, advise=False, failures=False)
    if summary.error is not None:
        gap(console)
        say(console, f"It ended early: {summary.error}", OUTCOME_STYLES[Outcome.FAILED])
