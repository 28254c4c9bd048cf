"""A lake with one entry of every kind of value that a catalog may hold, each with its file, the same in every run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg

from refooter.demo.files import SMALLEST, Files, ParquetFile
from refooter.demo.schema import create_catalog
from refooter.demo.values import KINDS, Kind, encrypted_twin

_SEVERAL_GROUPS = 3
_SEVERAL_PAGES = 1


@dataclass(frozen=True)
class Kept:
    """One entry: its path, its value, and its file as the catalog describes it."""

    kind: Kind
    path: str
    value: bytes
    file: ParquetFile

    @property
    def says(self) -> tuple[str, ...]:
        """What the catalog says of the file, as options of `inspect --blob`."""
        return ("--rows", str(self.file.num_rows), "--file-size", str(len(self.file.data)))


def every_kind() -> dict[str, Kept]:
    files = Files(7, date(2026, 3, 2))
    return {kind.name: _kept(kind, files) for kind in KINDS.values()}


def _kept(kind: Kind, files: Files) -> Kept:
    shape = SMALLEST if kind.small_file else _SEVERAL_GROUPS if kind.multi_group else _SEVERAL_PAGES
    file = files.get("log_entries", shape)
    path = f"views/log_entries/global/2026-03-02/{kind.name}.parquet"
    return Kept(kind, path, kind.build(file), encrypted_twin(file) if kind.name == "encrypted" else file)


def put_kinds(dsn: str, root: Path) -> dict[str, Kept]:
    """Makes the catalog in an empty database, and the files below `root`."""
    kept = every_kind()
    with psycopg.connect(dsn) as connection:
        create_catalog(connection)
        for one in kept.values():
            put_entry(connection, one.path, one.value, one.file.num_rows, len(one.file.data))
            target = root / one.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(one.file.data)
    return kept


def put_entry(
    connection: psycopg.Connection[tuple[object, ...]], path: str, value: bytes, num_rows: int, file_size: int
) -> None:
    """One entry of format version 2 with its partition row."""
    connection.execute("INSERT INTO partition_metadata VALUES (%s, %s, now(), 2)", (path, value))
    connection.execute(
        "INSERT INTO lakehouse_partitions (view_set_name, view_instance_id, file_path, file_size, num_rows,"
        " partition_format_version) VALUES ('log_entries', 'global', %s, %s, %s, 2)",
        (path, file_size, num_rows),
    )
