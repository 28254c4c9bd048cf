"""A catalog of a few rows, each as a test wants it, with real files where it wants them; and that it is what it says.

The other tests of the catalog and of the jobs build on it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from footer_corpus import File, by_arrow_rs, table
from refooter.catalog.address import parse_address
from refooter.catalog.connection import Database
from refooter.catalog.journal import Journal
from refooter.catalog.pages import read_entries
from refooter.demo.schema import create_catalog
from refooter.demo.server import Server
from refooter.diagnosis import Diagnosis
from refooter.jobs.lake import Lake
from refooter.store import Patience, open_store
from refooter.target.target import ARROW_57
from refooter.target.workers import Judges
from refooter.values import Entry, view_of_path
from support.tables import execute, rows

PROCESS = "0b1f6a52-0000-4000-8000-000000000001"


def path_of(number: int, view: str = "blocks/global") -> str:
    """A path as the engine names them, ascending with the number."""
    return f"views/{view}/2026-03-02/00-00-00_{number:08d}.parquet"


_OURS = "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'"


@contextmanager
def one_database(server: Server, name: str) -> Iterator[str]:
    """A database for all tests of a module, each of which makes its catalog anew: much cheaper than a database each."""
    short = name.rpartition(".")[2]
    yield server.create_database(short)
    server.drop_database(short)


@dataclass(frozen=True)
class Rows:
    """An empty catalog to be filled row by row. Files go under `root`."""

    dsn: str
    root: Path | None = None
    version: int = 5

    def make(self) -> Rows:
        """Makes the empty catalog, whatever an earlier test left in this database."""
        with psycopg.connect(self.dsn) as connection:
            for (schema,) in connection.execute(_OURS).fetchall():
                connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
            connection.execute("CREATE SCHEMA public")
            connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
            create_catalog(connection, self.version)
        return self

    def entry(self, path: str, value: bytes = b"value", *, at: str = "2026-03-02T00:00:00Z", version: int = 1) -> None:
        """A row of `partition_metadata` alone: an orphan, until there is a partition."""
        if self.version >= 5:
            execute(self.dsn, "INSERT INTO partition_metadata VALUES (%s, %s, %s, %s)", path, value, at, version)
        else:
            execute(self.dsn, "INSERT INTO partition_metadata VALUES (%s, %s, %s)", path, value, at)

    def partition(
        self,
        path: str | None,
        rows: int = 10,
        size: int | None = 1000,
        *,
        view: str | None = None,
        hour: int = 0,
        version: int = 1,
    ) -> None:
        """A row of `lakehouse_partitions`, of the view that its path names if there is one; `hour` tells those of one path apart."""
        of_path = view_of_path(path or "")
        name, instance = (of_path[0] or "blocks", of_path[1] or "global") if view is None else view.split("/")
        begin = f"2026-03-02T{hour:02}:00:00Z"
        given: dict[str, Any] = {
            "view_set_name": name,
            "view_instance_id": instance,
            "begin_insert_time": begin,
            "end_insert_time": f"2026-03-02T{hour + 1:02}:00:00Z",
            "updated": begin,
            "file_path": path,
            "file_size": size,
            "num_rows": rows,
        }
        if self.version >= 5:
            given["partition_format_version"] = version
        insert = sql.SQL("INSERT INTO lakehouse_partitions ({}) VALUES ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, given)), sql.SQL(", ").join(map(sql.Placeholder, given))
        )
        with psycopg.connect(self.dsn) as connection:
            connection.execute(insert, given)

    def pair(self, path: str, value: bytes = b"value", *, version: int = 1, rows: int = 10, size: int = 1000) -> None:
        """An entry with its one partition row."""
        self.entry(path, value, version=version)
        self.partition(path, rows, size, version=version)

    def file(self, path: str, file: File, value: bytes | None = None, *, version: int = 1) -> None:
        """A file in the store, an entry that holds `value` (else the file's own footer), and its partition row."""
        assert self.root is not None
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)
        held = file.footer if value is None else value
        self.pair(path, held, version=version, rows=file.num_rows, size=len(file.data))

    def role(self, name: str, *grants: str) -> str:
        """The address for a role of this name with these grants, and nothing else."""
        execute(self.dsn, f"DROP ROLE IF EXISTS {name}")
        execute(self.dsn, f"CREATE ROLE {name} LOGIN")
        for grant in grants:
            execute(self.dsn, f"GRANT {grant} TO {name}")
        return self.dsn.replace("postgres@", f"{name}@")

    def drop_role(self, name: str) -> None:
        execute(self.dsn, f"DROP OWNED BY {name}")
        execute(self.dsn, f"DROP ROLE {name}")

    def value(self, path: str) -> bytes:
        [(value,)] = rows(self.dsn, "SELECT metadata FROM partition_metadata WHERE file_path = %s", path)
        return bytes(value)

    def stamps(self, path: str) -> list[int]:
        """The version of the entry, then those of its partition rows by their hour."""
        return [
            version
            for (version,) in rows(
                self.dsn,
                "SELECT v FROM (SELECT 0 AS kind, NULL::timestamptz AS begin, partition_format_version AS v FROM partition_metadata"
                " WHERE file_path = %s UNION ALL SELECT 1, begin_insert_time, partition_format_version FROM lakehouse_partitions"
                " WHERE file_path = %s) both_of_them ORDER BY kind, begin",
                path,
                path,
            )
        ]

    async def read(self, path: str) -> Entry:
        async with database_of(self.dsn) as database:
            [entry] = await read_entries(database, [path])
            return entry


def small_file(count: int, *, first: int = 0, **options: object) -> File:
    """A file from the target's own writer with so many rows; `first` makes it another one."""
    return File(f"{count} rows", by_arrow_rs(table(count, columns=3, first=first), **options), count)


def database_of(dsn: str, *, read_only: bool = False) -> Database:
    return Database(parse_address(dsn), read_only=read_only)


@asynccontextmanager
async def lake_of(dsn: str, judges: Judges[Diagnosis], root: Path | None = None) -> AsyncIterator[Lake]:
    """A lake opened as a session opens one, with judges that several tests share. What fails is tried once."""
    async with database_of(dsn) as database:
        journal = Journal(database)
        if root is None:
            yield Lake(database, journal, None, judges, ARROW_57.name, 8)
            return
        async with open_store(root.as_uri(), patience=Patience(budget=5.0)) as store:
            yield Lake(database, journal, store, judges, ARROW_57.name, 8)


@pytest.mark.parametrize("version", [4, 5])
async def test_an_entry_with_its_file_is_read_as_it_was_made(dsn: str, tmp_path: Path, version: int) -> None:
    made = Rows(dsn, tmp_path, version).make()
    file = small_file(12)
    made.file(path_of(1), file)
    entry = await made.read(path_of(1))
    assert entry.value == file.footer
    assert (entry.partitions.agreed_num_rows, entry.partitions.agreed_file_size) == (12, len(file.data))
    assert entry.versions == ((1, 1) if version == 5 else ())
    assert (tmp_path / path_of(1)).read_bytes() == file.data
