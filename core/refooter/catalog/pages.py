"""Entries by pages of the primary key, each page a transaction of its own (safety 4)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

from psycopg import errors

from refooter.catalog.connection import Connection, Database, patiently, times_as_integers
from refooter.catalog.selection import Selection, entry_filter
from refooter.errors import NothingSelected
from refooter.values import Entry, Partitions, view_of_path

PAGE_BYTES = 4 << 20
MAX_VALUE_BYTES = 32 << 20
_FIRST_KEYS = 256
_MOST_KEYS = 2_000
_PAGE_SECONDS = 10.0


async def entry_pages(database: Database, selection: Selection) -> AsyncGenerator[list[Entry], None]:
    """The selected entries, in pages of at most about `PAGE_BYTES` of values (a single larger value is a page of its own).

    A value above `MAX_VALUE_BYTES` comes as `None`. What only a verdict can select is not filtered here. In the order of the
    primary key; named paths a thousand at a time, in that order within each thousand.
    """
    if selection.paths is not None:
        for named in _slices(list(dict.fromkeys(selection.paths)), 1000):
            async for page in _walk(database, selection, named):
                yield page
    else:
        async for page in _walk(database, selection, None):
            yield page


async def count_entries(database: Database, selection: Selection) -> int:
    """How many entries SQL alone says are selected: an upper bound where a verdict has to decide."""
    params: dict[str, Any] = {"paths": list(selection.paths) if selection.paths is not None else None}
    condition = f"{entry_filter(selection, params)} AND {_key_range(selection, params)}"
    if selection.paths is not None:
        condition += " AND m.file_path = ANY(%(paths)s)"
    async with database.reading(seconds=60) as connection:
        row = await (
            await connection.execute(f"SELECT count(*) FROM partition_metadata m WHERE {condition}", params)
        ).fetchone()
    assert row is not None
    return int(row[0])


async def check_names(database: Database, selection: Selection) -> None:
    """Raises `NothingSelected` for a view or a path that the catalog does not have."""
    async with database.reading(seconds=60) as connection:
        for view in selection.views:
            params: dict[str, Any] = {}
            condition = entry_filter(Selection(views=(view,)), params)
            row = await (
                await connection.execute(
                    "SELECT EXISTS (SELECT FROM lakehouse_partitions WHERE view_set_name = %(set0)s"
                    " AND (%(one)s::text IS NULL OR view_instance_id = %(one)s))"
                    f" OR EXISTS (SELECT FROM partition_metadata m WHERE {condition})",
                    {**params, "one": view.instance},
                )
            ).fetchone()
            if row is None or not row[0]:
                raise NothingSelected(f"no view {str(view)!r} in the catalog; `refooter views` lists them")
        for named in _slices(list(selection.paths or ()), 5000):
            rows = await (
                await connection.execute(
                    "SELECT u.path FROM unnest(%s::text[]) u(path)"
                    " WHERE NOT EXISTS (SELECT FROM partition_metadata m WHERE m.file_path = u.path) LIMIT 1",
                    (list(named),),
                )
            ).fetchall()
            if rows:
                raise NothingSelected(f"no entry {rows[0][0]!r} in the catalog; `refooter scan -o FILE` lists them")


async def split_by_key(database: Database, selection: Selection, parts: int) -> list[Selection]:
    """The same selection in about equal key ranges, for workers that do not know of each other."""
    if selection.paths is not None:
        paths = list(dict.fromkeys(selection.paths))
        size = max(1, -(-len(paths) // parts))
        return [replace(selection, paths=tuple(named)) for named in _slices(paths, size)]
    params: dict[str, Any] = {"parts": parts}
    condition = _key_range(selection, params)
    async with database.reading(seconds=120) as connection:
        rows = await (
            await connection.execute(
                "SELECT max(file_path) FROM (SELECT m.file_path, ntile(%(parts)s) OVER (ORDER BY m.file_path) AS part"
                f" FROM partition_metadata m WHERE {condition}) tiles GROUP BY part ORDER BY part",
                params,
            )
        ).fetchall()
    bounds: list[str | None] = [selection.after, *(row[0] for row in rows[:-1]), selection.upto]
    return [selection.within(low, high) for low, high in pairwise(bounds)]


def _slices(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def _key_range(selection: Selection, params: dict[str, Any]) -> str:
    conditions = []
    if selection.after is not None:
        conditions.append("m.file_path > %(after)s")
        params["after"] = selection.after
    if selection.upto is not None:
        conditions.append("m.file_path <= %(upto)s")
        params["upto"] = selection.upto
    return " AND ".join(conditions) or "true"


async def _walk(
    database: Database, selection: Selection, named: Sequence[str] | None
) -> AsyncGenerator[list[Entry], None]:
    keys = _FIRST_KEYS
    after = selection.after
    while True:
        try:
            part = selection.within(after, selection.upto)
            page = await patiently(partial(_read_page, database, part, named, keys))
        except errors.QueryCanceled:
            if keys == 1:
                raise
            keys = max(1, keys // 4)
            continue
        if page.entries:
            yield page.entries
        if page.last is None:
            return
        after = page.last
        wanted = PAGE_BYTES * keys // max(page.bytes, 1) if page.bytes else keys * 4
        keys = max(1, min(max(wanted, 16), keys * 4, _MOST_KEYS))


class _Page:
    __slots__ = ("bytes", "entries", "last")

    def __init__(self, entries: list[Entry], last: str | None, size: int) -> None:
        self.entries, self.last, self.bytes = entries, last, size


async def _read_page(database: Database, selection: Selection, named: Sequence[str] | None, keys: int) -> _Page:
    """Looks at the next `keys` keys, takes as many as fit into `PAGE_BYTES`, and reads the selected ones among them."""
    params: dict[str, Any] = {"keys": keys, "named": list(named) if named is not None else None, "max": MAX_VALUE_BYTES}
    condition = entry_filter(selection, params)
    among = _key_range(selection, params)
    if named is not None:
        among += " AND m.file_path = ANY(%(named)s)"
    async with database.reading(seconds=_PAGE_SECONDS) as connection:
        rows = await (
            await connection.execute(
                f"SELECT m.file_path, octet_length(m.metadata), {condition} FROM partition_metadata m"
                f" WHERE {among} ORDER BY m.file_path LIMIT %(keys)s",
                params,
            )
        ).fetchall()
        wanted: list[str] = []
        total, looked_at = 0, 0
        for path, size, selected in rows:
            if selected:
                size = size if size <= MAX_VALUE_BYTES else 0
                if wanted and total + size > PAGE_BYTES:
                    break
                wanted.append(path)
                total += size
            looked_at += 1
        more = looked_at < len(rows) or len(rows) == keys
        last = rows[looked_at - 1][0] if more and looked_at else None
        entries = await read_entries_on(connection, wanted, database.version.has_format_version) if wanted else []
    return _Page(entries, last, total)


async def read_entries(database: Database, paths: Sequence[str]) -> list[Entry]:
    """Named entries, those that exist, in one transaction. For a few paths."""
    async with database.reading() as connection:
        return await read_entries_on(connection, paths, database.version.has_format_version)


async def read_entries_on(connection: Connection, paths: Sequence[str], versioned: bool) -> list[Entry]:
    """`read_entries` in a transaction that is there already, on a connection of anybody's."""
    entry_version = "m.partition_format_version" if versioned else "NULL::int4"
    partition_version = (
        "min(p.partition_format_version), max(p.partition_format_version)" if versioned else "NULL::int4, NULL::int4"
    )
    cursor = connection.cursor(binary=True)
    times_as_integers(cursor)
    await cursor.execute(
        "SELECT m.file_path::text, CASE WHEN octet_length(m.metadata) <= %(max)s THEN m.metadata END,"
        f" octet_length(m.metadata), {entry_version}, m.insert_time, f.*"
        " FROM partition_metadata m LEFT JOIN LATERAL ("
        "  SELECT count(*), min(p.num_rows), max(p.num_rows), min(p.file_size), max(p.file_size), count(p.file_size),"
        f"  {partition_version}, min(p.view_set_name)::text, min(p.view_instance_id)::text"
        "  FROM lakehouse_partitions p WHERE p.file_path = m.file_path) f ON true"
        " WHERE m.file_path = ANY(%(paths)b)",
        {"paths": list(paths), "max": MAX_VALUE_BYTES},
    )
    found = {row[0]: row for row in await cursor.fetchall()}
    disputed = [path for path, row in found.items() if row[6] != row[7] or row[8] != row[9]]
    listed = await _distinct_facts(connection, disputed) if disputed else {}
    return [_entry(found[path], listed.get(path)) for path in paths if path in found]


def _entry(row: tuple[Any, ...], listed: tuple[list[int], list[int]] | None) -> Entry:
    path, value, size, version, insert_time, count, low, high, small, large, sized, old, new, view_set, instance = row
    if not count:
        partitions = Partitions()
    else:
        rows: tuple[int, ...] = (low,) if low == high else (low, high)
        sizes: tuple[int | None, ...] = () if not sized else (small,) if small == large else (small, large)
        if listed is not None:
            rows, sizes = tuple(listed[0]), tuple(listed[1])
        if sized < count:
            sizes = (*sizes, None)
        versions: tuple[int, ...] = () if old is None else (old,) if old == new else (old, new)
        if view_set is None:
            view_set, instance = view_of_path(path)
        partitions = Partitions(count, rows, sizes, versions, view_set, instance)
    return Entry(path, value, size, version, insert_time, partitions)


async def _distinct_facts(connection: Connection, paths: list[str]) -> dict[str, tuple[list[int], list[int]]]:
    """Every row count and file size that disagreeing partition rows name, so that all of them can be told."""
    rows = await (
        await connection.execute(
            "SELECT file_path, array_agg(DISTINCT num_rows ORDER BY num_rows),"
            " coalesce(array_agg(DISTINCT file_size ORDER BY file_size) FILTER (WHERE file_size IS NOT NULL), '{}')"
            " FROM lakehouse_partitions WHERE file_path = ANY(%s) GROUP BY file_path",
            (paths,),
        )
    ).fetchall()
    return {path: (counts, sizes) for path, counts, sizes in rows}
