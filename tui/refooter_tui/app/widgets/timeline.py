"""Statuses stacked over insert time, in block characters; a range of it can be brushed, chosen and zoomed into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from refooter_tui.app.widgets.cells import fit
from refooter_tui.app.widgets.columns import moment
from refooter_tui.app.widgets.palette import SYMBOLS, Painted, Palette
from refooter_tui.app.widgets.titles import title, titled
from refooter_tui.model.axis import ticks
from refooter_tui.model.codes import NO_CODE, WORST_FIRST
from refooter_tui.model.stacks import Column
from refooter_tui.model.timeline import Timeline, TimeRange

_ZOOM: Final = 2.0
_FIRST_BROKEN: Final = "↑"
_CURSOR: Final = "┃"
# from this height on there is room for a title
_TALL: Final = 4


class TimelineBar(Painted, can_focus=True):
    """A title with words about the range, or while it has the focus about the bucket under the cursor or the brushed range; bars; the
    axis. Where it is low there is no title, and the words take the axis' place while it has the focus."""

    BINDING_GROUP_TITLE = "Timeline"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1)", "Earlier", show=False, id="timeline.earlier"),
        Binding("right,l", "move(1)", "Later", show=False, id="timeline.later"),
        Binding("pageup", "move(-10)", "Much earlier", show=False, id="timeline.much_earlier"),
        Binding("pagedown", "move(10)", "Much later", show=False, id="timeline.much_later"),
        Binding("g,home", "end(-1)", "Start", show=False, id="timeline.first"),
        Binding("G,end", "end(1)", "End", show=False, id="timeline.last"),
        Binding("shift+left,H", "brush(-1)", "Brush to the left", show=False, id="timeline.brush_left"),
        Binding("shift+right,L", "brush(1)", "Brush", key_display="shift+←→", id="timeline.brush_right"),
        Binding("enter", "choose", "Filter by it", id="timeline.choose"),
        Binding("plus", "zoom(1)", "Zoom in", key_display="+", id="timeline.zoom_in"),
        Binding("minus", "zoom(-1)", "Zoom out", key_display="-", id="timeline.zoom_out"),
        Binding("escape", "unbrush", "No brush", show=False, id="timeline.unbrush"),
    ]
    DEFAULT_CSS = """
    TimelineBar {
        height: 7;
        background: $surface;
        color: $foreground;
    }
    """

    @dataclass
    class RangeChosen(Message):
        """The entries of this range were asked for."""

        range: TimeRange

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._timeline: Timeline | None = None
        self._cursor = 0
        self._anchor: int | None = None
        self._dragging = False
        self._bars: tuple[tuple[int, int], list[Column]] | None = None
        self.placeholder = "no insert times yet"

    # what the app tells it

    def show(self, timeline: Timeline) -> None:
        """The timeline of another lake, or of other entries."""
        self._timeline = timeline
        self._cursor = 0
        self._anchor = None
        self.data_changed()

    def data_changed(self) -> None:
        """Entries have come, or were judged. Counting a million again takes some 30 ms: once a second is often enough."""
        self._bars = None
        self.refresh()

    @property
    def brushed(self) -> TimeRange | None:
        """The range between the brush's ends, or of the bucket under the cursor."""
        if self._timeline is None:
            return None
        first, last = self._brush
        return self._timeline.range_of(first, last, self._columns)

    @property
    def _columns(self) -> int:
        return self.size.width

    @property
    def _brush(self) -> tuple[int, int]:
        """The first and the last column of the brush; the cursor's, if nothing is brushed."""
        other = self._cursor if self._anchor is None else self._anchor
        # a narrower bar may be painted before it hears of it
        last = max(0, self._columns - 1)
        return min(self._cursor, other, last), min(max(self._cursor, other), last)

    # painting

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        palette = self.palette
        timeline = self._timeline
        above, below = (1, 1) if height >= _TALL else (0, 1) if height > 1 else (0, 0)
        if above and y == 0:
            return self._title_line(timeline, width, palette)
        if timeline is None or timeline.shown is None:
            text = fit(f" {self.placeholder}" if y == above else "", width)
            segments = [Segment(text, palette.muted)]
        elif y < height - below:
            segments = self._bar_line(y - above, self._made_bars(timeline, width, height - above - below), palette)
        elif self.has_focus and not above:
            segments = self._words(timeline, width, palette)
        else:
            segments = self._axis_line(timeline, width, palette)
        return Strip(Segment.apply_style(segments, palette.base)).adjust_cell_length(width, palette.base)

    def _title_line(self, timeline: Timeline | None, width: int, palette: Palette) -> Strip:
        segments = title("4", "Timeline", palette, focused=self.has_focus)
        if timeline is not None and timeline.shown is not None:
            used = sum(cell_len(segment.text) for segment in segments)
            segments += self._words(timeline, width - used, palette)
        return titled(segments, width, palette, focused=self.has_focus)

    def _made_bars(self, timeline: Timeline, width: int, height: int) -> list[Column]:
        if self._bars is None or self._bars[0] != (width, height):
            self._bars = ((width, height), timeline.bars(width, height))
        return self._bars[1]

    def _bar_line(self, y: int, bars: list[Column], palette: Palette) -> list[Segment]:
        first, last = self._brush
        # with a line for the axis the cursor stands there, and the bars stay whole
        crossed = self._cursor if self.has_focus and self.size.height < _TALL else -1
        segments = []
        for column, cells in enumerate(bars):
            cell = cells[y]
            char = cell.char
            style = Style(color=palette.fill[cell.status]) if cell.status != NO_CODE else Style.null()
            if column == crossed:
                char, style = _CURSOR, palette.strong + (Style(bgcolor=style.color) if char != " " else palette.cursor)
            elif cell.behind != NO_CODE:
                style += Style(bgcolor=palette.fill[cell.behind])
            elif self.has_focus and column == self._cursor:
                style += palette.cursor
            if self._anchor is not None and not first <= column <= last:
                style += palette.faded
            segments.append(Segment(char, style))
        return segments

    def _axis_line(self, timeline: Timeline, width: int, palette: Palette) -> list[Segment]:
        """The labels, each right of its own tick, and the mark where breakage starts; below the brush a line."""
        cells: list[tuple[str, Style]] = [(" ", palette.muted)] * width
        for column, label in ticks(timeline, width):
            text = f"╵{label}" if column + 1 + len(label) <= width else "╵"
            for offset, character in enumerate(text):
                cells[column + offset] = (character, palette.muted)
        if self._anchor is not None:
            first, last = self._brush
            cells[first : last + 1] = [("━", palette.accent)] * (last - first + 1)
        mark = timeline.mark(width)
        if mark is not None:
            cells[mark] = (_FIRST_BROKEN, palette.warning)
        if self.has_focus and self._cursor < width:
            character, _ = cells[self._cursor]
            cells[self._cursor] = (character if character != " " else "▔", palette.cursor + palette.strong)
        return [Segment(character, style) for character, style in cells]

    def _words(self, timeline: Timeline, width: int, palette: Palette) -> list[Segment]:
        """The range under the cursor or the brush, or without the focus all that is painted, and what is in it."""
        chosen = self.brushed if self.has_focus else timeline.shown
        if chosen is None:
            return []
        first, last = self._brush if self.has_focus else (0, self._columns)
        counts = timeline.counts(self._columns)[first : last + 1].sum(axis=0).tolist()
        # the two ends share their day, more often than not
        since, until = moment(chosen.since), moment(chosen.until)
        if since[:10] == until[:10]:
            until = until[11:]
        elif not self.has_focus:
            since, until = since[:10], until[:10]
        segments = [Segment(f" {since} – {until} ", palette.strong if self.has_focus else palette.muted)]
        room = width - cell_len(segments[0].text)
        for code in WORST_FIRST:
            text = f" {SYMBOLS[code]} {counts[code]:,}"
            if counts[code] and cell_len(text) <= room:
                segments.append(Segment(text, palette.status[code]))
                room -= cell_len(text)
        if not any(counts):
            segments.append(Segment(" no entries", palette.muted))
        elif timeline.zoomed and room >= len("  zoomed"):
            segments.append(Segment("  zoomed", palette.muted))
        return segments

    def on_resize(self) -> None:
        self._bars = None
        self._cursor = max(0, min(self._cursor, self._columns - 1))
        self._anchor = None

    # keys

    def action_move(self, by: int) -> None:
        self._anchor = None
        self._go(self._cursor + by)

    def action_end(self, direction: int) -> None:
        self._anchor = None
        self._go(0 if direction < 0 else self._columns - 1)

    def action_brush(self, by: int) -> None:
        if self._anchor is None:
            self._anchor = self._cursor
        self._go(self._cursor + by)

    def _go(self, column: int) -> None:
        last = self._columns - 1
        beyond = column if column < 0 else max(0, column - last)
        # past its end a zoomed timeline moves on; not under a brush, whose anchor would move with it
        if beyond and self._anchor is None and self._timeline is not None and self._timeline.pan(beyond, self._columns):
            self._bars = None
        self._cursor = max(0, min(column, last))
        self.refresh()

    def action_choose(self) -> None:
        chosen = self.brushed
        if chosen is not None:
            self.post_message(self.RangeChosen(chosen))

    def action_zoom(self, direction: int) -> None:
        timeline = self._timeline
        if timeline is None:
            return
        brushed = self.brushed
        if direction > 0 and self._anchor is not None and brushed is not None:
            changed = timeline.zoom_to(brushed)
            self._cursor = self._columns // 2
        else:
            changed = timeline.zoom(_ZOOM if direction > 0 else 1 / _ZOOM, self._cursor, self._columns)
        self._anchor = None
        if changed:
            self._bars = None
        self.refresh()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # without a brush `escape` belongs to whoever is around
        return self._anchor is not None if action == "unbrush" else True

    def action_unbrush(self) -> None:
        self._anchor = None
        self.refresh()

    # mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self.capture_mouse()
        self._dragging = True
        self._anchor = None
        self._go(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragging and event.x != self._cursor:
            if self._anchor is None:
                self._anchor = self._cursor
            self._go(event.x)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._dragging:
            self._dragging = False
            self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2:
            self.action_choose()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._wheel(event.x, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._wheel(event.x, -1)

    def _wheel(self, column: int, direction: int) -> None:
        self._anchor = None
        self._cursor = max(0, min(column, self._columns - 1))
        self.action_zoom(direction)
