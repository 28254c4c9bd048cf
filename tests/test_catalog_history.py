"""What runs did to one entry: changes and failures of every run, by when they happened."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import pytest

from refooter.catalog.changes import Change, Settled, digest
from refooter.catalog.history import ChangeMade, HistoryRecord, entry_history
from refooter.catalog.journal import Journal, ResultRecord, RunState
from refooter.catalog.write import Writer
from refooter.demo.server import Server
from refooter.errors import MissingRights
from refooter.values import Outcome, Reason
from support.tables import execute, rows
from test_catalog_journal import LONG_AGO, START, journal_of
from test_catalog_rows import Rows, one_database, path_of

PATH = path_of(1)


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


async def change(journal: Journal, run_id: int, before: bytes, after: bytes | None, *, proved: bool = True) -> None:
    """From version 1, or wherever it stands, to 2."""
    [(version,)] = rows(
        journal.database.address.conninfo,
        "SELECT partition_format_version FROM partition_metadata WHERE file_path = %s",
        PATH,
    )
    made = Change(
        PATH,
        digest(before),
        version,
        digest(before if after is None else after),
        after,
        2,
        None,
        "page_index_prefix",
        "stamp" if after is None else "true_pointers",
        proved,
    )
    written = await Writer(journal, run_id).apply([made])
    assert [one.outcome for one in written.settled] == [Outcome.MIGRATED]


async def fail(journal: Journal, run_id: int, sentence: str, path: str = PATH) -> None:
    await Writer(journal, run_id).apply((), [Settled(path, Outcome.FAILED, Reason.FILE_MISSING, sentence)])


async def test_without_a_journal_and_without_a_run_that_met_it_an_entry_has_no_history(dsn: str) -> None:
    Rows(dsn).make().entry(PATH)
    async with journal_of(dsn) as journal:
        assert await entry_history(journal, PATH) == []
        await journal.ensure()
        assert await entry_history(journal, PATH) == []
        run_id = await journal.start(START, 1)
        await fail(journal, run_id, "gone", path_of(2))
        assert await entry_history(journal, PATH) == []
        assert [one.run_id for one in await entry_history(journal, path_of(2))] == [run_id]


async def test_changes_and_failures_come_newest_first_with_what_was_there_before_and_after(dsn: str) -> None:
    Rows(dsn).make().entry(PATH, b"0123456789", version=1)
    async with journal_of(dsn) as journal:
        await journal.ensure()
        first, second, third = [await journal.start(START, 1) for _ in range(3)]
        await fail(journal, first, "no such object")
        await journal.finish(first, RunState.INTERRUPTED, None)
        await change(journal, second, b"0123456789", b"abcde")
        await change(journal, third, b"abcde", b"xyz", proved=False)
        found = await entry_history(journal, PATH)
        newest = await entry_history(journal, PATH, most=1)
    assert [(one.run_id, one.kind, one.who, one.strategy) for one in found] == [
        (third, "migrate", "me@here", "refetch"),
        (second, "migrate", "me@here", "refetch"),
        (first, "migrate", "me@here", "refetch"),
    ]
    assert newest == found[:1]
    assert found[1].change == ChangeMade(
        "page_index_prefix",
        "true_pointers",
        True,
        sha256(b"0123456789").digest(),
        sha256(b"abcde").digest(),
        1,
        2,
        10,
        5,
    )
    # the newest change's value is the one that stands in the catalog
    assert found[0].change is not None
    assert (found[0].change.old_size, found[0].change.new_size) == (5, 3)
    # a repair that nothing proves is a change and told of like a failure
    assert found[0].result is not None
    assert (found[0].result.outcome, found[0].result.reason) == ("migrated", "unproved")
    assert found[1].result is None
    assert found[2].change is None
    assert found[2].result == ResultRecord(PATH, "failed", "file_missing", "no such object")
    assert [one.state for one in found] == [RunState.RUNNING, RunState.RUNNING, RunState.INTERRUPTED]
    assert [one.when for one in found] == sorted((one.when for one in found), reverse=True)


async def test_a_value_that_nobody_has_kept_has_no_size_and_a_stamp_the_same_twice(dsn: str) -> None:
    Rows(dsn).make().entry(PATH, b"0123456789", version=1)
    async with journal_of(dsn) as journal:
        await journal.ensure()
        stamping, changing = [await journal.start(START, 1) for _ in range(2)]
        await change(journal, stamping, b"0123456789", None)
        await change(journal, changing, b"0123456789", b"abcde")
        execute(dsn, "UPDATE partition_metadata SET metadata = 'somebody else''s' WHERE file_path = %s", PATH)
        changed, stamped = [one.change for one in await entry_history(journal, PATH)]
    assert changed is not None
    assert (changed.old_size, changed.new_size) == (10, None)
    assert stamped is not None
    assert (stamped.old_version, stamped.new_version) == (1, 2)
    assert stamped.old_digest == stamped.new_digest
    assert (stamped.old_size, stamped.new_size) == (10, 10)


async def test_a_run_that_goes_on_for_long_stands_where_it_met_the_entry(dsn: str) -> None:
    Rows(dsn).make().entry(PATH, b"0123456789", version=1)
    async with journal_of(dsn) as journal:
        await journal.ensure()
        healing, migrating = [await journal.start(START, 1) for _ in range(2)]
        await fail(journal, migrating, "gone")
        await change(journal, healing, b"0123456789", b"abcde")
        execute(dsn, LONG_AGO, healing)
        found: list[HistoryRecord] = await entry_history(journal, PATH)
    assert [(one.run_id, one.state) for one in found] == [(healing, RunState.DEAD), (migrating, RunState.RUNNING)]


async def test_whoever_may_not_read_the_journal_is_told_so_instead_of_that_nothing_happened(dsn: str) -> None:
    made = Rows(dsn).make()
    made.entry(PATH)
    async with journal_of(dsn) as journal:
        await journal.ensure()
    role = made.role("history_less", "SELECT ON ALL TABLES IN SCHEMA public")
    try:
        async with journal_of(role) as journal:
            with pytest.raises(MissingRights, match="the journal of runs"):
                await entry_history(journal, PATH)
    finally:
        made.drop_role("history_less")
