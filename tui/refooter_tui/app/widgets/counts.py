"""The line below the filter: how many of how many entries are shown, how many are selected, and what is hidden or has changed."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.reactive import reactive
from textual.strip import Strip

from refooter_tui.app.widgets.palette import Painted, Palette
from refooter_tui.text import visible


@dataclass(frozen=True, slots=True)
class Counts:
    """`total`: entries known, of about `expected` while they are still being loaded (0: they all are). `changed`: shown rows
    that match the filter no longer, or matching ones that are not shown. `working`: a filter or a sort is going on."""

    shown: int = 0
    total: int = 0
    expected: int = 0
    selected: int = 0
    hidden: int = 0
    changed: int = 0
    working: bool = False


class CountLine(Painted):
    """One line. A sentence about a wrong term stands in place of the counts."""

    counts: reactive[Counts] = reactive(Counts(), layout=False)
    sentence: reactive[str] = reactive("", layout=False)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        palette = self.palette
        parts = [(f"✗ {visible(self.sentence)}", palette.warning)] if self.sentence else _parts(self.counts, palette)
        segments = [Segment(" ")]
        room = width - 1
        for text, style in parts:
            # a part that does not fit is left out whole: half a count is another count
            lead = " · " if len(segments) > 1 else ""
            if not self.sentence and cell_len(lead + text) > room:
                continue
            segments += [Segment(lead, palette.muted), Segment(text, style)]
            room -= cell_len(lead + text)
        return Strip(Segment.apply_style(segments, palette.base)).adjust_cell_length(width, palette.base)


def _parts(counts: Counts, palette: Palette) -> list[tuple[str, Style]]:
    parts = [(f"{counts.shown:,} of {counts.total:,} shown", Style.null())]
    if counts.selected:
        parts.append((f"{counts.selected:,} selected", palette.accent))
        if counts.hidden:
            # one part with the count that it qualifies: neither may go without the other
            parts[-1] = (f"{counts.selected:,} selected, {counts.hidden:,} hidden", palette.warning)
    if counts.working:
        parts.append(("working …", palette.muted))
    if counts.changed:
        rows = "row" if counts.changed == 1 else "rows"
        parts.append((f"{counts.changed:,} {rows} changed: = applies the filter again", palette.warning))
    if counts.expected:
        parts.append((f"{counts.total:,} of ~{counts.expected:,} loaded", palette.muted))
    return parts
