"""What can be copied of an entry, and of the selection: true texts, made when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from refooter.diagnosis.marks import Mark, MarkSource
from refooter.jobs.export import COLUMNS
from refooter.jobs.export import row as exported
from refooter.jobs.inspect import Inspection
from refooter.values import Cause, time_text
from refooter_tui.app.command import HERE, Where, inspect_command
from refooter_tui.cli import words
from refooter_tui.model.codes import (
    CAUSES,
    FILE_STATES,
    LAYOUTS,
    OUTCOMES,
    REASONS,
    STATUSES,
    UNKNOWN,
    code_of,
)
from refooter_tui.model.columns import TIME_MISSING
from refooter_tui.model.table import EntryTable

# What a line of the menu can show of a text; the whole may be megabytes.
_MOST_PREVIEW: Final = 200
_SOUND: Final = code_of(Cause.NONE)


@dataclass(frozen=True, slots=True)
class Copy:
    """A thing to copy. `text` makes the whole of it, in any thread; where there is nothing, `why` says why. `preview` is its
    beginning, `size` how much it is, both for the menu. `path_like`: its end tells more than its middle."""

    key: str
    name: str
    text: Callable[[], str] | None = None
    preview: str = ""
    size: str = ""
    why: str = ""
    path_like: bool = False


@dataclass(frozen=True, slots=True)
class Copies:
    """Of one entry, and of the selection. Reads the table when it is asked, not when it is made."""

    table: EntryTable
    row: int
    found: Inspection | None = None
    store: str | None = None
    selected: Callable[[], Sequence[str]] | None = None
    selected_count: int = 0
    where: Where = HERE

    @property
    def path(self) -> str:
        return self.table.path(self.row)

    def items(self, found: Inspection | None, problem: str = "") -> list[Copy]:
        """The menu's lines. `found` is the entry decoded; `problem` says why it is not."""
        path = self.path
        return [
            _short("p", "path", path, path_like=True),
            self._uri(path),
            self._error(found),
            *_of_value(found, problem or "the entry is still being read"),
            _short("j", "row as JSON", row_as_json(self.table, self.row, found)),
            _short("i", "inspect command", inspect_command(path, self.where)),
            self._list(),
        ]

    def _uri(self, path: str) -> Copy:
        if self.store is None:
            return Copy("u", "URI", why="no object store is named, so there is no root to the path")
        return _short("u", "URI", f"{self.store.rstrip('/')}/{path}", path_like=True)

    def _error(self, found: Inspection | None) -> Copy:
        index = int(self.table.error[self.row])
        text = found.diagnosis.error if found is not None else self.table.errors[index] if index >= 0 else None
        if text is not None:
            return _short("e", "error", text)
        if found is None and self.table.status[self.row] == UNKNOWN:
            return Copy("e", "error", why="the entry is not scanned yet")
        return Copy("e", "error", why="the target parser has nothing to say against it")

    def _list(self) -> Copy:
        if not self.selected_count or self.selected is None:
            return Copy("l", "selected paths", why="nothing is selected")
        selected = self.selected
        many = f"{self.selected_count:,} path{'s' if self.selected_count != 1 else ''}"
        return Copy("l", "selected paths", lambda: "".join(f"{path}\n" for path in selected()), f"{many}, one a line")


def copies_of(
    table: EntryTable,
    row: int,
    found: Inspection | None,
    *,
    store: str | None = None,
    selected: Callable[[], Sequence[str]] | None = None,
    selected_count: int = 0,
    where: Where = HERE,
) -> Copies:
    """`found` counts only if it is of this row. `store` is the root as the store shows it (`LakeInfo.store`)."""
    own = found if found is not None and found.name == table.path(row) else None
    return Copies(table, row, own, store, selected, selected_count, where)


def _short(key: str, name: str, text: str, *, path_like: bool = False) -> Copy:
    return Copy(
        key, name, lambda: text, text[-_MOST_PREVIEW:] if path_like else text[:_MOST_PREVIEW], path_like=path_like
    )


def _of_value(found: Inspection | None, why: str) -> list[Copy]:
    if found is None:
        return [Copy("d", "diagnosis", why=why), Copy("h", "hex", why=why), Copy("g", "faulty bytes", why=why)]
    said = diagnosis_in_words(found)
    first = f"{found.diagnosis.status}, {words.CAUSES[found.diagnosis.cause]}"
    return [Copy("d", "diagnosis", lambda: said, first), _hex(found), _faulty(found)]


def _hex(found: Inspection) -> Copy:
    value = found.value
    if value is None:
        return Copy("h", "hex", why="the value is too large to have been read")
    if not value:
        return Copy("h", "hex", why="the value is empty")
    return Copy("h", "hex", value.hex, value[: _MOST_PREVIEW // 2].hex(), _bytes(len(value)))


def _faulty(found: Inspection) -> Copy:
    value, ranges = found.value, _faulty_ranges(found.marks)
    if value is None or not ranges:
        return Copy("g", "faulty bytes", why="no bytes of the value are marked as faulty")
    pieces = [(start, value[start:end]) for start, end in ranges]
    preview = pieces[0][1][: _MOST_PREVIEW // 2].hex()
    size = _bytes(sum(len(piece) for _, piece in pieces))

    def text() -> str:
        if len(pieces) == 1:
            return pieces[0][1].hex()
        return "".join(f"{start}-{start + len(piece) - 1}: {piece.hex()}\n" for start, piece in pieces)

    return Copy("g", "faulty bytes", text, preview, size)


def _faulty_ranges(marks: Sequence[Mark]) -> list[tuple[int, int]]:
    """What the diagnosis points at; else what the decoder does. In the value's order, none twice, empty ones left out."""
    for source in (MarkSource.EVIDENCE, MarkSource.FINDING):
        ranges = {(mark.start, mark.end) for mark in marks if mark.source is source and mark.end > mark.start}
        if ranges:
            return sorted(ranges)
    return []


def _bytes(count: int) -> str:
    return f"{count:,} byte{'s' if count != 1 else ''}"


def diagnosis_in_words(found: Inspection) -> str:
    """What is wrong with a value, by what that is known, and what would take its place: lines for a ticket."""
    diagnosis = found.diagnosis
    lines = [
        found.name,
        f"{diagnosis.status}: {diagnosis.cause}, {words.CAUSES[diagnosis.cause]}",
        f"value: {_bytes(found.size)}, layout {diagnosis.layout}",
    ]
    others = [cause.value for cause in diagnosis.causes if cause is not diagnosis.cause]
    lines += [f"also: {', '.join(others)}"] if others else []
    lines += [f"target parser: {diagnosis.error}"] if diagnosis.error is not None else []
    lines += [f"evidence: {said}" for said in diagnosis.evidence]
    if found.after is not None:
        replacement = found.after.replacement
        said = (replacement.outcome, replacement.how, replacement.sentence)
        lines.append(f"a migration: {', '.join(filter(None, said))}")
    return "\n".join(lines)


def row_as_json(table: EntryTable, row: int, found: Inspection | None) -> str:
    """One line with the columns that `export` writes, in its order; from the entry decoded, where it is, what the table lacks."""
    return json.dumps(_fields(table, row, found))


def _fields(table: EntryTable, row: int, found: Inspection | None) -> dict[str, Any]:
    fields = _of_table(table, row)
    if found is not None and found.result is not None:
        seen = exported(found.result)
        # What became of the file and of the entry in runs is known to the table only.
        fields |= {name: seen[name] for name in COLUMNS if name not in ("file_state", "outcome", "reason", "sentence")}
    return {name: fields[name] for name in COLUMNS}


def _of_table(table: EntryTable, row: int) -> dict[str, Any]:
    def member(names: Sequence[Any], column: str) -> str | None:
        code = int(table.column(column)[row])
        return None if code < 0 else str(names[code].value)

    time, error, bits = int(table.insert_time[row]), int(table.error[row]), int(table.causes[row])
    view_set, _, instance = table.views[int(table.view[row])].partition("/")
    return {
        "file_path": table.path(row),
        "view_set_name": None if view_set == "?" else view_set,
        "view_instance_id": None if instance == "?" else instance,
        "status": member(STATUSES, "status"),
        "cause": member(CAUSES, "cause"),
        "causes": [CAUSES[code].value for code in range(len(CAUSES) - 1, _SOUND, -1) if bits >> code & 1],
        "error": None if error < 0 else table.errors[error],
        "layout": member(LAYOUTS, "layout"),
        "blob_size": int(table.blob_size[row]),
        "num_rows": None,
        "catalog_num_rows": _known(int(table.num_rows[row])),
        "file_size": _known(int(table.file_size[row])),
        "format_version": _known(int(table.version[row])),
        "insert_time": None if time == TIME_MISSING else time_text(time),
        "orphan": bool(table.orphan[row]),
        "file_state": member(FILE_STATES, "file_state"),
        "outcome": member(OUTCOMES, "outcome"),
        "reason": member(REASONS, "reason"),
        "sentence": None,
    }


def _known(number: int) -> int | None:
    return None if number < 0 else number
