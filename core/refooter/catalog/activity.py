"""That somebody wrote to the lake's two tables, told by PostgreSQL's own counters: cheap whatever the tables' size, and no right needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import psycopg

from refooter.catalog.connection import Database

# Functions by oid, which is what `pg_stat_all_tables` is made of. Neither they nor `to_regclass` wait for a table's lock.
_QUERY: Final = """
    SELECT pg_postmaster_start_time()::text, oid::int8, relfilenode::int8, relpages, pg_stat_get_live_tuples(oid),
        pg_stat_get_tuples_inserted(oid), pg_stat_get_tuples_deleted(oid), pg_stat_get_tuples_updated(oid)
    FROM pg_class WHERE oid IN (to_regclass('partition_metadata'), to_regclass('lakehouse_partitions'))
"""
_SECONDS: Final = 10.0
_SERVERS_KNOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows of both tables together, those of transactions that were rolled back too: a reason to look, no exact count."""

    inserted: int = 0
    deleted: int = 0
    updated: int = 0

    def __add__(self, other: Changes) -> Changes:
        return Changes(self.inserted + other.inserted, self.deleted + other.deleted, self.updated + other.updated)


class _Table(NamedTuple):
    file: int
    pages: int
    live: int
    written: tuple[int, int, int]


_NEVER_SEEN: Final = _Table(0, 0, 0, (0, 0, 0))
_Tables = dict[int, _Table]


class Activity:
    """What was written since the last look. A server counts what a session did up to a second after its transaction, and up to
    ten when the session is idle from then on (`PGSTAT_IDLE_INTERVAL`); nothing with `track_counts` off; on a standby, nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, _Tables] = {}

    async def look(self) -> Changes:
        """Nothing at the first look. A transaction of its own, which says whether the database is there: raises what `reading` does."""
        try:
            async with self._database.reading(seconds=_SECONDS) as connection:
                rows = await (await connection.execute(_QUERY)).fetchall()
        except psycopg.ProgrammingError:
            # Somebody took these functions away from the public; the database is there all the same.
            return Changes()
        if not rows:
            return Changes()
        return self._since(
            rows[0][0], {oid: _Table(file, pages, live, tuple(written)) for _, oid, file, pages, live, *written in rows}
        )

    def _since(self, server: str, now: _Tables) -> Changes:
        """`server`: since when it has been running. Behind one address there can be several, whose counters differ."""
        before = self._known.pop(server, None)
        if before is None:
            # Started anew, it has kept its counters or lost them all.
            before = next(reversed(self._known.values()), now)
        self._known[server] = now
        while len(self._known) > _SERVERS_KNOWN:
            del self._known[next(iter(self._known))]
        return sum((_difference(before.get(oid, _NEVER_SEEN), table) for oid, table in now.items()), Changes())


def _difference(before: _Table, now: _Table) -> Changes:
    """A counter never falls but when the statistics were reset: then what it says now is what came since."""
    then = before.written
    if any(new < old for new, old in zip(now.written, then, strict=True)):
        then = _NEVER_SEEN.written
    found = Changes(*(new - old for new, old in zip(now.written, then, strict=True)))
    if now.file != before.file and not now.pages and before.live:
        # TRUNCATE counts as nothing; it gives the table a file of its own with no page in it.
        return found + Changes(deleted=before.live)
    return found
