"""The panes: which there are, where they stand, how large they are, which has the focus. Knows nothing of the lake."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from refooter_tui.app.detail import TABS, DetailPane
from refooter_tui.app.driver import SteadyDriver
from refooter_tui.app.runbar import RunBar
from refooter_tui.app.screens.columns import ColumnsScreen
from refooter_tui.app.sizes import TIMELINE_LOW, WIDE, Sizes, fitting
from refooter_tui.app.state import Looks, load_looks
from refooter_tui.app.themes import ANSI_DARK, ANSI_LIGHT, DEFAULT, THEMES
from refooter_tui.app.widgets.chips import FilterLine
from refooter_tui.app.widgets.divider import Divider
from refooter_tui.app.widgets.entries import EntriesTable
from refooter_tui.app.widgets.faces import Face, FaceNames
from refooter_tui.app.widgets.header import HeaderBar
from refooter_tui.app.widgets.keys_line import KeysLine
from refooter_tui.app.widgets.left import LeftPane
from refooter_tui.app.widgets.log_pane import LogPane, LogTitle
from refooter_tui.app.widgets.timeline import TimelineBar
from refooter_tui.app.widgets.titles import PaneTitle

_SMALLEST: Final = (60, 15)
_LOG_STEP: Final = 1
_SIDE_STEP: Final = 4


class Side(Vertical):
    """What stands beside the entries; it can be maximised with all that is in it."""

    ALLOW_MAXIMIZE = True


class Frame(App[int]):
    """Everything that is on the screen, and nothing in it yet."""

    TITLE = "refooter"
    CSS_PATH = "app.tcss"
    ALLOW_IN_MAXIMIZED_VIEW = "KeysLine"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("less_than_sign", "resize(-1)", "Smaller pane", show=False, id="pane.smaller"),
        Binding("greater_than_sign", "resize(1)", "Larger pane", show=False, id="pane.larger"),
        Binding("C", "columns", "Columns", show=False, id="columns"),
    ]

    def __init__(self, directory: Path, log_file: Path | None = None) -> None:
        super().__init__(driver_class=SteadyDriver)
        self.console.no_color = self.no_color
        self.ansi_theme_dark, self.ansi_theme_light = ANSI_DARK, ANSI_LIGHT
        for theme in THEMES:
            self.register_theme(theme)
        self.directory, self.log_file = directory, log_file
        self.looks: Looks = load_looks(directory)
        self.run_bar = RunBar(id="run")
        self._entries = EntriesTable(id="entries")
        self._left = LeftPane(id="left")
        self._filter = FilterLine(self._entries, id="filter")
        self._timeline = TimelineBar(id="timeline")
        self._detail = DetailPane(id="detail")
        self._detail_title = PaneTitle("5", "Detail")
        self._log_pane = LogPane(id="log")
        self._log_view = self._log_pane.view
        self._header = HeaderBar()
        self._top = Static("", id="top", markup=False)
        self._left_side = Side(self._left, id="left-side")
        self._right = Side(self._detail_title, self._detail, id="right")
        self._sizes: Sizes | None = None

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._top
        with Horizontal(id="middle"):
            yield self._left_side
            yield Divider("left")
            with Vertical(id="centre"):
                yield self._filter
                yield self._entries
                yield self._timeline
            yield Divider("detail")
            yield self._right
        yield self.run_bar
        yield self._log_pane
        yield KeysLine()
        yield Static("refooter needs 60 columns and 15 lines: make the window larger", id="small")

    def on_mount(self) -> None:
        self.watch(self.screen, "maximized", lambda: self._fit(*self.size), init=False)
        self._log_pane.file = "" if self.log_file is None else str(self.log_file)
        self.apply_looks()

    # looks

    def apply_looks(self) -> None:
        """As it was kept, as far as it fits and there is such a thing."""
        looks = self.looks
        self.theme = looks.theme if looks.theme in self.available_themes else DEFAULT
        self._entries.columns = looks.columns
        self._fit(*self.size)
        # the panes' own insides are not there yet when the app begins
        self.call_after_refresh(self._turn_to, looks.face, looks.tab)

    def _turn_to(self, face: Face, tab: str) -> None:
        self._left.face = face
        if tab in {name for name, _ in TABS}:
            self._detail.tab = tab

    def looks_now(self) -> Looks:
        """What is to be kept of how it looks; sizes as they were wanted, even where this window is too small for them."""
        return replace(
            self.looks,
            theme=self.theme,
            columns=self._entries.columns,
            face=self._left.face,
            tab=self._detail.tab,
        )

    # sizes

    def on_resize(self, event: events.Resize) -> None:
        self._fit(event.size.width, event.size.height)

    def _fit(self, width: int, height: int) -> None:
        self.set_class(width < _SMALLEST[0] or height < _SMALLEST[1], "-small")
        self.set_class(width < WIDE, "-narrow")
        sizes = self._sizes = fitting(width, height, self.looks.left, self.looks.detail, self.looks.log)
        self._left_side.styles.width = "1fr" if self._left_side.is_maximized else sizes.left
        self._right.styles.width = "1fr" if self._right.is_maximized else sizes.detail
        self.set_class(sizes.timeline == TIMELINE_LOW, "-low")
        self._log_pane.styles.height = sizes.log + (1 if sizes.log_title else 0)
        self._log_pane.bare = not sizes.log_title

    def _want(self, looks: Looks) -> None:
        """Other sizes, no further than they fit: what is beyond would be felt as a key that does nothing later."""
        width, height = self.size
        sizes = fitting(width, height, looks.left, looks.detail, looks.log)
        kept = self.looks
        if looks.left != kept.left and looks.left:
            looks = replace(looks, left=sizes.left)
        if looks.detail != kept.detail and looks.detail:
            looks = replace(looks, detail=sizes.detail)
        if looks.log != kept.log:
            looks = replace(looks, log=sizes.log)
        self.looks = looks
        self._fit(width, height)

    def on_divider_dragged(self, event: Divider.Dragged) -> None:
        if event.key == "left":
            self._want(replace(self.looks, left=max(1, event.at)))
        else:
            self._want(replace(self.looks, detail=max(1, self.size.width - event.at - 1)))

    def on_divider_reset(self, event: Divider.Reset) -> None:
        self._want(replace(self.looks, left=0) if event.key == "left" else replace(self.looks, detail=0))

    def on_log_title_dragged(self, event: LogTitle.Dragged) -> None:
        # below the title stand the log and the line of keys
        self._want(replace(self.looks, log=max(1, self.size.height - event.at - 2)))

    def action_resize(self, by: int) -> None:
        """The focused pane; the entries grow and shrink at the detail's cost."""
        sizes, looks = self._sizes, self.looks
        if sizes is None:
            return
        if self._left.has_focus_within:
            self._want(replace(looks, left=max(1, sizes.left + by * _SIDE_STEP)))
        elif self._log_pane.has_focus_within:
            if not sizes.log_title:
                self.notify("the log has one line in a window of this size")
            else:
                self._want(replace(looks, log=max(1, sizes.log + by * _LOG_STEP)))
        elif self.has_class("-narrow"):
            self.notify("in a window of this size the detail is a screen of its own: enter opens it")
        else:
            grows = by if self._detail.has_focus_within else -by
            self._want(replace(looks, detail=max(1, sizes.detail + grows * _SIDE_STEP)))

    # columns

    def action_columns(self) -> None:
        def answered(names: tuple[str, ...] | None) -> None:
            if names is not None:
                self._entries.columns = names

        self.push_screen(ColumnsScreen(self._entries.columns), answered)

    # focus

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._show_focus()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self._show_focus()

    def _show_focus(self) -> None:
        # by the screen and not by the event: the blur of one pane may be heard after the focus of the next
        if not self.screen_stack:
            # the app is ending
            return
        focused = self.screen_stack[0].focused
        around = () if focused is None else focused.ancestors_with_self
        self._filter.entries_focused(self._entries in around)
        self._detail_title.focused = self._detail in around
        self._left.query_one(FaceNames).focused = self._left in around

    async def on_pane_title_clicked(self, event: PaneTitle.Clicked) -> None:
        self._detail.focus_page()
