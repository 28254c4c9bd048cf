"""Builds a demo lake: a catalog in an empty database and the files it describes, the same for the same seed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

import psycopg

from refooter.demo.files import SHAPES, Files, ParquetFile, Writer
from refooter.demo.plan import LakeEntry, Situation, count_causes, plan_lake
from refooter.demo.schema import create_catalog
from refooter.demo.values import KINDS, encrypted_twin
from refooter.values import Cause

Put: TypeAlias = Callable[[str, bytes], None]
"""Stores one object: its key relative to the lake's root, and its bytes."""

FIRST_DAY: Final = date(2026, 3, 2)
# Up to here every file is a copy of its own, so that a test may overwrite one in place; above, hard links keep a lake
# of many thousand files small and quick to make.
_COPIES: Final = 2_000


@dataclass(frozen=True, slots=True)
class LakeSummary:
    """What was made. `store` is the lake's root URI, `None` where the caller's own `put` stored the files.

    `planned` holds every partition: those with an entry in `partition_metadata` and those without (`kind` is `None`).
    """

    dsn: str
    store: str | None
    seed: int
    catalog_version: int
    planned: tuple[LakeEntry, ...] = field(repr=False)

    @property
    def entries(self) -> int:
        """How many rows `partition_metadata` has."""
        return sum(entry.kind is not None for entry in self.planned)

    @property
    def by_cause(self) -> dict[Cause, int]:
        """How many entries have each cause as their worst."""
        return count_causes(self.planned)

    def paths(
        self, *, kind: str | None = None, situation: Situation | None = None, cause: Cause | None = None
    ) -> list[str]:
        """The file paths of those that are all of what is asked, in the order they were inserted."""
        return [
            entry.file_path
            for entry in self.planned
            if entry.file_path is not None
            and (kind is None or entry.kind == kind)
            and (situation is None or entry.situation is situation)
            and (cause is None or (entry.kind is not None and entry.cause is cause))
        ]


def build_lake(
    dsn: str,
    directory: Path | None = None,
    *,
    entries: int = 600,
    seed: int = 7,
    version: int = 5,
    first_day: date = FIRST_DAY,
    put: Put | None = None,
) -> LakeSummary:
    """Makes the catalog (of schema version 4 or 5) in the empty database and stores the files.

    The files go under `directory`, or wherever `put` puts them: exactly one of the two is given. Everything in the
    tables and files follows from the arguments.
    """
    if (directory is None) == (put is None):
        raise ValueError("a lake's files go to a directory or to a put function")
    planned = plan_lake(entries, seed, first_day, version)
    contents = _Contents(Files(seed, first_day))
    if put is not None:
        _upload(planned, contents, put)
    elif directory is not None:
        _write(planned, contents, directory)
    with psycopg.connect(dsn) as conn:
        create_catalog(conn, version)
        _copy(conn, "partition_metadata", _METADATA, version, _metadata_rows(planned, contents))
        _copy(conn, "lakehouse_partitions", _PARTITIONS, version, _partition_rows(planned, contents))
        _copy(conn, "temporary_files", _TEMPORARY, None, _temporary_rows(planned, contents))
        conn.execute("ANALYZE partition_metadata, lakehouse_partitions")
    store = None if directory is None else directory.resolve().as_uri()
    return LakeSummary(dsn, store, seed, version, tuple(planned))


class _Contents:
    """The bytes behind planned entries: files, and values made from them; equal ones are the same object."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._values: dict[tuple[str, str, int, Writer], bytes] = {}
        self._encrypted: dict[tuple[str, int, Writer], ParquetFile] = {}

    def described(self, entry: LakeEntry) -> ParquetFile:
        """The file that the catalog describes."""
        if entry.kind != "encrypted":
            return self._files.get(entry.view_set, entry.shape, entry.writer)
        key = (entry.view_set, entry.shape, entry.writer)
        if key not in self._encrypted:
            self._encrypted[key] = encrypted_twin(self._files.get(*key))
        return self._encrypted[key]

    def stored(self, entry: LakeEntry) -> ParquetFile | None:
        """The file that the store has at the entry's path, if any."""
        if entry.file_path is None or entry.situation is Situation.FILE_GONE:
            return None
        if entry.situation is Situation.FILE_REPLACED:
            return self._files.get(entry.view_set, (entry.shape + 1) % len(SHAPES), entry.writer)
        return self.described(entry)

    def value(self, entry: LakeEntry) -> bytes:
        """What the catalog keeps in place of the file's footer."""
        assert entry.kind is not None
        key = (entry.kind, entry.view_set, entry.shape, entry.writer)
        if key not in self._values:
            file = self._files.get(entry.view_set, entry.shape, entry.writer)
            self._values[key] = KINDS[entry.kind].build(file)
        return self._values[key]


def _upload(planned: Iterable[LakeEntry], contents: _Contents, put: Put) -> None:
    for entry in planned:
        file = contents.stored(entry)
        if file is not None and entry.file_path is not None:
            put(entry.file_path, file.data)


def _write(planned: list[LakeEntry], contents: _Contents, directory: Path) -> None:
    # Keyed by the file object, which `contents` keeps alive: the id stays its own.
    first_of: dict[int, str] = {}
    directory.mkdir(parents=True, exist_ok=True)
    for entry in planned:
        file = contents.stored(entry)
        if file is None or entry.file_path is None:
            continue
        target = str(directory / entry.file_path)
        first = first_of.setdefault(id(file), target) if len(planned) > _COPIES else target
        try:
            _place(file, target, first)
        except FileNotFoundError:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            _place(file, target, first)


def _place(file: ParquetFile, target: str, first: str) -> None:
    if first != target:
        os.link(first, target)
    else:
        Path(target).write_bytes(file.data)


_METADATA: Final = (
    ("file_path", "varchar"),
    ("metadata", "bytea"),
    ("insert_time", "timestamptz"),
    ("partition_format_version", "int4"),
)
_PARTITIONS: Final = (
    ("view_set_name", "varchar"),
    ("view_instance_id", "varchar"),
    ("begin_insert_time", "timestamptz"),
    ("end_insert_time", "timestamptz"),
    ("min_event_time", "timestamptz"),
    ("max_event_time", "timestamptz"),
    ("updated", "timestamptz"),
    ("file_path", "varchar"),
    ("file_size", "int8"),
    ("file_schema_hash", "bytea"),
    ("source_data_hash", "bytea"),
    ("num_rows", "int8"),
    ("partition_format_version", "int4"),
)
_TEMPORARY: Final = (("file_path", "varchar"), ("file_size", "int8"), ("expiration", "timestamptz"))


def _copy(
    conn: psycopg.Connection[Any],
    table: str,
    columns: tuple[tuple[str, str], ...],
    version: int | None,
    rows: Iterator[tuple[Any, ...]],
) -> None:
    """Rows through a binary COPY; a catalog of version 4 lacks the last column, the format version."""
    kept = columns[:-1] if version == 4 else columns
    names = ", ".join(name for name, _ in kept)
    with conn.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types([kind for _, kind in kept])
        for row in rows:
            copy.write_row(row[: len(kept)])


def _metadata_rows(planned: Iterable[LakeEntry], contents: _Contents) -> Iterator[tuple[Any, ...]]:
    for entry in planned:
        if entry.kind is not None:
            yield entry.file_path, contents.value(entry), _inserted(entry), entry.version


def _inserted(entry: LakeEntry) -> datetime:
    """When the engine recorded the partition: some seconds after it began to write the file."""
    return entry.written + timedelta(seconds=5, microseconds=entry.written.microsecond // 3)


def _partition_rows(planned: Iterable[LakeEntry], contents: _Contents) -> Iterator[tuple[Any, ...]]:
    for entry in planned:
        if entry.situation is Situation.ORPHAN:
            continue
        row = _partition_row(entry, contents)
        yield row
        if entry.situation in (Situation.TWO_AGREE, Situation.TWO_DISAGREE):
            yield _second_row(row, agree=entry.situation is Situation.TWO_AGREE)


def _partition_row(entry: LakeEntry, contents: _Contents) -> tuple[Any, ...]:
    hour = entry.written.replace(minute=0, second=0, microsecond=0)
    begin, end = hour - timedelta(hours=1), hour
    source = hashlib.blake2b(f"{entry.view_set}/{entry.view_instance}/{entry.written}".encode(), digest_size=8).digest()
    schema = hashlib.blake2b(entry.view_set.encode(), digest_size=8).digest()
    common = (entry.view_set, entry.view_instance, begin, end)
    if entry.file_path is None:
        return (*common, None, None, _inserted(entry), None, 0, schema, source, 0, entry.version)
    file = contents.described(entry)
    num_rows = 0 if entry.situation is Situation.NOT_RECORDED else file.num_rows
    events = (begin + timedelta(seconds=1), end - timedelta(seconds=1))
    described = (_inserted(entry), entry.file_path, len(file.data), schema, source, num_rows, entry.version)
    return (*common, *events, *described)


def _second_row(row: tuple[Any, ...], *, agree: bool) -> tuple[Any, ...]:
    """The same path once more, over the hour before."""
    values = dict(zip((name for name, _ in _PARTITIONS), row, strict=True))
    values["begin_insert_time"] -= timedelta(hours=1)
    values["end_insert_time"] -= timedelta(hours=1)
    if not agree:
        values["num_rows"] += 11
        values["file_size"] += 1_024
    return tuple(values.values())


def _temporary_rows(planned: Iterable[LakeEntry], contents: _Contents) -> Iterator[tuple[Any, ...]]:
    for entry in planned:
        if entry.situation is Situation.ORPHAN:
            yield entry.file_path, len(contents.described(entry).data), _inserted(entry) + timedelta(hours=1)
