"""`refooter demo`, headless."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from refooter_tui.cli.main import main

_MAIN = "import sys; from refooter_tui.cli.main import main; sys.exit(main())"
ENTRIES = 60


def test_the_walk_goes_from_scan_to_verify_and_cleans_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--entries", str(ENTRIES), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {"dsn", "store", "dir", "entries"} <= set(answer)
    assert answer["scan"]["entries"] == answer["dry_run"]["selected"] == answer["migrate"]["selected"]
    assert answer["dry_run"]["would_migrate"] == answer["migrate"]["migrated"] > 0
    assert answer["verify"]["ok"] > answer["scan"]["by_status"]["ok"]
    assert not Path(answer["dir"]).exists()


def test_without_json_each_step_is_told_in_order(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["demo", "--entries", str(ENTRIES)]) == 0
    said = capsys.readouterr().out
    steps = ["$ refooter scan", "$ refooter migrate --dry-run", "$ refooter migrate\n", "$ refooter verify"]
    assert [said.index(step) for step in steps] == sorted(said.index(step) for step in steps)


def test_serving_prints_one_line_and_stays_until_a_signal() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _MAIN, "demo", "--serve", "--entries", str(ENTRIES)],
        stdout=subprocess.PIPE,
        env=os.environ,
        start_new_session=True,
    )
    assert process.stdout is not None
    where = json.loads(process.stdout.readline())
    assert where["entries"] == ENTRIES
    with psycopg.connect(where["dsn"]) as connection:
        row = connection.execute("SELECT count(*) FROM partition_metadata").fetchone()
    assert row is not None
    assert row[0] > 0
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)
    assert (rest, process.returncode) == (b"", 143)
    assert not Path(where["dir"]).exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(where["dsn"])


def test_a_directory_that_holds_something_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").touch()
    assert main(["demo", "--dir", str(tmp_path), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"
    assert (tmp_path / "mine").exists()
