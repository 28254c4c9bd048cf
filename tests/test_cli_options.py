"""Words on the command line, and the selections they come to."""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from refooter.catalog.selection import Selection, View, parse_time
from refooter.errors import NothingSelected, UsageError
from refooter.values import Status
from refooter_tui.cli import options
from refooter_tui.cli.main import make_parser


def parsed(*words: str) -> argparse.Namespace:
    return make_parser().parse_args(words, argparse.Namespace(**options.DEFAULTS))


def selected(*words: str) -> Selection:
    return options.selection_of(parsed("scan", *words))


def test_nothing_given_selects_everything() -> None:
    assert selected().everything


def test_options_of_one_kind_add_up_without_doubles() -> None:
    found = selected(
        "--view",
        "blocks",
        "--view",
        "log_entries/global",
        "--view",
        "blocks",
        "--status",
        "legacy",
        "--status",
        "corrupt",
    )
    assert found.views == (View("blocks"), View("log_entries", "global"))
    assert found.statuses == (Status.LEGACY, Status.CORRUPT)


def test_times_are_utc_unless_they_say_otherwise() -> None:
    found = selected("--since", "2025-06-14", "--until", "2025-06-14T02:00:00+02:00")
    assert found.since == found.until == parse_time("2025-06-14T00:00:00Z")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--status", "fine"), "no status 'fine'; there are ok, stale, harmful, legacy, corrupt, unknown"),
        (("--cause", "rot"), "no cause 'rot'; there are none, outdated_version, .*malformed"),
        (("--since", "yesterday"), "not a time: 'yesterday'"),
        (("--view", "blocks/"), "not a view"),
        (("--paths-from", "/no/such/list"), "cannot read the list of paths"),
        (("--path", "a\x00b"), "NUL"),
        (("--path", "a\udcffb"), "not UTF-8"),
        (("--stat", "ok"), r"unrecognized arguments: --stat \.\.\."),
    ],
)
def test_what_cannot_be_read_is_wrong_usage(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        selected(*words)


def test_a_list_of_paths_joins_those_that_are_named(tmp_path: Path) -> None:
    listed = tmp_path / "paths"
    listed.write_bytes("\ufeffb\r\n\n a with spaces \nb\nö".encode())
    assert selected("--path", "x", "--paths-from", str(listed)).paths == ("x", "b", " a with spaces ", "ö")


def test_an_empty_list_of_paths_selects_nothing_and_not_everything(tmp_path: Path) -> None:
    listed = tmp_path / "paths"
    listed.write_bytes(b"")
    found = selected("--paths-from", str(listed))
    assert found.paths == ()
    assert not found.everything


def test_a_list_of_paths_that_is_not_utf8_says_in_which_line(tmp_path: Path) -> None:
    listed = tmp_path / "paths"
    listed.write_bytes(b"a\nb\n\xff\n")
    with pytest.raises(UsageError, match="line 3"):
        selected("--paths-from", str(listed))


def test_a_dash_reads_the_paths_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"a\nb\n")))
    assert selected("--paths-from", "-").paths == ("a", "b")


def test_options_take_precedence_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", "postgres://env/lake")
    monkeypatch.setenv("MICROMEGAS_OBJECT_STORE_URI", "s3://env/lake")
    assert options.settings_of(parsed("views")).dsn == "postgres://env/lake"
    settings = options.settings_of(parsed("views", "--dsn", "postgres://option/lake", "--store", "file:///option"))
    assert (settings.dsn, settings.store) == ("postgres://option/lake", "file:///option")


def test_connection_options_may_stand_before_and_behind_a_nested_command() -> None:
    args = parsed("runs", "--dsn", "postgres://a/b", "show", "3", "--json")
    assert (args.dsn, args.run_id, args.json) == ("postgres://a/b", 3, True)


@pytest.mark.parametrize(
    "words", [("--concurrency", "0"), ("--max-rate", "nan"), ("--max-rate", "0"), ("--strategy", "guess")]
)
def test_numbers_and_choices_out_of_range_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=f"argument {words[0]}"):
        parsed("migrate", *words)


@pytest.mark.parametrize("words", [(), ("path", "--blob", "x"), ("--blob", "x", "--file", "y")])
def test_inspect_wants_exactly_one_thing(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        parsed("inspect", *words)


def test_finding_nothing_is_an_error_only_where_something_was_asked_for() -> None:
    options.refuse_nothing(0, Selection())
    options.refuse_nothing(0, Selection(paths=(), allow_empty=True))
    options.refuse_nothing(1, Selection(paths=("a",)))
    with pytest.raises(NothingSelected):
        options.refuse_nothing(0, Selection(statuses=(Status.CORRUPT,)))
