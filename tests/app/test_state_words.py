"""What stands where nothing can be shown: each state in words of its own."""

from __future__ import annotations

import pytest

from refooter_tui.app.state_words import Situation, State, causes_words, detail_words, state_of, table_words

READY = Situation(connected=True, known=600, shown=600)

STATES = [
    (Situation(), State.CONNECTING, "connecting to the catalog"),
    (
        Situation(code="database_unreachable", sentence="the server at db:5432 does not answer"),
        State.LOST,
        "does not answer.\nIt is tried again",
    ),
    (Situation(code="missing_rights", sentence="the role reader may not read x"), State.NO_RIGHTS, "init --sql"),
    (
        Situation(code="unsupported_catalog", sentence="this is not a lakehouse catalog"),
        State.UNSUPPORTED,
        "this is not a lakehouse catalog.\nVersions 4 and 5",
    ),
    (Situation(code="usage", sentence="--store names no bucket"), State.MISCONFIGURED, "another --dsn or --store"),
    (
        Situation(connected=True, failed=True, code="database", sentence="a page could not be read"),
        State.UNREADABLE,
        "a page could not be read.\nR reads the catalog again",
    ),
    (Situation(connected=True, loading=True), State.READING, "reading the catalog"),
    (Situation(connected=True), State.EMPTY, "The catalog has no entries"),
    (
        Situation(connected=True, known=600, filter="run:7"),
        State.HIDDEN,
        "No entry of 600 matches run:7.\n/ changes the filter",
    ),
    (
        Situation(connected=True, known=600, filter="status:corrupt", unscanned=599),
        State.HIDDEN,
        "599 entries were never judged: ctrl+r scans all",
    ),
    (
        Situation(connected=True, known=600, filter="x", unscanned=9, scanning=True),
        State.HIDDEN,
        "9 entries are being judged now",
    ),
    (
        Situation(connected=True, known=600, filter="x", loading=True),
        State.HIDDEN,
        "600 entries loaded so far matches x.\nMore are coming",
    ),
]


@pytest.mark.parametrize(("now", "state", "said"), STATES)
def test_every_state_has_words_of_its_own(now: Situation, state: State, said: str) -> None:
    assert state_of(now) is state
    assert said in table_words(now)


def test_no_two_states_have_the_same_words() -> None:
    assert len({table_words(now) for now, _, _ in STATES}) == len(STATES)
    assert {state for _, state, _ in STATES} | {State.SHOWN} == set(State)


def test_where_entries_are_shown_nothing_is_explained() -> None:
    assert state_of(READY) is State.SHOWN
    assert "no entry is highlighted" in detail_words(READY)


def test_the_detail_says_why_it_has_no_entry() -> None:
    assert len({detail_words(now) for now, _, _ in STATES}) >= 4
    assert "no entry matches the filter" in detail_words(Situation(connected=True, known=3, filter="x"))


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (READY, "nothing broken: all 600 entries decode"),
        (Situation(connected=True, known=600, shown=600, unscanned=600), "not scanned: ctrl+r scans all"),
        (Situation(connected=True, known=600, shown=600, unscanned=600, scanning=True), "not scanned yet"),
        (Situation(connected=True, known=600, shown=600, unscanned=9), "591 scanned; 9 not scanned (with ctrl+r)"),
        (Situation(connected=True, known=600, shown=600, loading=True), "not scanned yet"),
        (Situation(connected=True), "the catalog has no entries"),
    ],
)
def test_nothing_broken_is_said_of_a_lake_that_was_scanned_whole_and_of_no_other(now: Situation, said: str) -> None:
    assert said in causes_words(now)
    assert ("nothing broken" in causes_words(now)) == (now is READY)


def test_words_of_the_database_and_of_the_filter_cannot_act_on_a_terminal() -> None:
    hostile = "a\x1b[31m\nb\u202ec"
    for now in (
        Situation(code="database_unreachable", sentence=hostile),
        Situation(connected=True, known=3, filter=hostile),
    ):
        assert "a\\x1b[31m\\nb\\u202ec" in table_words(now)
