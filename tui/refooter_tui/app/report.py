"""The command line's words in a widget: one way to say a thing, wherever it is said."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text


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

    def _printed(self, width: int, no_color: bool) -> Text:
        printed = io.StringIO()
        self._show(
            Console(
                file=printed,
                width=width,
                force_terminal=True,
                color_system=None if no_color else "truecolor",
                no_color=no_color,
                markup=False,
                emoji=False,
                highlight=False,
            )
        )
        return Text.from_ansi(printed.getvalue().strip("\n"))
