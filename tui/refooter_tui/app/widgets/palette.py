"""Colours and symbols of what is painted cell by cell. Every colour has a symbol or a word beside it: nothing is said by colour
alone.

The status colours are theme variables (`status-ok` and so on); a theme that does not set them gets the ones for its darkness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color, ColorParseError
from textual.widget import Widget

from refooter.events import Severity
from refooter.values import FileState, Outcome, Status
from refooter_tui.cli.render import STATUS_STYLES
from refooter_tui.model.codes import STATUSES

SYMBOLS: Final = tuple(STATUS_STYLES[status][1] for status in STATUSES)

DARK: Final = {
    "status-ok": "#73c67b",
    "status-stale": "#e6c452",
    "status-harmful": "#d983d6",
    "status-legacy": "#f2953f",
    "status-corrupt": "#f2656a",
    "status-unknown": "#868d99",
}
LIGHT: Final = {
    "status-ok": "#1b7a34",
    "status-stale": "#836700",
    "status-harmful": "#9d209b",
    "status-legacy": "#ad5200",
    "status-corrupt": "#c01f2c",
    "status-unknown": "#6f757e",
}


def theme_variables(dark: bool) -> dict[str, str]:
    """The status colours as variables of a theme, for a dark or a light one."""
    return dict(DARK if dark else LIGHT)


_OUTCOME_STATUS: Final = {
    Outcome.MIGRATED: Status.OK,
    Outcome.RESTORED: Status.OK,
    Outcome.WOULD_MIGRATE: Status.OK,
    Outcome.SKIPPED: Status.UNKNOWN,
    Outcome.FAILED: Status.CORRUPT,
    Outcome.CONFLICT: Status.STALE,
    Outcome.GONE: Status.UNKNOWN,
}
_FILE_STATE_STATUS: Final = {
    FileState.UNCHECKED: Status.UNKNOWN,
    FileState.PRESENT: Status.OK,
    FileState.MISSING: Status.CORRUPT,
    FileState.DENIED: Status.STALE,
    FileState.UNREACHABLE: Status.STALE,
    FileState.MISMATCH: Status.HARMFUL,
}
# without colours: what is broken is bold
_PLAIN: Final = {Status.OK: Style.null(), Status.STALE: Style.null(), Status.UNKNOWN: Style(dim=True)}
_SHADES: Final = {Status.STALE: 0.7, Status.OK: 0.45, Status.UNKNOWN: 0.25}
# how much of the primary colour is in the cursor's row, by darkness of the theme and focus: status colours stay readable on it
_CURSOR_SHARE: Final = {(True, True): 0.42, (True, False): 0.22, (False, True): 0.24, (False, False): 0.12}
_SEVERITY_STATUS: Final = {Severity.WARNING: Status.STALE, Severity.ERROR: Status.CORRUPT}


@dataclass(frozen=True, slots=True)
class Palette:
    """The styles of one widget as it stands now. Foregrounds carry no background: they go on top of `base` or a row's own, and
    `faded` on top of any of them.

    `status`, `outcome` and `file_state` are indexed by the codes of the model, their last item standing for -1, none. `fill` is
    what an area of a status is filled with, by its code: without colours shades of grey, the brightest for what is broken.
    """

    base: Style
    muted: Style
    strong: Style
    accent: Style
    warning: Style
    faded: Style
    title: Style
    title_focused: Style
    header: Style
    cursor: Style
    selected: Style
    status: tuple[Style, ...]
    fill: tuple[RichColor | None, ...]
    outcome: tuple[Style, ...]
    file_state: tuple[Style, ...]
    severity: dict[Severity, Style]

    @classmethod
    def of(cls, widget: Widget) -> Palette:
        """The palette by the app's theme and the widget's own background, and whether it has the focus."""
        app = widget.app
        known = {**theme_variables(app.current_theme.dark), **app.theme_variables}
        background = widget.background_colors[1]
        text = widget.rich_style
        base = Style.from_color(text.color, text.bgcolor)

        def foreground(name: str, *, bold: bool = False) -> Style:
            return Style(color=_parsed(known, name).rich_color, bold=bold or None)

        muted = foreground("muted") if "muted" in known and not app.no_color else Style(dim=True)
        by_status = {status: foreground(f"status-{status.value}") for status in STATUSES}
        fill = tuple(
            (foreground(name) if (name := f"fill-{status.value}") in known else style).color
            for status, style in by_status.items()
        )
        if app.no_color:
            # as shades of grey the darkest would be what matters most
            by_status = {status: _PLAIN.get(status, Style(bold=True)) for status in STATUSES}
            fill = tuple(
                background.blend(widget.colors[3], _SHADES.get(status, 1.0), alpha=1).rich_color for status in STATUSES
            )
        primary = _parsed(known, "primary")
        focused = widget.has_focus
        cursor = "row-cursor" if focused else "row-cursor-blurred"
        return cls(
            base=base,
            muted=muted,
            strong=Style(bold=True),
            accent=foreground("text-accent", bold=True),
            warning=foreground("text-warning", bold=True),
            faded=Style(dim=True),
            title=_row(background, primary, 0.06),
            title_focused=_row(background, primary, 0.2),
            header=_row(background, primary, 0.06) + Style(bold=True),
            cursor=_named(known, cursor)
            or _row(background, primary, _CURSOR_SHARE[app.current_theme.dark, focused], reverse=focused),
            selected=_named(known, "row-selected") or _row(background, _parsed(known, "accent"), 0.16),
            status=(*by_status.values(), muted),
            fill=fill,
            outcome=(*(by_status[_OUTCOME_STATUS[outcome]] for outcome in Outcome), muted),
            file_state=(*(by_status[_FILE_STATE_STATUS[state]] for state in FileState), muted),
            severity={
                severity: by_status[_SEVERITY_STATUS[severity]] if severity in _SEVERITY_STATUS else Style.null()
                for severity in Severity
            },
        )


class Painted(Widget):
    """A widget that is painted with a palette, which is made anew when the theme or the focus changes."""

    _palette: Palette | None = None

    @property
    def palette(self) -> Palette:
        if self._palette is None:
            self._palette = Palette.of(self)
        return self._palette

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._palette = None

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self._palette = None
        self.refresh()


def _parsed(known: dict[str, str], name: str) -> Color:
    try:
        return Color.parse(known[name])
    except (KeyError, ColorParseError):
        return Color.parse("ansi_default")


def _named(known: dict[str, str], name: str) -> Style | None:
    """A row's background as the theme has it; `None` where it leaves that to us."""
    return Style(bgcolor=_parsed(known, name).rich_color) if name in known else None


def _row(background: Color, tint: Color, share: float, *, reverse: bool = False) -> Style:
    """A row's background. The terminal's own colours (an ANSI theme) cannot be mixed: there it is reversed or left."""
    if background.ansi is not None or tint.ansi is not None or background.a < 1:
        return Style(reverse=True) if reverse else Style.null()
    return Style(bgcolor=background.blend(tint, share, alpha=1).rich_color)
