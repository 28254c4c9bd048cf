from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import fsspec
import psycopg
import pyarrow.parquet as pq
import pytest

import refooter.catalog.snapshot
from refooter.catalog.selection import EVERYTHING, Selection
from refooter.catalog.snapshot import CopiedRow
from refooter.demo.server import Server
from refooter.errors import DatabaseBusy, DatabaseUnreachable, MissingRights, UsageError
from refooter.events import BackupSummary, Severity
from refooter.jobs.backup import backup
from refooter.jobs.backup_file import BackupReader, digest_of
from refooter.jobs.lake import Lake, Session
from refooter.jobs.place import NewFile, PlaceFailed
from refooter.jobs.restore import open_backup
from refooter.settings import Settings
from refooter.values import TIME_INFINITY, TIME_MINUS_INFINITY, time_text
from stores.lakes import moto_server
from support.jobs import Told, told
from support.tables import execute, rows, table_digests
from test_catalog_rows import Rows, database_of, one_database, path_of


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


HOSTILE = "views/blocks/global/2026-03-02/a'\"\\ \x01\x1b[31m\u202e\U0001f4a9 %s $1\n.parquet"


def fill(made: Rows) -> Rows:
    """Entries of every awkward kind: infinite times, an empty value, several partition rows, an orphan, names that mean harm; and
    partition rows without an entry, and without a file."""
    for number in range(1, 9):
        made.pair(path_of(number), b"value %d" % number, version=1 + number % 2)
    made.entry(path_of(20), b"", at="infinity")
    made.partition(path_of(20), rows=0, size=None)
    made.entry(path_of(21), b"\x00\xff", at="-infinity", version=3)
    made.partition(path_of(21), hour=1, version=1)
    made.partition(path_of(21), hour=2, version=2)
    made.entry(path_of(22), b"orphan", at="2026-03-02T00:00:00.000001Z")
    made.entry(HOSTILE, b"hostile")
    made.partition(path_of(23))
    made.partition(None, rows=0, size=None, view="blocks/global")
    return made


ENTRIES, PARTITIONS = 12, 13


@pytest.fixture(params=[4, 5])
def made(request: pytest.FixtureRequest, dsn: str) -> Rows:
    return fill(Rows(dsn, version=request.param).make())


@pytest.fixture
def one(dsn: str) -> Rows:
    return fill(Rows(dsn).make())


@asynccontextmanager
async def opened(dsn: str, **settings: Any) -> AsyncIterator[Lake]:
    async with Session(Settings(dsn=dsn, **settings), judging=False).open() as lake:
        yield lake


async def copied(dsn: str, target: Path | str, **settings: Any) -> Told:
    async with opened(dsn, **settings) as lake:
        return await told(backup(lake, str(target)))


async def verified(dsn: str, target: Path | str, selection: Selection = EVERYTHING) -> Any:
    async with opened(dsn) as lake:
        return await open_backup(lake, str(target), selection)


def rows_of(target: Path) -> list[CopiedRow]:
    with target.open("rb", buffering=0) as file:
        reader = BackupReader(file)
        return [row for group in range(reader.groups) for row in reader.rows(group)]


async def test_a_backup_holds_every_footer_and_every_stamp(made: Rows, tmp_path: Path) -> None:
    before = table_digests(made.dsn)
    target = tmp_path / "b.parquet"
    summary = (await copied(made.dsn, target)).summary
    assert isinstance(summary, BackupSummary)
    assert (summary.entries, summary.partitions, summary.catalog_version) == (ENTRIES, PARTITIONS, made.version)
    assert (summary.path, summary.bytes) == (str(target), target.stat().st_size)
    found = rows_of(target)
    versioned = made.version >= 5
    version = "partition_format_version" if versioned else "NULL::int4"
    entries = rows(made.dsn, f"SELECT file_path, metadata, {version} FROM partition_metadata")
    assert sorted((row.file_path, row.value, row.version) for row in found if row.value is not None) == sorted(entries)
    [late, early] = [next(row for row in found if row.file_path == path_of(number)) for number in (20, 21)]
    assert (late.value, late.insert_time, early.insert_time) == (b"", TIME_INFINITY, TIME_MINUS_INFINITY)
    assert [one.version for one in early.partitions] == ([1, 2] if versioned else [None, None])
    [no_entry, no_file] = sorted(
        (row for row in found if row.value is None), key=lambda row: row.file_path or "", reverse=True
    )
    assert (no_entry.file_path, no_file.file_path) == (path_of(23), None)
    assert (len(no_entry.partitions), len(no_file.partitions)) == (1, 1)
    assert table_digests(made.dsn) == before
    assert rows(made.dsn, "SELECT FROM pg_namespace WHERE nspname = 'refooter'") == []


async def test_other_tools_read_a_backup_as_the_parquet_file_that_it_is(one: Rows, tmp_path: Path) -> None:
    await copied(one.dsn, tmp_path / "b.parquet")
    table = pq.read_table(tmp_path / "b.parquet")
    assert table.column_names == [
        "file_path", "metadata", "insert_time", "partition_format_version", "partitions"
    ]  # fmt: skip
    [row] = [row for row in table.to_pylist() if row["file_path"] == path_of(1)]
    assert (row["metadata"], row["partition_format_version"]) == (b"value 1", 2)
    [partition] = row["partitions"]
    assert time_text(partition["begin_insert_time"]) == "2026-03-02T00:00:00Z"
    assert (partition["view_set_name"], partition["num_rows"], partition["file_size"]) == ("blocks", 10, 1000)


async def test_pages_bounded_by_bytes_become_row_groups_and_nothing_is_lost_between_them(
    one: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await copied(one.dsn, tmp_path / "whole.parquet")
    monkeypatch.setattr(refooter.catalog.snapshot, "PAGE_BYTES", 20)
    monkeypatch.setattr(refooter.catalog.snapshot, "_MOST_KEYS", 3)
    await copied(one.dsn, tmp_path / "cut.parquet")
    whole, cut = rows_of(tmp_path / "whole.parquet"), rows_of(tmp_path / "cut.parquet")
    assert digest_of(cut) == digest_of(whole)
    assert pq.ParquetFile(tmp_path / "cut.parquet").metadata.num_row_groups > 5
    assert (await verified(one.dsn, tmp_path / "cut.parquet")).facts.entries == ENTRIES


async def test_an_empty_catalog_has_a_backup_too(dsn: str, tmp_path: Path) -> None:
    made = Rows(dsn).make()
    summary = (await copied(made.dsn, tmp_path / "b.parquet")).summary
    assert (summary.entries, summary.partitions) == (0, 0)
    assert (await verified(dsn, tmp_path / "b.parquet")).facts.digest == summary.digest


async def test_it_is_said_before_how_long_the_snapshot_will_be_held(one: Rows, tmp_path: Path) -> None:
    said = await copied(one.dsn, tmp_path / "b.parquet")
    [notice] = said.notices
    assert notice.severity is Severity.INFO
    assert f"one snapshot of {ENTRIES} entries" in notice.text
    assert "will be held for about 1 s" in notice.text


async def test_a_read_only_session_and_a_role_that_may_only_read_make_one(one: Rows, tmp_path: Path) -> None:
    role = one.role(
        "backup_reader",
        "SELECT ON partition_metadata, lakehouse_partitions, lakehouse_migration",
    )
    try:
        execute(one.dsn, "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        summary = (await copied(role, tmp_path / "b.parquet", read_only=True)).summary
        assert summary.entries == ENTRIES
        found = await verified(one.dsn, tmp_path / "b.parquet")
        assert found.facts.database.system is None
        execute(one.dsn, "REVOKE SELECT ON partition_metadata FROM backup_reader")
        with pytest.raises(MissingRights, match="missing right: SELECT on partition_metadata"):
            await copied(role, tmp_path / "c.parquet")
    finally:
        execute(one.dsn, "GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
        one.drop_role("backup_reader")
    assert [path.name for path in tmp_path.iterdir()] == ["b.parquet"]


async def test_a_backup_while_an_engine_writes_is_one_moment(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every transaction of this engine keeps one entry, one partition row and their numbers together: so must the copy."""
    made = Rows(dsn).make()
    for number in range(40):
        made.pair(path_of(number), b"0")
    monkeypatch.setattr(refooter.catalog.snapshot, "_MOST_KEYS", 2)
    monkeypatch.setattr(refooter.catalog.snapshot, "PAGE_BYTES", 2)
    stop = threading.Event()
    turns: list[int] = []

    def engine() -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            for turn in range(1, 1_000_000):
                if stop.is_set():
                    return
                with connection.transaction():
                    connection.execute("UPDATE partition_metadata SET metadata = %s", (str(turn).encode(),))
                    connection.execute("UPDATE lakehouse_partitions SET num_rows = %s", (turn,))
                turns.append(turn)

    writing = threading.Thread(target=engine)
    writing.start()
    try:
        async with opened(dsn) as lake, aclosing(backup(lake, str(tmp_path / "b.parquet"))) as events:
            seen = 0
            async for event in events:
                # the engine is seen to go on in mid-backup
                if not isinstance(event, BackupSummary) and seen == 0 and turns:
                    seen = len(turns)
            assert len(turns) > seen
    finally:
        stop.set()
        writing.join()
    found = rows_of(tmp_path / "b.parquet")
    assert len(found) == 40
    assert len({row.value for row in found}) == 1
    assert {row.partitions[0].num_rows for row in found} == {int(found[0].value or b"")}


async def test_a_database_that_is_lost_in_the_middle_leaves_nothing(
    one: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refooter.catalog.snapshot, "_MOST_KEYS", 2)
    monkeypatch.setattr(refooter.catalog.snapshot, "_FIRST_KEYS", 2)
    pages = refooter.catalog.snapshot.Snapshot._entries
    calls = 0

    async def cut(self: Any, after: str | None, upto: str) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            execute(
                one.dsn,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'refooter'",
            )
        return await pages(self, after, upto)

    monkeypatch.setattr(refooter.catalog.snapshot.Snapshot, "_entries", cut)
    with pytest.raises(DatabaseUnreachable, match="cannot reach PostgreSQL"):
        await copied(one.dsn, tmp_path / "b.parquet")
    assert calls == 3
    assert list(tmp_path.iterdir()) == []


# what pyarrow says behind our back would land on a terminal that somebody draws on
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
async def test_a_backup_that_is_left_early_leaves_nothing(one: Rows, tmp_path: Path) -> None:
    async with opened(one.dsn) as lake:
        async with aclosing(backup(lake, str(tmp_path / "b.parquet"))) as events:
            async for _ in events:
                assert len(list(tmp_path.iterdir())) == 1
                break
        assert list(tmp_path.iterdir()) == []


async def test_a_backup_that_is_cancelled_leaves_nothing_and_no_transaction(
    one: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = asyncio.Event()

    async def wait(*_: Any) -> Any:
        waiting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(refooter.catalog.snapshot.Snapshot, "_entries", wait)
    task = asyncio.create_task(copied(one.dsn, tmp_path / "b.parquet"))
    await waiting.wait()
    assert len(list(tmp_path.iterdir())) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(tmp_path.iterdir()) == []


async def test_a_table_that_is_rewritten_just_then_does_not_look_empty(one: Rows, tmp_path: Path) -> None:
    async with await psycopg.AsyncConnection.connect(one.dsn) as other:
        await other.execute('ALTER TABLE partition_metadata ALTER COLUMN file_path TYPE varchar(2046) COLLATE "C"')
        await other.execute("ALTER TABLE partition_metadata ADD COLUMN size int NOT NULL DEFAULT (random() * 10)")
        task = asyncio.create_task(copied(one.dsn, tmp_path / "b.parquet"))
        async with asyncio.timeout(20):
            while not rows(one.dsn, "SELECT FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.02)
        await other.commit()
        with pytest.raises(DatabaseBusy, match="another session rewrote the table partition_metadata"):
            await task
    assert list(tmp_path.iterdir()) == []
    assert (await copied(one.dsn, tmp_path / "b.parquet")).summary.entries == ENTRIES


async def test_a_role_that_may_not_see_every_row_makes_no_backup(one: Rows, tmp_path: Path) -> None:
    role = one.role("half_blind", "SELECT ON partition_metadata, lakehouse_partitions, lakehouse_migration")
    try:
        execute(one.dsn, "ALTER TABLE partition_metadata ENABLE ROW LEVEL SECURITY")
        with pytest.raises(MissingRights, match="row-level security"):
            await copied(role, tmp_path / "b.parquet")
    finally:
        one.drop_role("half_blind")
    assert list(tmp_path.iterdir()) == []


async def test_what_is_there_is_never_written_over(one: Rows, tmp_path: Path) -> None:
    target = tmp_path / "b.parquet"
    target.write_text("an old one")
    for address in (str(target), f"file://{target}"):
        with pytest.raises(UsageError, match="is there already, and a backup is never written over: name another"):
            await copied(one.dsn, address)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["an old one"]


def test_what_came_there_meanwhile_is_not_written_over_either(tmp_path: Path) -> None:
    target = tmp_path / "b.parquet"
    file = NewFile(str(target))
    file.open()
    file.write(b"ours")
    target.write_text("theirs")
    with pytest.raises(UsageError, match="is there already"):
        file.commit()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["theirs"]


async def test_a_place_where_nothing_can_be_written_is_one_sentence(one: Rows, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    for target, said in (
        (tmp_path / "missing" / "b.parquet", "No such file or directory"),
        (tmp_path / "file" / "b.parquet", "Not a directory"),
        (tmp_path, "it is a directory"),
        ("nosuchscheme://x/b.parquet", "nosuchscheme"),
        ("", "it is a directory"),
    ):
        with pytest.raises(UsageError, match=said):
            await copied(one.dsn, target)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


_FULL = """
import asyncio, resource, signal, sys
from refooter.jobs.backup import backup
from refooter.jobs.lake import Session
from refooter.settings import Settings
from refooter.store.shown import shown
from refooter.target.target import ARROW_57

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))

async def main():
    async with Session(Settings(dsn=sys.argv[1]), judging=False).open() as lake:
        async for event in backup(lake, sys.argv[2]):
            pass

try:
    asyncio.run(main())
except Exception as error:
    print(type(error).__name__, error.exit_code, error)
"""


# within the rows, within the footer
@pytest.mark.parametrize("room", [0, 20_000, 60_200])
def test_a_full_disk_leaves_nothing(room: int, dsn: str, tmp_path: Path) -> None:
    made = Rows(dsn).make()
    made.entry(path_of(1), random_bytes(60_000))
    target = tmp_path / "b.parquet"
    said = subprocess.run(
        [sys.executable, "-c", _FULL, dsn, str(target), str(room)], capture_output=True, text=True, check=True
    )
    assert said.stdout.startswith(f"PlaceFailed 3 cannot write {target}: File too large")
    assert said.stderr == ""
    assert list(tmp_path.iterdir()) == []


def random_bytes(size: int) -> bytes:
    import random

    return random.Random(size).randbytes(size)


async def test_it_goes_to_and_comes_from_other_file_systems(one: Rows) -> None:
    target = f"memory://backups-{uuid.uuid4().hex}/b.parquet"
    filesystem, path = fsspec.core.url_to_fs(target)
    summary = (await copied(one.dsn, target)).summary
    assert (await verified(one.dsn, target)).facts.digest == summary.digest
    assert [name.rpartition("/")[2] for name in filesystem.ls(path.rpartition("/")[0], detail=False)] == ["b.parquet"]
    with pytest.raises(UsageError, match="is there already"):
        await copied(one.dsn, target)


@pytest.fixture(scope="module")
def bucket() -> Iterator[tuple[str, Any]]:
    """A bucket of a real S3 server, that this process's environment leads to."""
    with moto_server() as (url, client), pytest.MonkeyPatch.context() as patch:
        client.create_bucket(Bucket="backups")
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setenv("AWS_ACCESS_KEY_ID", "k")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield url, client


def uploads(client: Any) -> list[Any]:
    return client.list_multipart_uploads(Bucket="backups").get("Uploads", [])  # type: ignore[no-any-return]


def keys(client: Any) -> list[str]:
    return [one["Key"] for one in client.list_objects_v2(Bucket="backups").get("Contents", [])]


async def test_it_goes_to_and_comes_from_s3(one: Rows, bucket: tuple[str, Any]) -> None:
    summary = (await copied(one.dsn, "s3://backups/a/b.parquet")).summary
    assert (await verified(one.dsn, "s3://backups/a/b.parquet")).facts.digest == summary.digest
    assert keys(bucket[1]) == ["a/b.parquet"]
    with pytest.raises(UsageError, match="is there already"):
        await copied(one.dsn, "s3://backups/a/b.parquet")
    with pytest.raises(UsageError, match=r"cannot read s3://backups/a/c.parquet: there is no such file"):
        await verified(one.dsn, "s3://backups/a/c.parquet")
    with pytest.raises(PlaceFailed, match=r"cannot write s3://nobodys/b.parquet"):
        await copied(one.dsn, "s3://nobodys/b.parquet")


# an upload that is thrown away half done complains when it is collected
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
async def test_a_large_one_goes_to_s3_in_parts_and_an_aborted_one_leaves_none(
    dsn: str, bucket: tuple[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import refooter.jobs.place

    # the least that S3 takes as a part
    monkeypatch.setattr(refooter.jobs.place, "_PART_BYTES", 5 << 20)
    made = Rows(dsn).make()
    for number in range(4):
        made.entry(path_of(number), random_bytes((3 << 20) + number))
    summary = (await copied(dsn, "s3://backups/large.parquet")).summary
    assert summary.bytes > 2 * (5 << 20)
    assert (await verified(dsn, "s3://backups/large.parquet")).facts.digest == summary.digest
    before = keys(bucket[1])
    async with opened(dsn) as lake, aclosing(backup(lake, "s3://backups/aborted.parquet")) as events:
        async for _ in events:
            break
    file = NewFile("s3://backups/given-up.parquet")
    await asyncio.to_thread(file.open)
    for _ in range(3):
        await asyncio.to_thread(file.write, random_bytes(5 << 20))
    assert len(uploads(bucket[1])) == 1
    await asyncio.to_thread(file.discard)
    del file
    assert uploads(bucket[1]) == []
    assert keys(bucket[1]) == before


async def test_identity_tells_a_copied_database_from_the_one_it_was_copied_from(server: Server, one: Rows) -> None:
    async def identity(dsn: str) -> Any:
        async with database_of(dsn) as database:
            return await refooter.catalog.snapshot.database_identity(database)

    [(name,)] = rows(one.dsn, "SELECT current_database()")
    here = await identity(one.dsn)
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE backup_twin TEMPLATE "{name}"')  # type: ignore[arg-type]
    try:
        there = await identity(server.dsn("backup_twin"))
        assert here.same_as(await identity(one.dsn))
        assert not here.same_as(there)
        execute(one.dsn, "ALTER TABLE partition_metadata RENAME TO old")
        execute(one.dsn, "CREATE TABLE partition_metadata AS TABLE old")
        assert not here.same_as(await identity(one.dsn))
    finally:
        server.drop_database("backup_twin")
