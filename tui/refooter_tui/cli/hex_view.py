"""Bytes as bytes, with those marked that the diagnosis or the decoder speaks of: by a colour, and by brackets for those without."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.text import Text

from refooter.errors import UsageError
from refooter.values import Cause
from refooter_tui.cli.render import STATUS_STYLES, gap, line, number, plural, say
from refooter_tui.text import visible

if TYPE_CHECKING:
    from refooter.diagnosis.marks import Mark
    from refooter.diagnosis.regions import Region
    from refooter.jobs.inspect import Inspection

ROW: Final = 16
_CONTEXT: Final = 16
_FIRST_BYTES: Final = 256
_MOST_MARKS: Final = 24
_MOST_MARKS_WHOLE: Final = 1000
_MOST_BYTES: Final = 16 << 10
_MOST_BYTES_WHOLE: Final = 64 << 10
_FINDING_STYLE: Final = "yellow"


def byte_range(start: int, end: int) -> str:
    """Bytes as sentences name them, the last included: `0-552`, `7`; an empty range is a place, `at 7`."""
    if end <= start:
        return f"at {start}"
    return str(start) if end == start + 1 else f"{start}-{end - 1}"


_RANGE: Final = re.compile(r"(0x[0-9a-fA-F]+|\d+)(?:([-+])(0x[0-9a-fA-F]+|\d+))?")


def parse_range(text: str, size: int) -> tuple[int, int]:
    """`0-552` (the last included), `0x1f0+64`, `553` (a screenful from there) as a range within `size` bytes. Raises `UsageError`."""
    found = _RANGE.fullmatch(text.replace(",", ""))
    if found is None or len(text) > 40:
        raise UsageError(f"no range of bytes: {text!r}; give one such as 0-552, 0x1f0+64 or 553")
    start = int(found[1], 0) if found[1].startswith("0x") else int(found[1])
    end = start + _FIRST_BYTES
    if found[2] is not None:
        last = int(found[3], 0) if found[3].startswith("0x") else int(found[3])
        end = last + 1 if found[2] == "-" else start + last
    if start >= size or end <= start:
        raise UsageError(f"the value has {plural(size, 'byte')}, and none of them are in the range {text!r}")
    return start, min(end, size)


@dataclass(frozen=True, slots=True)
class HexView:
    """The windows to be shown, ascending and apart from each other; `left_out` says what is not shown."""

    value: bytes
    windows: tuple[tuple[int, int], ...]
    marks: tuple[Mark, ...]
    regions: tuple[Region, ...]
    left_out: str = ""

    @classmethod
    def of(cls, found: Inspection, wanted: str | None, *, whole: bool) -> HexView:
        """The range that was asked for, or what is marked with a little around it, or how each region begins."""
        value = found.value or b""
        most = _MOST_BYTES_WHOLE if whole else _MOST_BYTES
        if wanted:
            start, end = parse_range(wanted, len(value))
            left_out = "" if end - start <= most else f"{plural(end - start - most, 'more byte')} of the range"
            return cls(value, ((start, min(end, start + most)),), found.marks, found.regions, left_out)
        marks = found.marks[: _MOST_MARKS_WHOLE if whole else _MOST_MARKS]
        if marks:
            ranges = [window for mark in marks for window in _around(mark)]
        else:
            ranges = [(region.start, min(region.end, region.start + _FIRST_BYTES)) for region in found.regions]
        left = len(found.marks) - len(marks)
        left_out = plural(left, "more marked place") if left else ""
        windows, rest = _bounded(_merged(ranges, len(value)), most)
        return cls(value, windows, found.marks, found.regions, left_out or rest)

    def fields(self) -> list[dict[str, Any]]:
        """The windows for JSON."""
        return [{"start": start, "end": end, "hex": self.value[start:end].hex()} for start, end in self.windows]

    def show(self, console: Console) -> None:
        """Prints the windows, each below the names of the regions and the marks that begin in it."""
        if not self.windows:
            say(console, "There are no bytes to show.", "bold")
            return
        styles = _Styles(self.marks)
        for at, (start, end) in enumerate(self.windows):
            if at:
                line(console, "...", indent=0, style="dim")
            for region in self.regions:
                if region.start < end and start < region.end:
                    said = f"{byte_range(region.start, region.end)}: {region.what}"
                    line(console, said, indent=0, style="bold")
            self._show_marks(console, start, end)
            for row in range(start - start % ROW, end, ROW):
                line(console, self._row(row, start, end, styles), indent=0)
        if self.left_out:
            gap(console)
            line(console, f"and {self.left_out}; --hex RANGE shows any bytes", indent=0, style="dim")

    def _show_marks(self, console: Console, start: int, end: int) -> None:
        """What is said of the bytes in a window, once for all of the same words."""
        places: dict[tuple[str, str], list[str]] = {}
        for mark in self.marks:
            if mark.start < end and start < max(mark.end, mark.start + 1):
                places.setdefault((mark.what, _style(mark)), []).append(byte_range(mark.start, mark.end))
        for (what, style), ranges in list(places.items())[:_MOST_MARKS]:
            more = f" and {number(len(ranges) - 4)} more" if len(ranges) > 4 else ""
            said = visible(f"[{', '.join(ranges[:4])}{more}] {what}")
            say(console, Text(said, style=style))

    def _row(self, row: int, start: int, end: int, styles: _Styles) -> Text:
        said = Text(f"{row:08x}", style="dim")
        said.append(" ")
        plain = Text(style="not dim")
        before: str | None = None
        for at in range(row, row + ROW):
            shown = start <= at < end
            style = styles.at(at) if shown else None
            said.append(_between(before, style), style="not dim")
            if shown:
                byte = self.value[at]
                said.append(f"{byte:02x}", style=f"not dim {style or ''}")
                plain.append(chr(byte) if 0x20 <= byte < 0x7F else ".", style=style or "")
            else:
                said.append("  ")
                plain.append(" ")
            before = style
        said.append(_between(before, None), style="not dim").append(" ")
        return said.append_text(plain)


def _between(before: str | None, after: str | None) -> str:
    """The character between two bytes: a bracket where marked bytes begin or end."""
    if before is None:
        return " " if after is None else "["
    return "]" if after is None else " " if before == after else "|"


def _style(mark: Mark) -> str:
    if mark.source.value == "evidence":
        return STATUS_STYLES[Cause(mark.name).status][0]
    return _FINDING_STYLE


class _Styles:
    """The style of any byte: that of the first mark which holds it, evidence before findings."""

    def __init__(self, marks: tuple[Mark, ...]) -> None:
        edges = sorted({edge for mark in marks for edge in (mark.start, mark.end)})
        self._edges = edges
        self._styles: list[str | None] = [None] * len(edges)
        at = {edge: position for position, edge in enumerate(edges)}
        for mark in reversed(marks):
            for position in range(at[mark.start], at[mark.end]):
                self._styles[position] = _style(mark)

    def at(self, offset: int) -> str | None:
        position = bisect_right(self._edges, offset) - 1
        return self._styles[position] if position >= 0 else None


def _around(mark: Mark) -> list[tuple[int, int]]:
    """How a mark begins, with a little of what is around it, and of a long one how it ends."""
    first = (mark.start - _CONTEXT, min(mark.end, mark.start + _FIRST_BYTES) + _CONTEXT)
    return [first] if mark.end <= mark.start + _FIRST_BYTES else [first, (mark.end - ROW, mark.end + _CONTEXT)]


def _merged(ranges: list[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """Whole rows within the value, those that touch as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        first, last = max(0, start - start % ROW), min(size, end + -end % ROW)
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        elif first < last:
            merged.append((first, last))
    return merged


def _bounded(windows: list[tuple[int, int]], most: int) -> tuple[tuple[tuple[int, int], ...], str]:
    kept = []
    for start, end in windows:
        if most <= 0:
            break
        kept.append((start, min(end, start + most)))
        most -= end - start
    left = sum(end - start for start, end in windows) - sum(end - start for start, end in kept)
    return tuple(kept), plural(left, "more byte") if left else ""
