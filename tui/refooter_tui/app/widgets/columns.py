"""The columns of the entries table: what each shows of an entry, and which fit into how many cells."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from rich.style import Style

from refooter.values import Cause, FileState, Outcome, Reason, time_text
from refooter_tui.app.widgets.cells import amount, byte_size, fit, fit_middle
from refooter_tui.app.widgets.palette import SYMBOLS, Palette
from refooter_tui.model.codes import CAUSES, FILE_STATES, OUTCOMES, REASONS, STATUSES, code_of
from refooter_tui.model.columns import TIME_MISSING
from refooter_tui.model.table import EntryTable
from refooter_tui.text import visible

_STATUS_WORDS: Final = tuple(f"{symbol} {status.value}" for symbol, status in zip(SYMBOLS, STATUSES, strict=True))
_CAUSE_STATUS: Final = tuple(code_of(cause.status) for cause in CAUSES)
_FAILED: Final = code_of(Outcome.FAILED)
_NO_CAUSE: Final = code_of(Cause.NONE)
_UNCHECKED: Final = code_of(FileState.UNCHECKED)

Cell = Callable[[EntryTable, int, int, Palette], tuple[str, Style]]
"""(table, row, width, palette) -> text of exactly `width` cells, and its style."""


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is what the model sorts by. The column is `narrow` cells wide, `wide` where there is room. `rank`: the lower, the
    longer it stays when the room gets less."""

    name: str
    title: str
    narrow: int
    wide: int
    rank: int
    cell: Cell
    right: bool = False


def _status(table: EntryTable, row: int, width: int, palette: Palette) -> tuple[str, Style]:
    code = int(table.status[row])
    return fit(_STATUS_WORDS[code], width), palette.status[code]


def _cause(table: EntryTable, row: int, width: int, palette: Palette) -> tuple[str, Style]:
    code = int(table.cause[row])
    if code < 0 or code == _NO_CAUSE:
        return " " * width, palette.muted
    return fit(CAUSES[code].value, width), palette.status[_CAUSE_STATUS[code]]


def _path(table: EntryTable, row: int, width: int, palette: Palette) -> tuple[str, Style]:
    return fit_middle(visible(table.path(row)), width), Style.null()


def _insert_time(table: EntryTable, row: int, width: int, palette: Palette) -> tuple[str, Style]:
    text = moment(int(table.insert_time[row]))
    # in a narrow column without seconds
    return fit(text[:width] if text[:1].isdigit() else text, width), Style.null()


def moment(micros: int) -> str:
    """An insert time of the model as `2025-06-14 09:12:33` (UTC), the infinities by name, `?` where there is none."""
    if micros == TIME_MISSING:
        return "?"
    text = time_text(micros) or "?"
    return text[:19].replace("T", " ") if text[:1].isdigit() else text


def _num_rows(table: EntryTable, row: int, width: int, palette: Palette) -> tuple[str, Style]:
    return _amount(int(table.num_rows[row]), width, palette)


def _file_size(table: EntryTable, row: int, width: int, palette: Palette) -> tuple[str, Style]:
    return _size(int(table.file_size[row]), width, palette)


def _blob_size(table: EntryTable, row: int, width: int, palette: Palette) -> tuple[str, Style]:
    return _size(int(table.blob_size[row]), width, palette)


def _amount(value: int, width: int, palette: Palette) -> tuple[str, Style]:
    if value < 0:
        return fit("?", width, right=True), palette.muted
    return fit(amount(value, width), width, right=True), Style.null()


def _size(value: int, width: int, palette: Palette) -> tuple[str, Style]:
    if value < 0:
        return fit("?", width, right=True), palette.muted
    return fit(byte_size(value), width, right=True), Style.null()


def _version(table: EntryTable, row: int, width: int, palette: Palette) -> tuple[str, Style]:
    value = int(table.version[row])
    return fit("–" if value < 0 else f"v{value}", width, right=True), Style.null() if value >= 0 else palette.muted


def _file_state(table: EntryTable, row: int, width: int, palette: Palette) -> tuple[str, Style]:
    code = int(table.file_state[row])
    if code < 0 or code == _UNCHECKED:
        return " " * width, palette.muted
    return fit(FILE_STATES[code].value, width), palette.file_state[code]


def _outcome(table: EntryTable, row: int, width: int, palette: Palette) -> tuple[str, Style]:
    code = int(table.outcome[row])
    if code < 0:
        return " " * width, palette.muted
    text = OUTCOMES[code].value
    reason = int(table.reason[row])
    if code == _FAILED and reason >= 0:
        # where only one of the two fits, the reason says more
        text = REASONS[reason].value if width < _OUTCOME_WIDE else f"{text} {REASONS[reason].value}"
    return fit(text, width), palette.outcome[code]


_OUTCOME_WIDE: Final = len("failed ") + max(len(reason.value) for reason in Reason)
_CAUSE_NARROW: Final = 14
_CAUSE_WIDE: Final = max(len(cause.value) for cause in CAUSES)
_PATH_LEAST: Final = 24
_PATH_EASY: Final = 44
_PATH_AMPLE: Final = 90

COLUMNS: Final = (
    Column("status", "status", 9, 9, 0, _status),
    Column("cause", "cause", _CAUSE_NARROW, _CAUSE_WIDE, 2, _cause),
    Column("path", "path", _PATH_LEAST, _PATH_AMPLE, 1, _path),
    Column("insert_time", "inserted (UTC)", 16, 19, 3, _insert_time),
    Column("num_rows", "rows", 7, 11, 6, _num_rows, right=True),
    Column("file_size", "file", 9, 9, 7, _file_size, right=True),
    Column("blob_size", "blob", 9, 9, 8, _blob_size, right=True),
    Column("version", "ver", 4, 4, 9, _version, right=True),
    Column("file_state", "file state", 11, 11, 5, _file_state),
    Column("outcome", "outcome", 17, _OUTCOME_WIDE, 4, _outcome),
)
COLUMN_NAMES: Final = tuple(column.name for column in COLUMNS)


@dataclass(frozen=True, slots=True)
class Placed:
    """A column and where it stands: `start` is its first cell, `width` how many it has, without the gap behind it."""

    column: Column
    start: int
    width: int


def place(width: int, gutter: int, wanted: Collection[str] = COLUMN_NAMES) -> list[Placed]:
    """Which of the wanted columns stand where in `width` cells of which the first `gutter` are taken. The least important go
    first; the path takes what is left over."""
    kept = [column for column in COLUMNS if column.name in wanted or column.name in ("status", "path")]
    while len(kept) > 2 and _needed(kept) > width - gutter:
        kept.remove(max(kept, key=lambda column: column.rank))
    widths = {column.name: column.narrow for column in kept}
    spare = width - gutter - _needed(kept)
    # first the cause in full, then a readable path, then the other columns, then all the rest to the path
    if "cause" in widths and spare >= (more := _CAUSE_WIDE - _CAUSE_NARROW):
        widths["cause"] = _CAUSE_WIDE
        spare -= more
    easy = max(0, min(spare, _PATH_EASY - _PATH_LEAST))
    widths["path"] += easy
    spare -= easy
    for column in sorted(kept, key=lambda column: column.rank):
        if column.name != "path" and 0 < (more := column.wide - widths[column.name]) <= spare:
            widths[column.name] = column.wide
            spare -= more
    widths["path"] = max(1, widths["path"] + spare)
    placed = []
    start = gutter
    for column in kept:
        placed.append(Placed(column, start, widths[column.name]))
        start += widths[column.name] + 1
    return placed


def _needed(columns: list[Column]) -> int:
    return sum(column.narrow for column in columns) + len(columns) - 1
