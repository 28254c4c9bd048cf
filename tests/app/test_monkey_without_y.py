"""A monkey that never presses `y`: no traceback, and nothing is written at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.monkey import SEED, Monkey, lake_of_a_monkey, played
from support.tables import rows, table_digests


@pytest.mark.timeout(900)
async def test_a_monkey_that_never_says_yes_leaves_the_catalog_byte_for_byte_as_it_was(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake_of_a_monkey(dsn, tmp_path, monkeypatch)
    before = table_digests(lake.dsn)
    witness = await played(lake, tmp_path, Monkey(SEED, says_yes=False), monkeypatch)
    assert witness.screens["PlanScreen"]
    assert witness.wrote == []
    assert table_digests(lake.dsn) == before
    assert rows(lake.dsn, "SELECT nspname FROM pg_namespace WHERE nspname = 'refooter'") == []
