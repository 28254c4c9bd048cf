"""The line beside the log: what is going on, how far it is, what came of it so far."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip

from refooter.events import Progress
from refooter_tui.app.widgets.palette import Painted, Palette
from refooter_tui.cli.render import duration, number, size

_BAR = 20
_AMISS = ("failed", "conflict")


class RunBar(Painted):
    """One line: what, a bar, rate, time left, counts by outcome, requests and bytes."""

    DEFAULT_CSS = """
    RunBar { height: 1; background: $panel; color: $foreground; }
    """

    doing: reactive[str] = reactive("", layout=False)
    """What is going on, empty for nothing."""
    progress: reactive[Progress | None] = reactive(None, layout=False)
    paused: reactive[bool] = reactive(False, layout=False)
    idle: reactive[str] = reactive("nothing is going on", layout=False)

    def render_line(self, y: int) -> Strip:
        palette = self.palette
        width = self.size.width
        return Strip(Segment.apply_style(self._segments(width, palette), palette.base)).adjust_cell_length(
            width, palette.base
        )

    def _segments(self, width: int, palette: Palette) -> list[Segment]:
        if not self.doing:
            return [Segment(f" {self.idle}", palette.muted)]
        said = [Segment(f" {self.doing} ", palette.strong)]
        if self.paused:
            said.append(Segment("paused ", palette.warning))
        if self.progress is None:
            return [*said, Segment("…", palette.muted)]
        done, total = self.progress.done, max(1, self.progress.total)
        filled = min(_BAR, round(_BAR * done / total))
        said += [Segment("━" * filled, palette.accent), Segment("─" * (_BAR - filled), palette.muted)]
        room = width - sum(cell_len(segment.text) for segment in said)
        for part in _parts(self.progress):
            if cell_len(part) + 3 > room:
                break
            said.append(Segment(f"  {part}"))
            room -= cell_len(part) + 2
        return said


def _parts(progress: Progress) -> list[str]:
    parts = [f"{number(progress.done)} of {number(progress.total)}", f"{number(round(progress.rate))}/s"]
    if progress.seconds_left is not None:
        parts.append(f"{duration(progress.seconds_left)} left")
    # what went wrong is what must not go for want of room
    counts = sorted(progress.counts.items(), key=lambda item: item[0] not in _AMISS)
    parts += [f"{name.replace('_', ' ')} {number(count)}" for name, count in counts if count]
    if progress.store_requests:
        parts.append(f"{number(progress.store_requests)} requests, {size(progress.store_bytes)}")
    return parts
