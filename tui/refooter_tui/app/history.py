"""What runs did to an entry, in words, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from refooter.catalog.history import HISTORY_LIMIT, ChangeMade, HistoryRecord
from refooter.catalog.journal import ResultRecord, RunState
from refooter.events import INSERTED
from refooter.values import Outcome, Reason, time_text
from refooter_tui.cli.render import OUTCOME_STYLES, gap, number, say
from refooter_tui.cli.side_by_side import done_words
from refooter_tui.text import visible

_INDENT: Final = 2
_DIGITS: Final = 8
_OUTCOME_STYLES: Final = {outcome.value: style for outcome, style in OUTCOME_STYLES.items()}
# What was there before is put back: nothing is claimed of it.
_NOT_TO_BE_PROVED: Final = ("stamp", "before_image", "backup", INSERTED)
_STATES: Final = {
    RunState.RUNNING: "still going on",
    RunState.INTERRUPTED: "was interrupted",
    RunState.STOPPED: "was stopped",
    RunState.DEAD: "died",
}


def show_history(console: Console, history: Sequence[HistoryRecord]) -> None:
    """A paragraph for each run; a sentence where there is none, which is what the journal says then, and not that nobody asked."""
    if not history:
        say(console, "No run has changed this entry.", "dim")
        return
    numbers = max(len(str(one.run_id)) for one in history)
    kinds = max(len(one.kind) for one in history)
    for at, one in enumerate(history):
        if at:
            gap(console)
        console.print(_head(one, numbers, kinds))
        for said in _body(one):
            console.print(Padding(said, (0, 0, 0, _INDENT)))
    if len(history) >= HISTORY_LIMIT:
        gap(console)
        say(console, f"The {number(HISTORY_LIMIT)} newest; there may be older ones.", "dim")


def _head(one: HistoryRecord, numbers: int, kinds: int) -> Text:
    said = Text(f"run {one.run_id:>{numbers}}", style="bold")
    said.append(f"  {visible(one.kind):<{kinds}}  {_moment(one.when)}", style="not bold")
    said.append(f"  by {visible(one.who)}", style="dim not bold")
    if one.state in _STATES:
        said.append(f"  the run {_STATES[one.state]}", style="yellow not bold")
    return said


def _moment(micros: int) -> str:
    """To the second, as people read it."""
    text = time_text(micros) or ""
    return f"{text[:19].replace('T', ' ')} UTC" if text.endswith("Z") else text


def _body(one: HistoryRecord) -> list[Text]:
    said = []
    if one.change is not None:
        said += _change(one.change)
    if one.result is not None:
        said.append(_result(one.result))
    return said


def _change(change: ChangeMade) -> list[Text]:
    proof = ""
    if change.repair not in _NOT_TO_BE_PROVED:
        proof = ", proved" if change.proved else ", unproved"
    said = Text(f"{visible(change.repair)}{proof}", style="green" if change.proved or not proof else "yellow")
    said.append(f": {visible(done_words(change.repair))}", style="default")
    facts = []
    if change.old_version != change.new_version:
        facts.append(f"version {_version(change.old_version)} → {_version(change.new_version)}")
    if change.old_digest == change.new_digest:
        facts.append(f"the value stayed: {_size(change.old_size)} bytes, sha256 {_digest(change.old_digest)}")
    else:
        facts.append(_lengths(change))
        facts.append(f"sha256 {_digest(change.old_digest)} → {_digest(change.new_digest)}")
    return [said, Text(", ".join(facts))]


def _result(result: ResultRecord) -> Text:
    """A repair that nothing proves is told of like a failure is, but it was made."""
    made = result.outcome == Outcome.MIGRATED and result.reason == Reason.UNPROVED
    head = visible(" ".join(filter(None, ("" if made else result.outcome, result.reason))))
    style = "yellow" if made else _OUTCOME_STYLES.get(result.outcome, "")
    return Text(head, style=style).append(f": {visible(result.sentence)}", style="default")


def _version(version: int | None) -> str:
    return "none" if version is None else str(version)


def _size(size: int | None) -> str:
    """The journal keeps no new values: of one that was overwritten by somebody else nobody knows."""
    return "?" if size is None else number(size)


def _lengths(change: ChangeMade) -> str:
    """Without a digest there was no row before, or is none any more."""
    if not change.old_digest:
        return f"the row came back, {_size(change.new_size)} bytes"
    if not change.new_digest:
        return f"the row was taken away, {_size(change.old_size)} bytes"
    return f"{_size(change.old_size)} → {_size(change.new_size)} bytes"


def _digest(digest: bytes) -> str:
    return f"{digest.hex()[:_DIGITS]}…" if digest else "none"
