"""The journal's runs, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.message import Message

from refooter.catalog.journal import RunRecord, RunState
from refooter.values import Outcome, Status, time_text
from refooter_tui.app.widgets.cells import amount, fit
from refooter_tui.app.widgets.lines import LinePane
from refooter_tui.app.widgets.palette import Palette
from refooter_tui.model.codes import code_of

_STATE: Final = {
    RunState.RUNNING: ("●", Status.STALE),
    RunState.FINISHED: ("✓", Status.OK),
}
_OTHER_STATE: Final = ("✗", Status.CORRUPT)
_WRITTEN: Final = (Outcome.MIGRATED, Outcome.RESTORED)
_AMISS: Final = (Outcome.FAILED, Outcome.CONFLICT)


class RunsPane(LinePane):
    """One line a run: state, number, kind, when, how many entries it wrote, how many went wrong."""

    BINDING_GROUP_TITLE = "Runs"

    @dataclass
    class RunOpened(Message):
        """The result of this run was asked for."""

        run_id: int

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.placeholder = "no runs yet: m plans one"
        self._runs: list[RunRecord] = []

    def show(self, runs: Sequence[RunRecord]) -> None:
        """The journal's runs; the cursor stays with its run."""
        here = self.run_id
        self._runs = sorted(runs, key=lambda run: run.run_id, reverse=True)
        for line, run in enumerate(self._runs):
            if run.run_id == here:
                self._cursor = line
        self.lines_changed()
        self.show_line(self._cursor)

    @property
    def run_id(self) -> int | None:
        """The run under the cursor."""
        return self._runs[self._cursor].run_id if self._runs else None

    @property
    def newest(self) -> int | None:
        return self._runs[0].run_id if self._runs else None

    @property
    def line_count(self) -> int:
        return len(self._runs)

    def opened(self) -> None:
        run_id = self.run_id
        if run_id is not None:
            self.post_message(self.RunOpened(run_id))

    def paint(self, line: int, width: int, palette: Palette, cursor: bool) -> list[Segment]:
        run = self._runs[line]
        symbol, status = _STATE.get(run.state, _OTHER_STATE)
        style = palette.status[code_of(status)]
        written = sum(run.counts.get(outcome.value, 0) for outcome in _WRITTEN)
        amiss = sum(run.counts.get(outcome.value, 0) for outcome in _AMISS)
        started = (time_text(run.started) or "")[5:16].replace("T", " ")
        segments = [
            Segment("▌" if cursor and self.has_focus else " ", palette.accent),
            Segment(f"{symbol} ", style),
            Segment(fit(f"{run.run_id}", 5), Style(bold=True)),
            Segment(fit(run.kind, 9)),
        ]
        if width >= 38:
            segments.append(Segment(fit(started, 12), palette.muted))
        segments.append(Segment(fit(amount(written, 7), 7, right=True)))
        tail = width - sum(len(segment.text) for segment in segments)
        failed = palette.status[code_of(Status.CORRUPT)]
        if run.state is not RunState.FINISHED and not amiss:
            segments.append(Segment(fit(f" {run.state.value}", max(0, tail)), style))
        elif run.images_dropped is not None and not amiss:
            segments.append(Segment(fit(" images dropped", max(0, tail)), palette.muted))
        else:
            segments.append(Segment(fit(f" ✗{amount(amiss, 6)}" if amiss else "", max(0, tail)), failed))
        return segments
