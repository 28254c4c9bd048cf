"""Numbers, sizes and times as people type them into a filter: `10k`, `1.5MiB`, `2025-06-14T09:12`, with `<` or `>=` in front."""

from __future__ import annotations

import re
from calendar import isleap, monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from refooter.values import PG_EPOCH, TIME_INFINITY, TIME_MINUS_INFINITY

_OPERATORS: Final = (">=", "<=", ">", "<", "=")
_NUMBER: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)([A-Za-z]*)")
_COUNTS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
# `k` is a thousand as everywhere in SI; with an `i` it is 1,024. Case says nothing.
_SIZES: Final = {
    "": 1,
    "b": 1,
    **{unit + "b" * b: 1000**power for power, unit in enumerate("kmgt", start=1) for b in (0, 1)},
    **{unit + "i" + "b" * b: 1024**power for power, unit in enumerate("kmgt", start=1) for b in (0, 1)},
}
_TIME: Final = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6}))?)?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?)?)?"
)
_MOST: Final = 2**63 - 1
_INFINITIES: Final = {"infinity": TIME_INFINITY, "-infinity": TIME_MINUS_INFINITY}
_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """What a written amount stands for: every value from `first` to `last`. A number is one wide, a date a day."""

    first: int
    last: int


def split_operator(text: str) -> tuple[str, str]:
    """`>=`, `<=`, `>`, `<` or `=` (also for none), and the rest."""
    for operator in _OPERATORS:
        if text.startswith(operator):
            return operator, text[len(operator) :].strip()
    return "=", text.strip()


def number(text: str) -> Span | None:
    """A whole number, without a unit."""
    return _amount(text, {"": 1})


def count(text: str) -> Span | None:
    """A number of things: `1200`, `1.2k`, `3M`."""
    return _amount(text, _COUNTS)


def size(text: str) -> Span | None:
    """A number of bytes: `812`, `10k` (10,000), `1.5MiB`."""
    return _amount(text, _SIZES)


def _amount(text: str, units: dict[str, int]) -> Span | None:
    found = _NUMBER.fullmatch(text)
    if found is None or found[2].lower() not in units:
        return None
    value = Decimal(found[1]) * units[found[2].lower()]
    if value != int(value) and not found[2]:
        return None
    first = min(int(value), _MOST)
    return Span(first, first)


def time(text: str) -> Span | None:
    """A moment or what a shortened one covers (`2025-06` a month, `2025-06-14T09:12` a minute), in microseconds since 2000-01-01 UTC; UTC
    where it names no offset. `infinity` and `-infinity` too."""
    if text in _INFINITIES:
        return Span(_INFINITIES[text], _INFINITIES[text])
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    part = {name: int(found[name] or default) for name, default in _DEFAULTS.items()}
    try:
        fraction = int((found["fraction"] or "").ljust(6, "0"))
        moment = datetime(**part, microsecond=fraction, tzinfo=_zone(found["zone"]))
        first = (moment - PG_EPOCH) // _MICROSECOND
    except ValueError:
        return None
    return Span(first, first + _width(found) - 1)


_DEFAULTS: Final = {"year": "1", "month": "1", "day": "1", "hour": "0", "minute": "0", "second": "0"}


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _width(found: re.Match[str]) -> int:
    """How many microseconds the least part that was written covers."""
    if found["fraction"]:
        return int(10 ** (6 - len(found["fraction"])))
    for part, seconds in (("second", 1), ("minute", 60), ("hour", 3600), ("day", 86400)):
        if found[part]:
            return seconds * _SECOND
    year = int(found["year"])
    days = monthrange(year, int(found["month"]))[1] if found["month"] else 365 + isleap(year)
    return days * 86400 * _SECOND
