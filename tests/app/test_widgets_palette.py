"""Colours: the theme's, by its darkness; without any, what is broken stands out all the same."""

from __future__ import annotations

import pytest

from app.some_entries import some_entries
from app.stage import Stage, lines, styles_at
from refooter_tui.app.widgets.entries import EntriesTable
from refooter_tui.app.widgets.palette import DARK, LIGHT, theme_variables
from refooter_tui.app.widgets.timeline import TimelineBar
from refooter_tui.model.order import take
from refooter_tui.model.selection import Selection
from refooter_tui.model.timeline import Timeline


async def test_status_colours_follow_the_theme_while_the_app_runs() -> None:
    entries = EntriesTable()
    stage = Stage(entries)
    async with stage.run_test(size=(80, 24)) as pilot:
        table = some_entries()
        entries.show(table, take(table), Selection(table))
        await pilot.pause()
        assert styles_at(entries.render_line(2), "stale") == [DARK["status-stale"]]
        stage.theme = "textual-light"
        await pilot.pause()
        assert styles_at(entries.render_line(2), "stale") == [LIGHT["status-stale"]]


def test_a_theme_is_given_the_colours_of_its_darkness() -> None:
    assert theme_variables(dark=True) == DARK
    assert theme_variables(dark=False) == LIGHT


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "nord"])
async def test_without_colours_what_is_broken_is_bold_and_everything_is_painted(
    theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    entries, bar = EntriesTable(), TimelineBar()
    stage = Stage(entries, bar)
    async with stage.run_test(size=(80, 24)) as pilot:
        stage.theme = theme
        table = some_entries()
        entries.show(table, take(table), Selection(table))
        bar.show(Timeline(table))
        entries.focus()
        await pilot.press("j", "space", "j")
        await pilot.pause()
        bold = {
            part.text.strip()
            for y in range(1, entries.size.height)
            for part in entries.render_line(y)
            if part.style is not None and part.style.bold and part.text.strip()
        }
        assert "▲ harmful" in bold
        assert "✓ ok" not in bold
        assert "○ stale" not in bold
        assert lines(entries)[2][1] == "●"
        assert lines(entries)[4][0] != lines(entries)[3][0]
        assert any(character in lines(bar)[0] + lines(bar)[-3] for character in "▁▂▃▄▅▆▇█")
