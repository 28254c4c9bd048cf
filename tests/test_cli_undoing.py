"""`verify --run` and `rollback` through the command line, after somebody did things behind the run's back; and how fast a run may go."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from refooter.demo.server import Server
from refooter.jobs import migrate as migrate_job
from refooter.jobs.flow import Pace
from stores.quirky import Asked, quirky_server
from support.tables import execute, rows
from support.workers import shared_workers
from test_catalog_rows import Rows, one_database, path_of, small_file
from test_cli_commands import Captured, CommandLine
from test_jobs_rollback import BARE, ELSEWHERE, FILES, PREFIXED, SOUND, STALE, fill

RUN = {
    "run_id",
    "selected",
    "restored",
    "conflict",
    "gone",
    "skipped",
    "failed",
    "by_reason",
    "failures",
    "seconds",
    "state",
}


@pytest.fixture(scope="module")
def workers() -> Iterator[None]:
    with shared_workers():
        yield


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


@pytest.fixture
def made(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rows:
    monkeypatch.setenv("MICROMEGAS_SQL_CONNECTION_STRING", dsn)
    monkeypatch.setenv("MICROMEGAS_OBJECT_STORE_URI", tmp_path.as_uri())
    return fill(Rows(dsn, tmp_path).make())


@pytest.fixture
def command(made: Rows, workers: None, capsys: Captured) -> CommandLine:
    return CommandLine(capsys)


def test_verify_finds_what_was_lost_changed_and_retired_behind_a_runs_back(made: Rows, command: CommandLine) -> None:
    code, run = command("migrate", "--yes")
    assert (code, run["migrated"]) == (0, 4)
    run_id = str(run["run_id"])
    code, answer = command("verify", "--run", run_id)
    assert (code, answer["run"], answer["problems"]) == (0, {"holds": 4}, [])

    execute(made.dsn, "DELETE FROM partition_metadata WHERE file_path = ANY(%s)", [PREFIXED, ELSEWHERE])
    execute(made.dsn, "DELETE FROM lakehouse_partitions WHERE file_path = %s", ELSEWHERE)
    execute(made.dsn, "UPDATE partition_metadata SET metadata = %s WHERE file_path = %s", FILES[STALE].footer, STALE)
    made.partition(path_of(9), 10)
    execute(made.dsn, "UPDATE lakehouse_partitions SET num_rows = 0 WHERE file_path = %s", SOUND)
    code, answer = command("verify", "--run", run_id)
    assert code == 1
    assert answer["run"] == {"holds": 1, "lost": 1, "gone": 1, "changed": 1}
    assert {(one["file_path"], one["problem"]) for one in answer["problems"]} == {
        (PREFIXED, "lost"),
        (PREFIXED, "no_metadata"),
        (STALE, "changed"),
        (path_of(9), "no_metadata"),
        (SOUND, "catalog_zero_rows"),
    }
    assert answer["problems_total"] == 5
    assert all(one["sentence"] for one in answer["problems"])
    assert answer["by_problem"] == {"lost": 1, "changed": 1, "no_metadata": 2, "catalog_zero_rows": 1}
    code, said, _ = command.told("verify", "--run", run_id)
    assert code == 1
    for word in ("lost: 1 file", "changed: 1 file", "no_metadata: 2 files", "catalog_zero_rows: 1 file", "gone"):
        assert word in said


def test_a_rollback_says_what_it_could_not_bring_back_and_which_run_is_in_the_way(
    made: Rows, command: CommandLine
) -> None:
    first = str(command("migrate", "--yes")[1]["run_id"])
    second = str(command("migrate", "--yes", "--force", "--strategy", "refetch", "--path", STALE)[1]["run_id"])
    execute(made.dsn, "DELETE FROM lakehouse_partitions WHERE file_path = %s", ELSEWHERE)
    execute(made.dsn, "DELETE FROM partition_metadata WHERE file_path = %s", ELSEWHERE)
    code, back = command("rollback", first, "--yes")
    assert code == 1
    assert set(back) >= RUN
    assert (back["selected"], back["restored"], back["conflict"], back["gone"]) == (4, 2, 1, 1)
    [failure] = back["failures"]
    assert (failure["file_path"], failure["outcome"]) == (STALE, "conflict")
    assert f"run {second} " in failure["sentence"]
    # newest first, in one run that can itself be undone; what the first rollback brought back is its own
    code, both = command("rollback", first, second, "--yes", "--path", STALE)
    assert (code, both["restored"], both["conflict"]) == (0, 1, 0)
    assert made.stamps(STALE) == [1, 1]
    code, forth = command("rollback", str(both["run_id"]), "--yes")
    assert (code, forth["restored"]) == (0, 1)
    assert made.stamps(STALE) == [2, 2]


def test_a_rollback_of_nothing_that_is_selected_is_exit_code_2_and_gone_never_counts(
    made: Rows, command: CommandLine
) -> None:
    run = str(command("migrate", "--yes")[1]["run_id"])
    code, answer = command("rollback", run, "--yes", "--until", "1999-01-01")
    assert (code, answer["error"]["code"], answer["restored"]) == (2, "nothing_selected", 0)
    execute(made.dsn, "DELETE FROM lakehouse_partitions WHERE file_path = %s", BARE)
    execute(made.dsn, "DELETE FROM partition_metadata WHERE file_path = %s", BARE)
    code, answer = command("rollback", run, "--yes", "--path", BARE, "--allow-empty")
    assert (code, answer["gone"], answer["restored"]) == (0, 1, 0)


def test_a_run_that_still_goes_on_is_stopped_before_it_is_rolled_back(made: Rows, command: CommandLine) -> None:
    run = command("migrate", "--yes")[1]["run_id"]
    execute(made.dsn, "UPDATE refooter.run SET state = 'running', finished = NULL, heartbeat = clock_timestamp()")
    code, _, said = command.told("rollback", str(run), "--yes")
    assert code == 0
    assert f"run {run} was still going on: it is stopped now" in said
    assert rows(made.dsn, "SELECT state FROM refooter.run WHERE run_id = %s", run) == [("stopped",)]


def test_no_more_requests_than_the_command_line_allows_are_under_way_and_that_many_are(
    made: Rows, command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made.root is not None
    limit, entries = 3, 12
    paths = [path_of(100 + number) for number in range(entries)]
    for number, path in enumerate(paths):
        made.file(path, small_file(10, first=number), b"")
    with quirky_server() as server:
        for file in made.root.rglob("*.parquet"):
            server.objects[file.relative_to(made.root).as_posix()] = file.read_bytes()
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        crowd = threading.Condition()

        def wait_for_the_others(_: Asked) -> None:
            # The first request is made alone, the last ones have nobody to wait for.
            with crowd:
                crowd.notify_all()
                few = len(server.asked) == 1
                assert few or crowd.wait_for(lambda: server.most_at_once >= limit, 60)

        server.before_answer = wait_for_the_others
        named = [word for path in paths for word in ("--path", path)]
        code, answer = command("migrate", "--yes", "--store", "s3://lake", "--concurrency", str(limit), *named)
        assert (code, answer["migrated"]) == (0, entries)
        assert server.most_at_once == limit


def test_the_rate_of_the_command_line_is_the_pace_of_every_entry_that_is_changed(
    made: Rows, command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[float | None] = []

    class Watched(Pace):
        def __init__(self, rate: float | None) -> None:
            super().__init__(None)
            self._rate = rate

        async def pass_one(self) -> None:
            passed.append(self._rate)

    monkeypatch.setattr(migrate_job, "Pace", Watched)
    code, answer = command("migrate", "--yes", "--max-rate", "0.5")
    assert (code, answer["migrated"], answer["skipped"]) == (0, 4, 1)
    assert passed == [0.5] * 4
