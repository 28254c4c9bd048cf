"""The app's own two themes. Every status can be read on every ground that it stands on: plain, selected, under the cursor."""

from __future__ import annotations

from typing import Final

from rich.terminal_theme import TerminalTheme
from textual.color import Color
from textual.theme import Theme

DARK: Final = Theme(
    name="refooter-dark",
    primary="#5ea9e8",
    secondary="#8c9bb0",
    accent="#8fc7f2",
    warning="#e6c452",
    error="#f78a8d",
    success="#7fce86",
    foreground="#dde3ea",
    background="#0f1217",
    surface="#151920",
    panel="#1e242d",
    boost="#262d38",
    dark=True,
    variables={
        "status-ok": "#7fce86",
        "status-stale": "#e2c355",
        "status-harmful": "#dd8fe0",
        "status-legacy": "#f5a35c",
        "status-corrupt": "#f67e82",
        "status-unknown": "#a3acb9",
        "muted": "#9ba5b4",
        "row-cursor": "#1b3550",
        "row-cursor-blurred": "#212b37",
        "row-selected": "#2b2744",
        "text-accent": "#8fc7f2",
        "text-warning": "#f0cf6a",
        "block-cursor-background": "#1b3550",
        "block-cursor-foreground": "#dde3ea",
        "block-cursor-text-style": "none",
        "scrollbar": "#2c3440",
        "scrollbar-background": "#151920",
        "scrollbar-corner-color": "#151920",
        "scrollbar-hover": "#46536a",
        "scrollbar-background-hover": "#151920",
        "scrollbar-active": "#5ea9e8",
        "scrollbar-background-active": "#151920",
        "footer-background": "#1e242d",
        "footer-key-foreground": "#8fc7f2",
        "input-selection-background": "#5ea9e8 35%",
        "border": "#5ea9e8",
    },
)
LIGHT: Final = Theme(
    name="refooter-light",
    primary="#1c6db0",
    secondary="#5b6b80",
    accent="#14598f",
    warning="#7a5a00",
    error="#b01b27",
    success="#17692d",
    foreground="#1d2733",
    background="#e9edf2",
    surface="#fafbfc",
    panel="#e1e7ee",
    boost="#d5dde7",
    dark=False,
    variables={
        "status-ok": "#156d2f",
        "status-stale": "#755b00",
        "status-harmful": "#95249a",
        "status-legacy": "#a34400",
        "status-corrupt": "#bd1d2a",
        "status-unknown": "#565d67",
        # areas need not be read, only told apart
        "fill-ok": "#46a862",
        "fill-stale": "#d3aa2c",
        "fill-harmful": "#b95fc2",
        "fill-legacy": "#e58432",
        "fill-corrupt": "#da4650",
        "fill-unknown": "#aab2bd",
        "muted": "#545d69",
        "row-cursor": "#d0e4f7",
        "row-cursor-blurred": "#e3ebf3",
        "row-selected": "#e6def4",
        "text-accent": "#14598f",
        "text-warning": "#7a4b00",
        "block-cursor-background": "#d0e4f7",
        "block-cursor-foreground": "#1d2733",
        "block-cursor-text-style": "none",
        "scrollbar": "#c3ccd7",
        "scrollbar-background": "#fafbfc",
        "scrollbar-corner-color": "#fafbfc",
        "scrollbar-hover": "#98a5b5",
        "scrollbar-background-hover": "#fafbfc",
        "scrollbar-active": "#1c6db0",
        "scrollbar-background-active": "#fafbfc",
        "footer-background": "#e1e7ee",
        "footer-key-foreground": "#14598f",
        "input-selection-background": "#1c6db0 30%",
        "border": "#1c6db0",
    },
)
THEMES: Final = (DARK, LIGHT)
DEFAULT: Final = DARK.name


def _ansi(theme: Theme) -> TerminalTheme:
    """What the command line's words for colours are in the app: those of the statuses, which can be read on this theme."""
    colours = theme.variables
    names = ("status-corrupt", "status-ok", "status-stale", "text-accent", "status-harmful", "text-accent")
    black, white = Color.parse(theme.background or "black"), Color.parse(theme.foreground or "white")
    row = [black.rgb, *(Color.parse(colours[name]).rgb for name in names), white.rgb]
    # the orange of what is legacy has no word among the sixteen: a report says bright yellow for it
    bright = [*row[:3], Color.parse(colours["status-legacy"]).rgb, *row[4:]]
    return TerminalTheme(black.rgb, white.rgb, row, bright)


ANSI_DARK: Final = _ansi(DARK)
ANSI_LIGHT: Final = _ansi(LIGHT)
