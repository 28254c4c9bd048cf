"""`runs`, `runs show` and `runs prune`: what the journal says of runs, to people and as JSON to hand in."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.world import database_copy
from refooter.demo.lake import LakeSummary, build_lake
from refooter.demo.server import Server
from refooter.values import Cause
from refooter_tui.cli.main import main
from support.tables import execute, rows, table_digests
from support.workers import shared_workers
from test_cli_commands import Captured, CommandLine, on_a_terminal

_numbers = itertools.count(1)
_TEMPLATE = "cli_runs"


@pytest.fixture(scope="module")
def told_lake(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakeSummary]:
    """A lake with a journal of four runs: a migration, one more of three entries of it, and that one's rollback; and one that is dead."""
    dsn = server.create_database(_TEMPLATE)
    lake = build_lake(dsn, tmp_path_factory.mktemp("runs"), entries=80)
    assert lake.store is not None
    at = ["--dsn", dsn, "--store", lake.store, "--json"]
    again = [word for path in lake.paths(cause=Cause.PAGE_INDEX_PREFIX)[:3] for word in ("--path", path)]
    with shared_workers(dsn):
        assert main(["migrate", "--yes", *at]) == 1
        assert main(["migrate", "--yes", "--force", "--strategy", "refetch", *again, *at]) == 0
        assert main(["rollback", "1", "--yes", *again, *at]) in (0, 1)
    execute(
        dsn,
        "INSERT INTO refooter.run (kind, who, program_version, catalog_version, target, selection, strategy, heartbeat)"
        " VALUES ('migrate', E'\\x1b[31mme', '0', 5, 't', '{}', 'auto', clock_timestamp() - interval '2 hours')",
    )
    yield lake
    server.drop_database(_TEMPLATE)


def at(dsn: str, lake: LakeSummary, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lake.store is not None
    monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", dsn)
    monkeypatch.setenv("MICROMEGAS_OBJECT_STORE_URI", lake.store)


@pytest.fixture
def reading(told_lake: LakeSummary, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> CommandLine:
    at(told_lake.dsn, told_lake, monkeypatch)
    return CommandLine(capsys)


@pytest.fixture
def copied(server: Server, told_lake: LakeSummary, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with database_copy(server, _TEMPLATE, f"{_TEMPLATE}_{next(_numbers)}") as dsn:
        at(dsn, told_lake, monkeypatch)
        yield dsn


@pytest.fixture
def writing(copied: str, capsys: Captured) -> CommandLine:
    return CommandLine(capsys)


def test_the_list_says_of_each_run_what_the_contract_names(reading: CommandLine) -> None:
    code, answer = reading("runs")
    assert code == 0
    assert [run["run_id"] for run in answer["runs"]] == [4, 3, 2, 1]
    assert answer["runs_total"] == 4
    for run in answer["runs"]:
        assert {"run_id", "kind", "started", "state", "strategy", "who", "seconds", "images_dropped"} <= set(run)
        assert {"selected", "migrated", "restored", "skipped", "failed", "conflict", "gone"} <= set(run)
        assert run["started"].endswith("Z")
    assert [run["state"] for run in answer["runs"]] == ["dead", "finished", "finished", "finished"]


def test_one_run_is_told_so_that_it_can_be_handed_in_as_an_audit(reading: CommandLine, told_lake: LakeSummary) -> None:
    code, run = reading("runs", "show", "1")
    assert code == 0
    assert (run["kind"], run["state"], run["strategy"], run["selection"]) == ("migrate", "finished", "auto", {})
    assert "@" in run["who"]
    assert (run["catalog_version"], run["journal_schema"]) == (5, "refooter")
    assert run["program_version"]
    assert "arro3-io 0.8.0" in run["target"]
    assert run["catalog"].startswith("postgres")
    assert run["seconds"] > 0
    assert (run["message"], run["images_dropped"]) == (None, None)
    outcomes = sum(run[name] for name in ("migrated", "skipped", "failed", "conflict", "gone"))
    assert outcomes == run["selected"] == told_lake.entries
    assert sum(run["by_cause"].values()) == sum(run["by_repair"].values()) == run["migrated"] > 0
    assert sum(run["by_reason"].values()) == run["failures_total"] == len(run["failures"])
    assert run["failed"] == sum(one["outcome"] == "failed" for one in run["failures"])
    assert all(one["sentence"] and one["file_path"] for one in run["failures"])
    assert {"store_requests", "store_bytes", "proved"} <= set(run)


def test_a_run_names_what_came_after_it_and_what_rolled_it_back(reading: CommandLine) -> None:
    _, first = reading("runs", "show", "1")
    said = {one["run_id"]: (one["kind"], one["entries"]) for one in first["later"]}
    changed = reading("runs", "show", "2")[1]["migrated"]
    restored = reading("runs", "show", "3")[1]["restored"]
    assert said == {
        run_id: (kind, count) for run_id, kind, count in ((2, "migrate", changed), (3, "rollback", restored)) if count
    }
    assert first["rolled_back_by"] == ([3] if restored else [])
    assert restored or changed
    _, last = reading("runs", "show", "3")
    assert (last["later"], last["rolled_back_by"]) == ([], [])
    assert last["selection"]["runs"] == [1]


def test_people_read_the_same_of_every_kind_of_run(reading: CommandLine) -> None:
    for run, words in {
        "1": [
            "Run 1 (migrate), finished",
            "changed later by",
            "run 3",
            "rollback of this run",
            "cause",
            "page_index_prefix",
        ],
        "3": ["Run 3 (rollback), finished", "runs 1", "path"],
        "4": ["Run 4 (migrate), dead", "never; last heard of", "\\x1b[31mme"],
    }.items():
        code, said, _ = reading.told("runs", "show", run)
        assert code == 0
        for word in words:
            assert word in said
        assert "\x1b" not in said


def test_a_dead_run_is_told_with_the_age_of_its_heartbeat(reading: CommandLine) -> None:
    _, run = reading("runs", "show", "4")
    assert (run["state"], run["finished"]) == ("dead", None)
    assert 7200 <= run["heartbeat_age"] < 7200 + 600
    assert run["heartbeat"] < run["started"]
    assert run["seconds"] == 0


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_all_that_a_run_could_not_do_goes_to_a_file(reading: CommandLine, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"rows.{ending}"
    code, run = reading("runs", "show", "1", "-o", str(file))
    assert (code, run["path"]) == (0, str(file))
    assert file.stat().st_size
    if ending == "jsonl":
        told = [json.loads(line) for line in file.read_text().splitlines()]
        assert [(one["file_path"], one["sentence"]) for one in told] == [
            (one["file_path"], one["sentence"]) for one in run["failures"]
        ]
    assert reading("runs", "show", "1", "-o", str(tmp_path / "rows.txt"))[0] == 2


def test_pruning_says_how_much_it_dropped_and_leaves_the_tables_alone(writing: CommandLine, copied: str) -> None:
    before = table_digests(copied)
    [(images, size)] = rows(
        copied,
        "SELECT count(old_value), sum(pg_column_size(old_value)) FROM refooter.change WHERE run_id = 1 AND old_value <> ''",
    )
    code, answer = writing("runs", "prune", "1", "--yes")
    assert code == 0
    assert (answer["entries"], answer["bytes"]) == (images, size)
    assert answer["runs"] == [{"run_id": 1, "entries": images, "bytes": size}]
    assert answer["runs_total"] == 1
    assert table_digests(copied) == before
    dropped = writing("runs", "show", "1")[1]["images_dropped"]
    assert (dropped["entries"], dropped["bytes"]) == (images, size)
    assert "@" in dropped["who"]
    assert dropped["when"].endswith("Z")
    assert [bool(run["images_dropped"]) for run in writing("runs")[1]["runs"]] == [False, False, False, True]
    assert "dropped" in writing.told("runs")[1]
    assert "these can no longer be rolled back" in writing.told("runs", "show", "1")[1]
    code, again = writing("runs", "prune", "1", "--yes")
    assert (code, again["entries"], again["runs"]) == (0, 0, [])
    assert "no before image was left to drop" in writing.told("runs", "prune", "1", "--yes")[1]


def test_a_pruned_run_is_not_rolled_back_by_the_command_line_either(writing: CommandLine, copied: str) -> None:
    writing("runs", "prune", "1", "--yes")
    before = table_digests(copied)
    code, answer = writing("rollback", "1", "--yes")
    assert (code, answer["error"]["code"], answer["run_id"]) == (2, "images_dropped", None)
    assert "run 1 cannot be rolled back" in answer["error"]["message"]
    assert table_digests(copied) == before
    assert writing("runs")[1]["runs_total"] == 4


def test_a_time_prunes_all_that_ended_before_it_and_finding_none_is_no_error(writing: CommandLine) -> None:
    code, answer = writing("runs", "prune", "--before", "2001-01-01", "--yes")
    assert (code, answer["entries"]) == (0, 0)
    assert "No run ended before that" in writing.told("runs", "prune", "--before", "2001-01-01", "--yes")[1]
    code, answer = writing("runs", "prune", "--before", "2999-01-01", "--yes")
    assert code == 0
    assert {run["run_id"] for run in answer["runs"]} >= {1, 3}
    assert answer["entries"] == sum(run["entries"] for run in answer["runs"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name the runs to prune"),
        (("1", "--before", "2001-01-01"), "name the runs to prune"),
        (("--before", "yesterday"), "not a time"),
        (("1",), "--yes"),
        (("1", "--yes", "--read-only"), "--read-only"),
        (("9", "--yes"), "no run 9 in the journal"),
        (("0", "--yes"), "not a number from 1 up"),
    ],
)
def test_what_cannot_be_pruned_is_one_sentence_and_exit_code_2(
    reading: CommandLine, words: tuple[str, ...], said: str
) -> None:
    code, answer = reading("runs", "prune", *words)
    assert code == 2
    assert said in answer["error"]["message"]
    assert answer.get("entries", 0) == answer.get("bytes", 0) == 0
    assert reading("runs", "show", "1")[1]["images_dropped"] is None


def test_a_live_run_is_not_pruned(writing: CommandLine, copied: str) -> None:
    execute(copied, "UPDATE refooter.run SET state = 'running', heartbeat = clock_timestamp() WHERE run_id = 1")
    code, answer = writing("runs", "prune", "1", "3", "--yes")
    assert code == 2
    assert "run 1 still goes on" in answer["error"]["message"]
    assert rows(copied, "SELECT count(*) FROM refooter.change WHERE old_value = ''") == rows(
        copied, "SELECT count(*) FROM refooter.change WHERE old_value = '' AND old_digest = sha256('')"
    )


@pytest.mark.parametrize(("answer", "code"), [("n\n", 2), ("yes\n", 0)])
def test_on_a_terminal_what_cannot_be_rolled_back_then_is_said_and_a_yes_drops_it(
    writing: CommandLine, answer: str, code: int
) -> None:
    ended, seen = on_a_terminal(["runs", "prune", "1"], "[y/N]", answer)
    assert ended == code
    said = " ".join(seen.split())
    assert "none of these could be rolled back any more" in said
    assert ("nothing was dropped" in said) is (code == 2)
    assert ("VACUUM" in said) is (code == 0)
    assert bool(writing("runs", "show", "1")[1]["images_dropped"]) is (code == 0)
