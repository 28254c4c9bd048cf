"""A catalog that was made to harm whoever looks at it, by way of the command line: nothing of it acts on a terminal, in tables, in
messages, in errors or in progress; while exports and JSON say exactly what the catalog says."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from app.test_hostile import HOSTILE, MARKUP, HostileLake, acting, written
from app.test_hostile import lake as lake  # a fixture
from refooter_tui.cli.main import main
from support.tables import rows
from support.workers import shared_workers

Captured = pytest.CaptureFixture[str]
# What a program may say itself, too, but never with these numbers.
_SEQUENCES: Final = ("\x1b[66;66H", "\x1b[7;31;5m", "\x1b]", "\x1bP")


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with shared_workers():
        yield


def assert_harmless(said: str, where: str) -> None:
    found = acting(written(said.encode("utf-8", "surrogateescape")))
    assert found == set(), (where, found)
    assert [one for one in _SEQUENCES if one in said] == [], where


class Terminal:
    """Both streams are a terminal of 80 columns; what reaches it is checked after each command."""

    def __init__(self, lake: HostileLake, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", lake.dsn)
        monkeypatch.setenv("MICROMEGAS_OBJECT_STORE_URI", lake.store)
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", "80")
        for stream in (sys.stdout, sys.stderr):
            monkeypatch.setattr(stream, "isatty", lambda: True)

    def __call__(self, *words: str, codes: tuple[int, ...] = (0, 1)) -> str:
        self._capsys.readouterr()
        code = main(list(words))
        out, err = self._capsys.readouterr()
        assert code in codes, (words, code, err)
        assert_harmless(out, f"standard output of {words[0]}")
        assert_harmless(err, f"standard error of {words[0]}")
        return out + err

    def json(self, *words: str, codes: tuple[int, ...] = (0, 1)) -> Any:
        self._capsys.readouterr()
        code = main([*words, "--json"])
        out, err = self._capsys.readouterr()
        assert code in codes, (words, code, err)
        assert out.isascii()
        assert out.rstrip("\n").isprintable()
        assert_harmless(err, f"standard error of {words[0]} --json")
        return json.loads(out)


@pytest.fixture
def at(lake: HostileLake, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(lake, capsys, monkeypatch)


def test_no_command_lets_a_catalog_act_on_the_terminal(at: Terminal, lake: HostileLake, tmp_path: Path) -> None:
    seen = at("views")
    assert "\\x1b]0;owned" in seen
    at("scan", "--deep")
    for path in lake.paths:
        assert "evil" in at("inspect", path, "--all")
    assert "owned" in at("migrate", "--dry-run")
    done = at("migrate", "--yes", "--accept-unproved")
    assert "refused [red]m" in done
    at("migrate", "--yes", "--force", "--strategy", "refetch")
    assert "Run 1 (migrate)" in at("runs", "show", "1")
    at("runs")
    assert "\\u202e" in at("verify")
    at("verify", "--run", "1", "--against-store")
    for ending in ("csv", "jsonl", "parquet"):
        at("export", "-o", str(tmp_path / f"rows {MARKUP.replace('/', '')}\u202e.{ending}"))
    backup = str(tmp_path / "backup \u202e\x9b.parquet")
    at("backup", "-o", backup)
    at("rollback", "1", "2", "--yes")
    at("restore", backup, "--yes")
    at("runs", "prune", "1", "--yes")
    at("init", "--sql", codes=(0, 2))


def test_no_error_says_hostile_words_raw(at: Terminal, lake: HostileLake, tmp_path: Path) -> None:
    for words in (
        ["scan", "--path", f"views/{HOSTILE}"],
        ["scan", "--view", f"{HOSTILE}"],
        ["scan", "--status", HOSTILE],
        ["scan", "--since", HOSTILE],
        ["scan", "--bogus", HOSTILE],
        ["scan", f"--{HOSTILE}"],
        [HOSTILE],
        ["inspect", f"no {HOSTILE}"],
        ["inspect", lake.paths[0], "--tree", HOSTILE],
        ["inspect", lake.paths[0], "--hex", HOSTILE],
        ["inspect", "--blob", f"{tmp_path}/{HOSTILE}"],
        ["inspect", "--file", f"{tmp_path}/{HOSTILE}"],
        ["inspect", "--file", f"http://{HOSTILE}/a"],
        ["export", "-o", f"{tmp_path}/{HOSTILE}"],
        ["export", "-o", f"{tmp_path}/{HOSTILE}/a.csv"],
        ["backup", "-o", f"{tmp_path}/{HOSTILE}/b.parquet"],
        ["restore", f"{tmp_path}/{HOSTILE}", "--yes"],
        ["views", "--profile", HOSTILE],
        ["views", "--dsn", f"postgres://{HOSTILE}@127.0.0.1:1/d"],
        ["views", "--dsn", f"postgres://h/d?{HOSTILE}=1"],
        ["views", "--dsn", f"host=127.0.0.1 port=1 dbname='{HOSTILE.replace(chr(92), '')}'"],
        ["views", "--dsn", lake.dsn.replace("//postgres@", f"//role{HOSTILE}@")],
        ["migrate", "--dry-run", "--store", f"s3://b/{HOSTILE}"],
        ["migrate", "--dry-run", "--store", f"{tmp_path}/{HOSTILE}"],
        ["migrate", "--dry-run", "--store", f"nosuch{HOSTILE}://h"],
        ["migrate", "--dry-run", "--store", f"nosuch://h{HOSTILE}"],
        ["runs", "show", HOSTILE],
        ["migrate", "--yes", "--journal-schema", HOSTILE],
    ):
        at(*words, codes=(2, 3))
        assert at.json(*words, codes=(2, 3))["error"]["message"]


def test_what_a_program_reads_is_what_the_catalog_says(at: Terminal, lake: HostileLake, tmp_path: Path) -> None:
    at.json("migrate", "--yes", codes=(1,))
    there = {path for (path,) in rows(lake.dsn, "SELECT file_path FROM partition_metadata")}
    at("export", "-o", str(tmp_path / "rows.jsonl"))
    exported = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert {row["file_path"] for row in exported} == there
    assert at.json("inspect", lake.paths[3])["entry"]["file_path"] == lake.paths[3]
    shown = at.json("runs", "show", "1")
    assert lake.paths[2] in {one["file_path"] for one in shown["failures"]}
    assert any(HOSTILE in (one["sentence"] or "") for one in shown["failures"])
    assert f"evil{HOSTILE}/{MARKUP}" in {one["view"] for one in at.json("views")["views"]}
