"""Before images that are dropped to free their space. The change stays with all that it tells, only its value goes.

In `change` a dropped image is an empty `old_value` beside the digest of something else; in `run`, the key `images_dropped` of
`selection` says who did it, when, and how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from refooter.catalog.journal import DEAD_AFTER_SECONDS, DROPPED_KEY, Journal
from refooter.catalog.storable import storable
from refooter.errors import MissingRights, RunStopped

DROPPED: Final = "(octet_length({0}.old_value) = 0 AND {0}.old_digest <> sha256(''))"
"""SQL for whether an image of a table alias was dropped; null where there never was one."""

_BATCH: Final = 1000
_COUNT_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Images:
    """What a run still holds: `entries` of its changes have a before image, `bytes` as stored; `stamped` never needed one."""

    entries: int = 0
    bytes: int = 0
    stamped: int = 0


@dataclass(frozen=True, slots=True)
class DroppedBatch:
    """One committed batch. `last`: the path to go on behind; `None` where nothing was left."""

    entries: int
    bytes: int
    last: str | None


async def check_may_drop(journal: Journal) -> None:
    """Raises `MissingRights` naming the first right on the journal that dropping needs and the role does not have."""
    if journal.database.read_only:
        raise MissingRights("this session is read-only: leave out --read-only to drop before images")
    async with journal.database.reading() as connection:
        for table, column in (("change", "old_value"), ("run", "selection")):
            row = await (
                await connection.execute(
                    "SELECT current_user::text, has_column_privilege(format('%%I.%%I', %s::text, %s::text), %s, 'UPDATE')",
                    (journal.schema, table, column),
                )
            ).fetchone()
            assert row is not None
            if not row[1]:
                raise MissingRights(
                    f"missing right: UPDATE ({column}) on {journal.schema}.{table} (the journal) for the role {row[0]},"
                    " to drop before images (`refooter init --sql` prints the grants)"
                )


async def count_images(journal: Journal, run_ids: Sequence[int]) -> dict[int, Images]:
    """What these runs still hold, by run."""
    async with journal.database.reading(_COUNT_SECONDS) as connection:
        rows = await (
            await connection.execute(
                journal.sql(
                    "SELECT run_id, count(*) FILTER (WHERE octet_length(old_value) > 0),"
                    " coalesce(sum(pg_column_size(old_value)) FILTER (WHERE octet_length(old_value) > 0), 0)::int8,"
                    " count(*) FILTER (WHERE old_value IS NULL) FROM {change} WHERE run_id = ANY(%s) GROUP BY run_id"
                ),
                (list(run_ids),),
            )
        ).fetchall()
    return {run_id: Images(*counts) for run_id, *counts in rows}


async def drop_images(journal: Journal, run_id: int, who: str, after: str | None) -> DroppedBatch:
    """Drops the next images of a run behind a path, and counts them in its row, in one transaction.

    The run's row is locked first: two who drop at a time do so one after the other. Raises `RunStopped` where the run goes on again or
    a live run is just going back on it.
    """
    async with journal.database.writing() as connection:
        run = await (
            await connection.execute(
                journal.sql("SELECT FROM {run} WHERE run_id = %s AND state <> 'running' FOR NO KEY UPDATE"), (run_id,)
            )
        ).fetchone()
        if run is None:
            raise RunStopped(f"run {run_id} still goes on: its before images stay; stop it first")
        reader = await (
            await connection.execute(
                journal.sql(
                    "SELECT run_id FROM {run} WHERE kind = 'rollback' AND state = 'running'"
                    f" AND heartbeat >= clock_timestamp() - interval '{DEAD_AFTER_SECONDS} seconds'"
                    " AND selection->'runs' @> to_jsonb(%s::int8) LIMIT 1"
                ),
                (run_id,),
            )
        ).fetchone()
        if reader is not None:
            raise RunStopped(
                f"run {reader[0]} is just going back on run {run_id}, whose before images it needs: wait for it"
            )
        row = await (
            await connection.execute(
                journal.sql(
                    "WITH page AS (SELECT file_path, pg_column_size(old_value) AS size FROM {change}"
                    "  WHERE run_id = %(run)s AND octet_length(old_value) > 0"
                    "  AND (%(after)s::text IS NULL OR file_path > %(after)s) ORDER BY file_path LIMIT %(most)s),"
                    " dropped AS (UPDATE {change} c SET old_value = '' FROM page"
                    "  WHERE c.run_id = %(run)s AND c.file_path = page.file_path RETURNING c.file_path, page.size)"
                    " SELECT count(*), coalesce(sum(size), 0)::int8, max(file_path)::text FROM dropped"
                ),
                {"run": run_id, "after": after, "most": _BATCH},
            )
        ).fetchone()
        assert row is not None
        batch = DroppedBatch(*row)
        if batch.entries:
            await connection.execute(
                journal.sql(
                    "UPDATE {run} SET selection = jsonb_set(selection, ARRAY[%(key)s], jsonb_build_object('who', %(who)s::text,"
                    " 'when', ((extract(epoch FROM clock_timestamp()) - extract(epoch FROM timestamptz '2000-01-01Z')) * 1000000)::int8,"
                    " 'entries', coalesce((selection->%(key)s->>'entries')::int8, 0) + %(entries)s,"
                    " 'bytes', coalesce((selection->%(key)s->>'bytes')::int8, 0) + %(bytes)s)) WHERE run_id = %(run)s"
                ),
                {
                    "key": DROPPED_KEY,
                    "who": storable(connection, who),
                    "entries": batch.entries,
                    "bytes": batch.bytes,
                    "run": run_id,
                },
            )
        return batch


async def missing_images(
    journal: Journal, run_ids: Sequence[int], paths: Sequence[str] | None = None
) -> dict[int, int]:
    """How many entries cannot go back over these runs for want of a dropped image, by the run that had it; of `paths` only.

    Of each entry one image is needed: the oldest that these runs made. None, where they began with an insert.
    """
    async with journal.database.reading(_COUNT_SECONDS) as connection:
        rows = await (
            await connection.execute(
                journal.sql(
                    f"SELECT run_id, count(*) FROM (SELECT DISTINCT ON (file_path) run_id, {DROPPED.format('c')} AS dropped"
                    " FROM {change} c WHERE run_id = ANY(%(runs)s) AND (old_value IS NOT NULL OR old_digest = '')"
                    " AND (%(paths)s::text[] IS NULL OR file_path = ANY(%(paths)s)) ORDER BY file_path, run_id) oldest"
                    " WHERE dropped GROUP BY run_id ORDER BY run_id"
                ),
                {"runs": list(run_ids), "paths": None if paths is None else list(paths)},
            )
        ).fetchall()
    return {int(run_id): int(count) for run_id, count in rows}
