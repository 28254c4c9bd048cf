"""The names of the left pane's faces, in one line above it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from refooter_tui.app.widgets.palette import Painted

Face = Literal["views", "causes", "runs"]
FACES: Final[tuple[Face, ...]] = ("views", "causes", "runs")


class FaceNames(Painted):
    """The face that is shown stands in brackets, so that it reads without colour."""

    face: reactive[Face] = reactive("views")

    @dataclass
    class Asked(Message):
        """A face's name was clicked."""

        face: Face

    def render_line(self, y: int) -> Strip:
        palette = self.palette
        segments = [Segment(" ")]
        for face in FACES:
            here = face == self.face
            segments.append(
                Segment(f"[{face.title()}]" if here else f" {face.title()} ", palette.accent if here else palette.muted)
            )
        under = palette.base + palette.header + Style(bold=False)
        return Strip(Segment.apply_style(segments, under)).adjust_cell_length(self.size.width, under)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        start = 1
        for face in FACES:
            stop = start + len(face) + 2
            if start <= event.x < stop:
                self.post_message(self.Asked(face))
            start = stop
