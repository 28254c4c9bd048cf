"""What the app keeps between its starts: how it looked, the whole log. Nothing of the lake, and no part of a password."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

from refooter_tui.app.themes import DEFAULT
from refooter_tui.app.widgets.columns import COLUMN_NAMES, USUAL_COLUMNS
from refooter_tui.app.widgets.faces import FACES, Face
from refooter_tui.model.order import SORTABLE


@dataclass(frozen=True, slots=True)
class Looks:
    """Theme, order, columns, what the panes show, and their sizes in cells: as they were wanted, whether they fit now or not."""

    theme: str = DEFAULT
    sort: str | None = None
    reverse: bool = False
    left: int = 0
    """0 here and for the detail: the pane's share of the window."""
    detail: int = 0
    log: int = 5
    columns: tuple[str, ...] = USUAL_COLUMNS
    face: Face = "views"
    tab: str = "summary"


def state_directory() -> Path:
    """`$XDG_STATE_HOME/refooter`, which may not be there yet."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "refooter"


def load_looks(directory: Path) -> Looks:
    """What was kept. What is missing, of another type, or names nothing there is, is as it would be without."""
    try:
        found = json.loads((directory / "app.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return Looks()
    if not isinstance(found, dict):
        return Looks()
    good = {name: value for name, value in found.items() if name in _CHECKS and _CHECKS[name](value)}
    if "columns" in good:
        good["columns"] = tuple(name for name in COLUMN_NAMES if name in good["columns"])
    return Looks(**good)


def _text(value: object) -> bool:
    return isinstance(value, str)


def _cells(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_CELLS


_MOST_CELLS: Final = 10_000
_CHECKS: Final[dict[str, Callable[[Any], bool]]] = {
    "theme": _text,
    "sort": lambda value: value is None or (_text(value) and value in SORTABLE),
    "reverse": lambda value: isinstance(value, bool),
    "left": _cells,
    "detail": _cells,
    "log": _cells,
    "columns": lambda value: isinstance(value, list) and all(map(_text, value)),
    "face": lambda value: _text(value) and value in FACES,
    "tab": _text,
}


def save_looks(directory: Path, looks: Looks) -> None:
    """Best effort: a directory that cannot be written to costs nothing but the memory."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        temporary = directory / "app.json.new"
        temporary.write_text(json.dumps(asdict(looks)), "utf-8")
        temporary.replace(directory / "app.json")
    except OSError:
        return


def open_log(directory: Path) -> Path | None:
    """Sends all that Python's logging says, and the app's own log, to a rotating file; `None` where none can be written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            directory / "refooter.log", maxBytes=4 << 20, backupCount=3, encoding="utf-8", errors="backslashreplace"
        )
    except OSError:
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger("refooter_tui")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return directory / "refooter.log"
