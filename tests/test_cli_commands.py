"""The commands on a real catalog and real files: answers, exit codes, files written, and what a terminal sees."""

from __future__ import annotations

import csv
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from refooter.demo.lake import LakeSummary, build_lake
from refooter.demo.plan import Situation
from refooter.demo.server import Server
from refooter.values import Cause, Status
from refooter_tui.cli.main import main

Captured = pytest.CaptureFixture[str]
_MAIN = "import sys; from refooter_tui.cli.main import main; sys.exit(main())"


@dataclass
class CommandLine:
    """Runs commands in this process, on one lake."""

    capsys: Captured

    def __call__(self, *words: str) -> tuple[int, dict[str, Any]]:
        """The exit code and the JSON object."""
        self.capsys.readouterr()
        code = main([*words, "--json"])
        out = self.capsys.readouterr().out
        assert out.count("\n") == 1
        answer: dict[str, Any] = json.loads(out)
        return code, answer

    def told(self, *words: str) -> tuple[int, str, str]:
        """The exit code and what a person reads: standard output and standard error."""
        self.capsys.readouterr()
        code = main(list(words))
        said = self.capsys.readouterr()
        return code, said.out, said.err


@pytest.fixture(scope="module")
def untouched(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakeSummary]:
    """A lake that no test of this module writes to."""
    dsn = server.create_database("cli_untouched")
    yield build_lake(dsn, tmp_path_factory.mktemp("untouched"), entries=120)
    server.drop_database("cli_untouched")


def use(lake: LakeSummary, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lake.store is not None
    monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", lake.dsn)
    monkeypatch.setenv("MICROMEGAS_OBJECT_STORE_URI", lake.store)


@pytest.fixture
def reading(untouched: LakeSummary, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> CommandLine:
    use(untouched, monkeypatch)
    return CommandLine(capsys)


@pytest.fixture
def lake(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LakeSummary:
    made = build_lake(dsn, tmp_path / "lake", entries=120)
    use(made, monkeypatch)
    return made


@pytest.fixture
def writing(lake: LakeSummary, capsys: Captured) -> CommandLine:
    return CommandLine(capsys)


def test_scan_counts_every_entry_once(reading: CommandLine, untouched: LakeSummary) -> None:
    code, answer = reading("scan")
    assert code == 1
    assert (
        answer["entries"] == untouched.entries == sum(answer["by_status"].values()) == sum(answer["by_cause"].values())
    )
    assert {cause: count for cause, count in answer["by_cause"].items() if count} == untouched.by_cause
    assert set(answer["by_status"]) == set(Status)
    assert answer["target"] == {"name": "arro3-io", "version": "0.8.0", "parser": "parquet 57.1.0"}
    assert answer["orphans"] == len(untouched.paths(situation=Situation.ORPHAN))
    assert answer["seconds"] > 0
    assert {"partitions_without_file", "partitions_without_metadata"} <= set(answer)


def test_scan_of_sound_entries_only_is_exit_code_0(reading: CommandLine) -> None:
    code, answer = reading("scan", "--status", "ok")
    assert (code, answer["entries"]) == (0, answer["by_status"]["ok"])


def test_deep_scan_says_which_files_are_missing(reading: CommandLine, untouched: LakeSummary) -> None:
    _, answer = reading("scan", "--deep")
    assert answer["by_file_state"]["missing"] >= len(untouched.paths(situation=Situation.FILE_GONE)) > 0


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_scan_writes_every_entry_to_a_file(
    ending: str, reading: CommandLine, untouched: LakeSummary, tmp_path: Path
) -> None:
    file = tmp_path / f"rows.{ending}"
    _, answer = reading("scan", "-o", str(file))
    if ending == "csv":
        paths = [row["file_path"] for row in csv.DictReader(file.open(newline=""))]
    elif ending == "jsonl":
        paths = [json.loads(line)["file_path"] for line in file.read_text().splitlines()]
    else:
        paths = pq.read_table(file).column("file_path").to_pylist()
    assert len(paths) == len(set(paths)) == untouched.entries
    assert answer["path"] == str(file)


def test_a_name_that_the_catalog_does_not_have_is_exit_code_2(reading: CommandLine) -> None:
    for words in (["--view", "nope"], ["--path", "views/nope"], ["--view", "blocks", "--path", "x"]):
        code, answer = reading("scan", *words)
        assert (code, answer["error"]["code"]) == (2, "nothing_selected")


def test_a_selection_of_nothing_is_exit_code_2_for_every_command(reading: CommandLine, tmp_path: Path) -> None:
    nothing = ["--until", "1999-01-01"]
    out = str(tmp_path / "rows.csv")
    for words in (["scan"], ["migrate", "--dry-run"], ["verify"], ["export", "-o", out]):
        code, answer = reading(*words, *nothing)
        assert (words, code, answer["error"]["code"]) == (words, 2, "nothing_selected")
    assert not Path(out).exists()


def test_allow_empty_makes_nothing_no_error_and_never_everything(reading: CommandLine) -> None:
    for words in (["--view", "nope"], ["--path", "views/nope"], ["--until", "1999-01-01"]):
        code, answer = reading("scan", "--allow-empty", *words)
        assert (code, answer["entries"], answer.get("error")) == (0, 0, None)


def test_allow_empty_passes_over_the_names_that_are_gone(reading: CommandLine, untouched: LakeSummary) -> None:
    there = untouched.paths(kind="framed")[:3]
    listed = [word for path in (*there, "gone/1", "gone/2") for word in ("--path", path)]
    assert reading("scan", "--allow-empty", *listed)[1]["entries"] == 3
    _, both = reading("scan", "--allow-empty", "--view", "nope", "--view", "blocks")
    assert both["entries"] == reading("scan", "--view", "blocks")[1]["entries"] > 0


def test_views_add_up_to_the_scan(reading: CommandLine, untouched: LakeSummary) -> None:
    code, answer = reading("views")
    assert code == 0
    assert sum(view["entries"] for view in answer["views"]) == untouched.entries
    assert answer["views_total"] == len(answer["views"])
    assert all(sum(view["by_status"].values()) == view["entries"] for view in answer["views"])


def test_inspect_tells_all_of_one_entry(reading: CommandLine, untouched: LakeSummary) -> None:
    [path, *_] = untouched.paths(cause=Cause.PAGE_INDEX_PREFIX)
    code, answer = reading("inspect", path)
    assert code == 1
    assert (answer["status"], answer["cause"], answer["layout"]) == ("legacy", "page_index_prefix", "prefixed")
    assert answer["error"]
    assert answer["evidence"]
    assert answer["footer"]["num_rows"] == sum(group["num_rows"] for group in answer["footer"]["row_groups"])
    code, said, _ = reading.told("inspect", path)
    assert code == 1
    assert said.startswith(f"{path}\n◆ legacy  page_index_prefix")
    assert "row group" in said


def test_inspect_of_a_sound_entry_is_exit_code_0(reading: CommandLine) -> None:
    _, views = reading("scan", "--status", "ok")
    assert views["entries"] > 0
    [path] = [one for one in [_first_ok(reading)] if one]
    assert reading("inspect", path)[0] == 0


def _first_ok(command: CommandLine) -> str:
    target = Path(os.environ["MICROMEGAS_OBJECT_STORE_URI"].removeprefix("file://")).parent / "ok.jsonl"
    command("export", "--status", "ok", "-o", str(target))
    row: dict[str, Any] = json.loads(target.read_text().splitlines()[0])
    return str(row["file_path"])


def test_inspect_reads_files_and_raw_values_without_a_catalog(
    reading: CommandLine, untouched: LakeSummary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", "postgres://nobody@127.0.0.1:1/none")
    assert untouched.store is not None
    file = f"{untouched.store}/{untouched.paths(kind='framed')[0]}"
    code, answer = reading("inspect", "--file", file)
    assert (code, answer["status"]) == (0, "ok")
    blob = tmp_path / "blob"
    blob.write_bytes(b"")
    code, answer = reading("inspect", "--blob", str(blob))
    assert (code, answer["cause"], answer["footer"]) == (1, "empty", None)
    assert reading("inspect", "--blob", str(tmp_path / "nope"))[0] == 2


def test_a_dry_run_shows_the_plan_first_and_writes_nothing(reading: CommandLine) -> None:
    code, answer = reading("migrate", "--dry-run")
    assert code == 1
    assert answer["run_id"] is None
    assert answer["would_migrate"] > 0 == answer["migrated"]
    assert answer["selected"] == answer["would_migrate"] + answer["skipped"] + answer["failed"]
    assert answer["failures_total"] == answer["failed"] == len(answer["failures"])
    assert reading("runs")[1] == {"runs": [], "runs_total": 0}
    _, out, err = reading.told("migrate", "--dry-run")
    assert "to be changed, as far as the catalog" in err
    assert "requests" in err
    assert out.startswith("Dry run: ")


def test_a_wrong_store_is_exit_code_3_and_says_so_beside_the_counts(reading: CommandLine, tmp_path: Path) -> None:
    code, answer = reading("migrate", "--dry-run", "--store", (tmp_path / "empty").as_uri())
    assert code == 3
    assert answer["error"]["code"] == "store_unreachable"
    assert answer["would_migrate"] == answer["migrated"] == 0


def test_migrate_verify_roll_back_and_look_at_the_runs(writing: CommandLine, tmp_path: Path) -> None:
    before = writing("scan")[1]["by_cause"]
    code, first = writing("migrate", "--yes")
    assert code == 1
    assert first["migrated"] > 0
    assert first["by_reason"]["file_missing"] > 0
    assert {one["outcome"] for one in first["failures"]} == {"failed"}
    run = str(first["run_id"])

    code, again = writing("migrate", "--yes")
    assert (again["migrated"], again["failed"]) == (0, first["failed"])

    code, checked = writing("verify", "--run", run)
    assert code == 1
    assert checked["run"] == {"holds": first["migrated"]}
    assert checked["problems_total"] == len(checked["problems"]) == sum(checked["by_problem"].values())
    assert {"file_path", "problem"} <= set(checked["problems"][0])

    _, listed = writing("runs")
    assert [one["run_id"] for one in listed["runs"]] == [again["run_id"], first["run_id"]]
    assert listed["runs"][1]["migrated"] == first["migrated"]
    assert listed["runs"][1]["started"].endswith("Z")
    _, one = writing("runs", "show", run)
    assert one["failures_total"] == first["failed"] == len(one["failures"])
    assert one["state"] == "finished"

    rows = tmp_path / "failures.jsonl"
    code, exported = writing("export", "--run", run, "-o", str(rows))
    assert (code, exported["entries"]) == (0, first["failed"])
    assert {json.loads(line)["outcome"] for line in rows.read_text().splitlines()} == {"failed"}

    code, back = writing("rollback", run, "--yes")
    assert (code, back["restored"], back["conflict"]) == (0, first["migrated"], 0)
    assert back["run_id"] > again["run_id"]
    assert writing("scan")[1]["by_cause"] == before


def test_people_are_told_what_to_do_next(writing: CommandLine) -> None:
    code, said, _ = writing.told("migrate", "--yes")
    assert code == 1
    assert "`refooter rollback 1` undoes this run" in said
    assert "`refooter export --run 1 -o FILE` lists every failure." in said
    assert "The files are gone from the store" in said
    _, said, _ = writing.told("runs")
    assert said.startswith("1 run, newest first.")
    _, said, _ = writing.told("runs", "show", "1")
    assert "failed, file_missing" in said
    code, said, _ = writing.told("verify", "--view", "blocks")
    assert "Judged by arro3-io 0.8.0" in said


def test_a_run_that_the_journal_does_not_have_is_exit_code_2(reading: CommandLine, tmp_path: Path) -> None:
    rows = str(tmp_path / "rows.csv")
    for words in (
        ["runs", "show", "9"],
        ["rollback", "9", "--yes"],
        ["verify", "--run", "9"],
        ["export", "--run", "9", "-o", rows],
    ):
        code, answer = reading(*words)
        assert (words, code, answer["error"]["code"]) == (words, 2, "nothing_selected")


def on_a_terminal(words: list[str], until: str, then: str | signal.Signals) -> tuple[int, str]:
    """Runs a command on a pseudo-terminal of 80 columns; types `then`, or sends it, once `until` is to be read."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80"}
    process = subprocess.Popen(
        [sys.executable, "-c", _MAIN, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    seen, answered = b"", False
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        if not data:
            break
        seen += data
        if not answered and until.encode() in seen:
            answered = True
            if isinstance(then, signal.Signals):
                process.send_signal(then)
            else:
                os.write(ours, then.encode())
    os.close(ours)
    return process.wait(timeout=60), seen.decode()


def test_on_a_terminal_the_plan_is_shown_and_a_yes_migrates(writing: CommandLine) -> None:
    code, seen = on_a_terminal(["migrate", "--view", "blocks"], "[y/N]", "y\n")
    assert code in (0, 1)
    assert "as far as the catalog" in seen
    assert "Run 1 (migrate): " in seen
    assert "━" in seen
    assert writing("runs")[1]["runs_total"] == 1
    code, seen = on_a_terminal(["rollback", "1"], "[y/N]", "yes\n")
    assert code == 0
    assert "Roll back" in seen
    assert "Run 2 (rollback): " in seen


@pytest.mark.parametrize("answer", ["n\n", "\x04"])
def test_anything_but_a_yes_refuses_the_plan(answer: str, writing: CommandLine) -> None:
    code, seen = on_a_terminal(["migrate"], "[y/N]", answer)
    assert code == 2
    assert "nothing was written" in seen
    assert writing("runs")[1]["runs_total"] == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_at_the_question_ends_it_without_writing(
    number: signal.Signals, code: int, writing: CommandLine
) -> None:
    assert on_a_terminal(["migrate"], "[y/N]", number)[0] == code
    assert writing("runs")[1]["runs_total"] == 0


def test_a_signal_in_a_run_keeps_what_was_committed_and_says_how_much(writing: CommandLine) -> None:
    code, seen = on_a_terminal(["migrate", "--yes", "--max-rate", "20"], "Migrating", signal.SIGTERM)
    assert code == 143
    assert "interrupted by SIGTERM; what was committed stays" in seen
    [run] = writing("runs")[1]["runs"]
    assert run["state"] == "interrupted"
    assert f"Run {run['run_id']} (migrate), interrupted: " in seen
    assert writing("verify", "--run", str(run["run_id"]))[1]["run"] in (None, {"holds": run["migrated"]})
