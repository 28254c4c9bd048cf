from __future__ import annotations

from collections.abc import Iterator

import pytest

from refooter.catalog.selection import EVERYTHING, Selection, View
from refooter.catalog.views import (
    BarePartition,
    PartitionCounts,
    bare_partitions,
    partition_counts,
    partitioned,
    sample_files,
    view_names,
)
from refooter.demo.server import Server
from test_catalog_rows import PROCESS, Rows, database_of, one_database, path_of


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


@pytest.fixture
def made(dsn: str) -> Rows:
    """Two entries, one of them with two partition rows; two files without an entry; two partitions without a file."""
    made = Rows(dsn).make()
    made.pair(path_of(1))
    made.pair(path_of(2))
    made.partition(path_of(2), hour=1)
    made.entry(path_of(3))
    made.partition(path_of(4))
    made.partition(path_of(5, f"measures/{PROCESS}"), view=f"measures/{PROCESS}")
    made.partition(path_of(5, f"measures/{PROCESS}"), view=f"measures/{PROCESS}", hour=1)
    made.partition(None, 0, None)
    made.partition(None, 0, None, view="measures/global")
    return made


@pytest.mark.parametrize(
    ("selection", "counts"),
    [
        (EVERYTHING, PartitionCounts(8, 2, 3)),
        (Selection(views=(View("blocks"),)), PartitionCounts(5, 1, 1)),
        (Selection(views=(View("measures"),)), PartitionCounts(3, 1, 2)),
        (Selection(views=(View("measures", PROCESS),)), PartitionCounts(2, 0, 2)),
        (Selection(views=(View("measures", "global"), View("blocks", "global"))), PartitionCounts(6, 2, 1)),
        (Selection(paths=(path_of(2), path_of(4))), PartitionCounts(3, 0, 1)),
        (Selection(paths=(path_of(2), path_of(4)), views=(View("measures"),)), PartitionCounts(0, 0, 0)),
        (Selection(paths=()), PartitionCounts(0, 0, 0)),
    ],
)
async def test_partition_rows_are_counted_with_those_that_a_join_would_lose(
    made: Rows, selection: Selection, counts: PartitionCounts
) -> None:
    async with database_of(made.dsn) as database:
        assert await partition_counts(database, selection) == counts


@pytest.mark.parametrize("page", [1, 2, 1000])
async def test_partitions_without_an_entry_come_once_a_path_whatever_the_page_size(made: Rows, page: int) -> None:
    async with database_of(made.dsn) as database:
        found = [one async for some in bare_partitions(database, EVERYTHING, page) for one in some]
        of_view = [
            one async for some in bare_partitions(database, Selection(views=(View("blocks"),)), page) for one in some
        ]
    in_blocks = BarePartition(path_of(4), "blocks", "global")
    assert found == [in_blocks, BarePartition(path_of(5, f"measures/{PROCESS}"), "measures", PROCESS)]
    assert of_view == [in_blocks]


async def test_no_page_of_partitions_without_an_entry_is_empty(dsn: str) -> None:
    made = Rows(dsn).make()
    made.pair(path_of(1))
    async with database_of(dsn) as database:
        assert [page async for page in bare_partitions(database, EVERYTHING, 1)] == []


async def test_every_view_is_named_that_a_partition_names(made: Rows) -> None:
    async with database_of(made.dsn) as database:
        assert await view_names(database) == [("blocks", "global"), ("measures", PROCESS), ("measures", "global")]


async def test_samples_are_files_that_partitions_name_those_of_a_known_size_first(made: Rows) -> None:
    made.partition(path_of(6), 10, None)
    async with database_of(made.dsn) as database:
        found = await sample_files(database, 64)
        some = await sample_files(database, 6)
    named = {path_of(1), path_of(2), path_of(4), path_of(5, f"measures/{PROCESS}")}
    assert {path for path, _ in found} == {*named, path_of(6)}
    assert found[-1] == (path_of(6), None)
    assert {size for _, size in some} == {1000}
    assert len(some) == 6


async def test_a_sample_of_an_empty_catalog_is_empty(dsn: str) -> None:
    Rows(dsn).make()
    async with database_of(dsn) as database:
        assert await sample_files(database, 8) == []


async def test_paths_that_a_partition_names_are_told_apart(made: Rows) -> None:
    async with database_of(made.dsn) as database:
        found = await partitioned(database, [path_of(1), path_of(2), path_of(3), path_of(4), "nowhere"])
    assert found == {path_of(1), path_of(2), path_of(4)}
