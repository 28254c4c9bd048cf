"""The names of the detail's tabs: the one that is seen is always whole, and what there is besides is told."""

from __future__ import annotations

import pytest

from app.stage import Stage, lines
from refooter_tui.app.detail import TABS
from refooter_tui.app.widgets.tab_names import TabNames

CSS = "Screen > TabNames { height: 1; }"


@pytest.mark.parametrize("width", [24, 30, 42, 60, 80, 100])
async def test_the_tab_that_is_seen_is_whole_and_marks_say_that_there_are_more(width: int) -> None:
    names = TabNames(TABS)
    async with Stage(names, css=CSS).run_test(size=(width, 4)) as pilot:
        for index, (name, label) in enumerate(TABS):
            names.tab = name
            await pilot.pause()
            said = lines(names)[0]
            assert len(said) == width
            assert f"[{label}]" in said
            others = [other for other, (_, word) in enumerate(TABS) if other != index and f" {word} " in said]
            shown = sorted([*others, index])
            assert shown == list(range(shown[0], shown[-1] + 1))
            assert ("‹" in said) == (shown[0] > 0)
            assert ("›" in said) == (shown[-1] < len(TABS) - 1)


async def test_a_name_or_a_mark_that_is_clicked_is_asked_for() -> None:
    names = TabNames(TABS)
    stage = Stage(names, css=CSS)
    async with stage.run_test(size=(42, 4)) as pilot:
        names.tab = "pages"
        await pilot.pause()
        said = lines(names)[0]
        first = next(name for name, label in TABS if f" {label} " in said)
        before = TABS[[name for name, _ in TABS].index(first) - 1][0]
        await pilot.click(TabNames, offset=(0, 0))
        await pilot.click(TabNames, offset=(said.index("[Page") + 1, 0))
        await pilot.click(TabNames, offset=(2, 0))
        assert [message.tab for message in stage.said(TabNames.Asked)] == [before, "pages", first]
