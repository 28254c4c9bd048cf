"""The command line's words in a widget: one way to say a thing, wherever it is said."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text
from rich.theme import Theme
from textual.strip import Strip

# Of the colours that the command line names, the only one that no terminal's own theme has a word for (`themes`).
_ORANGE: Final = Theme({"dark_orange": "bright_yellow"})


class Report:
    """What `show` prints, at whatever width there is. It makes foreign text visible itself, as it does on a terminal."""

    def __init__(self, show: Callable[[Console], None]) -> None:
        self._show = show
        self._made: tuple[tuple[int, bool], Text] | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # a layout asks for it more than once
        key = (options.max_width, console.no_color)
        if self._made is None or self._made[0] != key:
            self._made = (key, self._printed(*key))
        yield self._made[1]

    def strips(self, width: int, no_color: bool) -> list[Strip]:
        """Its lines, in any thread: a table of a hundred columns takes longer than a frame."""
        console = _console(io.StringIO(), width, no_color)
        return [Strip(line) for line in console.render_lines(self._printed(width, no_color), pad=False)]

    def _printed(self, width: int, no_color: bool) -> Text:
        printed = io.StringIO()
        self._show(_console(printed, width, no_color))
        return Text.from_ansi(printed.getvalue().strip("\n"))


def _console(file: io.StringIO, width: int, no_color: bool) -> Console:
    return Console(
        file=file,
        width=width,
        force_terminal=True,
        color_system=None if no_color else "truecolor",
        no_color=no_color,
        markup=False,
        emoji=False,
        highlight=False,
        theme=_ORANGE,
    )
