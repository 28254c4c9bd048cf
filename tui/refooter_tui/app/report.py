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

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        printed = io.StringIO()
        self._show(
            Console(
                file=printed,
                width=options.max_width,
                force_terminal=True,
                color_system="truecolor" if not console.no_color else None,
                no_color=console.no_color,
                markup=False,
                emoji=False,
                highlight=False,
            )
        )
        yield Text.from_ansi(printed.getvalue().strip("\n"))
