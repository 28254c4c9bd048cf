"""How things look on a terminal: consoles, colours, numbers, tables. Foreign text comes in as `str` and is made visible here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import IO, Final

import humanize
from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from refooter.values import Cause, FileState, Outcome, Status
from refooter_tui.text import visible

# A symbol as well as a colour: for those who cannot tell the colours apart, and for streams without any.
STATUS_STYLES: Final = {
    Status.OK: ("green", "✓", "+"),
    Status.STALE: ("yellow", "○", "o"),
    Status.HARMFUL: ("magenta", "▲", "!"),
    Status.LEGACY: ("dark_orange", "◆", "*"),
    Status.CORRUPT: ("red", "✗", "x"),
    Status.UNKNOWN: ("dim", "·", "?"),
}
OUTCOME_STYLES: Final = {
    Outcome.MIGRATED: "green",
    Outcome.RESTORED: "green",
    Outcome.WOULD_MIGRATE: "green",
    Outcome.SKIPPED: "dim",
    Outcome.FAILED: "red",
    Outcome.CONFLICT: "yellow",
    Outcome.GONE: "dim",
}
FILE_STATE_STYLES: Final = {
    FileState.PRESENT: "green",
    FileState.UNCHECKED: "dim",
    FileState.MISSING: "red",
    FileState.MISMATCH: "magenta",
}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leaves it to `main`, which knows the exit code; rich would end the program with 1."""
        raise


def make_console(stream: IO[str]) -> Console:
    """Colours, boxes and the terminal's width on a terminal; elsewhere plain text, one line for each thing said."""
    terminal = stream.isatty()
    return _Console(
        file=stream,
        force_terminal=terminal,
        width=None if terminal else 10_000,
        markup=False,
        emoji=False,
        highlight=False,
    )


def number(value: int) -> str:
    return humanize.intcomma(value)


def size(value: int) -> str:
    return humanize.naturalsize(value, binary=True)


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return humanize.precisedelta(round(seconds), minimum_unit="seconds", format="%d")


def plural(value: int, one: str, many: str | None = None) -> str:
    """`1 entry`, `2,000 entries`."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def entries(value: int) -> str:
    return plural(value, "entry", "entries")


def share(part: int, whole: int) -> str:
    """Per cent; what is there never looks like nothing, and what is missing never like all."""
    if not whole:
        return ""
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "< 0.1 %"
    return f"{percent:.1f} %" if percent <= 99.9 or part == whole else "> 99.9 %"


def status_text(console: Console, status: Status) -> Text:
    style, symbol, plain_symbol = STATUS_STYLES[status]
    ascii_only = not console.encoding.startswith("utf")
    return Text(f"{plain_symbol if ascii_only else symbol} {status.value}", style=style)


def cause_text(cause: Cause) -> Text:
    return Text(cause.value, style=STATUS_STYLES[cause.status][0])


def say(console: Console, text: str | Text, style: str = "") -> None:
    """A sentence or a paragraph, wrapped between words."""
    console.print(Text(visible(text), style=style) if isinstance(text, str) else text)


def line(console: Console, text: str | Text, *, indent: int = 2, style: str = "") -> None:
    """Something to copy, such as a path: never wrapped or shortened by us, however long."""
    said = Text(" " * indent).append_text(Text(visible(text), style=style) if isinstance(text, str) else text)
    console.print(said, soft_wrap=True)


def gap(console: Console) -> None:
    console.print()


Column = tuple[str, str]
"""A column's title and how it is set: `text` (shortened where it must), `fold` (wrapped), `number` (right-aligned, whole)."""
_NARROWEST: Final = 8


def table(console: Console, columns: Sequence[Column], rows: Iterable[Sequence[str | Text]]) -> None:
    """Prints a table below a blank line, or nothing at all without rows."""
    cells = [[Text(visible(cell)) if isinstance(cell, str) else cell for cell in row] for row in rows]
    if not cells:
        return
    made = Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None,
        header_style="bold",
        collapse_padding=console.is_terminal,
        pad_edge=console.is_terminal,
    )
    for name, kind in columns:
        made.add_column(
            Text(name),
            justify="right" if kind == "number" else "left",
            no_wrap=kind != "fold",
            overflow="fold" if kind == "fold" else "ellipsis",
        )
    for row in cells:
        made.add_row(*row)
    _narrow(console, made, columns, cells)
    if not console.is_terminal:
        gap(console)
    _lay_out(console, made)


def _narrow(console: Console, made: Table, columns: Sequence[Column], cells: list[list[Text]]) -> None:
    """Takes what is too wide from the widest text columns: rich would take from the numbers, too, and a number cut short is a
    wrong number. Where that is not enough the table is wider than the terminal."""
    # A folded column makes room for the others by itself.
    if any(kind == "fold" for _, kind in columns):
        return
    widths = {
        index: max(cell_len(name), *(row[index].cell_len for row in cells))
        for index, (name, kind) in enumerate(columns)
        if kind == "text"
    }
    excess = made.__rich_measure__(console, console.options.update(max_width=10_000)).maximum - console.width
    narrowed = dict(widths)
    while excess > 0 and max(narrowed.values(), default=0) > _NARROWEST:
        widest = max(narrowed, key=narrowed.__getitem__)
        narrowed[widest] -= 1
        excess -= 1
    for index, width in narrowed.items():
        if width < widths[index]:
            made.columns[index].width = width
    if excess > 0:
        made.width = console.width + excess


def _lay_out(console: Console, made: Table) -> None:
    """Prints a table; in a file or a pipe without the blanks that fill its last column."""
    if console.is_terminal:
        console.print(made, crop=False)
        return
    with console.capture() as captured:
        console.print(made)
    console.print(Text("\n".join(row.rstrip() for row in captured.get().splitlines())), soft_wrap=True)


def facts(console: Console, pairs: Iterable[tuple[str, RenderableType | str]]) -> None:
    """Names and values, one a line."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in pairs:
        grid.add_row(Text(name), Text(visible(value)) if isinstance(value, str) else value)
    if grid.row_count:
        _lay_out(console, grid)
