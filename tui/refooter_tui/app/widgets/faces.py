"""The names of the left pane's faces, in one line above it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from refooter_tui.app.widgets.palette import Painted
from refooter_tui.app.widgets.titles import FOCUSED, titled

Face = Literal["views", "causes", "runs"]
_FIRST: Final = 3
FACES: Final[tuple[Face, ...]] = ("views", "causes", "runs")


class FaceNames(Painted):
    """The face that is shown stands in brackets, so that it reads without colour."""

    DEFAULT_CSS = """
    FaceNames { background: $panel; color: $foreground; }
    """

    face: reactive[Face] = reactive("views")
    focused: reactive[bool] = reactive(False, layout=False)
    """Whether the pane has the focus."""

    @dataclass
    class Asked(Message):
        """A face's name was clicked."""

        face: Face

    def render_line(self, y: int) -> Strip:
        palette = self.palette
        mark = FOCUSED if self.focused else " "
        segments = [Segment(f"{mark}1 ", palette.accent if self.focused else palette.muted)]
        for face in FACES:
            here = face == self.face
            style = palette.accent if here and self.focused else palette.strong if here else palette.muted
            segments.append(Segment(f"[{face.title()}]" if here else f" {face.title()} ", style))
        return titled(segments, self.size.width, palette, focused=self.focused)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        start = _FIRST
        for face in FACES:
            stop = start + len(face) + 2
            if start <= event.x < stop:
                self.post_message(self.Asked(face))
            start = stop
