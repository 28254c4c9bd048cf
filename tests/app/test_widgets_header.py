"""The header: what stays when it gets narrow, and that nothing foreign acts on the terminal."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from app.stage import Stage, lines
from refooter_tui.app.widgets.header import HeaderBar, HeaderFacts, Link

FACTS = HeaderFacts(
    "production",
    "#aa2222",
    "s3://telemetry-lake/prod",
    "ops@db.example.com:5432/telemetry",
    "arro3-io 0.8.0 (parquet 57.1.0)",
    True,
    Link.UP,
)
CSS = "Screen > HeaderBar { height: 1; }"


@pytest.mark.parametrize(
    ("width", "there", "gone"),
    [
        (
            200,
            ["production", "ops@db.example.com:5432/telemetry", "s3://telemetry-lake/prod", "judged by arro3-io"],
            [],
        ),
        (100, ["production", "ops@db.example.com:5432/telemetry", "READ-ONLY", "● connected"], ["arro3-io"]),
        (60, ["production", "READ-ONLY", "● connected", "telemetry"], ["s3://", "ops@"]),
    ],
)
async def test_the_narrower_the_less_but_never_without_label_and_state(
    width: int, there: list[str], gone: list[str]
) -> None:
    bar = HeaderBar()
    async with Stage(bar, css=CSS).run_test(size=(width, 24)) as pilot:
        bar.facts = FACTS
        await pilot.pause()
        shown = lines(bar)[0]
        assert cell_len(shown) == width
        assert all(text in shown for text in there)
        assert not any(text in shown for text in gone)


async def test_a_lost_connection_is_said_in_words() -> None:
    bar = HeaderBar()
    async with Stage(bar, css=CSS).run_test(size=(60, 24)) as pilot:
        bar.facts = HeaderFacts("lake", link=Link.LOST)
        await pilot.pause()
        assert "✗ connection lost" in lines(bar)[0]


async def test_foreign_text_in_the_header_is_shown_and_not_obeyed() -> None:
    bar = HeaderBar()
    async with Stage(bar, css=CSS).run_test(size=(160, 24)) as pilot:
        bar.facts = HeaderFacts("la\x1b]0;x\x07bel", "no colour", "s3://b\u202eucket", "u@h:1/d\nb")
        await pilot.pause()
        assert "la\\x1b]0;x\\x07bel" in lines(bar)[0]
        assert "u@h:1/d\\nb · s3://b\\u202eucket" in lines(bar)[0]
