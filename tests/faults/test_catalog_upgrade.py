"""The lake's own service upgrades the catalog while a run is going on (safety 1): the run ends cleanly with exit code 2."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

import refooter.catalog.pages
from faults.accounts import assert_counts_are_right, read_books
from faults.world import Once, World, hooked
from refooter.catalog.selection import EVERYTHING
from refooter.errors import CatalogChanged
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.migrate import migrate
from support.jobs import Told, told

_UPGRADES = {
    "version_only": ["UPDATE lakehouse_migration SET version = 6"],
    "version_6": [
        "UPDATE lakehouse_migration SET version = 6",
        "DROP TABLE partition_metadata",
        "ALTER TABLE lakehouse_partitions ADD COLUMN sort_key text",
    ],
    "column_dropped": ["ALTER TABLE lakehouse_partitions DROP COLUMN partition_format_version"],
    "version_table_dropped": ["DROP TABLE lakehouse_migration"],
    "version_table_emptied": ["DELETE FROM lakehouse_migration"],
}


def _upgrade(dsn: str, what: str) -> None:
    with psycopg.connect(dsn) as connection:
        for statement in _UPGRADES[what]:
            connection.execute(statement)


def _assert_ended_cleanly(world: World, said: Told) -> None:
    assert isinstance(said.error, CatalogChanged)
    assert said.error.exit_code == 2
    assert said.summary.state == "stopped"
    books = read_books(world.dsn)
    # There is a run only if something was to be written before.
    for run in books.runs.values():
        assert (run["state"], run["message"]) == ("stopped", str(said.error))
    assert_counts_are_right(books)


@pytest.mark.parametrize("what", list(_UPGRADES))
async def test_a_catalog_that_changes_between_read_and_write_ends_the_run_before_it_writes(
    world: World, what: str
) -> None:
    async with world.lake() as lake:
        store = Once(lambda: _upgrade(world.dsn, what))
        said = await told(migrate(hooked(lake, store), EVERYTHING, MigrateOptions(Strategy.REFETCH)))
    _assert_ended_cleanly(world, said)
    assert said.results == {}
    assert read_books(world.dsn).changes == {}
    if what in ("version_only", "version_table_dropped", "version_table_emptied"):
        assert world.tables() == world.original


@pytest.mark.parametrize("what", ["version_6", "column_dropped"])
async def test_a_catalog_that_changes_between_two_pages_ends_the_run_in_the_same_way(
    world: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    read, pages = refooter.catalog.pages._read_page, 0

    async def upgraded_before_the_second(*args: Any) -> Any:
        nonlocal pages
        pages += 1
        if pages == 2:
            _upgrade(world.dsn, what)
        return await read(*args)

    monkeypatch.setattr(refooter.catalog.pages, "_FIRST_KEYS", 20)
    monkeypatch.setattr(refooter.catalog.pages, "_read_page", upgraded_before_the_second)
    said = await world.migrate()
    assert pages == 2
    _assert_ended_cleanly(world, said)
