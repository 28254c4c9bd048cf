"""Named rows of both tables as they are now, without their values: what a restore compares a backup with."""

from __future__ import annotations

from dataclasses import dataclass

from refooter.catalog.connection import Database
from refooter.catalog.snapshot import PartitionRow, partition_rows
from refooter.values import Entry, Partitions, view_of_path


@dataclass(frozen=True, slots=True)
class PresentEntry:
    """`digest` is the value's SHA-256, `size` its bytes; `insert_time` is microseconds since `PG_EPOCH`."""

    digest: bytes
    size: int
    version: int | None
    insert_time: int


@dataclass(frozen=True, slots=True)
class Present:
    """What there is of one path. `partitions`: each row with its identity as the journal and the write transaction name it."""

    entry: PresentEntry | None
    partitions: tuple[tuple[PartitionRow, str], ...]


async def present(database: Database, paths: list[str]) -> dict[str, Present]:
    """In one transaction; every path is there, if only to say that there is nothing."""
    versioned = database.version.has_format_version
    version = "partition_format_version" if versioned else "NULL::int4"
    async with database.reading(60) as connection:
        cursor = connection.cursor(binary=True)
        await cursor.execute(
            f"SELECT file_path::text, sha256(metadata), octet_length(metadata), {version}, insert_time FROM partition_metadata"
            " WHERE file_path = ANY(%b)",
            (paths,),
        )
        entries = {path: PresentEntry(*rest) for path, *rest in await cursor.fetchall()}
        partitions = await partition_rows(connection, paths, versioned=versioned)
    return {path: Present(entries.get(path), tuple(partitions.get(path, ()))) for path in paths}


def described(
    file_path: str, size: int, version: int | None, insert_time: int | None, partitions: tuple[PartitionRow, ...]
) -> Entry:
    """An entry without its value, for lists and selections."""
    if not partitions:
        return Entry(file_path, None, size, version, insert_time, Partitions())
    sizes = {row.file_size for row in partitions}
    known = tuple(sorted(one for one in sizes if one is not None))
    names = sorted((row.view_set, row.view_instance) for row in partitions if row.view_set is not None)
    view_set, instance = names[0] if names else view_of_path(file_path)
    return Entry(
        file_path,
        None,
        size,
        version,
        insert_time,
        Partitions(
            len(partitions),
            tuple(sorted({row.num_rows for row in partitions})),
            (*known, None) if None in sizes else known,
            tuple(sorted({row.version for row in partitions if row.version is not None})),
            view_set,
            instance,
        ),
    )
