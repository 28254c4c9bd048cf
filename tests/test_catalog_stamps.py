"""What changed between two looks at the catalog, told by the rows' own writers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import psycopg
import pytest

from refooter.catalog import stamps
from refooter.catalog.selection import EVERYTHING, Selection, View, parse_time
from refooter.catalog.stamps import Difference, Stamps, stamp_pages
from refooter.demo.server import Server
from refooter.errors import MissingRights
from support.tables import execute
from test_catalog_rows import Rows, database_of, one_database, path_of


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


@pytest.fixture
def made(dsn: str) -> Rows:
    """Ten entries with a partition row each."""
    rows = Rows(dsn).make()
    for number in range(10):
        rows.pair(path_of(number))
    return rows


async def taken(made: Rows, selection: Selection = EVERYTHING) -> Stamps:
    async with database_of(made.dsn) as database:
        return Stamps.of([page async for page in stamp_pages(database, selection)])


async def since(made: Rows, before: Stamps, selection: Selection = EVERYTHING, most: int = 1000) -> Difference:
    return before.difference(await taken(made, selection), most)


NOTHING = Difference(0, 0, 0, (), (), ())
THIRD = path_of(3)


async def test_where_nothing_happened_nothing_is_told(made: Rows) -> None:
    before = await taken(made)
    assert len(before) == 10
    assert await since(made, before) == NOTHING


async def test_changed_retired_and_new_entries_are_told_apart(made: Rows) -> None:
    before = await taken(made)
    execute(made.dsn, "UPDATE partition_metadata SET metadata = 'other' WHERE file_path = ANY(%s)", [THIRD, path_of(7)])
    execute(made.dsn, "DELETE FROM partition_metadata WHERE file_path = %s", path_of(0))
    made.pair(path_of(11))
    assert await since(made, before) == Difference(2, 1, 1, (THIRD, path_of(7)), (path_of(0),), (path_of(11),))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE partition_metadata SET metadata = metadata WHERE file_path = %s",
        "UPDATE partition_metadata SET partition_format_version = 2 WHERE file_path = %s",
        "UPDATE lakehouse_partitions SET num_rows = num_rows + 1 WHERE file_path = %s",
        "DELETE FROM lakehouse_partitions WHERE file_path = %s",
        "UPDATE lakehouse_partitions SET file_path = NULL WHERE file_path = %s",
        "INSERT INTO lakehouse_partitions (file_path, num_rows) VALUES (%s, 1)",
    ],
)
async def test_whatever_is_written_to_an_entry_or_its_partition_is_a_change(made: Rows, statement: str) -> None:
    before = await taken(made)
    execute(made.dsn, statement, THIRD)
    assert await since(made, before) == replace(NOTHING, changed=1, changed_paths=(THIRD,))


async def test_an_entry_that_was_taken_out_and_put_back_as_it_was_is_a_change(made: Rows) -> None:
    before = await taken(made)
    with psycopg.connect(made.dsn) as connection:
        [row] = connection.execute("DELETE FROM partition_metadata WHERE file_path = %s RETURNING *", (THIRD,))
        connection.execute("INSERT INTO partition_metadata VALUES (%s, %s, %s, %s)", row)
    assert await since(made, before) == replace(NOTHING, changed=1, changed_paths=(THIRD,))


async def test_of_several_partition_rows_each_counts_and_their_order_does_not(made: Rows) -> None:
    with psycopg.connect(made.dsn) as connection:
        # Of one transaction, so that their writer is the same.
        for hour in (1, 2, 3):
            connection.execute(
                "INSERT INTO lakehouse_partitions (file_path, num_rows, begin_insert_time) VALUES (%s, 1, %s)",
                (THIRD, f"2026-03-02T0{hour}:00:00Z"),
            )
    before = await taken(made)
    execute(made.dsn, "CLUSTER lakehouse_partitions USING lh_part_begin_insert")
    assert await since(made, before) == NOTHING
    for hour in (1, 2, 3):
        last = await taken(made)
        execute(
            made.dsn,
            "DELETE FROM lakehouse_partitions WHERE file_path = %s AND begin_insert_time = %s",
            THIRD,
            f"2026-03-02T0{hour}:00:00Z",
        )
        assert (await since(made, last)).changed_paths == (THIRD,)
    # As many rows as at first, of another writer.
    for _ in range(3):
        execute(made.dsn, "INSERT INTO lakehouse_partitions (file_path, num_rows) VALUES (%s, 1)", THIRD)
    assert (await since(made, before)).changed_paths == (THIRD,)


@pytest.mark.parametrize(
    "statement",
    [
        "VACUUM (FREEZE) partition_metadata, lakehouse_partitions",
        "VACUUM (FULL, FREEZE) partition_metadata, lakehouse_partitions",
        "REINDEX TABLE partition_metadata",
        "ALTER TABLE lakehouse_partitions ADD COLUMN one_more integer NOT NULL DEFAULT 1",
        "SELECT * FROM partition_metadata FOR UPDATE",
        "UPDATE partition_metadata SET metadata = 'undone'; ROLLBACK",
    ],
)
async def test_what_changes_no_row_is_no_change(made: Rows, statement: str) -> None:
    before = await taken(made)
    with psycopg.connect(made.dsn, autocommit=True) as connection:
        for one in (f"BEGIN; {statement}" if "ROLLBACK" in statement else statement).split("; "):
            connection.execute(one)  # type: ignore[call-overload]
    assert await since(made, before) == NOTHING


async def test_changes_outside_the_selection_are_nobodys_business(made: Rows) -> None:
    other = path_of(1, "measures/global")
    made.pair(other)
    made.entry(path_of(2, "measures/global"), at="2027-01-01T00:00:00Z")
    selections = {
        "paths": Selection(paths=(THIRD, path_of(4), "views/none/of/these.parquet")),
        "view": Selection(views=(View("blocks"),)),
        "time": Selection(until=parse_time("2026-06-01")),
        "keys": Selection(after=path_of(2), upto=path_of(4)),
    }
    before = {name: await taken(made, selection) for name, selection in selections.items()}
    assert {name: len(found) for name, found in before.items()} == {"paths": 2, "view": 10, "time": 11, "keys": 2}
    execute(
        made.dsn, "UPDATE partition_metadata SET metadata = 'x' WHERE file_path = ANY(%s)", [THIRD, path_of(9), other]
    )
    found = {name: (await since(made, before[name], selection)).changed_paths for name, selection in selections.items()}
    assert found == {
        "paths": (THIRD,),
        "view": (THIRD, path_of(9)),
        "time": (THIRD, path_of(9), other),
        "keys": (THIRD,),
    }


async def test_a_named_path_that_comes_back_is_new(made: Rows) -> None:
    named = Selection(paths=(THIRD, path_of(20)))
    before = await taken(made, named)
    made.pair(path_of(20))
    assert await since(made, before, named) == replace(NOTHING, new=1, new_paths=(path_of(20),))


async def test_all_are_counted_and_so_many_are_named(made: Rows) -> None:
    before = await taken(made)
    execute(made.dsn, "UPDATE partition_metadata SET metadata = 'x' WHERE file_path < %s", path_of(5))
    execute(made.dsn, "DELETE FROM partition_metadata WHERE file_path >= %s", path_of(5))
    for number in range(20, 24):
        made.pair(path_of(number))
    assert await since(made, before, most=2) == Difference(
        5, 5, 4, (path_of(0), path_of(1)), (path_of(5), path_of(6)), (path_of(20), path_of(21))
    )


async def test_of_nothing_and_to_nothing(dsn: str) -> None:
    empty = Rows(dsn).make()
    before = await taken(empty)
    assert len(before) == 0
    assert await since(empty, before) == NOTHING
    empty.pair(THIRD)
    full = await taken(empty)
    assert before.difference(full, 10) == replace(NOTHING, new=1, new_paths=(THIRD,))
    assert full.difference(before, 10) == replace(NOTHING, gone=1, gone_paths=(THIRD,))


@pytest.mark.parametrize(("page", "named"), [(1, 1), (3, 4), (10, 10), (7, 100)])
async def test_whatever_the_page_size_it_is_the_same(
    made: Rows, page: int, named: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await taken(made)
    made.pair(path_of(5, "a/b"))
    execute(made.dsn, "DELETE FROM partition_metadata WHERE file_path = %s", path_of(9))
    execute(
        made.dsn, "UPDATE lakehouse_partitions SET num_rows = 0 WHERE file_path = ANY(%s)", [path_of(0), path_of(8)]
    )
    monkeypatch.setattr(stamps, "PAGE_ROWS", page)
    monkeypatch.setattr(stamps, "_NAMED_AT_ONCE", named)
    expected = Difference(2, 1, 1, (path_of(0), path_of(8)), (path_of(9),), (path_of(5, "a/b"),))
    assert await since(made, before) == expected
    paths = Selection(paths=(path_of(5, "a/b"), *(path_of(number) for number in range(10))))
    assert await since(made, before, paths) == expected


async def test_a_page_that_takes_too_long_is_read_smaller(made: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    execute(
        made.dsn,
        "CREATE FUNCTION slowly() RETURNS boolean LANGUAGE plpgsql VOLATILE AS"
        " $$ BEGIN PERFORM pg_sleep(0.05); RETURN true; END $$",
    )
    monkeypatch.setattr(stamps, "entry_filter", lambda selection, params: "slowly()")
    monkeypatch.setattr(stamps, "_PAGE_SECONDS", 0.3)
    monkeypatch.setattr(stamps, "PAGE_ROWS", 40)
    assert len(await taken(made)) == 10


@pytest.mark.parametrize("name", ["line\nbreak", "grüße 日本 🦆", "\u202eright", "'%s\\x00", " "])
async def test_a_path_may_hold_any_character(made: Rows, name: str) -> None:
    path = f"views/blocks/{name}/file.parquet"
    before = await taken(made)
    made.pair(path)
    after = await taken(made)
    assert before.difference(after, 10).new_paths == after.difference(before, 10).gone_paths == (path,)
    execute(made.dsn, "UPDATE partition_metadata SET metadata = 'x' WHERE file_path = %s", path)
    assert (await since(made, after)).changed_paths == (path,)


async def test_a_catalog_of_version_4_has_stamps_too(dsn: str) -> None:
    old = Rows(dsn, version=4).make()
    old.pair(THIRD)
    before = await taken(old)
    execute(dsn, "UPDATE partition_metadata SET metadata = 'x'")
    assert (await since(old, before)).changed_paths == (THIRD,)


async def test_a_role_that_may_read_some_columns_only_is_told_so(made: Rows) -> None:
    columns = "SELECT (file_path) ON partition_metadata, lakehouse_partitions"
    address = made.role("columns_only", columns, "SELECT ON lakehouse_migration")
    try:
        async with database_of(address) as database:
            with pytest.raises(MissingRights, match="SELECT on the whole of both tables"):
                _ = [page async for page in stamp_pages(database, EVERYTHING)]
    finally:
        made.drop_role("columns_only")


def test_writers_that_add_up_to_the_same_number_are_told_apart() -> None:
    def stamp(entry: int, *partitions: int) -> int:
        path = np.array([7], np.uint64)
        of_path = b"".join(int(path[0]).to_bytes(8, "big") for _ in partitions)
        writers = b"".join(writer.to_bytes(4, "big") for writer in partitions)
        return int(stamps._stamped(path, entry.to_bytes(4, "big"), of_path, writers)[0])

    assert stamp(5, 7, 9) == stamp(5, 9, 7)
    assert len({stamp(5, 7, 9), stamp(5, 8, 8), stamp(5, 16), stamp(6, 15), stamp(21), stamp(5, 7)}) == 6


async def test_stamps_take_little_memory(made: Rows) -> None:
    execute(
        made.dsn,
        "INSERT INTO partition_metadata SELECT format('views/blocks/global/2026-03-02/00-00-00_%%s.parquet', gen_random_uuid()), 'x',"
        " now(), 1 FROM generate_series(1, 20000) WHERE %s",
        True,
    )
    found = await taken(made)
    assert len(found) == 20_010
    assert found.nbytes < 50 * len(found)
