"""What is no sound backup is refused, whatever is wrong with it."""

from __future__ import annotations

import asyncio
import io
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFile

import refooter.catalog.snapshot
from refooter.catalog.selection import Selection
from refooter.catalog.snapshot import CopiedRow, PartitionRow
from refooter.demo.server import Server
from refooter.errors import NothingSelected, UsageError
from refooter.jobs.backup_file import BackupReader, BadBackup, digest_of
from refooter.jobs.place import PlaceFailed
from refooter.jobs.restore import Opening
from refooter.store.shown import shown
from refooter.target.target import ARROW_57
from support.jobs import told
from test_catalog_rows import Rows, one_database, path_of
from test_jobs_backup import copied, fill, verified
from test_jobs_backup import one as one


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    with one_database(server, __name__) as address:
        yield address


async def test_a_place_that_fails_while_it_is_read_is_not_called_a_damaged_backup(
    one: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = f"memory://backups-{uuid.uuid4().hex}/b.parquet"
    await copied(one.dsn, target)
    read = MemoryFile.read
    left = 0

    def fail(self: Any, size: int = -1) -> bytes:
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError("the line is dead")
        return read(self, size)

    monkeypatch.setattr(MemoryFile, "read", fail)
    await verified(one.dsn, target)
    reads = -left
    assert reads > 5
    for moment in range(1, reads + 1):
        left = moment
        with pytest.raises(PlaceFailed, match=f"cannot read {target}: the line is dead"):
            await verified(one.dsn, target)


@pytest.fixture(scope="module")
def sound(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    """A catalog's address, and its backup's bytes; its row groups are several."""
    dsn = server.create_database("backup_sound")
    fill(Rows(dsn).make())
    target = tmp_path_factory.mktemp("sound") / "b.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refooter.catalog.snapshot, "_MOST_KEYS", 4)
        patch.setattr(refooter.catalog.snapshot, "_FIRST_KEYS", 4)
        asyncio.run(copied(dsn, target))
    return dsn, target.read_bytes()


async def refused(data: bytes, directory: Path) -> str:
    (directory / "bad.parquet").write_bytes(data)
    with pytest.raises(BadBackup) as caught:
        await told(Opening(str(directory / "bad.parquet"), ARROW_57.name).events())
    assert caught.value.exit_code == 2
    said = str(caught.value)
    assert said.startswith(f"cannot restore from {directory / 'bad.parquet'}: ")
    assert said.endswith("; nothing was written")
    return said


async def test_a_truncated_one_is_refused_wherever_it_ends(sound: tuple[str, bytes], tmp_path: Path) -> None:
    data = sound[1]
    for length in [*range(0, len(data), len(data) // 20), len(data) - 1, len(data) - 4, len(data) - 8, 4, 8, 12]:
        await refused(data[:length], tmp_path)
    await refused(data + b"\0", tmp_path)
    await refused(data[:100] + data[101:], tmp_path)


async def test_one_flipped_byte_is_found_wherever_it_is(sound: tuple[str, bytes], tmp_path: Path) -> None:
    data = sound[1]
    for at in [*range(0, len(data), len(data) // 300), *range(len(data) - 200, len(data))]:
        await refused(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :], tmp_path)


def test_rows_that_change_behind_the_seal_are_found_by_their_digest(sound: tuple[str, bytes]) -> None:
    """The seal is looked at first, each row group's digest again before its rows are used: the file may have changed meanwhile."""
    data = sound[1]

    def reader_of(data: bytes) -> BackupReader:
        return BackupReader(io.BytesIO(data))  # type: ignore[arg-type]

    true = reader_of(data).rows(0)
    said = set()
    for at in range(4, 600):
        reader = reader_of(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        try:
            assert reader.rows(0) == true
        except BadBackup as bad:
            said.add(str(bad))
    assert said == {f"row group 1 of {reader_of(data).groups} does not match its digest: it is damaged"}


async def test_what_is_no_backup_is_refused_by_what_it_is(sound: tuple[str, bytes], tmp_path: Path) -> None:
    other = io.BytesIO()
    pq.write_table(pa.table({"file_path": ["a"], "metadata": [b"x"]}), other)
    assert "it is empty" in await refused(b"", tmp_path)
    assert "not a Parquet file" in await refused(b"file_path,metadata\na,b\n", tmp_path)
    assert "a Parquet file, but not a backup" in await refused(other.getvalue(), tmp_path)
    assert "truncated or damaged" in await refused(sound[1][:-30], tmp_path)
    assert "do not match its seal" in await refused(b"PAR1\x16" + sound[1][5:], tmp_path)
    with pytest.raises(UsageError, match="No such file or directory"):
        await verified(sound[0], tmp_path / "none.parquet")
    with pytest.raises(UsageError, match="Is a directory"):
        await verified(sound[0], tmp_path)


async def test_a_path_that_a_backup_does_not_have_is_named(sound: tuple[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "b.parquet").write_bytes(sound[1])
    # a partition row without an entry is no entry
    with pytest.raises(NothingSelected, match=f"no entry '{path_of(23)}' in the backup"):
        await verified(sound[0], tmp_path / "b.parquet", Selection(paths=(path_of(1), path_of(23))))
    await verified(sound[0], tmp_path / "b.parquet", Selection(paths=(path_of(23),), allow_empty=True))


def test_the_digest_is_over_what_the_rows_say() -> None:
    """Two rows that differ anywhere have different digests, also where their texts run together."""
    at = PartitionRow("blocks", "global", 1, 2, 3, 4, 5, 6)
    some = [
        CopiedRow("ab", b"c", 0, 1, ()),
        CopiedRow("a", b"bc", 0, 1, ()),
        CopiedRow("ab", b"c", 1, 0, ()),
        CopiedRow("ab", b"c", None, 1, ()),
        CopiedRow("ab", None, 0, 1, ()),
        CopiedRow("ab", b"", 0, 1, ()),
        CopiedRow(None, b"c", 0, 1, ()),
        CopiedRow("ab", b"c", 0, 1, (at,)),
        CopiedRow("ab", b"c", 0, 1, (at, at)),
        CopiedRow("ab", b"c", 0, 1, (PartitionRow("blocks", None, 1, 2, 3, 4, 5, 6),)),
        CopiedRow("ab", b"c", 0, 1, (PartitionRow("blocks", "global", 1, 2, 3, 4, None, 6),)),
    ]
    assert len({digest_of([row]) for row in some}) == len(some)
    assert digest_of([]) != digest_of([some[0]])


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/a/b@c.parquet", "/a/b@c.parquet"),
        ("file:///a/u:p@b.parquet", "file:///a/u:p@b.parquet"),
        ("sftp://u:p@ss@host/a.parquet", "sftp://host/a.parquet"),
        ("https://u@host/a.parquet?X-Amz-Signature=s", "https://host/a.parquet"),
        ("s3://bucket/a@b.parquet", "s3://bucket/a@b.parquet"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(address: str, said: str) -> None:
    assert shown(address) == said
