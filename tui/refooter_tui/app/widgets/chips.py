"""The filter: its terms as chips that can be taken away, and the line they are typed in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from refooter_tui.app.widgets.cells import fit
from refooter_tui.app.widgets.counts import CountLine, Counts
from refooter_tui.app.widgets.one_line import OneLine
from refooter_tui.app.widgets.palette import Painted
from refooter_tui.app.widgets.titles import FOCUSED
from refooter_tui.model.filter import Filter, parse
from refooter_tui.text import visible

HINT: Final = "words, status:legacy, cause:…, view:blocks, since:2025-06-14, size:>1MiB, -negated, is:selected"
_CLOSE: Final = " ✕"
_FIRST: Final = 5


class Chips(Painted, can_focus=True):
    """The terms of the filter, each with a cross."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "choose(-1)", "Previous term", show=False, id="chips.previous"),
        Binding("right,l", "choose(1)", "Next term", show=False, id="chips.next"),
        Binding("delete,backspace,x", "remove", "Remove the term", id="chips.remove"),
        Binding("enter", "edit", "Edit", id="chips.edit"),
    ]

    filter: reactive[Filter] = reactive(Filter(), layout=False)
    chosen: reactive[int] = reactive(0, layout=False)

    @dataclass
    class Removed(Message):
        """The term of this index is to go."""

        index: int

    class EditAsked(Message):
        """The filter is to be typed."""

    def watch_filter(self) -> None:
        self.chosen = max(0, min(self.chosen, len(self.filter.terms) - 1))

    def _labels(self) -> list[str]:
        return [f" {visible(str(term))}{_CLOSE} " for term in self.filter.terms]

    def _first(self, labels: list[str], width: int) -> int:
        """The first chip that is painted, so that the chosen one is on the screen."""
        first = 0
        while (
            first < self.chosen
            and sum(cell_len(label) + 1 for label in labels[first : self.chosen + 1]) + _FIRST > width
        ):
            first += 1
        return first

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        palette = self.palette
        labels = self._labels()
        mark = FOCUSED if self.has_focus else " "
        segments = [
            Segment(f"{mark}2 ", palette.accent if self.has_focus else palette.muted),
            Segment("/ ", palette.accent),
        ]
        if not labels:
            segments.append(Segment(fit("filter the entries", width - _FIRST), palette.muted))
        first = self._first(labels, width)
        for index, label in enumerate(labels[first:], first):
            here = self.has_focus and index == self.chosen
            segments.append(Segment(label, palette.selected + palette.strong + Style(reverse=here, underline=here)))
            segments.append(Segment(" "))
        return Strip(Segment.apply_style(segments, palette.base)).adjust_cell_length(width, palette.base)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        labels = self._labels()
        start = _FIRST
        for index, label in enumerate(labels[(first := self._first(labels, self.size.width)) :], first):
            stop = start + cell_len(label)
            if start <= event.x < stop:
                self.chosen = index
                if event.x >= stop - cell_len(_CLOSE) - 1:
                    self.post_message(self.Removed(index))
                else:
                    self.post_message(self.EditAsked())
                return
            start = stop + 1
        self.post_message(self.EditAsked())

    def action_choose(self, by: int) -> None:
        self.chosen = max(0, min(self.chosen + by, len(self.filter.terms) - 1))

    def action_remove(self) -> None:
        if self.filter.terms:
            self.post_message(self.Removed(self.chosen))

    def action_edit(self) -> None:
        self.post_message(self.EditAsked())


class FilterInput(OneLine):
    """The filter as text; wrong terms are underlined."""

    def __init__(self) -> None:
        super().__init__(HINT)

    def wrong_spans(self, typed: str) -> Iterable[tuple[int, int]]:
        return (wrong.span for wrong in parse(typed).errors)


class FilterLine(Vertical):
    """Two lines: the terms as chips, or as text while they are typed; below, the counts, or what is wrong with a term. Once that is
    done the focus goes `back_to` what is filtered."""

    DEFAULT_CSS = """
    FilterLine {
        height: 2;
        background: $surface;
        & > Chips, & > FilterInput, & > CountLine { height: 1; width: 1fr; background: $surface; }
        & > CountLine { background: $panel; }
        & > FilterInput.-textual-compact { padding: 0 1; }
        & > FilterInput:focus { background: $boost; background-tint: $foreground 5%; }
        & > Chips:focus { background-tint: $foreground 5%; }
    }
    """

    @dataclass
    class Changed(Message):
        """A filter without a wrong term was typed, or a term taken away. Not posted for what `show` sets."""

        filter: Filter

    class Done(Message):
        """`enter` or `escape`: the filter is as it is wanted."""

    def __init__(self, back_to: Widget | None = None, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._back_to = back_to
        self._chips = Chips()
        self._input = FilterInput()
        self._input.display = False
        self._line = CountLine()
        self._filter = Filter()

    def compose(self) -> ComposeResult:
        yield self._chips
        yield self._input
        yield self._line

    @property
    def filter(self) -> Filter:
        """The last filter without a wrong term."""
        return self._filter

    def show(self, filter: Filter) -> None:
        """Another filter, which did not come from here."""
        self._take(filter)
        with self.prevent(Input.Changed):
            self._input.value = str(filter)
        self._line.sentence = ""

    def entries_focused(self, focused: bool) -> None:
        """The line with the counts is the entries' title, too."""
        self._line.focused = focused

    def show_counts(self, counts: Counts) -> None:
        self._line.counts = counts

    def edit(self) -> None:
        """Opens the line for typing."""
        self._typing(True)
        # At once, since what is typed right behind the `/` is meant for the filter: `Widget.focus` comes a moment later.
        self.screen.set_focus(self._input, scroll_visible=False)
        self._input.cursor_position = len(self._input.value)

    def _take(self, filter: Filter) -> None:
        self._filter = filter
        self._chips.filter = filter

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        typed = parse(event.value)
        self._line.sentence = typed.errors[0].sentence if typed.errors else ""
        if not typed.errors and typed != self._filter:
            self._take(typed)
            self.post_message(self.Changed(typed))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._line.sentence:
            self.app.bell()
        else:
            self._close()

    def on_one_line_left(self, event: OneLine.Left) -> None:
        event.stop()
        # what could not be understood is let go: the chips say what holds
        with self.prevent(Input.Changed):
            self._input.value = str(self._filter)
        self._line.sentence = ""
        self._close()

    def _typing(self, typing: bool) -> None:
        self._input.display, self._chips.display = typing, not typing

    def _close(self) -> None:
        self._typing(False)
        if self._back_to is not None:
            # at once, as in `edit`
            self.screen.set_focus(self._back_to, scroll_visible=False)
        self.post_message(self.Done())

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        # the mouse or tab took the focus elsewhere
        if event.widget is self._input and not self._line.sentence:
            self._typing(False)

    def on_chips_removed(self, event: Chips.Removed) -> None:
        event.stop()
        if event.index >= len(self._filter.terms):
            # asked for twice, before the first was heard of
            return
        left = self._filter.without(event.index)
        self.show(left)
        self.post_message(self.Changed(left))

    def on_chips_edit_asked(self, event: Chips.EditAsked) -> None:
        event.stop()
        self.edit()
