"""`import refooter`: the same jobs for a program, loaded when they are asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import refooter
from refooter.demo.lake import build_lake
from support.tables import table_digests

HEAVY = ("psycopg", "obstore", "pyarrow", "fsspec", "arro3", "rich", "numpy")


@pytest.mark.parametrize("name", refooter.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(refooter, name)
    assert name == "Event" or name == "EVERYTHING" or (found.__doc__ or "").strip()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = refooter.no_such_name


def test_importing_it_loads_nothing_heavy() -> None:
    script = f"import sys, refooter; print([name for name in {HEAVY!r} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


async def test_a_program_rehearses_with_public_names_only(dsn: str, tmp_path: Path) -> None:
    lake = build_lake(dsn, tmp_path / "lake", entries=60)
    before = table_digests(dsn)
    settings = refooter.Settings.of(dsn=dsn, store=lake.store, environ={}, workers=1)
    summary = None
    with refooter.Session(settings) as session:
        async with session.open() as here:
            selection = refooter.Selection(statuses=(refooter.Status.LEGACY,))
            async for event in refooter.migrate(here, selection, refooter.MigrateOptions(dry_run=True)):
                if isinstance(event, refooter.Finished):
                    summary = event.summary
    assert summary is not None
    assert summary.run_id is None
    assert summary.count(refooter.Outcome.WOULD_MIGRATE) > 0
    assert table_digests(dsn) == before
