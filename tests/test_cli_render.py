"""How summaries look: on a terminal, and in a pipe."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from rich.text import Text

from refooter.events import EntriesDone, RunSummary, ScanSummary, ViewCount
from refooter.values import Cause, Diagnosis, EntryResult, Layout, Outcome, Reason, Status, TargetName
from refooter_tui.cli import render, words
from refooter_tui.cli.follow import Tally
from refooter_tui.cli.outcome import amiss
from refooter_tui.cli.reports import run_sentence, scan_sentence, show_run, show_scan, show_views
from refooter_tui.cli.words import problem_advice

TARGET = TargetName("arro3-io", "0.8.0", "parquet 57.1.0")
EVIL = "views/blocks/global/\x1b[2J\u202egpj.exe[red]\nx"


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return render.make_console(Terminal(io.BytesIO(), "utf-8"))


@pytest.fixture
def pipe() -> Console:
    return render.make_console(io.TextIOWrapper(io.BytesIO(), "utf-8"))


def shown(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.TextIOWrapper)
    file.flush()
    raw = file.buffer
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue().decode(file.encoding)


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def scan_summary() -> ScanSummary:
    by_cause = dict.fromkeys(Cause, 1234567)
    by_status = dict.fromkeys(Status, 1234567)
    return ScanSummary(9_876_543, by_status, by_cause, {"missing": 3}, 75.0, TARGET, 2, 5, 10, 4, 1)


def entry(
    path: str, reason: Reason | None = None, sentence: str = "", outcome: Outcome = Outcome.FAILED
) -> EntryResult:
    diagnosis = Diagnosis(Status.CORRUPT, Cause.EMPTY, (Cause.EMPTY,), Layout.UNKNOWN)
    return EntryResult(
        path,
        "blocks",
        "global",
        diagnosis,
        0,
        None,
        None,
        1,
        0,
        False,
        outcome=outcome,
        reason=reason,
        sentence=sentence,
    )


def run_summary(**outcomes: int) -> RunSummary:
    counts = {Outcome(name): count for name, count in outcomes.items()}
    return RunSummary("migrate", 3, 600, counts, {}, 0, 290, 8_500_000, 2.0, TARGET, "finished")


def test_no_line_is_wider_than_a_terminal_of_80_columns(terminal: Console) -> None:
    show_scan(terminal, scan_summary())
    views = [ViewCount(f"{'v' * 60}{i}/global", 123_456, dict.fromkeys(Status, 99_999)) for i in range(3)]
    show_views(terminal, views)
    lines = without_colours(shown(terminal)).splitlines()
    assert max(len(line) for line in lines) <= 80


def test_numbers_are_never_shortened_only_names_are(terminal: Console) -> None:
    show_views(terminal, [ViewCount(f"{'v' * 60}/global", 123_456, dict.fromkeys(Status, 99_999))])
    [row] = [line for line in without_colours(shown(terminal)).splitlines() if "99,999" in line]
    assert row.count("99,999") == len(Status)
    assert "…" in row


def test_a_number_is_whole_even_where_the_terminal_is_too_narrow(terminal: Console) -> None:
    show_views(terminal, [ViewCount("blocks/global", 6_000_000, dict.fromkeys(Status, 1_000_000_000))])
    assert without_colours(shown(terminal)).count("1,000,000,000") == len(Status)


def test_a_status_has_a_symbol_and_a_colour_of_its_own(terminal: Console) -> None:
    texts = [render.status_text(terminal, status) for status in Status]
    assert len({text.plain.split()[0] for text in texts}) == len(Status)
    assert len({str(text.style) for text in texts}) == len(Status)


def test_a_pipe_gets_plain_lines_without_colours_boxes_or_filling(pipe: Console) -> None:
    show_scan(pipe, scan_summary())
    text = shown(pipe)
    assert "\x1b" not in text
    assert "─" not in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    assert "corrupt" in text


def test_no_color_leaves_the_symbols(monkeypatch: pytest.MonkeyPatch, terminal: Console) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    plain = render.make_console(Terminal(io.BytesIO(), "utf-8"))
    show_scan(plain, scan_summary())
    assert "✗ corrupt" in shown(plain)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", shown(plain))


def test_a_stream_without_unicode_gets_other_symbols() -> None:
    console = render.make_console(io.TextIOWrapper(io.BytesIO(), "ascii"))
    show_scan(console, scan_summary())
    assert "x corrupt" in shown(console)


def test_foreign_text_neither_acts_on_the_terminal_nor_is_taken_for_markup(terminal: Console, pipe: Console) -> None:
    for console in (terminal, pipe):
        tally = Tally()
        tally.see(EntriesDone((entry(EVIL, Reason.DATABASE, "\x1b]0;owned\x07 [bold]says[/bold] :smile:"),)))
        show_run(console, run_summary(failed=1), tally)
        render.table(console, [("a", "text"), ("b", "fold")], [[EVIL, EVIL]])
        render.facts(console, [("c", EVIL)])
        text = without_colours(shown(console))
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "\u202e" not in text
        assert "\\x1b[2J\\u202egpj.exe[red]\\nx" in text
        assert "\\x1b]0;owned\\x07 [bold]says[/bold] :smile:" in text


def test_a_path_is_never_broken_by_us_so_that_it_can_be_copied(terminal: Console) -> None:
    path = "views/" + "x" * 200
    render.line(terminal, path)
    assert path in shown(terminal).splitlines()[0]


@pytest.mark.parametrize(
    ("counts", "total", "sentence"),
    [
        ({}, 0, "There is nothing to judge."),
        ({Status.OK: 1}, 1, "The one entry is ok."),
        ({Status.OK: 6000}, 6000, "All 6,000 entries are ok."),
        ({Status.LEGACY: 200, Status.CORRUPT: 12}, 600, "212 of 600 entries do not decode."),
        ({Status.HARMFUL: 1}, 2, "1 of 2 entries decodes but does harm."),
        (
            {Status.CORRUPT: 1, Status.HARMFUL: 2, Status.STALE: 1, Status.UNKNOWN: 3},
            9,
            "1 of 9 entries does not decode; 2 decode but do harm; 1 is out of date; 3 are not judged.",
        ),
    ],
)
def test_the_first_sentence_says_how_it_stands(counts: dict[Status, int], total: int, sentence: str) -> None:
    assert scan_sentence(counts, total) == sentence


def test_a_run_is_told_in_one_sentence() -> None:
    said = run_sentence(run_summary(migrated=492, skipped=95, failed=13))
    assert said == "Run 3 (migrate): 600 entries; 492 migrated, 95 left as they are, 13 failed."


@pytest.mark.parametrize(
    ("outcomes", "is_amiss"),
    [({"migrated": 3, "skipped": 2, "gone": 1}, False), ({"failed": 1}, True), ({"conflict": 1}, True), ({}, False)],
)
def test_a_run_is_amiss_where_something_failed_or_is_in_conflict_but_not_gone(
    outcomes: dict[str, int], is_amiss: bool
) -> None:
    assert amiss(run_summary(**outcomes)) is is_amiss


def test_failures_are_told_by_reason_with_the_first_few_paths_and_what_to_do(pipe: Console) -> None:
    tally = Tally()
    tally.see(EntriesDone(tuple(entry(f"p{i}", Reason.FILE_MISSING, "no such object") for i in range(5))))
    tally.see(
        EntriesDone((entry("q", None, "changed by another", Outcome.CONFLICT), entry("r", None, "", Outcome.GONE)))
    )
    show_run(pipe, run_summary(failed=5, conflict=1, gone=1), tally)
    text = shown(pipe)
    assert "file_missing: 5 files\n  p0\n    no such object\n" in text
    assert "  p2\n    no such object\n  and 2 more\n" in text
    assert words.REASONS[Reason.FILE_MISSING] in text
    assert "conflict: 1 file\n  q\n    changed by another\n" in text
    assert text.index("file_missing: 5") < text.index("conflict: 1")


def test_failures_are_counted_beyond_what_is_kept_of_them() -> None:
    tally = Tally()
    for start in range(0, 3000, 500):
        tally.see(EntriesDone(tuple(entry(f"p{start + i}", Reason.MISMATCH, "s") for i in range(500))))
    assert (len(tally.failures), tally.failures_total) == (1000, 3000)
    assert tally.failures[0] == {"file_path": "p0", "outcome": "failed", "reason": "mismatch", "sentence": "s"}
    assert tally.groups[Reason.MISMATCH].total == 3000


def test_every_cause_and_reason_has_words() -> None:
    assert set(words.CAUSES) == set(Cause)
    assert set(words.REASONS) == set(Reason)
    assert set(words.OUTCOMES) == set(Outcome)
    assert all(problem_advice(word) for word in (*Cause, *Reason, "no_metadata", "catalog_zero_rows", "lost"))


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 5, "0.0 %"), (1, 100_000, "< 0.1 %"), (99_999, 100_000, "> 99.9 %"), (5, 5, "100.0 %"), (0, 0, "")],
)
def test_a_share_never_hides_what_is_there(part: int, whole: int, said: str) -> None:
    assert render.share(part, whole) == said


def test_durations_read_as_people_say_them() -> None:
    assert render.duration(3.24) == "3.2 s"
    assert render.duration(192) == "3 minutes and 12 seconds"


def test_text_that_is_already_styled_is_left_alone(pipe: Console) -> None:
    render.say(pipe, Text("as it is", style="red"))
    assert shown(pipe) == "as it is\n"
