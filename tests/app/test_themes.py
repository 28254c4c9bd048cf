"""The app's own themes: everything can be read wherever it stands, and every theme there is can be worn."""

from __future__ import annotations

import pytest
from rich.terminal_theme import TerminalTheme
from textual.color import Color
from textual.theme import Theme

from app.some_entries import some_entries
from app.stage import Stage
from refooter.values import Status
from refooter_tui.app.report import Report
from refooter_tui.app.themes import ANSI_DARK, ANSI_LIGHT, THEMES
from refooter_tui.app.widgets.entries import EntriesTable
from refooter_tui.app.widgets.palette import Palette
from refooter_tui.cli.render import status_text
from refooter_tui.model.order import take
from refooter_tui.model.selection import Selection

_READABLE = 4.5


def _luminance(color: Color) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(Color.parse(one)), _luminance(Color.parse(other))))
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_of_contrast_is_the_usual_one() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_status_can_be_read_on_every_ground(theme: Theme) -> None:
    named = theme.variables
    grounds = [theme.surface, theme.panel, *(named[name] for name in named if name.startswith("row-"))]
    words = [name for name in named if name.startswith(("status-", "muted", "text-"))]
    assert len(words) == 9
    for ground in grounds:
        for word in words:
            assert contrast(named[word], str(ground)) >= _READABLE, (word, ground)
        assert contrast(str(theme.foreground), str(ground)) >= 7


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
async def test_the_palette_paints_with_the_themes_own_colours(theme: Theme) -> None:
    entries = EntriesTable()
    stage = Stage(entries)
    async with stage.run_test() as pilot:
        stage.register_theme(theme)
        stage.theme = theme.name
        entries.focus()
        await pilot.pause()
        palette = Palette.of(entries)
        named = theme.variables
        status = [style.color.name for style in palette.status[:-1] if style.color is not None]
        assert status == [
            named[f"status-{name}"] for name in ("ok", "stale", "harmful", "legacy", "corrupt", "unknown")
        ]
        assert palette.cursor.bgcolor is not None
        assert palette.cursor.bgcolor.name == named["row-cursor"]
        assert palette.selected.bgcolor is not None
        assert palette.selected.bgcolor.name == named["row-selected"]


async def test_the_table_can_be_painted_in_every_theme_there_is() -> None:
    entries = EntriesTable()
    stage = Stage(entries)
    async with stage.run_test() as pilot:
        for theme in THEMES:
            stage.register_theme(theme)
        table = some_entries()
        selection = Selection(table)
        selection.select([1, 2])
        entries.show(table, take(table), selection)
        for name in stage.available_themes:
            stage.theme = name
            await pilot.pause()
            assert "status" in entries.render_line(0).text
            assert "●" in entries.render_line(2).text


def test_no_colour_of_a_theme_is_missing_in_the_other() -> None:
    dark, light = (set(theme.variables) for theme in THEMES)
    assert {name for name in dark ^ light if not name.startswith("fill-")} == set()


@pytest.mark.parametrize(("theme", "terminal"), zip(THEMES, (ANSI_DARK, ANSI_LIGHT), strict=True))
def test_reports_have_the_themes_own_orange(theme: Theme, terminal: TerminalTheme) -> None:
    report = Report(lambda console: console.print(status_text(console, Status.LEGACY)))
    (strip,) = report.strips(20, False)
    styles = [segment.style for segment in strip if "legacy" in segment.text]
    assert [style.color.get_truecolor(terminal).hex for style in styles if style is not None and style.color] == [
        theme.variables["status-legacy"]
    ]
