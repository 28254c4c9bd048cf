"""What can be copied of an entry, and the menu for it. A terminal never says whether it took a copy, so a file gets it too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.widgets import Static

from refooter.jobs.inspect import Inspection
from refooter.values import time_text
from refooter_tui.app.screens.dialog import Dialog
from refooter_tui.model.codes import CAUSES, FILE_STATES, OUTCOMES, STATUSES
from refooter_tui.model.columns import TIME_MISSING
from refooter_tui.model.table import EntryTable
from refooter_tui.text import visible


def copies_of(table: EntryTable, row: int, found: Inspection | None) -> dict[str, tuple[str, str]]:
    """By key: what it is called, and its true text."""
    path = table.path(row)
    error = int(table.error[row])
    copies = {"p": ("path", path), "j": ("row as JSON", json.dumps(_fields(table, row), ensure_ascii=True))}
    if error >= 0:
        copies["e"] = ("error", table.errors[error])
    if found is not None and found.name == path:
        copies["d"] = ("diagnosis", "\n".join((found.diagnosis.cause.value, *found.diagnosis.evidence)))
        if found.value is not None:
            copies["h"] = ("value as hex", found.value.hex())
    copies["i"] = ("inspect command", f"refooter inspect {path!r}")
    return copies


def _fields(table: EntryTable, row: int) -> dict[str, Any]:
    def of(names: tuple[Any, ...], code: int) -> str | None:
        return None if code < 0 else str(names[code].value)

    time = int(table.insert_time[row])
    return {
        "file_path": table.path(row),
        "view": table.views[int(table.view[row])],
        "status": of(STATUSES, int(table.status[row])),
        "cause": of(CAUSES, int(table.cause[row])),
        "insert_time": None if time == TIME_MISSING else time_text(time),
        "num_rows": _known(int(table.num_rows[row])),
        "file_size": _known(int(table.file_size[row])),
        "blob_size": int(table.blob_size[row]),
        "format_version": _known(int(table.version[row])),
        "file_state": of(FILE_STATES, int(table.file_state[row])),
        "outcome": of(OUTCOMES, int(table.outcome[row])),
        "orphan": bool(table.orphan[row]),
    }


def _known(number: int) -> int | None:
    return None if number < 0 else number


class CopyMenu(Dialog[None]):
    def __init__(self, copies: Mapping[str, tuple[str, str]], directory: Path) -> None:
        super().__init__("Copy", "a key copies   [b]esc[/b] close")
        self._copies, self._directory = copies, directory

    def compose_body(self) -> ComposeResult:
        lines = [f"{key}  {name}: {visible(text)[:60]}" for key, (name, text) in self._copies.items()]
        yield Static("\n".join(lines), markup=False)

    def on_key(self, event: events.Key) -> None:
        if event.key not in self._copies:
            return
        event.stop()
        name, text = self._copies[event.key]
        self.app.copy_to_clipboard(text)
        saved = self._save(text)
        self.app.notify(f"{name} sent to the terminal{saved}", markup=False)
        self.dismiss(None)

    def _save(self, text: str) -> str:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            (self._directory / "copied.txt").write_text(text, "utf-8", "surrogateescape")
        except OSError:
            return ""
        return f", and saved to {self._directory / 'copied.txt'}"
