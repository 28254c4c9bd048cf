"""The entry point without a lake: help, wrong usage, errors, exit codes, and what must not be imported."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from refooter.errors import DatabaseUnreachable
from refooter_tui.cli import main as entry_point
from refooter_tui.cli import views
from refooter_tui.cli.main import main
from refooter_tui.cli.shell import Shell

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _no_lake(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MICROMEGAS_SQL_CONNECTION_STRING", "MICROMEGAS_OBJECT_STORE_URI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def instead_of_views(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Shell], int]], None]:
    """Makes `refooter views` do something else."""

    def put(work: Callable[[Shell], int]) -> None:
        def run(args: argparse.Namespace, shell: Shell) -> int:
            return work(shell)

        monkeypatch.setattr(views, "run", run)

    return put


def test_without_a_command_help_is_shown_and_the_exit_code_is_2(capsys: Captured) -> None:
    assert main([]) == 2
    assert "commands:" in capsys.readouterr().err


def test_help_is_no_error_and_goes_to_standard_output(capsys: Captured) -> None:
    assert main(["migrate", "--help"]) == 0
    said = capsys.readouterr()
    assert "--dry-run" in said.out
    assert said.err == ""


def test_what_is_not_there_yet_is_not_offered(capsys: Captured) -> None:
    assert main(["verify", "--queries"]) == 2
    said = capsys.readouterr()
    assert "--queries" in said.err
    assert said.out == ""


def test_help_imports_nothing_that_takes_long() -> None:
    code = (
        "import sys; from refooter_tui.cli.main import main; main(['--help']); main(['scan', '--help']);"
        "slow = ['pyarrow', 'psycopg', 'obstore', 'fsspec', 'rich', 'humanize', 'arro3', 'asyncio', 'numpy'];"
        "print('imported:', [name for name in slow if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == "imported: []"


def test_wrong_usage_is_one_sentence_and_exit_code_2(capsys: Captured) -> None:
    assert main(["scan", "--status", "fine\x1b[31m"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "refooter: no status 'fine\\x1b[31m'; there are ok, stale, harmful, legacy, corrupt, unknown\n"


@pytest.mark.parametrize(
    "words",
    [
        ["scan", "--json", "--bogus"],
        ["--json"],
        ["scan", "--json", "--status", "fine"],
        ["inspect", "--json"],
        ["export", "--json"],
        ["migrate", "--json", "--read-only", "--yes"],
        ["rollback", "1", "--json", "--read-only", "--yes"],
        ["export", "--json", "-o", "rows.txt"],
    ],
)
def test_wrong_usage_is_answered_in_json_too(words: list[str], capsys: Captured) -> None:
    assert main(words) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["error"]["code"] == "usage"
    assert answer["error"]["message"]


def test_migrate_and_rollback_do_not_ask_where_nobody_can_answer(capsys: Captured) -> None:
    for words in (["migrate", "--json"], ["rollback", "3", "--json"]):
        assert main(words) == 2
        answer = json.loads(capsys.readouterr().out)
        assert "--yes" in answer["error"]["message"]
        assert answer["run_id"] is None
        assert (answer["selected"], answer["migrated"], answer["failed"]) == (0, 0, 0)


def test_a_database_that_cannot_be_reached_is_exit_code_3_and_no_password_is_shown(capsys: Captured) -> None:
    assert main(["runs", "--json", "--dsn", "postgres://someone:s3cret@127.0.0.1:1/lake"]) == 3
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert answer["error"]["code"] == DatabaseUnreachable.code
    assert answer["runs"] == []
    assert "someone@127.0.0.1:1/lake" in said.err
    assert "s3cret" not in said.out + said.err


def test_an_unexpected_error_is_called_a_bug_without_its_text_or_a_traceback(
    instead_of_views: Callable[[Callable[[Shell], int]], None], capsys: Captured
) -> None:
    def work(shell: Shell) -> int:
        shell.answer.put(entries=5)
        raise KeyError("postgres://u:s3cret@h/d")

    instead_of_views(work)
    assert main(["views", "--json"]) == 3
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert answer["entries"] == 5
    assert answer["error"]["code"] == "bug"
    assert said.err.startswith("refooter: this is a bug in refooter: an unexpected KeyError")
    assert "s3cret" not in said.out + said.err
    assert "Traceback" not in said.err


def test_a_failing_system_call_names_its_file(
    instead_of_views: Callable[[Callable[[Shell], int]], None], capsys: Captured
) -> None:
    def work(shell: Shell) -> int:
        raise OSError(28, "No space left on device", "rows.csv")

    instead_of_views(work)
    assert main(["views"]) == 3
    assert capsys.readouterr().err == "refooter: rows.csv: No space left on device\n"


def run(words: list[str], **others: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "import sys; from refooter_tui.cli.main import main; sys.exit(main())", *words]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **others)  # type: ignore[call-overload, no-any-return]


def test_a_reader_that_has_seen_enough_ends_it_quietly_but_not_as_a_success() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = run(["scan", "--status", "fine", "--json"], stdout=writing)
    os.close(writing)
    _, said = process.communicate(timeout=60)
    assert said.count(b"\n") == 1
    assert process.returncode == 128 + signal.SIGPIPE


def test_closed_streams_are_no_bug() -> None:
    code = "import os; os.close(1); os.close(2); os.execvp(os.sys.executable, [os.sys.executable, '-c', os.environ['MAIN']])"
    main_code = "import sys; from refooter_tui.cli.main import main; sys.exit(main(['scan', '--status', 'fine']))"
    process = subprocess.run([sys.executable, "-c", code], env={**os.environ, "MAIN": main_code}, timeout=60)
    assert process.returncode == 2


def test_characters_that_a_stream_cannot_write_are_escaped() -> None:
    process = run(
        ["scan", "--status", "größe✓"], stdout=subprocess.PIPE, env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert b"gr\\u00f6\\u00dfe\\u2713" in said


def test_the_console_script_is_this_main() -> None:
    project = Path(__file__).parents[1] / "pyproject.toml"
    assert 'refooter = "refooter_tui.cli.main:main"' in project.read_text()
    assert callable(entry_point.main)
