"""The line on top: which lake, which database, judged by what, and whether anything may be written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color, ColorParseError
from textual.reactive import reactive
from textual.strip import Strip

from refooter_tui.app.widgets.palette import Painted, Palette
from refooter_tui.text import visible


class Link(Enum):
    """How the connection to the database stands, in the words that the header shows."""

    CONNECTING = "… connecting"
    UP = "● connected"
    LOST = "✗ connection lost"
    NEVER = "✗ not connected"


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """`label` and `colour` are the profile's (`colour` a CSS colour, or empty). `database` is user@host:port/database, never
    with a password. `target` is the parser that judges."""

    label: str = ""
    colour: str = ""
    lake: str = ""
    database: str = ""
    target: str = ""
    read_only: bool = False
    link: Link = Link.CONNECTING


class HeaderBar(Painted):
    """One line. Where it is too narrow, target, lake and the database's user go, in this order; label, read-only and a lost
    connection stay."""

    DEFAULT_CSS = """
    HeaderBar {
        height: 1;
        background: $panel;
        color: $foreground;
    }
    """

    facts: reactive[HeaderFacts] = reactive(HeaderFacts(), layout=False)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        palette = self.palette
        return Strip(Segment.apply_style(self._segments(width, palette), palette.base)).adjust_cell_length(
            width, palette.base
        )

    def _segments(self, width: int, palette: Palette) -> list[Segment]:
        facts = self.facts
        label = f" {visible(facts.label or 'refooter')} "
        right = [Segment(f" {facts.link.value} ", _link_style(facts.link, palette))]
        if facts.read_only:
            right.insert(0, Segment(" READ-ONLY ", palette.warning + Style(reverse=True)))
        room = width - cell_len(label) - sum(cell_len(segment.text) for segment in right) - 1
        middle = " ".join(_fitting(facts, room))
        gap = " " * max(1, room - cell_len(middle) + 1)
        return [Segment(label, _badge(facts.colour, palette)), Segment(f" {middle}"), Segment(gap[1:] or " "), *right]


_SEPARATOR: Final = "·"


def _fitting(facts: HeaderFacts, room: int) -> list[str]:
    """What fits of database, lake and target, as words between separators."""
    database = visible(facts.database)
    lake = visible(facts.lake)
    target = visible(facts.target)
    for parts in (
        (database, lake, f"judged by {target}" if target else ""),
        (database, lake, target),
        (database, lake),
        (database,),
        (database.rpartition("@")[2],),
        (database.rpartition("/")[2],),
    ):
        present = [part for part in parts if part]
        if cell_len(f" {_SEPARATOR} ".join(present)) < room:
            words: list[str] = []
            for part in present:
                words += [_SEPARATOR, part] if words else [part]
            return words
    return []


def _link_style(link: Link, palette: Palette) -> Style:
    if link in (Link.LOST, Link.NEVER):
        return palette.warning + Style(reverse=True)
    return palette.status[0] if link is Link.UP else palette.muted


def _badge(colour: str, palette: Palette) -> Style:
    """The label on the profile's colour, in black or white, whichever can be read on it."""
    try:
        background = Color.parse(colour)
    except ColorParseError:
        return palette.accent + Style(reverse=True)
    return Style(color=background.get_contrast_text(1.0).rich_color, bgcolor=background.rich_color, bold=True)
