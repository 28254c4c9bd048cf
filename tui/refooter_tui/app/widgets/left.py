"""The pane on the left: one of three faces at a time, views, causes and runs."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.reactive import reactive
from textual.widgets import ContentSwitcher

from refooter_tui.app.widgets.causes import CausesPane
from refooter_tui.app.widgets.faces import FACES, Face, FaceNames
from refooter_tui.app.widgets.lines import LinePane
from refooter_tui.app.widgets.runs import RunsPane
from refooter_tui.app.widgets.views import ViewsPane


class LeftPane(Vertical):
    """`[` and `]` turn from face to face. Its faces are told what to show: `views`, `causes`, `runs`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("[", "turn(-1)", "Previous face", show=False, id="left.previous"),
        Binding("]", "turn(1)", "Next face", id="left.next"),
    ]
    DEFAULT_CSS = """
    LeftPane {
        background: $surface;
        & > FaceNames { height: 1; }
        & > ContentSwitcher { height: 1fr; }
        & LinePane { height: 1fr; }
    }
    """

    face: reactive[Face] = reactive("views", init=False)

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.views = ViewsPane(id="left-views")
        self.causes = CausesPane(id="left-causes")
        self.runs = RunsPane(id="left-runs")
        self._names = FaceNames()

    def compose(self) -> ComposeResult:
        yield self._names
        with ContentSwitcher(initial="left-views"):
            yield self.views
            yield self.causes
            yield self.runs

    @property
    def showing(self) -> LinePane:
        """The face that is seen: what gets the focus when the pane does."""
        shown: dict[Face, LinePane] = {"views": self.views, "causes": self.causes, "runs": self.runs}
        return shown[self.face]

    def watch_face(self, face: Face) -> None:
        had_focus = any(pane.has_focus for pane in (self.views, self.causes, self.runs))
        self.query_one(ContentSwitcher).current = f"left-{face}"
        self._names.face = face
        if had_focus:
            self.showing.focus()

    def action_turn(self, by: int) -> None:
        self.face = FACES[(FACES.index(self.face) + by) % len(FACES)]

    def on_face_names_asked(self, event: FaceNames.Asked) -> None:
        event.stop()
        self.face = event.face
        self.showing.focus()
