"""What entries were at one moment, so that a later look tells which of them have changed, without reading a single value.

A row's stamp is its `xmin`, the transaction that wrote this version of it. Every INSERT and UPDATE gives a row a new one, whatever it
changes. It stays through what changes nothing: a row lock writes `xmax`; freezing sets a bit of the row's header and leaves the number
since PostgreSQL 9.4 (`HEAP_XMIN_FROZEN` in `access/htup_details.h`; the column `xmin` is read past that bit, `heap_getsysattr`); VACUUM
FULL and CLUSTER copy the row's header (`rewrite_heap_tuple`). What rewrites a table row by row, such as ALTER TABLE ... TYPE, gives all of
them new ones: they are told as changed. Numbers are used again after 2^32 transactions, which no plan outlives.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from psycopg import errors

from refooter.catalog.connection import Connection, Database, patiently
from refooter.catalog.selection import Selection, entry_filter
from refooter.errors import MissingRights

PAGE_ROWS: Final = 20_000
_NAMED_AT_ONCE: Final = 5_000
_PAGE_SECONDS: Final = 10.0
_CODEC: Final = "zstd"

Words = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class _Page:
    """Up to `PAGE_ROWS` entries in the order of the primary key. `hashes`: of the paths; `paths`: compressed, a zero byte between
    two of them, which PostgreSQL's text cannot hold."""

    hashes: Words
    stamps: Words
    paths: bytes
    text_bytes: int

    def path_list(self) -> list[str]:
        text = pa.decompress(self.paths, self.text_bytes, codec=_CODEC, asbytes=True)
        assert isinstance(text, bytes)
        return text.decode().split("\0")


@dataclass(frozen=True, slots=True, eq=False)
class Stamps:
    """What some entries and their partition rows were: about 50 bytes an entry, nearly all of it for telling the paths of those
    that are gone. Paths are told apart by 64-bit hashes: of a million, two have the same once in 40 million catalogs."""

    _pages: tuple[_Page, ...] = ()

    def __len__(self) -> int:
        return sum(len(page.hashes) for page in self._pages)

    @property
    def nbytes(self) -> int:
        return sum(page.hashes.nbytes + page.stamps.nbytes + len(page.paths) for page in self._pages)

    @classmethod
    def of(cls, parts: Iterable[Stamps]) -> Stamps:
        """Pages put together."""
        return cls(tuple(page for part in parts for page in part._pages))

    def difference(self, now: Stamps, most: int) -> Difference:
        """What changed from here to `now`, with the first `most` paths of each kind. Takes tenths of a second for a million."""
        before, after = self._hashes(), now._hashes()
        order = np.argsort(before)
        at = _found(before[order], after)
        known = at >= 0
        was = order[at[known]]
        changed = np.flatnonzero(known)[self._stamps()[was] != now._stamps()[known]]
        new = np.flatnonzero(~known)
        left = np.ones(len(before), np.bool_)
        left[was] = False
        gone = np.flatnonzero(left)
        return Difference(
            len(changed),
            len(gone),
            len(new),
            now._paths_at(changed[:most]),
            self._paths_at(gone[:most]),
            now._paths_at(new[:most]),
        )

    def _hashes(self) -> Words:
        return _together([page.hashes for page in self._pages])

    def _stamps(self) -> Words:
        return _together([page.stamps for page in self._pages])

    def _paths_at(self, rows: npt.NDArray[np.intp]) -> tuple[str, ...]:
        """The paths of ascending row numbers."""
        found: list[str] = []
        begin = 0
        for page in self._pages:
            end = begin + len(page.hashes)
            here = rows[np.searchsorted(rows, begin) : np.searchsorted(rows, end)] - begin
            if len(here):
                paths = page.path_list()
                found += [paths[row] for row in here.tolist()]
            begin = end
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Difference:
    """How many entries changed, are gone and are new, and the first paths of each kind in the order of the primary key."""

    changed: int
    gone: int
    new: int
    changed_paths: tuple[str, ...]
    gone_paths: tuple[str, ...]
    new_paths: tuple[str, ...]


async def stamp_pages(database: Database, selection: Selection) -> AsyncGenerator[Stamps, None]:
    """The selected entries as they are, by pages of the primary key, each read in a transaction of its own (safety 4); named paths some
    thousands at a time.

    What only a verdict can select is not filtered: then these are all entries among which it selects. Raises `MissingRights` where
    the role may read some columns only: `xmin` is none of them.
    """
    slices: list[list[str] | None] = [None]
    if selection.paths is not None:
        paths = list(dict.fromkeys(selection.paths))
        slices = [paths[begin : begin + _NAMED_AT_ONCE] for begin in range(0, len(paths), _NAMED_AT_ONCE)]
    try:
        for named in slices:
            async for page in _walk(database, selection, named):
                yield page
    except errors.InsufficientPrivilege as error:
        raise MissingRights(
            f"missing right: SELECT on the whole of both tables, to notice what changes: {database.reason(error)}"
        ) from None


async def _walk(database: Database, selection: Selection, named: Sequence[str] | None) -> AsyncGenerator[Stamps, None]:
    rows = PAGE_ROWS
    after = selection.after
    while True:
        part = selection.within(after, selection.upto)
        try:
            page, looked_at, last = await patiently(partial(_read_page, database, part, named, rows))
        except errors.QueryCanceled:
            if rows == 1:
                raise
            rows = max(1, rows // 4)
            continue
        if page is not None:
            yield Stamps((page,))
        if looked_at < rows:
            return
        after = last


async def _read_page(
    database: Database, selection: Selection, named: Sequence[str] | None, rows: int
) -> tuple[_Page | None, int, str | None]:
    """The selected ones of the next `rows` entries, how many entries were looked at, and the last of these."""
    params: dict[str, Any] = {
        "rows": rows,
        "after": selection.after,
        "upto": selection.upto,
        "named": None if named is None else list(named),
    }
    async with database.reading(seconds=_PAGE_SECONDS) as connection:
        looked_at, last, paths, hashes, writers = await _one(
            connection,
            "SELECT count(*), max(key),"
            "  string_agg(convert_to(key, 'UTF8'), '\\x00'::bytea) FILTER (WHERE selected),"
            f"  string_agg(int8send({_hash('key')}), ''::bytea) FILTER (WHERE selected),"
            "  string_agg(xidsend(writer), ''::bytea) FILTER (WHERE selected)"
            f" FROM (SELECT m.file_path::text AS key, m.xmin AS writer, {entry_filter(selection, params)} AS selected"
            f"  FROM partition_metadata m WHERE {_among('m', params)} ORDER BY m.file_path LIMIT %(rows)s) page",
            params,
        )
        if paths is None:
            return None, looked_at, last
        # In the same snapshot; as a range, which costs a quarter of looking up the rows of one path after the other.
        params["upto"] = last
        of_partitions = await _one(
            connection,
            f"SELECT string_agg(int8send({_hash('p.file_path')}), ''::bytea), string_agg(xidsend(p.xmin), ''::bytea)"
            f" FROM lakehouse_partitions p WHERE {_among('p', params)}",
            params,
        )
    found = _words(hashes)
    return _Page(found, _stamped(found, writers, *of_partitions), _compressed(paths), len(paths)), looked_at, last


async def _one(connection: Connection, query: str, params: dict[str, Any]) -> Sequence[Any]:
    cursor = connection.cursor(binary=True)
    await cursor.execute(query, params)
    row = await cursor.fetchone()
    assert row is not None
    return row


def _among(table: str, params: dict[str, Any]) -> str:
    """The condition for the keys that the parameters bound or name."""
    tests = (("after", "> %(after)s"), ("upto", "<= %(upto)s"), ("named", "= ANY(%(named)s)"))
    given = [f"{table}.file_path {test}" for name, test in tests if params[name] is not None]
    return " AND ".join(given) or "true"


def _hash(text: str) -> str:
    # Of the bytes, whatever the column's collation takes for equal.
    return f'hashtextextended({text} COLLATE "C", 0)'


def _stamped(paths: Words, writers: bytes, of_partitions: bytes | None, partition_writers: bytes | None) -> Words:
    """One word an entry from its own row's writer and those of all its partition rows, in whatever order they come."""
    stamps = _mixed(_writers(writers))
    if of_partitions is None or partition_writers is None:
        return stamps
    order = np.argsort(paths)
    at = _found(paths[order], _words(of_partitions))
    ours = at >= 0
    np.add.at(stamps, order[at[ours]], _mixed(_writers(partition_writers)[ours]))
    return stamps


def _found(ordered: Words, wanted: Words) -> npt.NDArray[np.intp]:
    """Where in ascending words the wanted ones are, -1 for those that are not there."""
    at = np.searchsorted(ordered, wanted)
    there = at < len(ordered)
    there[there] = ordered[at[there]] == wanted[there]
    at[~there] = -1
    return at


def _words(data: bytes) -> Words:
    return np.frombuffer(data, ">u8").astype(np.uint64)


def _writers(data: bytes) -> Words:
    return np.frombuffer(data, ">u4").astype(np.uint64)


def _mixed(words: Words) -> Words:
    """Every bit of the outcome depends on every bit of the word (the finalizer of splitmix64), so that sums of them tell sets apart."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _compressed(data: bytes) -> bytes:
    compressed = pa.compress(data, codec=_CODEC, asbytes=True)
    assert isinstance(compressed, bytes)
    return compressed


def _together(parts: list[Words]) -> Words:
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)
