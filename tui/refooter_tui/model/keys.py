"""The keys of the filter language: what may stand behind each, and which rows that means."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

import numpy as np

from refooter.values import Cause
from refooter_tui.model import amounts
from refooter_tui.model.amounts import Span
from refooter_tui.model.codes import (
    CAUSES,
    FILE_STATES,
    LAYOUTS,
    OUTCOMES,
    REASONS,
    STATUSES,
    Mask,
    cause_bits,
)
from refooter_tui.model.columns import TIME_MISSING
from refooter_tui.model.rows import Rows

Matcher = Callable[[Rows], Mask]
"""The rows that one value of a term means. The answer may be shared: not to be written to."""


class NotAValue(Exception):
    """`str()` is the sentence for whoever typed it."""


@dataclass(frozen=True, slots=True)
class Key:
    """`compile` makes a matcher of a value or raises `NotAValue`; `words` are the values there are, where they can be listed."""

    name: str
    means: str
    compile: Callable[[str], Matcher]
    words: tuple[str, ...] = ()


def suggestion(wrong: str, words: Iterable[str]) -> str | None:
    """The word that was probably meant."""
    words = tuple(words)
    starts = [word for word in words if wrong and word.startswith(wrong)]
    close = get_close_matches(wrong, words, 1, 0.6)
    return starts[0] if len(starts) == 1 else close[0] if close else None


def _choice(name: str, words: tuple[str, ...], value: str) -> int:
    wanted = value.lower()
    if wanted in words:
        return words.index(wanted)
    meant = suggestion(wanted, words)
    hint = f"did you mean {meant}?" if meant else f"there are {', '.join(words)}"
    raise NotAValue(f"“{value}” is no {name}: {hint}")


def _enum(key: str, means: str, members: tuple[StrEnum, ...], column: str) -> Key:
    words = tuple(member.value for member in members)

    def compiled(value: str) -> Matcher:
        code = _choice(means, words, value)
        return lambda rows: rows.column(column) == code

    return Key(key, means, compiled, words)


def _cause(value: str) -> Matcher:
    """As a selection's `--cause`: the worst cause or one beside it."""
    code = _choice("cause", _CAUSE_WORDS, value)
    if CAUSES[code] is Cause.NONE:
        return lambda rows: rows.column("cause") == code
    bit = np.int16(cause_bits((CAUSES[code],)))
    return lambda rows: (rows.column("causes") & bit) != 0


def _view(value: str) -> Matcher:
    """As a selection's `--view`: a view set, or one instance of it."""

    def matches(rows: Rows) -> Mask:
        names = list(rows.table.views)
        return rows.coded("view", _answers(name == value or name.startswith(f"{value}/") for name in names))

    return matches


def _error(value: str) -> Matcher:
    wanted = value.lower()
    return lambda rows: rows.coded("error", _answers(wanted in text.lower() for text in list(rows.table.errors)))


def _path(value: str) -> Matcher:
    return lambda rows: rows.path_holds(value)


def word(value: str) -> Matcher:
    """Any text of an entry: path, cause, parser message, view."""
    wanted = value.lower()
    causes = _answers(cause is not Cause.NONE and wanted in cause.value for cause in CAUSES)

    def matches(rows: Rows) -> Mask:
        found = rows.path_holds(value) | rows.coded("cause", causes)
        found |= rows.coded("error", _answers(wanted in text.lower() for text in list(rows.table.errors)))
        found |= rows.coded("view", _answers(wanted in name.lower() for name in list(rows.table.views)))
        return found

    return matches


def _answers(found: Iterable[bool]) -> Mask:
    return np.fromiter(found, np.bool_)


def _amount(
    column: str, means: str, example: str, read: Callable[[str], Span | None], missing: int = -1
) -> Callable[[str], Matcher]:
    def compiled(value: str) -> Matcher:
        operator, rest = amounts.split_operator(value)
        span = read(rest)
        if span is None:
            raise NotAValue(
                f"“{rest}” is no {means}: write {example}" if rest else f"a {means} is missing: write {example}"
            )
        return lambda rows: _compared(rows, column, operator, span, missing)

    return compiled


def _compared(rows: Rows, column: str, operator: str, span: Span, missing: int) -> Mask:
    """What is not known is neither more nor less than anything."""
    values = rows.column(column)
    found: Mask
    if operator == ">=":
        found = values >= span.first
    elif operator == "<":
        found = values < span.first
    elif operator == ">":
        found = values > span.last
    elif operator == "<=":
        found = values <= span.last
    else:
        found = (values >= span.first) & (values <= span.last)
    found &= values != missing
    return found


def _bound(name: str, usual: str, other: str, wrong: str) -> Callable[[str], Matcher]:
    """`since:` is `>=` unless it says `>`, `until:` is `<` unless it says `<=`."""

    def compiled(value: str) -> Matcher:
        operator, rest = amounts.split_operator(value)
        if operator.startswith(wrong):
            raise NotAValue(f"{name}: sets the {'earliest' if wrong == '<' else 'latest'} time and takes no {operator}")
        return _time(f"{other if operator == other else usual}{rest}")

    return compiled


_CAUSE_WORDS: Final = tuple(cause.value for cause in CAUSES)
_TIMES: Final = "2025-06-14 or 2025-06-14T09:12"
_time: Final = _amount("insert_time", "time", _TIMES, amounts.time, TIME_MISSING)
_IS: Final[dict[str, Matcher]] = {
    "selected": lambda rows: rows.marked(rows.selected),
    "orphan": lambda rows: rows.column("orphan"),
    "changed": lambda rows: rows.marked(rows.changed),
    "retired": lambda rows: rows.column("retired"),
}
_IS_WORDS: Final = tuple(_IS)

KEYS: Final[dict[str, Key]] = {
    key.name: key
    for key in (
        _enum("status", "status", STATUSES, "status"),
        Key("cause", "cause", _cause, _CAUSE_WORDS),
        Key("view", "view set, or set/instance", _view),
        _enum("outcome", "outcome", OUTCOMES, "outcome"),
        _enum("reason", "reason", REASONS, "reason"),
        Key("error", "text in the parser's message", _error),
        _enum("file", "state of a file", FILE_STATES, "file_state"),
        _enum("layout", "layout", LAYOUTS, "layout"),
        Key("version", "format version", _amount("version", "version", "1 or <2", amounts.number)),
        Key("run", "last run", _amount("last_run", "run", "its number, such as 7", amounts.number)),
        Key("path", "text in the path", _path),
        Key("since", "earliest insert time, inclusive", _bound("since", ">=", ">", "<")),
        Key("until", "latest insert time, exclusive", _bound("until", "<", "<=", ">")),
        Key("time", "insert time", _time),
        Key("size", "bytes of the file", _amount("file_size", "size", "10k, 1.5MiB or >1G", amounts.size)),
        Key("blob", "bytes of the value", _amount("blob_size", "size", "10k, 1.5MiB or >64KiB", amounts.size)),
        Key("rows", "rows by the catalog", _amount("num_rows", "number of rows", "1200, 1.2k or >1M", amounts.count)),
        Key("is", "mark", lambda value: _IS[_IS_WORDS[_choice("mark", _IS_WORDS, value)]], _IS_WORDS),
    )
}
