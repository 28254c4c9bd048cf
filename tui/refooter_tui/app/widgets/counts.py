"""The line above the entries: how many of how many are shown and selected, what is hidden, has changed, or was never looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from refooter_tui.app.keymap import named
from refooter_tui.app.widgets.cells import byte_size
from refooter_tui.app.widgets.palette import Painted, Palette
from refooter_tui.app.widgets.titles import title, titled
from refooter_tui.text import visible


@dataclass(frozen=True, slots=True)
class Counts:
    """`total`: entries known, of about `expected` while they are still being loaded (0: they all are). `working`: a filter or a sort
    is going on. Since the snapshot was taken `new` entries came that the filter would show, `retired` of those shown went, and
    `changed` others match the filter no longer, or do by now. `unscanned` entries, whose values have `unscanned_bytes`, were
    judged by nobody yet; `scanning`: they are about to be."""

    shown: int = 0
    total: int = 0
    expected: int = 0
    selected: int = 0
    hidden: int = 0
    changed: int = 0
    working: bool = False
    new: int = 0
    retired: int = 0
    unscanned: int = 0
    unscanned_bytes: int = 0
    scanning: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """The same said at different lengths, the longest first, and the action that a click on it asks for."""

    texts: tuple[str, ...]
    style: Style
    action: str = ""


class CountLine(Painted):
    """One line, the entries' title in front. A sentence about a wrong term stands in place of the counts."""

    counts: reactive[Counts] = reactive(Counts(), layout=False)
    sentence: reactive[str] = reactive("", layout=False)
    focused: reactive[bool] = reactive(False, layout=False)
    """Whether the entries have the focus."""

    @dataclass
    class Asked(Message):
        """An offer was clicked; `action` is the app's that does it."""

        action: str

    def __init__(self) -> None:
        super().__init__()
        self._offers: list[tuple[range, str]] = []

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        palette = self.palette
        segments = title("3", "Entries", palette, focused=self.focused)
        self._offers = []
        used = sum(cell_len(segment.text) for segment in segments)
        if self.sentence:
            segments.append(Segment(f" ✗ {visible(self.sentence)}", palette.warning))
        else:
            parts = _parts(self.counts, palette, lambda name: named(self.app, name))
            for number, (text, part) in enumerate(_fitting(parts, width - used)):
                lead = " · " if number else " "
                segments += [Segment(lead, palette.muted), Segment(text, part.style)]
                used += len(lead)
                if part.action:
                    self._offers.append((range(used, used + cell_len(text)), part.action))
                used += cell_len(text)
        return titled(segments, width, palette, focused=self.focused)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        action = next((action for cells, action in self._offers if event.x in cells), "pane('entries')")
        self.post_message(self.Asked(action))


def _fitting(parts: list[_Part], width: int) -> list[tuple[str, _Part]]:
    """The parts that fit, each as long as can be. One that does not fit at all is left out whole: half a count is another count."""
    kept: list[tuple[int, _Part]] = []
    room = width
    for part in parts:
        least = cell_len(part.texts[-1]) + (3 if kept else 1)
        if least <= room:
            kept.append((len(part.texts) - 1, part))
            room -= least
    for place, (length, part) in enumerate(kept):
        least = cell_len(part.texts[length])
        for longer in range(length):
            if (more := cell_len(part.texts[longer]) - least) <= room:
                kept[place] = (longer, part)
                room -= more
                break
    return [(part.texts[length], part) for length, part in kept]


def _parts(counts: Counts, palette: Palette, key: Callable[[str], str]) -> list[_Part]:
    parts = [
        _Part((f"{counts.shown:,} of {counts.total:,} shown", f"{counts.shown:,} of {counts.total:,}"), Style.null())
    ]
    if counts.selected and counts.hidden:
        # one part with the count that it qualifies: neither may go without the other
        parts.append(_Part((f"{counts.selected:,} selected, {counts.hidden:,} hidden",), palette.warning))
    elif counts.selected:
        parts.append(_Part((f"{counts.selected:,} selected",), palette.accent))
    if counts.working:
        parts.append(_Part(("working …",), palette.muted))
    if said := ", ".join(_changes(counts)):
        every = counts.new + counts.retired + counts.changed
        again = key("reapply")
        lengths = (f"{said}: {again} applies the filter again", f"{said}: {again} again", f"{every:,} changed: {again}")
        parts.append(_Part(lengths, palette.warning, "reapply"))
    if counts.expected:
        share = min(99, 100 * counts.total // counts.expected)
        texts = (f"{counts.total:,} of ~{counts.expected:,} loaded", f"{share} % loaded")
        parts.append(_Part(texts, palette.muted))
    elif counts.unscanned:
        parts.append(_unscanned(counts, palette, key("scan_all")))
    return parts


def _changes(counts: Counts) -> list[str]:
    rows = "row" if counts.changed == 1 else "rows"
    named = ((counts.new, "new"), (counts.retired, "retired"), (counts.changed, f"{rows} changed"))
    return [f"{count:,} {name}" for count, name in named if count]


def _unscanned(counts: Counts, palette: Palette, key: str) -> _Part:
    said = f"{counts.unscanned:,} not scanned"
    if counts.scanning:
        return _Part((f"{said} yet",), palette.muted)
    size = byte_size(counts.unscanned_bytes)
    texts = (f"{said}: {key} scans all ({size} from the database)", f"{said}: {key} scans all", said)
    return _Part(texts, palette.warning, "scan_all")
