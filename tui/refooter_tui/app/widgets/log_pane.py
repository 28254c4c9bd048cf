"""The log with its title, which says what of it is shown, and the line that filters it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widgets import Input

from refooter.events import Severity
from refooter_tui.app.keymap import named
from refooter_tui.app.widgets.cells import fit, fit_middle
from refooter_tui.app.widgets.log import LogRecord, LogView
from refooter_tui.app.widgets.one_line import OneLine
from refooter_tui.app.widgets.palette import Painted
from refooter_tui.app.widgets.titles import title, titled
from refooter_tui.text import visible

_LEAST = {Severity.INFO: "", Severity.WARNING: "warnings and errors", Severity.ERROR: "errors"}
_SHORT = {Severity.INFO: "", Severity.WARNING: "≥ warn", Severity.ERROR: "errors"}
_FILE_LEAST = 20
_NEEDLE_MOST = 16


@dataclass(frozen=True, slots=True)
class LogState:
    """What of the log is shown; `file` has all of it, if it could be opened."""

    shown: int = 0
    total: int = 0
    least: Severity = Severity.INFO
    needle: str = ""
    follows: bool = True
    file: str = ""


class LogTitle(Painted):
    """The pane's first line; dragging it resizes the pane. `short`: it stands beside the one line that the log has."""

    DEFAULT_CSS = """
    LogTitle { height: 1; background: $panel; color: $foreground; }
    """

    short: reactive[bool] = reactive(False, layout=True)

    state: reactive[LogState] = reactive(LogState(), layout=True)
    focused: reactive[bool] = reactive(False, layout=False)
    lit: reactive[bool] = reactive(False, layout=False)

    @dataclass
    class Dragged(Message):
        """The title is wanted on this line of the screen."""

        at: int

    @dataclass
    class Clicked(Message):
        """`following`: it was the words that say how to follow the end again."""

        following: bool

    def __init__(self) -> None:
        super().__init__()
        self._gripped = self._dragged = False
        self._follow = range(0)

    def render_line(self, y: int) -> Strip:
        palette, state = self.palette, self.state
        width = self.size.width
        segments = title("6", "Log", palette, focused=self.focused)
        used = sum(cell_len(segment.text) for segment in segments)
        for number, (text, style) in enumerate(self._said(state)):
            lead = "· " if number else " "
            if text.startswith("scrolled"):
                self._follow = range(used, used + cell_len(lead + text))
            segments += [Segment(lead, palette.muted), Segment(f"{text} ", style)]
            used += cell_len(lead + text) + 1
        if not self.short and state.file and width - used > _FILE_LEAST:
            name = visible(state.file)
            room = min(width - used - 1, cell_len(name))
            segments.append(Segment(" " * (width - used - room - 1)))
            segments.append(Segment(fit_middle(name, room), palette.muted))
        strip = titled(segments, width, palette, focused=self.focused)
        return strip.apply_style(Style(underline=True)) if self.lit else strip

    def get_content_width(self, container: Size, viewport: Size) -> int:
        said = self._said(self.state)
        return len(" 6 Log ") + sum(cell_len(text) + 2 for text, _ in said) + max(0, len(said) - 1)

    def _said(self, state: LogState) -> list[tuple[str, Style]]:
        palette = self.palette
        said = []
        if state.needle:
            said.append((f"“{fit(visible(state.needle), _NEEDLE_MOST).rstrip()}”", palette.warning))
        if least := (_SHORT if self.short else _LEAST)[state.least]:
            said.append((least, palette.warning))
        if state.shown != state.total and not self.short:
            said.append((f"{state.shown:,} of {state.total:,}", palette.muted))
        if not state.follows:
            last = named(self.app, "move.last")
            said.append((f"scrolled: {last}" + ("" if self.short else " follows the end"), palette.warning))
        elif not self.short:
            said.append(("follows the end", palette.muted))
        return said

    # mouse

    def on_enter(self) -> None:
        self.lit = True

    def on_leave(self) -> None:
        self.lit = self._gripped

    def on_mouse_down(self, event: events.MouseDown) -> None:
        event.stop()
        self._gripped, self._dragged = True, False
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._gripped and event.y != 0:
            event.stop()
            self._dragged = True
            self.post_message(self.Dragged(event.screen_y))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._gripped:
            event.stop()
            self._gripped = self.lit = False
            self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        event.stop()
        if not self._dragged:
            self.post_message(self.Clicked(event.x in self._follow and not self.state.follows))


class LogPane(Vertical):
    """`/` in the log filters its records by their text as it is typed; the line goes away once it is left empty."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # as the app's: what is typed right behind it is for the filter
        Binding("slash", "search", "Filter the log", id="log.search", priority=True),
    ]
    DEFAULT_CSS = """
    LogPane {
        background: $surface;
        & > LogView { height: 1fr; }
        & > OneLine { height: 1; }
        & > OneLine.-textual-compact { padding: 0 1; }
        &.-bare { layout: horizontal; }
        &.-bare > LogTitle { width: auto; }
    }
    """

    file: reactive[str] = reactive("", init=False)
    """Where the whole log is."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.view = LogView()
        self._title = LogTitle()
        self._line = OneLine("text or path of a log record")
        self._line.display = False

    def compose(self) -> ComposeResult:
        yield self._title
        yield self.view
        yield self._line

    def on_mount(self) -> None:
        self.watch(self.view, "least", self.tell)
        self.watch(self.view, "needle", self.tell)
        self.watch(self.view, "follows", self.tell)
        self.tell()

    def tell(self) -> None:
        """The title is to say what is shown by now."""
        view = self.view
        self._title.state = LogState(view.line_count, view.total, view.least, view.needle, view.follows, self.file)

    @property
    def bare(self) -> bool:
        """Whether the log has one line, which it shares with its title."""
        return self._title.short

    @bare.setter
    def bare(self, bare: bool) -> None:
        self._title.short = bare
        self.set_class(bare, "-bare")
        self._searching(self._line.display)

    def write(self, records: Iterable[LogRecord]) -> None:
        self.view.write(records)
        self.tell()

    def watch_file(self) -> None:
        self.tell()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # what is typed into the line is for the line
        return self.app.focused is not self._line if action == "search" else super().check_action(action, parameters)

    def action_search(self) -> None:
        self._searching(True)
        self.screen.set_focus(self._line, scroll_visible=False)

    def _searching(self, searching: bool) -> None:
        """Not by a class, which would count a moment later: the focus moves at once."""
        self._line.display = searching
        # where there is one line for both, the log gives way
        self.view.display = not (searching and self.bare)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.view.needle = event.value

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._leave()

    def on_one_line_left(self, event: OneLine.Left) -> None:
        event.stop()
        self._leave()

    def on_log_title_clicked(self, event: LogTitle.Clicked) -> None:
        event.stop()
        if event.following:
            self.view.action_last()
        self.view.focus()

    def _leave(self) -> None:
        if not self._line.value or self.bare:
            self._searching(False)
        self.screen.set_focus(self.view, scroll_visible=False)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._title.focused = self.has_focus_within

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self._title.focused = self.has_focus_within
        # while it filters, the line says by what
        if event.widget is self._line and (not self._line.value or self.bare):
            self._searching(False)
