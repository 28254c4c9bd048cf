"""Foreign text on its way to a terminal."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from refooter_tui.text import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("a\nb\r\nc\td", "a\\nb\\r\\nc\\td"),
        ("\x00\x7f", "\\x00\\x7f"),
        ("\x9b31m", "\\u009b31m"),
        ("gpj\u202e.exe", "gpj\\u202e.exe"),
        ("a\u2066b\u2069", "a\\u2066b\\u2069"),
        ("pay\u200bpal\ufeff", "pay\\u200bpal\\ufeff"),
        ("soft\u00adhyphen", "soft\\u00adhyphen"),
        ("line\u2028paragraph\u2029", "line\\u2028paragraph\\u2029"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("filler\u3164", "filler\\u3164"),
        ("selector\ufe0f", "selector\\ufe0f"),
        ("\udcff", "\\udcff"),
        ("\ud83d", "\\ud83d"),
    ],
)
def test_what_acts_on_a_terminal_or_hides_in_it_becomes_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "views/blocks/global/2025-06-14/09-12-00_0.parquet",
        "größe=1 %20 \\x1b C:\\new",
        "日本語 العربية עברית ไทย हिन्दी",
        "😀 e\u0301 €",
        "[bold]not markup[/bold] :smile:",
    ],
)
def test_everything_else_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_no_control_format_separator_or_surrogate_character_of_unicode_passes() -> None:
    passed = [
        f"U+{code:04X}"
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp") and visible(chr(code)) == chr(code)
    ]
    assert passed == []


def test_what_is_shown_is_always_one_line_that_can_be_written_out() -> None:
    everything = "".join(chr(code) for code in range(sys.maxunicode + 1))
    shown = visible(everything)
    assert shown.splitlines() == [shown]
    assert shown.encode().decode() == shown


def test_showing_twice_changes_nothing_more() -> None:
    once = visible("\x1b[31m\u202e\n")
    assert visible(once) == once
