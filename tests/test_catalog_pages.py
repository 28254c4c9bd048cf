from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from refooter.catalog import pages
from refooter.catalog.pages import count_entries, entry_pages, read_entries
from refooter.catalog.selection import EVERYTHING, Selection, parse_time
from refooter.demo.server import Server
from refooter.values import Entry, Partitions
from support.tables import execute, rows
from test_catalog_rows import Rows, database_of, one_database, path_of


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


async def read(dsn: str, selection: Selection = EVERYTHING) -> list[list[Entry]]:
    async with database_of(dsn) as database:
        return [page async for page in entry_pages(database, selection)]


def paths_of(read_pages: list[list[Entry]]) -> list[str]:
    return [entry.file_path for page in read_pages for entry in page]


def many(dsn: str, count: int, size: int = 100) -> list[str]:
    """So many entries of `size` bytes with a partition row each."""
    made = Rows(dsn).make()
    made.pair(path_of(0), bytes(size))
    execute(
        dsn,
        "INSERT INTO partition_metadata SELECT left(file_path, -16) || lpad(n::text, 8, '0') || '.parquet', metadata, insert_time"
        " FROM partition_metadata, generate_series(1, %s) n",
        count - 1,
    )
    execute(
        dsn,
        "INSERT INTO lakehouse_partitions (view_set_name, view_instance_id, file_path, file_size, num_rows)"
        " SELECT 'blocks', 'global', file_path, 1000, 10 FROM partition_metadata WHERE file_path > %s",
        path_of(0),
    )
    paths = [path_of(number) for number in range(count)]
    assert rows(dsn, "SELECT count(*) FROM partition_metadata WHERE file_path = ANY(%s)", paths) == [(count,)]
    return paths


@pytest.mark.parametrize(
    ("page_bytes", "first_keys"), [(4 << 20, 256), (1, 1), (1, 256), (350, 1), (350, 7), (1000, 300), (4 << 20, 1)]
)
async def test_every_entry_comes_exactly_once_whatever_the_page_size(
    dsn: str, page_bytes: int, first_keys: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_BYTES", page_bytes)
    monkeypatch.setattr(pages, "_FIRST_KEYS", first_keys)
    paths = many(dsn, 60)
    found = await read(dsn)
    assert paths_of(found) == paths
    for page in found:
        assert len(page) == 1 or sum(entry.size for entry in page) <= page_bytes


@pytest.mark.parametrize("sizes", [[10, 5000, 10, 10], [5000, 5000], [0, 0, 0], [400, 400, 400, 5000, 1]])
async def test_a_value_larger_than_a_page_is_a_page_of_its_own(
    dsn: str, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_BYTES", 1000)
    made = Rows(dsn).make()
    for number, size in enumerate(sizes):
        made.pair(path_of(number), bytes(size))
    found = await read(dsn)
    assert [entry.size for page in found for entry in page] == sizes
    assert [len(entry.value or b"") for page in found for entry in page] == sizes
    assert all(len(page) == 1 for page in found for entry in page if entry.size > 1000)


async def test_pages_full_of_what_is_not_selected_end_nothing(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_FIRST_KEYS", 2)
    made = Rows(dsn).make()
    for number in range(80):
        made.entry(path_of(number), at="2026-03-02T00:00:00Z" if number < 79 else "2026-03-09T00:00:00Z")
    assert paths_of(await read(dsn, Selection(since=parse_time("2026-03-05")))) == [path_of(79)]


@pytest.mark.parametrize(
    ("partition_rows", "expected"),
    [
        ([], Partitions()),
        ([(10, 1000, 1)], Partitions(1, (10,), (1000,), (1,), "blocks", "global")),
        ([(10, 1000, 1), (10, 1000, 1)], Partitions(2, (10,), (1000,), (1,), "blocks", "global")),
        ([(10, 1000, 2), (10, 1000, 1)], Partitions(2, (10,), (1000,), (1, 2), "blocks", "global")),
        ([(21, 1000, 1), (10, 1000, 1)], Partitions(2, (10, 21), (1000,), (1,), "blocks", "global")),
        ([(10, 2000, 1), (10, 1000, 1)], Partitions(2, (10,), (1000, 2000), (1,), "blocks", "global")),
        (
            [(3, 30, 1), (1, 10, 1), (2, 20, 1), (3, None, 1)],
            Partitions(4, (1, 2, 3), (10, 20, 30, None), (1,), "blocks", "global"),
        ),
        ([(10, None, 1)], Partitions(1, (10,), (None,), (1,), "blocks", "global")),
        ([(10, None, 1), (10, None, 1)], Partitions(2, (10,), (None,), (1,), "blocks", "global")),
        ([(10, 1000, 1), (10, None, 1)], Partitions(2, (10,), (1000, None), (1,), "blocks", "global")),
        ([(0, 1000, 1)], Partitions(1, (0,), (1000,), (1,), "blocks", "global")),
        ([(0, 1000, 1), (10, 1000, 1)], Partitions(2, (0, 10), (1000,), (1,), "blocks", "global")),
    ],
)
async def test_partition_rows_of_one_path_are_told_together_and_multiply_nothing(
    dsn: str, partition_rows: list[tuple[int, int | None, int]], expected: Partitions
) -> None:
    made = Rows(dsn).make()
    made.pair(path_of(1))
    made.entry(path_of(2))
    made.pair(path_of(3))
    for hour, (count, size, version) in enumerate(partition_rows):
        made.partition(path_of(2), count, size, hour=hour, version=version)
    found = await read(dsn)
    assert paths_of(found) == [path_of(1), path_of(2), path_of(3)]
    entry = found[0][1]
    assert entry.partitions == expected
    assert entry.orphan is not partition_rows


async def test_a_version_4_catalog_has_no_format_versions(dsn: str) -> None:
    made = Rows(dsn, version=4).make()
    made.pair(path_of(1))
    [[entry]] = await read(dsn)
    assert (entry.version, entry.partitions.versions, entry.versions) == (None, (), ())


async def test_an_orphan_and_a_partition_without_names_have_their_view_from_the_path(dsn: str) -> None:
    made = Rows(dsn).make()
    made.entry(path_of(1, "streams/global"))
    made.entry(path_of(2, "measures/global"))
    execute(dsn, "INSERT INTO lakehouse_partitions (file_path, num_rows) VALUES (%s, 1)", path_of(2, "measures/global"))
    [found] = await read(dsn)
    assert {entry.view for entry in found} == {("streams", "global"), ("measures", "global")}


async def test_a_value_too_large_to_be_read_comes_as_none_with_its_size(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MAX_VALUE_BYTES", 1000)
    made = Rows(dsn).make()
    for number, size in enumerate((1000, 1001, 5000, 3)):
        made.pair(path_of(number), bytes(size))
    [found] = await read(dsn)
    assert [(entry.value is None, entry.size) for entry in found] == [
        (False, 1000),
        (True, 1001),
        (True, 5000),
        (False, 3),
    ]
    async with database_of(dsn) as database:
        [entry] = await read_entries(database, [path_of(1)])
    assert entry.value is None


async def test_rows_that_come_and_go_between_pages_cost_no_other_row(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_FIRST_KEYS", 16)
    monkeypatch.setattr(pages, "PAGE_BYTES", 1600)
    paths = many(dsn, 64)
    made = Rows(dsn)
    found: list[str] = []
    async with database_of(dsn) as database:
        async for page in entry_pages(database, EVERYTHING):
            if not found:
                made.entry(paths[0][:-8] + "_before.parquet")
                made.entry(paths[50][:-8] + "_after.parquet")
                # a row that was read, the last one read, and one that was not read yet
                for path in (paths[0], page[-1].file_path, paths[40]):
                    execute(dsn, "DELETE FROM partition_metadata WHERE file_path = %s", path)
            found += [entry.file_path for entry in page]
    assert len(found) == len(set(found))
    assert set(paths) - set(found) == {paths[40]}
    assert set(found) - set(paths) == {paths[50][:-8] + "_after.parquet"}


async def test_a_page_that_times_out_is_read_smaller(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_PAGE_SECONDS", 0.1)
    paths = many(dsn, 40)
    made = Rows(dsn)
    reader = made.role("slow_reader", "SELECT ON ALL TABLES IN SCHEMA public")
    # for this role every row of the table takes 5 ms, and is looked at in the key's order: all of them are never read in time
    execute(dsn, "ALTER ROLE slow_reader SET enable_seqscan = off")
    execute(dsn, "ALTER ROLE slow_reader SET enable_sort = off")
    execute(dsn, "ALTER TABLE partition_metadata ENABLE ROW LEVEL SECURITY")
    execute(dsn, "CREATE POLICY slow ON partition_metadata FOR SELECT USING (pg_sleep(0.005) IS NOT NULL)")
    asked: list[int] = []
    reading = pages._read_page

    async def watched(database: Any, selection: Selection, named: Any, keys: int) -> Any:
        asked.append(keys)
        return await reading(database, selection, named, keys)

    monkeypatch.setattr(pages, "_read_page", watched)
    try:
        found = await read(reader)
    finally:
        made.drop_role("slow_reader")
    assert paths_of(found) == paths
    assert asked[0] == 256
    assert min(asked) < 40


async def test_a_single_row_that_times_out_is_the_servers_error(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_PAGE_SECONDS", 0.1)
    many(dsn, 2)
    made = Rows(dsn)
    reader = made.role("stuck_reader", "SELECT ON ALL TABLES IN SCHEMA public")
    execute(dsn, "ALTER TABLE partition_metadata ENABLE ROW LEVEL SECURITY")
    execute(dsn, "CREATE POLICY stuck ON partition_metadata FOR SELECT USING (pg_sleep(0.5) IS NOT NULL)")
    try:
        with pytest.raises(errors.QueryCanceled):
            await read(reader)
    finally:
        made.drop_role("stuck_reader")


@pytest.fixture
def onlooker(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


async def test_no_transaction_is_open_while_a_page_is_looked_at(
    dsn: str, onlooker: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_BYTES", 500)
    many(dsn, 20)
    seen = 0
    async with database_of(dsn) as database:
        async for _ in entry_pages(database, EVERYTHING):
            states = onlooker.execute(
                "SELECT state, backend_xmin::text FROM pg_stat_activity"
                " WHERE application_name = 'refooter' AND datname = current_database()"
            ).fetchall()
            assert states
            assert set(states) == {("idle", None)}
            # what an engine's upgrade needs, and would wait for us with
            onlooker.execute("SET lock_timeout = '2s'")
            onlooker.execute("ALTER TABLE partition_metadata ALTER COLUMN insert_time SET NOT NULL")
            seen += 1
    assert seen > 1


async def test_reading_can_write_nothing(dsn: str) -> None:
    Rows(dsn).make().pair(path_of(1))
    async with database_of(dsn) as database:
        with pytest.raises(errors.ReadOnlySqlTransaction):
            async with database.reading() as connection:
                await connection.execute("DELETE FROM partition_metadata")
        assert await count_entries(database, EVERYTHING) == 1


async def test_named_entries_come_in_the_order_of_their_names_without_those_that_do_not_exist(dsn: str) -> None:
    made = Rows(dsn).make()
    for number in (1, 2, 3):
        made.pair(path_of(number))
    async with database_of(dsn) as database:
        found = await read_entries(database, [path_of(3), path_of(404), path_of(1)])
        assert [entry.file_path for entry in found] == [path_of(3), path_of(1)]
        assert await read_entries(database, []) == []
