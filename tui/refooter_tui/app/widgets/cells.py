"""Text that has to fit so many terminal cells: cut at its end or in its middle, padded, never wider than it may be."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len, set_cell_size

ELLIPSIS: Final = "…"
# enough for an int64
_THOUSANDS: Final = "kMGTPE"
_BINARY: Final = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def fit(text: str, width: int, *, right: bool = False) -> str:
    """`text` in exactly `width` cells: padded, or cut at its end with an ellipsis. It has to be visible text already."""
    if width <= 0:
        return ""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return _head(text, width - 1) + ELLIPSIS
    blanks = " " * (width - length)
    return blanks + text if right else text + blanks


def fit_middle(text: str, width: int) -> str:
    """`text` in exactly `width` cells, cut in its middle where it must: two thirds of what stays are its end."""
    if width <= 0:
        return ""
    length = len(text) if text.isascii() else cell_len(text)
    if length <= width:
        return text + " " * (width - length)
    tail = (width - 1) * 2 // 3
    return _head(text, width - 1 - tail) + ELLIPSIS + _tail(text, tail)


def _head(text: str, width: int) -> str:
    return text[:width] if text.isascii() else set_cell_size(text, width)


def _tail(text: str, width: int) -> str:
    if width <= 0:
        return ""
    if text.isascii():
        return text[-width:]
    start = len(text)
    used = 0
    while start and used + (step := cell_len(text[start - 1])) <= width:
        start -= 1
        used += step
    return " " * (width - used) + text[start:]


def amount(value: int, width: int) -> str:
    """A count in at most `width` cells: with thousands separators, without, or rounded to `12.3M`. Never cut short: a number
    that has lost digits is a wrong number."""
    text = f"{value:,}"
    if len(text) <= width:
        return text
    if len(text := str(value)) <= width:
        return text
    scaled = float(value)
    power = 0
    while scaled >= 999.5 or not power:
        scaled /= 1000
        power += 1
    for decimals in (1, 0):
        if len(text := f"{scaled:.{decimals}f}{_THOUSANDS[power - 1]}") <= width:
            return text
    return ELLIPSIS[:width]


def byte_size(value: int) -> str:
    """Bytes as `812 B`, `9.1 KiB`, `1.5 MiB`: nine cells at most."""
    if value < 1024:
        return f"{value} B"
    scaled = float(value)
    power = 0
    while scaled >= 1023.5 or not power:
        scaled /= 1024
        power += 1
    return f"{scaled:.{1 if scaled < 99.95 else 0}f} {_BINARY[power - 1]}"


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken between words; a word that is longer is broken anywhere."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            rest = word
            if line and cell_len(line) + 1 + cell_len(rest) <= width:
                line = f"{line} {rest}"
                continue
            if line:
                lines.append(line)
            while cell_len(rest) > width:
                head = set_cell_size(rest, width).rstrip() or rest[0]
                lines.append(head)
                rest = rest[len(head) :]
            line = rest
        lines.append(line)
    return lines
