"""The format of a backup: one Parquet file, a row for each entry, a digest for each row group, and a seal over every byte."""

from __future__ import annotations

import io
import json
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from refooter.catalog.snapshot import CopiedRow, DatabaseIdentity, PartitionRow
from refooter.errors import UsageError
from refooter.events import BackupSummary
from refooter.jobs.place import NewFile

FORMAT: Final = "refooter backup"
FORMAT_VERSION: Final = 1
_FACTS, _SEAL = "refooter.backup", "refooter.seal"
_NO_SEAL: Final = "0" * 64
# Thrift's compact protocol: a key, then field 2 (0x18), a string of 64 bytes (0x40).
_SEALED: Final = re.compile(rb"refooter\.seal\x18\x40([0-9a-f]{64})")
_MAGIC: Final = b"PAR1"
_READ_BYTES: Final = 4 << 20

_PARTITION = pa.struct(
    [
        ("view_set_name", pa.string()),
        ("view_instance_id", pa.string()),
        ("begin_insert_time", pa.int64()),
        ("end_insert_time", pa.int64()),
        ("updated", pa.int64()),
        ("num_rows", pa.int64()),
        ("file_size", pa.int64()),
        ("partition_format_version", pa.int32()),
    ]
)
# Times are PostgreSQL's own: microseconds since 2000-01-01 00:00 UTC, the two ends of the range are the infinities.
_COLUMNS: Final[list[tuple[str, Any]]] = [
    ("file_path", pa.string()),
    ("metadata", pa.binary()),
    ("insert_time", pa.int64()),
    ("partition_format_version", pa.int32()),
    ("partitions", pa.list_(_PARTITION)),
]
SCHEMA: Final = pa.schema(_COLUMNS)


class BadBackup(UsageError):
    """Not a backup, not a whole one, or one that this program cannot read. Nothing was written."""

    code = "bad_backup"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a backup says of itself. `partitions` counts partition rows, those without an entry too; `value_bytes` the values' bytes;
    `taken` is microseconds since `PG_EPOCH`. `groups`: rows and digest of each row group."""

    program_version: str
    catalog_version: int
    database: DatabaseIdentity
    taken: int
    entries: int
    partitions: int
    value_bytes: int
    groups: tuple[tuple[int, str], ...]

    @property
    def digest(self) -> str:
        """SHA-256 over all that is above, so over the digests of all rows."""
        return sha256(self._canonical().encode()).hexdigest()

    def _canonical(self) -> str:
        return json.dumps({"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(self)}, sort_keys=True)

    def text(self) -> str:
        return json.dumps({**json.loads(self._canonical()), "digest": self.digest}, sort_keys=True)

    def summary(self, path: str, size: int, seconds: float) -> BackupSummary:
        return BackupSummary(
            path=path,
            entries=self.entries,
            partitions=self.partitions,
            value_bytes=self.value_bytes,
            bytes=size,
            digest=self.digest,
            catalog_version=self.catalog_version,
            taken=self.taken,
            seconds=seconds,
        )

    @classmethod
    def parse(cls, text: bytes) -> Facts:
        """Raises `BadBackup`."""
        try:
            found = json.loads(text)
            if found["format"] != FORMAT or not isinstance(found["format_version"], int):
                raise ValueError(FORMAT)
            if found["format_version"] != FORMAT_VERSION:
                raise BadBackup(
                    f"it is of format version {found['format_version']}, this program reads version {FORMAT_VERSION}:"
                    " use the program that made it"
                )
            of = found["database"]
            facts = cls(
                str(found["program_version"]),
                int(found["catalog_version"]),
                DatabaseIdentity(str(of["name"]), int(of["oid"]), (of["tables"][0], of["tables"][1]), of["system"]),
                int(found["taken"]),
                int(found["entries"]),
                int(found["partitions"]),
                int(found["value_bytes"]),
                tuple((int(rows), str(digest)) for rows, digest in found["groups"]),
            )
        except (KeyError, TypeError, ValueError, LookupError):
            raise BadBackup("what it says of itself cannot be read: it is damaged") from None
        if facts.digest != found.get("digest"):
            raise BadBackup("what it says of itself does not match its own digest: it is damaged")
        return facts


def digest_of(rows: Sequence[CopiedRow]) -> str:
    """SHA-256 over the rows in a form of our own, which no library's encoding has a say in."""
    parts: list[bytes] = []
    for row in rows:
        parts += (
            _sized(None if row.file_path is None else row.file_path.encode()),
            _sized(row.value),
            _numbers(row.insert_time, row.version, len(row.partitions)),
        )
        for one in row.partitions:
            parts += (
                _sized(None if one.view_set is None else one.view_set.encode()),
                _sized(None if one.view_instance is None else one.view_instance.encode()),
                _numbers(one.begin, one.end, one.updated, one.num_rows, one.file_size, one.version),
            )
    return sha256(b"".join(parts)).hexdigest()


def _sized(data: bytes | None) -> bytes:
    return b"\xff" * 8 if data is None else len(data).to_bytes(8, "little") + data


def _numbers(*numbers: int | None) -> bytes:
    return b"".join(b"\0" if number is None else b"\1" + struct.pack("<q", number) for number in numbers)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A row group, ready to be written."""

    table: pa.Table
    digest: str
    entries: int
    partitions: int
    value_bytes: int


def prepare(rows: Sequence[CopiedRow]) -> Prepared:
    """The costly part of writing, for a thread."""
    table = pa.Table.from_arrays(
        [
            pa.array([row.file_path for row in rows], pa.string()),
            pa.array([row.value for row in rows], pa.binary()),
            pa.array([row.insert_time for row in rows], pa.int64()),
            pa.array([row.version for row in rows], pa.int32()),
            _partition_lists(rows),
        ],
        schema=SCHEMA,
    )
    values = [row.value for row in rows if row.value is not None]
    return Prepared(
        table,
        digest_of(rows),
        len(values),
        sum(len(row.partitions) for row in rows),
        sum(len(value) for value in values),
    )


def _partition_lists(rows: Sequence[CopiedRow]) -> Any:
    offsets = [0]
    flat: list[PartitionRow] = []
    for row in rows:
        flat += row.partitions
        offsets.append(len(flat))
    columns: list[Sequence[Any]] = [
        [one.view_set for one in flat],
        [one.view_instance for one in flat],
        [one.begin for one in flat],
        [one.end for one in flat],
        [one.updated for one in flat],
        [one.num_rows for one in flat],
        [one.file_size for one in flat],
        [one.version for one in flat],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _PARTITION, strict=True)]
    structs = pa.StructArray.from_arrays(arrays, fields=list(_PARTITION))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs)


class _Seal(io.RawIOBase):
    """Between the Parquet writer and the file: hashes what passes, and keeps the footer until the seal can be put into it."""

    def __init__(self, file: NewFile) -> None:
        self._file = file
        self._hash = sha256()
        self._footer: list[bytes] | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        some = bytes(data)
        if self._footer is None:
            self._hash.update(some)
            self._file.write(some)
        else:
            self._footer.append(some)
        return len(some)

    def keep_footer(self) -> None:
        self._footer = []

    def put(self) -> None:
        assert self._footer is not None, "keep_footer() first"
        footer = b"".join(self._footer)
        found = list(_SEALED.finditer(footer))
        assert len(found) == 1, "a Parquet writer that writes key-value metadata once, in the footer"
        self._hash.update(footer)
        start, end = found[0].span(1)
        self._file.write(footer[:start] + self._hash.hexdigest().encode() + footer[end:])


class BackupWriter:
    """Row groups in, a sealed Parquet file out. For one thread at a time; `give_up` where it is not finished."""

    def __init__(self, file: NewFile) -> None:
        self._seal = _Seal(file)
        self._writer: pq.ParquetWriter | None = pq.ParquetWriter(
            pa.PythonFile(self._seal, "w"), SCHEMA, compression="zstd", use_dictionary=False, write_statistics=False
        )
        self.entries = self.partitions = self.value_bytes = 0
        self._groups: list[tuple[int, str]] = []

    def write(self, group: Prepared) -> None:
        assert self._writer is not None
        self._writer.write_table(group.table, row_group_size=max(group.table.num_rows, 1))
        self._groups.append((group.table.num_rows, group.digest))
        self.entries += group.entries
        self.partitions += group.partitions
        self.value_bytes += group.value_bytes

    def finish(self, program_version: str, catalog_version: int, database: DatabaseIdentity, taken: int) -> Facts:
        assert self._writer is not None
        facts = Facts(
            program_version,
            catalog_version,
            database,
            taken,
            self.entries,
            self.partitions,
            self.value_bytes,
            tuple(self._groups),
        )
        self._seal.keep_footer()
        self._writer.add_key_value_metadata({_FACTS: facts.text(), _SEAL: _NO_SEAL})
        self._writer.close()
        self._writer = None
        self._seal.put()
        return facts

    def give_up(self) -> None:
        """Closes what would otherwise close itself when nobody expects it, and complain."""
        if self._writer is not None:
            self._seal.keep_footer()
            self._writer.close()
            self._writer = None


def check_seal(file: io.RawIOBase) -> Iterator[int]:
    """Reads the file from end to end; yields how many bytes were read. Raises `BadBackup` if a single one is not what
    was written, or if this never was a backup."""
    size = file.seek(0, io.SEEK_END)
    start = _footer_start(file, size)
    file.seek(start)
    footer = file.read(size - start)
    found = list(_SEALED.finditer(footer))
    if len(found) != 1:
        raise BadBackup("it is a Parquet file, but not a backup of refooter, or a damaged one")
    at, end = start + found[0].start(1), start + found[0].end(1)
    file.seek(0)
    seal = sha256()
    done = 0
    while done < size:
        some = file.read(min(_READ_BYTES, (at if done < at else size) - done))
        if not some:
            break
        if done == at:
            some = _NO_SEAL.encode() + some[end - at :] if len(some) >= end - at else some
        seal.update(some)
        done += len(some)
        yield done
    if done != size or seal.hexdigest().encode() != found[0][1]:
        raise BadBackup("its bytes do not match its seal: it is damaged")


def _footer_start(file: io.RawIOBase, size: int) -> int:
    file.seek(0)
    head = file.read(4)
    if size == 0:
        raise BadBackup("it is empty")
    if head != _MAGIC or size < 12:
        raise BadBackup("it is not a Parquet file, so no backup of refooter")
    file.seek(size - 8)
    tail = file.read(8)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or not 0 < length <= size - 12:
        raise BadBackup("it begins as a Parquet file, but does not end as one: it is truncated or damaged")
    return size - 8 - length


class BackupReader:
    """A sealed file's rows. For one thread at a time."""

    def __init__(self, file: io.RawIOBase) -> None:
        """Raises `BadBackup`."""
        try:
            self._file = pq.ParquetFile(pa.PythonFile(file, "r"), pre_buffer=False)
            metadata = self._file.metadata
            said = (metadata.metadata or {}).get(_FACTS.encode())
            if said is None:
                raise BadBackup("it is a Parquet file, but not a backup of refooter")
            self.facts = Facts.parse(said)
            groups = [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)]
            if self._file.schema_arrow.remove_metadata() != SCHEMA or groups != [rows for rows, _ in self.facts.groups]:
                raise BadBackup("its columns or row groups are not those of a backup: it is damaged")
        except pa.ArrowException:
            raise BadBackup("its Parquet footer cannot be read: it is damaged") from None

    @property
    def groups(self) -> int:
        return len(self.facts.groups)

    def rows(self, group: int) -> list[CopiedRow]:
        """The rows of one row group, their digest compared. Raises `BadBackup`."""
        try:
            found = _rows_of(self._file.read_row_group(group))
        except (pa.ArrowException, OSError, UnicodeDecodeError):
            found = []
        if digest_of(found) != self.facts.groups[group][1]:
            raise BadBackup(f"row group {group + 1} of {self.groups} does not match its digest: it is damaged")
        return found


def _rows_of(table: pa.Table) -> list[CopiedRow]:
    lists: Any = table.column("partitions").combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = pa.concat_arrays(lists.chunks) if lists.num_chunks else pa.array([], lists.type)
    offsets = lists.offsets.to_pylist()
    flat = lists.values
    columns = [flat.field(at).to_pylist() for at in range(len(_PARTITION))]
    partitions = [PartitionRow(*row) for row in zip(*columns, strict=True)]
    return [
        CopiedRow(path, value, at, version, tuple(partitions[first:last]))
        for path, value, at, version, first, last in zip(
            *(table.column(name).to_pylist() for name in SCHEMA.names[:4]), offsets[:-1], offsets[1:], strict=True
        )
    ]
