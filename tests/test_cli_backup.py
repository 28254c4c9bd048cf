"""`backup` and `restore` as commands: answers, exit codes, the plan on a terminal, and what is refused."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from refooter.demo.server import Server
from refooter_tui.cli.main import main
from support.tables import execute, rows, table_digests
from support.workers import shared_workers
from test_catalog_rows import Rows, one_database
from test_jobs_restore import BARE, PREFIXED, SOUND, fill

Captured = pytest.CaptureFixture[str]
_MAIN = "import sys; from refooter_tui.cli.main import main; sys.exit(main())"


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with shared_workers():
        yield


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


class CommandLine:
    """Commands in this process on one catalog, whose backup is to be `target`."""

    def __init__(self, made: Rows, target: Path, capsys: Captured) -> None:
        self.made, self.dsn, self.target = made, made.dsn, str(target)
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, dict[str, Any]]:
        """The exit code and the JSON object."""
        self._capsys.readouterr()
        code = main([*words, "--json"])
        out = self._capsys.readouterr().out
        assert out.count("\n") == 1
        answer: dict[str, Any] = json.loads(out)
        return code, answer

    def told(self, *words: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = main(list(words))
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def spoil(self) -> None:
        """What a migration changes, and an entry that somebody deleted."""
        assert self("migrate", "--yes")[0] == 0
        execute(self.dsn, "DELETE FROM partition_metadata WHERE file_path = %s", SOUND)


@pytest.fixture
def run(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> CommandLine:
    made = fill(Rows(dsn, tmp_path / "lake").make())
    monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", dsn)
    monkeypatch.setenv("MICROMEGAS_OBJECT_STORE_URI", (tmp_path / "lake").as_uri())
    return CommandLine(made, tmp_path / "b.parquet", capsys)


def test_a_backup_answers_with_its_counts_its_size_and_its_digest(run: CommandLine) -> None:
    before = table_digests(run.dsn)
    code, answer = run("backup", "-o", run.target, "--read-only")
    assert code == 0
    assert set(answer) == {
        "path", "entries", "partitions", "bytes", "value_bytes", "digest", "catalog_version", "taken", "seconds"
    }  # fmt: skip
    assert (answer["path"], answer["entries"], answer["partitions"]) == (run.target, 6, 6)
    assert answer["bytes"] == Path(run.target).stat().st_size
    assert answer["taken"].endswith("Z")
    assert table_digests(run.dsn) == before


def test_a_restore_answers_with_what_became_of_everything(run: CommandLine) -> None:
    before = table_digests(run.dsn)
    run("backup", "-o", run.target)
    run.spoil()
    code, answer = run("restore", run.target, "--yes")
    assert code == 0
    counts = {name: answer[name] for name in ("selected", "restored", "unchanged", "inserted", "skipped", "conflict")}
    assert counts == {
        "selected": 6, "restored": 4, "unchanged": 1, "inserted": 0, "skipped": 1, "conflict": 0
    }  # fmt: skip
    assert isinstance(answer["run_id"], int)
    code, answer = run("restore", run.target, "--yes", "--missing")
    assert (code, answer["restored"], answer["unchanged"], answer["inserted"], answer["skipped"]) == (0, 0, 5, 1, 0)
    assert table_digests(run.dsn) == before
    code, answer = run("rollback", str(answer["run_id"]), "--yes")
    assert (code, answer["restored"]) == (0, 1)
    assert rows(run.dsn, "SELECT FROM partition_metadata WHERE file_path = %s", SOUND) == []


def test_a_conflict_is_exit_code_1(run: CommandLine) -> None:
    run("backup", "-o", run.target)
    run.spoil()
    execute(run.dsn, "UPDATE lakehouse_partitions SET file_size = 77 WHERE file_path = %s", BARE)
    code, answer = run("restore", run.target, "--yes")
    assert (code, answer["failed"], answer["by_reason"]) == (1, 1, {"mismatch": 1})
    assert answer["failures"][0]["file_path"] == BARE


def test_people_are_told_the_same_in_words(run: CommandLine) -> None:
    code, out, err = run.told("backup", "-o", run.target)
    assert code == 0
    assert "6 entries and 6 partition rows copied to" in out
    assert run.target in out
    assert "one snapshot of 6 entries" in err
    run.spoil()
    code, out, err = run.told("restore", run.target, "--yes")
    assert code == 0
    assert "4 restored" in out
    assert "--missing brings it back" in out
    assert "1 entry as the backup has them" in out
    code, out, err = run.told("restore", run.target, "--yes", "--missing")
    assert "1 entry of the restored had vanished" in out
    code, out, err = run.told("runs", "show", "2")
    assert run.target in out


def ask(run: CommandLine, answer: str, *words: str) -> tuple[int, str]:
    """The command on a terminal of its own, answered when it asks: its exit code and all that it showed."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", _MAIN, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "dumb"},
    ) as running:
        os.close(theirs)
        said, answered = b"", False
        while True:
            try:
                some = os.read(ours, 65536)
            except OSError:
                break
            if not some:
                break
            said += some
            if not answered and b"[y/N]" in said:
                answered = True
                os.write(ours, f"{answer}\n".encode())
        code = running.wait()
    os.close(ours)
    return code, said.decode()


def test_on_a_terminal_the_plan_is_shown_and_only_a_yes_is_a_yes(run: CommandLine) -> None:
    before = table_digests(run.dsn)
    run("backup", "-o", run.target)
    run.spoil()
    spoilt = table_digests(run.dsn)
    code, said = ask(run, "n", "restore", run.target, "--missing")
    assert code == 2
    assert "5 of 6 entries are to be written" in said
    assert "written back as the backup has them" in said
    assert "3 entries of these do not decode or do harm" in said
    assert "WAL" in said
    assert "not restored: the answer was no, and nothing was written" in said
    assert table_digests(run.dsn) == spoilt
    code, said = ask(run, "y", "restore", run.target, "--missing")
    assert code == 0
    assert table_digests(run.dsn) == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("restore", "{target}"), 2, "there is no terminal to ask on: say --yes to restore"),
        (("restore", "{target}", "--yes", "--read-only"), 2, "allows no restore"),
        (("restore", "{directory}/none.parquet", "--yes"), 2, "No such file or directory"),
        (("restore", "{directory}/bad.parquet", "--yes"), 2, "it is not a Parquet file"),
        (("restore", "{target}", "--yes", "--path", "none"), 2, "no entry 'none' in the backup"),
        (("restore", "{target}", "--yes", "--view", "none"), 2, "nothing is selected"),
        (("restore", "{target}", "--yes", "--view", "none", "--allow-empty"), 0, None),
        (("restore", "{target}", "--yes", "--path", PREFIXED), 0, None),
        (("restore",), 2, "required: URI"),
        (("backup",), 2, "required: -o"),
        (("backup", "-o", "{target}"), 2, "is there already"),
        (("backup", "-o", "{directory}/none/b.parquet"), 2, "cannot write"),
        (
            ("backup", "-o", "{directory}/c.parquet", "--dsn", "postgresql://127.0.0.1:1/x"),
            3,
            "cannot reach PostgreSQL",
        ),
        (("restore", "{target}", "--yes", "--dsn", "postgresql://127.0.0.1:1/x"), 3, "cannot reach PostgreSQL"),
        (("restore", "s3://b/x", "--yes"), 3, "cannot read s3://b/x"),
        (("backup", "-o", "s3://b/x"), 3, "cannot write s3://b/x"),
    ],
)
def test_every_way_to_end_has_its_exit_code_and_one_sentence(
    run: CommandLine,
    words: tuple[str, ...],
    code: int,
    said: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # a port of this machine where nobody listens
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-that-nobody-may-see")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-that-nobody-may-see")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    run("backup", "-o", run.target)
    (tmp_path / "bad.parquet").write_text("no backup")
    before = table_digests(run.dsn)
    found, answer = run(*(word.format(target=run.target, directory=tmp_path) for word in words))
    assert found == code
    assert ("error" in answer) is (said is not None)
    if said is not None:
        assert said in answer["error"]["message"]
        assert "\n" not in answer["error"]["message"]
        assert "nobody-may-see" not in json.dumps(answer)
    assert table_digests(run.dsn) == before
    if said is not None:
        assert rows(run.dsn, "SELECT FROM pg_namespace WHERE nspname = 'refooter'") == []
    assert {path.name for path in tmp_path.iterdir()} <= {"b.parquet", "bad.parquet", "lake"}


def test_a_password_in_a_uri_is_not_in_any_answer(run: CommandLine) -> None:
    for words in (("backup", "-o"), ("restore", "--yes")):
        code, answer = run(*words, "nosuch://user:se@cret@host/b.parquet?token=se@cret")
        assert code == 2
        assert "cret" not in json.dumps(answer)
