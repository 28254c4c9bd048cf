"""Views, and what the catalog holds that no entry shows: partitions without a file, or without metadata."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from refooter.catalog.connection import Database
from refooter.catalog.selection import Selection


@dataclass(frozen=True, slots=True)
class PartitionCounts:
    """Partition rows that an inner join would lose: `without_file` (a null path: an empty partition), `without_metadata`
    (a file, but no entry), and all."""

    partitions: int
    without_file: int
    without_metadata: int


@dataclass(frozen=True, slots=True)
class BarePartition:
    """A partition that names a file for which there is no entry."""

    file_path: str
    view_set: str
    view_instance: str


def _partition_filter(selection: Selection, params: dict[str, Any]) -> str:
    conditions = []
    for index, view in enumerate(selection.views):
        params[f"set{index}"], params[f"instance{index}"] = view.set, view.instance
        conditions.append(
            f"(p.view_set_name = %(set{index})s AND (%(instance{index})s::text IS NULL OR p.view_instance_id = %(instance{index})s))"
        )
    said = f"({' OR '.join(conditions)})" if conditions else "true"
    if selection.paths is not None:
        params["paths"] = list(selection.paths)
        said += " AND p.file_path = ANY(%(paths)s)"
    return said


_BARE = "p.file_path IS NOT NULL AND NOT EXISTS (SELECT FROM partition_metadata m WHERE m.file_path = p.file_path)"


async def view_names(database: Database) -> list[tuple[str, str]]:
    """Every view set and instance that a partition row names, in order."""
    async with database.reading(seconds=60) as connection:
        rows = await (
            await connection.execute(
                "SELECT DISTINCT view_set_name::text, view_instance_id::text FROM lakehouse_partitions ORDER BY 1, 2"
            )
        ).fetchall()
    return [(name, instance) for name, instance in rows]


async def partition_counts(database: Database, selection: Selection) -> PartitionCounts:
    """Counts over the partition rows of the selected views or paths; times do not apply, they are the entries'."""
    params: dict[str, Any] = {}
    condition = _partition_filter(selection, params)
    async with database.reading(seconds=60) as connection:
        row = await (
            await connection.execute(
                "SELECT count(*), count(*) FILTER (WHERE p.file_path IS NULL),"
                f" count(*) FILTER (WHERE {_BARE}) FROM lakehouse_partitions p WHERE {condition}",
                params,
            )
        ).fetchone()
    assert row is not None
    return PartitionCounts(*row)


async def bare_partitions(
    database: Database, selection: Selection, page: int = 1000
) -> AsyncGenerator[list[BarePartition], None]:
    """Partitions with a file but no entry, by pages."""
    params: dict[str, Any] = {"page": page, "after": None}
    condition = _partition_filter(selection, params)
    while True:
        async with database.reading(seconds=60) as connection:
            rows = await (
                await connection.execute(
                    "SELECT p.file_path::text, min(p.view_set_name)::text, min(p.view_instance_id)::text FROM lakehouse_partitions p"
                    f" WHERE {condition} AND {_BARE} AND (%(after)s::text IS NULL OR p.file_path > %(after)s)"
                    " GROUP BY p.file_path ORDER BY p.file_path LIMIT %(page)s",
                    params,
                )
            ).fetchall()
        if rows:
            yield [BarePartition(*row) for row in rows]
        if len(rows) < page:
            return
        params["after"] = rows[-1][0]


async def sample_files(database: Database, count: int) -> list[tuple[str, int | None]]:
    """Catalogued files and their sizes by chance, those with a known size first: to see whether a store is the lake's."""
    async with database.reading(seconds=60) as connection:
        rows = await (
            await connection.execute(
                "SELECT p.file_path::text, p.file_size FROM lakehouse_partitions p WHERE p.file_path IS NOT NULL"
                " ORDER BY p.file_size IS NULL, random() LIMIT %s",
                (count,),
            )
        ).fetchall()
    return [(path, size) for path, size in rows]


async def partitioned(database: Database, paths: list[str]) -> set[str]:
    """Those of the paths that a partition row names."""
    async with database.reading() as connection:
        rows = await (
            await connection.execute(
                "SELECT DISTINCT file_path::text FROM lakehouse_partitions WHERE file_path = ANY(%s)", (paths,)
            )
        ).fetchall()
    return {path for (path,) in rows}
