"""The columns of the entries table: what each shows of an entry, and which fit into how many cells."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from rich.style import Style

from refooter.values import Cause, FileState, Outcome, Reason, time_text
from refooter_tui.app.widgets.cells import amount, byte_size, fit, fit_middle
from refooter_tui.app.widgets.palette import SYMBOLS, Palette
from refooter_tui.model.codes import CAUSES, FILE_STATES, LAYOUTS, OUTCOMES, REASONS, STATUSES, code_of
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


def _view(table: EntryTable, row: int, width: int, palette: Palette) -> tuple[str, Style]:
    return fit_middle(visible(table.views[int(table.view[row])]), width), Style.null()


def _layout(table: EntryTable, row: int, width: int, palette: Palette) -> tuple[str, Style]:
    code = int(table.layout[row])
    return fit("" if code < 0 else LAYOUTS[code].value, width), Style.null()


def _last_run(table: EntryTable, row: int, width: int, palette: Palette) -> tuple[str, Style]:
    run = int(table.last_run[row])
    return fit("" if run < 0 else str(run), width, right=True), Style.null()


def _error(table: EntryTable, row: int, width: int, palette: Palette) -> tuple[str, Style]:
    error = int(table.error[row])
    return fit("" if error < 0 else visible(table.errors[error]), width), palette.status[int(table.status[row])]


def _others(table: EntryTable, row: int, width: int, palette: Palette) -> tuple[str, Style]:
    bits = int(table.causes[row]) & 0xFFFF
    worst = int(table.cause[row])
    names = [cause.value for code, cause in enumerate(CAUSES) if bits >> code & 1 and code not in (worst, _NO_CAUSE)]
    return fit(", ".join(names), width), Style.null()


_OUTCOME_WIDE: Final = len("failed ") + max(len(reason.value) for reason in Reason)
_CAUSE_NARROW: Final = 14
_CAUSE_WIDE: Final = max(len(cause.value) for cause in CAUSES)
_PATH_LEAST: Final = 24
_PATH_EASY: Final = 44
_PATH_AMPLE: Final = 90
_INSERTED: Final = 3

COLUMNS: Final = (
    Column("status", "status", 9, 9, 0, _status),
    Column("cause", "cause", _CAUSE_NARROW, _CAUSE_WIDE, 2, _cause),
    Column("path", "path", _PATH_LEAST, _PATH_AMPLE, 1, _path),
    Column("insert_time", "inserted (UTC)", 16, 19, _INSERTED, _insert_time),
    Column("num_rows", "rows", 7, 11, 6, _num_rows, right=True),
    Column("file_size", "file", 9, 9, 7, _file_size, right=True),
    Column("blob_size", "blob", 9, 9, 8, _blob_size, right=True),
    Column("version", "ver", 4, 4, 9, _version, right=True),
    Column("file_state", "file state", 11, 11, 5, _file_state),
    Column("outcome", "outcome", 17, _OUTCOME_WIDE, 4, _outcome),
    Column("view", "view", 20, 36, 10, _view),
    Column("layout", "layout", 14, 14, 11, _layout),
    Column("causes", "also", 14, 30, 13, _others),
    Column("last_run", "run", 6, 6, 14, _last_run, right=True),
    Column("error", "target parser", 24, 46, 12, _error),
)
COLUMN_NAMES: Final = tuple(column.name for column in COLUMNS)
_EXTRA: Final = ("view", "layout", "causes", "last_run", "error")
USUAL_COLUMNS: Final = tuple(name for name in COLUMN_NAMES if name not in _EXTRA)
"""What is shown until somebody chooses."""
ALWAYS: Final = ("status", "path")
"""What cannot be left out."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A column and where it stands: `start` is its first cell, `width` how many it has, without the gap behind it."""

    column: Column
    start: int
    width: int


def place(width: int, gutter: int, wanted: Collection[str] = USUAL_COLUMNS) -> list[Placed]:
    """Which of the wanted columns stand where in `width` cells of which the first `gutter` are taken. The least important go
    first; the path takes what is left over."""
    kept = [column for column in COLUMNS if column.name in wanted or column.name in ALWAYS]
    while len(kept) > 2:
        lightest = max(kept, key=_lightness)
        # what is merely nice to have is not worth a path of which nothing but the end is left
        path = _PATH_EASY if _lightness(lightest) > _INSERTED else _PATH_LEAST
        if _needed(kept) + path - _PATH_LEAST <= width - gutter:
            break
        kept.remove(lightest)
    widths = {column.name: column.narrow for column in kept}
    spare = width - gutter - _needed(kept)
    # first the cause in full, then a readable path, then the other columns, then all the rest to the path
    if "cause" in widths and spare >= (more := _CAUSE_WIDE - _CAUSE_NARROW):
        widths["cause"] = _CAUSE_WIDE
        spare -= more
    easy = max(0, min(spare, _PATH_EASY - _PATH_LEAST))
    widths["path"] += easy
    spare -= easy
    for column in sorted(kept, key=_lightness):
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


def _lightness(column: Column) -> float:
    """What was chosen on purpose goes later than what is there anyway, after status, path and cause."""
    return 2 + column.rank / 100 if column.name in _EXTRA else column.rank


def _needed(columns: list[Column]) -> int:
    return sum(column.narrow for column in columns) + len(columns) - 1
