"""What the app keeps between its starts: how it looked, the whole log. Nothing of the lake, and no part of a password."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path


@dataclass
class Looks:
    """Theme, order, and the widths of the panes in cells."""

    theme: str = "textual-dark"
    sort: str | None = None
    reverse: bool = False
    left: int = 36
    detail: int = 0


def state_directory() -> Path:
    """`$XDG_STATE_HOME/refooter`, which may not be there yet."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "refooter"


def load_looks(directory: Path) -> Looks:
    """What was kept, or the defaults where nothing was, or nothing that can be read."""
    try:
        found = json.loads((directory / "app.json").read_text("utf-8"))
        known = {name: found[name] for name in asdict(Looks()) if name in found}
        return Looks(**known) if isinstance(found, dict) else Looks()
    except (OSError, ValueError, TypeError):
        return Looks()


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
