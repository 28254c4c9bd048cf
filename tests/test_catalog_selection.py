from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from refooter.catalog.pages import check_names, count_entries, entry_pages, split_by_key
from refooter.catalog.selection import EVERYTHING, Selection, View, parse_time
from refooter.demo.server import Server
from refooter.errors import NothingSelected, UsageError
from refooter.values import NOT_JUDGED, TIME_INFINITY, TIME_MINUS_INFINITY, Cause, Diagnosis, Layout, Status
from support.tables import execute
from test_catalog_rows import PROCESS, Rows, database_of, one_database, path_of


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


async def selected(dsn: str, *selections: Selection) -> list[str]:
    """The paths of each selection's entries, one selection after the other; the count agrees with what comes."""
    async with database_of(dsn) as database:
        found = []
        for selection in selections:
            some = [entry.file_path async for page in entry_pages(database, selection) for entry in page]
            assert await count_entries(database, selection) == len(some)
            found += some
        return found


def alike(found: Iterable[str], *expected: str) -> None:
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("blocks", View("blocks")),
        ("blocks/global", View("blocks", "global")),
        ("measures/a/b", View("measures", "a/b")),
        ("ünïcode/%", View("ünïcode", "%")),
    ],
)
def test_a_view_is_read_and_written_alike(text: str, view: View) -> None:
    assert View.parse(text) == view
    assert str(view) == text


@pytest.mark.parametrize("text", ["", "/", "/global", "blocks/"])
def test_what_is_no_view_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a view"):
        View.parse(text)


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2000-01-01", 0),
        ("2000-01-02", 86_400_000_000),
        ("2000-01-01T00:00:00", 0),
        ("2000-01-01T00:00:00Z", 0),
        ("2000-01-01 00:00:01", 1_000_000),
        ("2000-01-01T02:00:00+02:00", 0),
        ("1999-12-31T19:00:00-05:00", 0),
        ("2000-01-01T00:00:00.000001Z", 1),
        ("1999-12-31T23:59:59.999999Z", -1),
        (" 2000-01-01 ", 0),
        ("20000101T000000Z", 0),
        ("0001-01-01T00:00:00+05:00", -63_082_299_600_000_000),
        ("9999-12-31T23:59:59-05:00", 252_455_633_999_000_000 + 0),
    ],
)
def test_a_time_without_an_offset_is_utc(text: str, micros: int) -> None:
    assert parse_time(text) == micros


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2025-13-01", "2025-02-30", "25:00", "infinity", "1718300000", "2025-06-14T25:00"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a time"):
        parse_time(text)


PREFIX_AND_ZERO = Diagnosis(
    Status.LEGACY, Cause.PAGE_INDEX_PREFIX, (Cause.ZERO_NUM_ROWS, Cause.PAGE_INDEX_PREFIX), Layout.PREFIXED
)
SOUND = Diagnosis(Status.OK, Cause.NONE, (), Layout.RAW)


@pytest.mark.parametrize(
    ("selection", "diagnosis", "judged"),
    [
        (EVERYTHING, SOUND, True),
        (EVERYTHING, NOT_JUDGED, True),
        (Selection(statuses=(Status.LEGACY,)), PREFIX_AND_ZERO, True),
        (Selection(statuses=(Status.OK, Status.LEGACY)), PREFIX_AND_ZERO, True),
        (Selection(statuses=(Status.OK,)), PREFIX_AND_ZERO, False),
        (Selection(causes=(Cause.PAGE_INDEX_PREFIX,)), PREFIX_AND_ZERO, True),
        (Selection(causes=(Cause.ZERO_NUM_ROWS,)), PREFIX_AND_ZERO, True),
        (Selection(causes=(Cause.EMPTY, Cause.ZERO_NUM_ROWS)), PREFIX_AND_ZERO, True),
        (Selection(causes=(Cause.TRUNCATED,)), PREFIX_AND_ZERO, False),
        (Selection(causes=(Cause.NONE,)), PREFIX_AND_ZERO, False),
        (Selection(causes=(Cause.NONE,)), SOUND, True),
        (Selection(statuses=(Status.LEGACY,), causes=(Cause.ZERO_NUM_ROWS,)), PREFIX_AND_ZERO, True),
        (Selection(statuses=(Status.OK,), causes=(Cause.ZERO_NUM_ROWS,)), PREFIX_AND_ZERO, False),
        (Selection(statuses=(Status.LEGACY,), causes=(Cause.EMPTY,)), PREFIX_AND_ZERO, False),
    ],
)
def test_statuses_and_causes_are_alternatives_within_their_kind(
    selection: Selection, diagnosis: Diagnosis, judged: bool
) -> None:
    assert selection.judges(diagnosis) is judged


def test_a_selection_is_described_as_it_was_asked_for() -> None:
    assert EVERYTHING.described() == {}
    many = tuple(map(str, range(300)))
    assert Selection(
        views=(View("blocks"), View("measures", PROCESS)),
        paths=many,
        statuses=(Status.LEGACY,),
        causes=(Cause.EMPTY,),
        since=0,
        until=5,
        after="a",
        upto="b",
    ).described() == {
        "view": ["blocks", f"measures/{PROCESS}"],
        "path": list(many[:100]),
        "path_total": 300,
        "status": ["legacy"],
        "cause": ["empty"],
        "since": 0,
        "until": 5,
        "after": "a",
        "upto": "b",
    }


def test_only_a_selection_of_nothing_given_is_everything() -> None:
    assert Selection().everything
    assert not Selection(paths=()).everything
    assert not Selection(since=0).everything


async def test_a_partition_row_says_which_view_an_entry_belongs_to_and_the_path_only_of_an_orphan(dsn: str) -> None:
    made = Rows(dsn).make()
    of_blocks, elsewhere, orphan, of_process = path_of(1), path_of(2), path_of(3), path_of(4, f"measures/{PROCESS}")
    made.pair(of_blocks)
    made.entry(elsewhere)
    made.partition(elsewhere, view="measures/global")
    made.entry(orphan)
    made.entry(of_process)
    made.entry("outside.parquet")
    alike(await selected(dsn, Selection(views=(View("blocks"),))), of_blocks, orphan)
    alike(await selected(dsn, Selection(views=(View("blocks", "global"),))), of_blocks, orphan)
    alike(await selected(dsn, Selection(views=(View("measures"),))), elsewhere, of_process)
    alike(await selected(dsn, Selection(views=(View("measures", "global"),))), elsewhere)
    alike(await selected(dsn, Selection(views=(View("measures", PROCESS),))), of_process)
    alike(
        await selected(dsn, Selection(views=(View("measures", "global"), View("blocks")))), of_blocks, orphan, elsewhere
    )
    alike(await selected(dsn, Selection(views=(View("block"),))))


async def test_a_view_is_matched_as_it_is_written_whatever_sql_would_make_of_it(dsn: str) -> None:
    made = Rows(dsn).make()
    made.pair(path_of(1))
    for number, view in enumerate(("b_ocks/global", "%/global", "'; --/global", "bl\\ocks/global"), 2):
        made.entry(path_of(number, view))
        name, _, instance = view.partition("/")
        alike(await selected(dsn, Selection(views=(View(name, instance),))), path_of(number, view))


async def test_since_is_inclusive_and_until_exclusive_to_the_microsecond(dsn: str) -> None:
    made = Rows(dsn).make()
    times = ["2026-03-02T09:59:59.999999Z", "2026-03-02T10:00:00Z", "2026-03-02T10:00:00.000001Z"]
    for number, at in enumerate(times):
        made.entry(path_of(number), at=at)
    at = parse_time(times[1])
    alike(await selected(dsn, Selection(since=at)), path_of(1), path_of(2))
    alike(await selected(dsn, Selection(until=at)), path_of(0))
    alike(await selected(dsn, Selection(since=at, until=at + 1)), path_of(1))
    alike(await selected(dsn, Selection(since=at, until=at)))


async def test_infinite_times_are_shown_and_selected_like_any_other(dsn: str) -> None:
    made = Rows(dsn).make()
    for number, at in enumerate(["-infinity", "4713-01-01 BC", "2026-03-02T00:00:00Z", "294276-12-31", "infinity"]):
        made.entry(path_of(number), at=at)
    async with database_of(dsn) as database:
        times = [entry.insert_time async for page in entry_pages(database, EVERYTHING) for entry in page]
    assert times[0] == TIME_MINUS_INFINITY
    assert times[2] == parse_time("2026-03-02")
    assert times[4] == TIME_INFINITY
    middle = parse_time("2026-03-02")
    alike(await selected(dsn, Selection(since=middle)), path_of(2), path_of(3), path_of(4))
    alike(await selected(dsn, Selection(until=middle)), path_of(0), path_of(1))
    alike(await selected(dsn, Selection(until=parse_time("9999-12-31"))), path_of(0), path_of(1), path_of(2))


async def test_different_kinds_must_all_hold(dsn: str) -> None:
    made = Rows(dsn).make()
    early, late, other = path_of(1), path_of(2), path_of(3, "measures/global")
    made.entry(early, at="2026-03-02T00:00:00Z")
    made.entry(late, at="2026-03-04T00:00:00Z")
    made.entry(other, at="2026-03-04T00:00:00Z")
    blocks, third = (View("blocks"),), parse_time("2026-03-03")
    alike(await selected(dsn, Selection(views=blocks, since=third)), late)
    alike(await selected(dsn, Selection(views=blocks, paths=(early, other))), early)
    alike(await selected(dsn, Selection(views=blocks, paths=(early, late), until=third)), early)
    alike(await selected(dsn, Selection(views=blocks, paths=(other,))))
    alike(await selected(dsn, Selection(paths=())))


ODD_PATHS = [
    "views/blocks/global/100%.parquet",
    'views/blocks/global/it\'s "quoted".parquet',
    "views/blocks/global/back\\slash_%_.parquet",
    "views/blocks/global/%s %(named)s {run} $1.parquet",
    "views/blocks/global/ünïcode ⬛.parquet",
    "",
]


async def test_odd_paths_are_found_by_their_names_once_each_though_named_twice(dsn: str) -> None:
    made = Rows(dsn).make()
    for path in ODD_PATHS:
        made.pair(path)
    for path in ODD_PATHS:
        assert await selected(dsn, Selection(paths=(path,))) == [path]
    alike(await selected_without_count(dsn, Selection(paths=(*ODD_PATHS, *ODD_PATHS))), *ODD_PATHS)
    alike(await selected(dsn, EVERYTHING), *ODD_PATHS)


async def selected_without_count(dsn: str, selection: Selection) -> list[str]:
    async with database_of(dsn) as database:
        return [entry.file_path async for page in entry_pages(database, selection) for entry in page]


async def test_more_paths_than_one_query_takes_are_all_found(dsn: str) -> None:
    made = Rows(dsn).make()
    execute(
        dsn,
        "INSERT INTO partition_metadata SELECT 'views/' || lpad(n::text, 5, '0'), 'v', now() FROM generate_series(1, 2500) n",
    )
    assert made.value("views/00001") == b"v"
    named = tuple(f"views/{n:05d}" for n in range(2500, 0, -1))
    alike(await selected(dsn, Selection(paths=named)), *named)


@pytest.mark.parametrize(
    "selection",
    [
        Selection(views=(View("nowhere"),)),
        Selection(views=(View("blocks"), View("blocks", "nowhere"))),
        Selection(paths=(path_of(1), path_of(404))),
        Selection(paths=("it's not there",)),
    ],
)
async def test_a_view_or_a_path_that_does_not_exist_is_named(dsn: str, selection: Selection) -> None:
    Rows(dsn).make().pair(path_of(1))
    async with database_of(dsn) as database:
        with pytest.raises(NothingSelected, match=r"nowhere|404|it's not there") as refused:
            await check_names(database, selection)
    assert refused.value.exit_code == 2


async def test_names_that_only_an_orphan_or_only_a_partition_has_do_exist(dsn: str) -> None:
    made = Rows(dsn).make()
    made.entry(path_of(1, "streams/global"))
    made.partition(path_of(2), view=f"measures/{PROCESS}")
    made.partition(None, view="processes/global")
    async with database_of(dsn) as database:
        for view in (View("streams"), View("streams", "global"), View("measures", PROCESS), View("processes")):
            await check_names(database, Selection(views=(view,)))


@pytest.mark.parametrize("collation", ["C", "pg_unicode_fast"])
@pytest.mark.parametrize("parts", [1, 2, 3, 7, 100])
async def test_a_selection_is_split_into_parts_without_gap_or_overlap(dsn: str, parts: int, collation: str) -> None:
    made = Rows(dsn).make()
    for table in ("partition_metadata", "lakehouse_partitions"):
        execute(dsn, f'ALTER TABLE {table} ALTER COLUMN file_path TYPE varchar(2047) COLLATE "{collation}"')
    paths = [
        f"views/blocks/global/{name}" for name in ("a", "B", "b", "A", "_", "-", "ä", "z", "Z", "1", "%", "a b", "a-b")
    ]
    for path in paths:
        made.entry(path)
    async with database_of(dsn) as database:
        split = await split_by_key(database, EVERYTHING, parts)
        again = await split_by_key(database, split[0], 2)
    assert 1 <= len(split) <= parts
    alike(await selected(dsn, *split), *paths)
    alike(await selected(dsn, *again), *await selected(dsn, split[0]))


async def test_the_parts_of_a_restricted_selection_are_restricted_alike(dsn: str) -> None:
    made = Rows(dsn).make()
    for number in range(20):
        made.entry(path_of(number, "blocks/global" if number % 2 else "measures/global"))
    wanted = Selection(views=(View("blocks"),))
    async with database_of(dsn) as database:
        split = await split_by_key(database, wanted, 4)
    assert len(split) == 4
    alike(await selected(dsn, *split), *await selected(dsn, wanted))


@pytest.mark.parametrize("parts", [1, 2, 3, 100])
async def test_named_paths_are_split_by_their_names(dsn: str, parts: int) -> None:
    made = Rows(dsn).make()
    paths = tuple(path_of(number) for number in range(5))
    for path in paths:
        made.entry(path)
    async with database_of(dsn) as database:
        split = await split_by_key(database, Selection(paths=(*paths, *paths)), parts)
    assert 1 <= len(split) <= parts
    alike(await selected(dsn, *split), *paths)


async def test_an_empty_catalog_is_split_into_something_that_finds_rows_inserted_since(dsn: str) -> None:
    made = Rows(dsn).make()
    async with database_of(dsn) as database:
        split = await split_by_key(database, EVERYTHING, 3)
    made.entry(path_of(1))
    alike(await selected(dsn, *split), path_of(1))
