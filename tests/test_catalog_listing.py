"""Entries in columns, without their values: the same as when they are read one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from refooter.catalog import listing
from refooter.catalog.listing import SCHEMA, about_how_many, listing_pages
from refooter.catalog.pages import entry_pages
from refooter.catalog.selection import EVERYTHING
from refooter.demo.server import Server
from refooter.values import TIME_INFINITY, TIME_MINUS_INFINITY, Entry
from support.tables import execute
from test_catalog_rows import Rows, database_of, one_database, path_of


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


async def listed(dsn: str) -> list[dict[str, Any]]:
    async with database_of(dsn) as database:
        found = [page async for page in listing_pages(database)]
    for page in found:
        page.validate(full=True)
        assert page.schema == SCHEMA
    return [row for page in found for row in page.to_pylist()]


async def entries(dsn: str) -> list[Entry]:
    async with database_of(dsn) as database:
        return [entry async for page in entry_pages(database, EVERYTHING) for entry in page]


def as_listed(entry: Entry) -> dict[str, Any]:
    """What a list says of an entry that was read whole."""
    rows = entry.partitions.num_rows
    return {
        "file_path": entry.file_path,
        "blob_size": entry.size,
        "version": entry.version,
        "insert_time": entry.insert_time,
        "partitions": entry.partitions.count,
        "num_rows": rows[0] if len(rows) == 1 else None,
        "file_size": entry.partitions.agreed_file_size,
        "view_set": entry.view[0],
        "view_instance": entry.view[1],
    }


async def agree(dsn: str) -> list[dict[str, Any]]:
    found = await listed(dsn)
    assert found == [as_listed(entry) for entry in await entries(dsn)]
    return found


@pytest.mark.parametrize("version", [4, 5])
async def test_a_list_says_of_every_entry_what_reading_it_says(dsn: str, version: int) -> None:
    made = Rows(dsn, version=version).make()
    for number in range(20):
        made.pair(path_of(number), bytes(number), rows=number, size=1000 + number)
    found = await agree(dsn)
    assert [row["version"] for row in found] == [None if version == 4 else 1] * 20


async def test_partition_rows_of_one_file_that_disagree_or_do_not_know_leave_it_open(dsn: str) -> None:
    made = Rows(dsn).make()
    made.pair(path_of(1), rows=10, size=1000)
    made.partition(path_of(1), 11, 1000, hour=1)
    made.pair(path_of(2), rows=10, size=1000)
    made.partition(path_of(2), 10, 2000, hour=1)
    made.pair(path_of(3), rows=10, size=1000)
    made.partition(path_of(3), 10, None, hour=1)
    made.entry(path_of(4))
    made.partition(path_of(4), 10, None)
    made.pair(path_of(5), rows=0, size=1000)
    made.partition(None, 0, None)
    found = await agree(dsn)
    assert [(row["num_rows"], row["file_size"], row["partitions"]) for row in found] == [
        (None, 1000, 2),
        (10, None, 2),
        (10, None, 2),
        (10, None, 1),
        (0, 1000, 1),
    ]


async def test_an_orphans_view_is_taken_from_its_path(dsn: str) -> None:
    made = Rows(dsn).make()
    made.entry(path_of(1, "measures/abc"))
    made.entry("elsewhere/file.parquet")
    made.pair(path_of(2, "blocks/global"))
    found = {row["file_path"]: (row["view_set"], row["view_instance"], row["partitions"]) for row in await agree(dsn)}
    assert found == {
        path_of(1, "measures/abc"): ("measures", "abc", 0),
        "elsewhere/file.parquet": (None, None, 0),
        path_of(2, "blocks/global"): ("blocks", "global", 1),
    }


async def test_infinite_and_ancient_times_are_listed_as_they_are(dsn: str) -> None:
    made = Rows(dsn).make()
    times = ["infinity", "-infinity", "4713-01-01 BC", "1970-01-01T00:00:00.000001Z", "294276-01-01T00:00:00Z"]
    for number, time in enumerate(times):
        made.entry(path_of(number), at=time)
    found = [row["insert_time"] for row in await agree(dsn)]
    assert found[:2] == [TIME_INFINITY, TIME_MINUS_INFINITY]
    assert found[3] == -946684800_000_000 + 1


@pytest.mark.parametrize(
    "name",
    ['quote " and , comma', "line\nbreak\r\n", "tab\tand \\N", "grüße 日本 🦆", "\u202eright", "'", " ", "\x01\x7f"],
)
async def test_a_path_may_hold_any_character(dsn: str, name: str) -> None:
    made = Rows(dsn).make()
    path = f"views/blocks/{name}/file.parquet"
    made.entry(path)
    made.pair(path_of(1), size=7)
    found = {row["file_path"]: row["view_instance"] for row in await agree(dsn)}
    assert found == {path: name, path_of(1): "global"}


async def test_an_empty_catalog_lists_nothing(dsn: str) -> None:
    Rows(dsn).make()
    assert await listed(dsn) == []


@pytest.mark.parametrize(("first", "page"), [(1, 1), (1, 7), (3, 60), (60, 60), (61, 61), (256, 20_000)])
async def test_every_entry_is_listed_once_whatever_the_page_size(
    dsn: str, first: int, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "FIRST_ROWS", first)
    monkeypatch.setattr(listing, "PAGE_ROWS", page)
    made = Rows(dsn).make()
    for number in range(60):
        made.entry(path_of(number))
    assert [row["file_path"] for row in await listed(dsn)] == [path_of(number) for number in range(60)]


async def test_a_page_that_takes_too_long_is_read_smaller(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Rows(dsn).make()
    for number in range(40):
        made.entry(path_of(number))
    made.partition(path_of(0))
    # To look for an entry's partition takes a twentieth of a second: for 40 entries too long, for 4 at the latest not.
    execute(
        dsn,
        "CREATE FUNCTION slowly(varchar) RETURNS varchar LANGUAGE plpgsql VOLATILE AS"
        " $$ BEGIN PERFORM pg_sleep(0.05); RETURN $1; END $$",
    )
    execute(dsn, "ALTER TABLE lakehouse_partitions RENAME TO stored")
    execute(
        dsn,
        "CREATE VIEW lakehouse_partitions AS SELECT slowly(view_set_name) AS view_set_name, view_instance_id, begin_insert_time,"
        " end_insert_time, updated, file_path, file_size, num_rows, partition_format_version FROM stored",
    )
    monkeypatch.setattr(listing, "_PAGE_SECONDS", 1.0)
    monkeypatch.setattr(listing, "PAGE_ROWS", 8)
    found = await listed(dsn)
    assert [row["file_path"] for row in found] == [path_of(number) for number in range(40)]
    assert [row["partitions"] for row in found] == [1] + [0] * 39


async def test_few_entries_are_counted_and_many_are_estimated(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Rows(dsn).make()
    for number in range(30):
        made.entry(path_of(number))
    execute(dsn, "ANALYZE partition_metadata")
    execute(dsn, "DELETE FROM partition_metadata WHERE file_path = %s", path_of(0))
    async with database_of(dsn) as database:
        assert await about_how_many(database) == 29
        monkeypatch.setattr(listing, "_WORTH_ESTIMATING", 10)
        assert await about_how_many(database) == 30


def test_the_columns_are_those_that_the_apps_table_takes() -> None:
    assert SCHEMA.names[0] == "file_path"
    assert SCHEMA.field("file_path").type == pa.large_string()
