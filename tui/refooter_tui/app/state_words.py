"""Why there is nothing to be seen, or not yet: each state in words of its own, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from refooter_tui.app.keymap import named_by_default
from refooter_tui.cli.render import entries
from refooter_tui.text import visible

Key = Callable[[str], str]
"""How the key of a binding's id is named."""


class State(Enum):
    """What the lake is to the app at the moment, the most pressing first."""

    CONNECTING = auto()
    LOST = auto()
    NO_RIGHTS = auto()
    UNSUPPORTED = auto()
    MISCONFIGURED = auto()
    UNREADABLE = auto()
    READING = auto()
    EMPTY = auto()
    HIDDEN = auto()
    SHOWN = auto()


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known. `code` and `sentence` are of what went wrong last with the connection, or with reading the catalog
    (`failed`), and not mended since."""

    connected: bool = False
    failed: bool = False
    code: str = ""
    sentence: str = ""
    loading: bool = False
    known: int = 0
    expected: int = 0
    shown: int = 0
    filter: str = ""
    unscanned: int = 0
    scanning: bool = False


_BY_CODE: Final = {
    "missing_rights": State.NO_RIGHTS,
    "unsupported_catalog": State.UNSUPPORTED,
    "usage": State.MISCONFIGURED,
}
_ADVICE: Final = {
    State.LOST: "It is tried again every few seconds: nothing needs to be done here once the database is back.",
    State.NO_RIGHTS: "`refooter init --sql` prints the grants that a DBA has to run.",
    State.UNSUPPORTED: "Versions 4 and 5 of the catalog keep footers that can be mended.",
    State.MISCONFIGURED: "Quit with {quit}, and start it again with another --dsn or --store.",
    State.UNREADABLE: "{reload} reads the catalog again.",
}


def state_of(now: Situation) -> State:
    if now.sentence and not now.failed:
        return _BY_CODE.get(now.code, State.LOST)
    if not now.connected:
        return State.CONNECTING
    if not now.known:
        if now.failed:
            return _BY_CODE.get(now.code, State.UNREADABLE)
        return State.READING if now.loading else State.EMPTY
    return State.SHOWN if now.shown else State.HIDDEN


def table_words(now: Situation, key: Key = named_by_default) -> str:
    """What stands in the table's place, visible, in paragraphs; only seen while it shows nothing."""
    state = state_of(now)
    if state in _ADVICE:
        advice = _ADVICE[state].format(quit=key("quit"), reload=key("reload"))
        return f"{visible(now.sentence).rstrip('.')}.\n{advice}"
    if state is State.CONNECTING:
        return "connecting to the catalog …"
    if state is State.READING:
        return "reading the catalog …"
    if state is State.EMPTY:
        return f"The catalog has no entries: there is nothing to mend.\n{key('reload')} reads it again."
    return _hidden(now, key)


def _hidden(now: Situation, key: Key) -> str:
    if now.loading:
        return f"None of the {entries(now.known)} loaded so far matches {visible(now.filter)}.\nMore are coming."
    words = [f"No entry of {now.known:,} matches {visible(now.filter)}."]
    if now.unscanned:
        more = "are being judged now" if now.scanning else f"were never judged: {key('scan_all')} scans all"
        words.append(f"{entries(now.unscanned)} {more}; a status or a cause is known only of the others.")
    words.append(f"{key('filter')} changes the filter, {key('reapply')} applies it again.")
    return "\n".join(words)


def detail_words(now: Situation) -> str:
    """What stands in the detail's place while no entry is highlighted."""
    state = state_of(now)
    if state is State.HIDDEN:
        return "no entry matches the filter: there is none to be shown here"
    if state is State.SHOWN:
        return "no entry is highlighted"
    if state is State.EMPTY:
        return "the catalog has no entries"
    if state is State.CONNECTING or state is State.READING:
        return "the highlighted entry is shown here"
    return "there is no entry to be shown: see the sentence beside this"


def causes_words(now: Situation, key: Key = named_by_default) -> str:
    """What stands in the place of the causes while there are none."""
    state = state_of(now)
    if state not in (State.SHOWN, State.HIDDEN):
        return "no entries yet" if state is not State.EMPTY else "the catalog has no entries"
    if now.loading or now.unscanned == now.known:
        return "not scanned yet" if now.scanning or now.loading else f"not scanned: {key('scan_all')} scans all"
    if now.unscanned:
        rest = "is going on" if now.scanning else f"with {key('scan_all')}"
        return f"no cause found in {now.known - now.unscanned:,} scanned; {now.unscanned:,} not scanned ({rest})"
    return f"nothing broken: all {entries(now.known)} decode and do no harm"
