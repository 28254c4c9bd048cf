"""A monkey that may press every key: no traceback, and nothing is written but what was planned and confirmed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from app.monkey import SEED, Monkey, lake_of_a_monkey, names, played
from support.tables import rows, values


@pytest.mark.timeout(900)
async def test_a_monkey_with_every_key_writes_only_what_was_planned_and_confirmed(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake_of_a_monkey(dsn, tmp_path, monkeypatch)
    before = values(lake.dsn)
    witness = await played(lake, tmp_path, Monkey(SEED + 1, says_yes=True), monkeypatch)
    assert witness.wrote
    runs = Counter(kind for (kind,) in rows(lake.dsn, "SELECT kind FROM refooter.run"))
    confirmed = Counter(call.kind for call in witness.wrote)
    assert runs <= confirmed
    assert rows(lake.dsn, "SELECT run_id FROM refooter.run WHERE state = 'running'") == []
    changed = {path for (path,) in rows(lake.dsn, "SELECT file_path FROM refooter.change")}
    assert changed
    agreed = {path for call in witness.wrote if call.kind == "migrate" for path in before if names(call.what, path)}
    assert changed <= agreed
    after = values(lake.dsn)
    assert {path for path in before if after.get(path) != before[path]} <= changed
    assert set(after) == set(before)
