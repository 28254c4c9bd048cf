"""The filter line: terms as chips, typing with wrong terms underlined, and the counts below."""

from __future__ import annotations

import pytest

from app.stage import Stage, lines
from refooter_tui.app.widgets.chips import Chips, FilterInput, FilterLine
from refooter_tui.app.widgets.counts import CountLine, Counts
from refooter_tui.model.filter import parse

SIZES = [(80, 24), (160, 50)]
CSS = "Screen > FilterLine { height: 2; }"


@pytest.mark.parametrize("size", SIZES)
async def test_typing_filters_with_every_key_that_leaves_a_filter_without_a_wrong_term(size: tuple[int, int]) -> None:
    line = FilterLine()
    stage = Stage(line, css=CSS)
    async with stage.run_test(size=size) as pilot:
        line.edit()
        await pilot.press(*"is:orphan")
        await pilot.pause()
        heard = [str(message.filter) for message in stage.said(FilterLine.Changed)]
        assert heard[-1] == "is:orphan"
        # "is:o" makes no sense yet: the last good result stays
        assert all(text in ("i", "is", "is:orphan") for text in heard)
        await pilot.press("enter")
        await pilot.pause()
        assert len(stage.said(FilterLine.Done)) == 1
        assert " / " in lines(line.query_one(Chips))[0]
        assert "is:orphan ✕" in lines(line.query_one(Chips))[0]


async def test_a_wrong_term_is_underlined_and_explained_while_the_last_good_filter_holds() -> None:
    line = FilterLine()
    stage = Stage(line, css=CSS)
    async with stage.run_test(size=(80, 24)) as pilot:
        line.show(parse("status:stale"))
        line.edit()
        await pilot.press(*" stat:legacy")
        await pilot.pause()
        # up to the colon it was a word
        assert str(line.filter) == "status:stale stat"
        typed = line.query_one(FilterInput).render_line(0)
        underlined = "".join(part.text for part in typed if part.style is not None and part.style.underline)
        assert underlined == "stat:"
        assert "✗ “stat:” is no key: did you mean status:?" in lines(line.query_one(CountLine))[0]
        await pilot.press("enter")
        assert not stage.said(FilterLine.Done)
        await pilot.press("escape")
        await pilot.pause()
        assert len(stage.said(FilterLine.Done)) == 1
        assert line.query_one(FilterInput).value == "status:stale stat"


async def test_a_chip_goes_by_its_cross_and_by_a_key() -> None:
    line = FilterLine()
    stage = Stage(line, css=CSS)
    async with stage.run_test(size=(80, 24)) as pilot:
        line.show(parse("status:stale cause:empty is:orphan"))
        await pilot.pause()
        chips = line.query_one(Chips)
        await pilot.click(Chips, offset=(lines(chips)[0].index("✕"), 0))
        assert str(stage.said(FilterLine.Changed)[-1].filter) == "cause:empty is:orphan"
        chips.focus()
        await pilot.press("right", "delete")
        assert str(stage.said(FilterLine.Changed)[-1].filter) == "cause:empty"
        await pilot.press("x", "x", "x")
        assert stage.said(FilterLine.Changed)[-1].filter.empty
        assert "filter the entries" in lines(chips)[0]


async def test_what_is_shown_from_elsewhere_is_not_told_back() -> None:
    line = FilterLine()
    stage = Stage(line, css=CSS)
    async with stage.run_test(size=(80, 24)) as pilot:
        line.show(parse("status:stale"))
        line.show(parse('view:blocks error:"Required field num_rows is missing"'))
        await pilot.pause()
        assert not stage.said(FilterLine.Changed)
        assert line.query_one(FilterInput).value == 'view:blocks error:"Required field num_rows is missing"'


async def test_more_chips_than_fit_keep_the_chosen_one_in_sight() -> None:
    line = FilterLine()
    async with Stage(line, css=CSS).run_test(size=(80, 24)) as pilot:
        line.show(parse(" ".join(f"word-number-{number}" for number in range(12))))
        chips = line.query_one(Chips)
        chips.focus()
        await pilot.press(*["right"] * 11)
        assert "word-number-11" in lines(chips)[0]
        assert "word-number-0 " not in lines(chips)[0]


async def test_pasted_control_characters_are_shown_as_boxes_and_as_escapes() -> None:
    line = FilterLine()
    async with Stage(line, css=CSS).run_test(size=(80, 24)) as pilot:
        line.edit()
        line.query_one(FilterInput).insert_text_at_cursor("a\x1b[31mb\u202ec\x9bd\x07e")
        await pilot.pause()
        shown = "".join(lines(line.query_one(FilterInput)))
        assert "a□[31mb□c□d□e" in shown
        await pilot.press("enter")
        await pilot.pause()
        assert "a\\x1b[31mb\\u202ec\\u009bd\\x07e" in lines(line.query_one(Chips))[0]


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (Counts(1_204, 981_004), "1,204 of 981,004 shown"),
        (Counts(3, 10, selected=2), "3 of 10 shown · 2 selected"),
        (Counts(3, 10, selected=12, hidden=9), "3 of 10 shown · 12 selected, 9 hidden"),
        (Counts(3, 10, changed=214), "3 of 10 shown · 214 rows changed: = applies the filter again"),
        (Counts(3, 412_000, expected=1_000_000), "3 of 412,000 shown · 412,000 of ~1,000,000 loaded"),
        (Counts(3, 10, working=True), "3 of 10 shown · working …"),
        (Counts(3, 10, new=3, retired=2, changed=1), "3 of 10 shown · 3 new, 2 retired, 1 row changed: = again"),
        (Counts(3, 10, unscanned=7, unscanned_bytes=9_700), "3 of 10 shown · 7 not scanned: ctrl+r scans all"),
        (Counts(3, 10, unscanned=7, scanning=True), "3 of 10 shown · 7 not scanned yet"),
    ],
)
async def test_the_line_below_says_what_is_shown_selected_hidden_changed_loaded_and_scanned(
    counts: Counts, said: str
) -> None:
    line = FilterLine()
    async with Stage(line, css=CSS).run_test(size=(80, 24)) as pilot:
        line.show_counts(counts)
        await pilot.pause()
        assert lines(line.query_one(CountLine))[0].split("3 Entries  ")[1].strip() == said


async def test_a_click_on_an_offer_asks_for_what_it_offers() -> None:
    line = FilterLine()
    stage = Stage(line, css=CSS)
    async with stage.run_test(size=(160, 24)) as pilot:
        line.show_counts(Counts(3, 988_010, changed=214, unscanned=988_000, unscanned_bytes=9_126_805_504))
        await pilot.pause()
        said = lines(line.query_one(CountLine))[0]
        assert "988,000 not scanned: ctrl+r scans all (8.5 GiB from the database)" in said
        for words in ("= applies", "ctrl+r scans", "of 988,010"):
            await pilot.click(CountLine, offset=(said.index(words), 0))
        asked = [message.action for message in stage.said(CountLine.Asked)]
        assert asked == ["reapply", "scan_all", "pane('entries')"]


async def test_counts_that_do_not_fit_are_left_out_whole() -> None:
    line = FilterLine()
    async with Stage(line, css=CSS).run_test(size=(70, 24)) as pilot:
        line.show_counts(Counts(981_004, 981_004, 1_000_000, 900_000, 800_000, 214, True))
        await pilot.pause()
        said = lines(line.query_one(CountLine))[0]
        assert said.strip() == "3 Entries  981,004 of 981,004 · 900,000 selected, 800,000 hidden"
