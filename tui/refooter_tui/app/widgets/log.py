"""The log at the bottom: a ring of records behind a line-virtualised view that follows its end until it is scrolled."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from refooter.events import Severity
from refooter_tui.app.widgets.cells import fit
from refooter_tui.app.widgets.lines import LinePane
from refooter_tui.app.widgets.palette import Palette
from refooter_tui.text import visible

RING: Final = 10_000
_WORDS: Final = {Severity.INFO: "info ", Severity.WARNING: "warn ", Severity.ERROR: "error"}
_RANK: Final = {severity: rank for rank, severity in enumerate(Severity)}
_NEXT: Final = {Severity.INFO: Severity.WARNING, Severity.WARNING: Severity.ERROR, Severity.ERROR: Severity.INFO}


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One line: a batch, a failure, a burst of retries, a change of state. `path`: the entry it is about, if it is about one."""

    time: datetime
    severity: Severity
    text: str
    path: str | None = None

    def line(self) -> str:
        """The record as the log file has it, in its true text: time in RFC 3339, severity, text."""
        stamp = self.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return f"{stamp} {self.severity.value} {self.text}"


class LogView(LinePane):
    """The last `RING` records that pass the filter, oldest first."""

    BINDING_GROUP_TITLE = "Log"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "severity", "Severity", id="log.severity"),
    ]

    least: reactive[Severity] = reactive(Severity.INFO, layout=False, init=False)
    """The least severity that is shown."""
    needle: reactive[str] = reactive("", layout=False, init=False)
    """Only records whose text or path holds this, in any case, are shown."""
    follows: reactive[bool] = reactive(True, layout=False, init=False)
    """Whether the end stays in sight when records come."""

    @dataclass
    class JumpTo(Message):
        """The entry of the record under the cursor was asked for."""

        path: str

    @dataclass
    class FollowChanged(Message):
        """The view follows its end again, or was scrolled away from it."""

        follows: bool

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.placeholder = "nothing has happened yet"
        self._ring: deque[LogRecord] = deque(maxlen=RING)
        # records that pass the filter, with their number since the start; numbers below `_first` have left the ring
        self._shown: deque[tuple[int, LogRecord]] = deque()
        self._first = 0

    def write(self, records: Iterable[LogRecord]) -> None:
        """Appends records; what was on the screen stays there unless the view follows."""
        number = self._first + len(self._ring)
        for record in records:
            if len(self._ring) == RING:
                self._first += 1
            self._ring.append(record)
            if self._passes(record):
                self._shown.append((number, record))
            number += 1
        gone = 0
        while self._shown and self._shown[0][0] < self._first:
            self._shown.popleft()
            gone += 1
        top = self.scroll_offset.y
        self._cursor = max(0, self._cursor - gone)
        self.lines_changed()
        if self.follows:
            self.move_to(self.line_count - 1)
        elif gone:
            self.scroll_to(y=max(0, top - gone), animate=False, force=True)

    @property
    def total(self) -> int:
        """How many records the ring holds, shown or not."""
        return len(self._ring)

    @property
    def record(self) -> LogRecord | None:
        """The record under the cursor."""
        return self._shown[self._cursor][1] if self._shown else None

    def records(self) -> list[LogRecord]:
        """All records that are shown, oldest first: what is copied or saved of the log."""
        return [record for _, record in self._shown]

    def _passes(self, record: LogRecord) -> bool:
        if _RANK[record.severity] < _RANK[self.least]:
            return False
        needle = self.needle.casefold()
        return not needle or needle in record.text.casefold() or needle in (record.path or "").casefold()

    def _filter(self) -> None:
        at = self._shown[self._cursor][0] if self._shown else 0
        self._shown = deque(
            (number, record) for number, record in enumerate(self._ring, self._first) if self._passes(record)
        )
        self.placeholder = "nothing passes the log's filter" if self._ring else "nothing has happened yet"
        self._cursor = sum(1 for number, _ in self._shown if number < at)
        self.lines_changed()
        self.move_to(self.line_count - 1 if self.follows else self._cursor)

    def watch_least(self) -> None:
        self._filter()

    def watch_needle(self) -> None:
        self._filter()

    # painting

    @property
    def line_count(self) -> int:
        return len(self._shown)

    def paint(self, line: int, width: int, palette: Palette, cursor: bool) -> list[Segment]:
        record = self._shown[line][1]
        style = palette.severity[record.severity]
        stamp = record.time.astimezone(UTC).strftime("%H:%M:%S")
        text = visible(record.text)
        if record.path is not None:
            text = f"{text}  ↵"
        return [
            Segment("▌" if cursor and self.has_focus else " ", palette.accent),
            Segment(f"{stamp} ", palette.muted),
            Segment(f"{_WORDS[record.severity]} ", style),
            Segment(fit(text, max(1, width - 16)), style if record.severity is not Severity.INFO else None),
        ]

    # following

    def cursor_moved(self, before: int) -> None:
        self.follows = self._cursor >= self.line_count - 1

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        # the mouse wheel and the scrollbar leave the cursor alone, but not the end
        if round(new_value) < round(old_value):
            if self._cursor >= self.shown_lines.stop:
                self.follows = False
        elif self.line_count and self.shown_lines.stop >= self.line_count:
            self.follows = True

    def watch_follows(self, follows: bool) -> None:
        self.post_message(self.FollowChanged(follows))

    def action_severity(self) -> None:
        """Everything, then warnings and errors, then errors alone."""
        self.least = _NEXT[self.least]

    def opened(self) -> None:
        record = self.record
        if record is not None and record.path is not None:
            self.post_message(self.JumpTo(record.path))
