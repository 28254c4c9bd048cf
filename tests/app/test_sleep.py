"""ctrl+z in a real terminal: the whole program stops, with no transaction open, and goes on where it was."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from app.terminal import terminal
from refooter.demo.lake import LakeSummary, build_lake
from support.tables import rows

_IN_A_TRANSACTION = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND (xact_start IS NOT NULL OR state = 'active')"
)


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=60)


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize("by_key", [True, False])
def test_it_sleeps_without_a_transaction_and_wakes_up(lake: LakeSummary, tmp_path: Path, by_key: bool) -> None:
    assert lake.store is not None
    with terminal("tui", "--dsn", lake.dsn, "--store", lake.store, state=tmp_path / "state") as there:
        there.until(lambda text: "60 of 60 shown" in text and "do not decode" in text and "not scanned" not in text)
        pid = there.process.pid
        if by_key:
            there.press("\x1a")
        else:
            there.process.send_signal(signal.SIGTSTP)
        there.until_so(lambda: _is_stopped(pid))
        assert rows(lake.dsn, _IN_A_TRANSACTION) == [(0,)]
        os.kill(pid, signal.SIGCONT)
        there.press("/")
        there.sees("esc back")
        there.press("status:ok\r")
        there.until(lambda text: "of 60 shown" in text and "60 of 60 shown" not in text)
        there.press("q")
        assert there.ended() == 0
