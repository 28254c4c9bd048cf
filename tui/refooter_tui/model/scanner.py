"""A filter's text taken apart: terms, their keys and values, and where each stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_SPACE: Final = re.compile(r"\s*")
_KEY: Final = re.compile(r"([A-Za-z_]+):")
_PLAIN: Final = re.compile(r'[^\s",]+')
_ESCAPED: Final = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Token:
    """`key` is as it was typed, without its colon; `values` are without quotes, each with its own start and end. `open_quote` is where a
    quote starts that never ends."""

    start: int
    end: int
    negated: bool
    key: str | None
    values: tuple[tuple[str, int, int], ...]
    open_quote: int | None = None


def tokens(text: str) -> Iterator[Token]:
    at = _skip(text, 0)
    while at < len(text):
        token = _token(text, at)
        yield token
        at = _skip(text, token.end)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _token(text: str, start: int) -> Token:
    at = start
    negated = text[at] == "-"
    at += negated
    found = _KEY.match(text, at)
    if found is not None:
        at = found.end()
    values = []
    value: list[str] = []
    value_start = at
    open_quote = None
    while at < len(text) and not text[at].isspace():
        if text[at] == '"':
            quoted, end = _quoted(text, at)
            if quoted is None:
                open_quote = at
            else:
                value.append(quoted)
            at = end
        elif text[at] == ",":
            values.append(("".join(value), value_start, at))
            value = []
            at += 1
            value_start = at
        else:
            value.append(text[at])
            at += 1
    values.append(("".join(value), value_start, at))
    return Token(start, at, negated, None if found is None else found[1], tuple(values), open_quote)


def _quoted(text: str, start: int) -> tuple[str | None, int]:
    """What stands between the quote at `start` and its partner, and where that ends; `None` without a partner."""
    found: list[str] = []
    at = start + 1
    while at < len(text):
        if text[at] == '"':
            return "".join(found), at + 1
        if text[at] == "\\" and text[at + 1 : at + 2] in _ESCAPED and at + 1 < len(text):
            found.append(_ESCAPED[text[at + 1]])
            at += 2
        else:
            found.append(text[at])
            at += 1
    return None, len(text)


def written(value: str, *, after_key: bool) -> str:
    """A value as it has to be typed to be read back as it is."""
    plain = _PLAIN.fullmatch(value) is not None
    if plain and (after_key or not (value.startswith("-") or _KEY.match(value))):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
