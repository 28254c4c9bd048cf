"""What runs did to one entry, as the journal has it: the changes that they made, and what they could not do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from refooter.catalog.images import DROPPED
from refooter.catalog.journal import DEAD_AFTER_SECONDS, Journal, ResultRecord, RunState

HISTORY_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class ChangeMade:
    """What a run wrote. `old_version` and `new_version` are `None` where the catalog has no versions, or had none then.

    `old_size` and `new_size` are bytes, `None` where neither the journal nor the catalog still has a value with that digest.
    """

    cause: str
    repair: str
    proved: bool
    old_digest: bytes
    new_digest: bytes
    old_version: int | None
    new_version: int | None
    old_size: int | None = None
    new_size: int | None = None


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """What one run did to an entry: `change` or `result` is there, both for a repair that nothing proves.

    `when` is in microseconds since `PG_EPOCH`, by the server's clock; `state` is the run's, as `RunRecord` has it.
    """

    run_id: int
    kind: str
    who: str
    strategy: str
    state: RunState
    when: int
    change: ChangeMade | None
    result: ResultRecord | None


async def entry_history(journal: Journal, file_path: str, most: int = HISTORY_LIMIT) -> list[HistoryRecord]:
    """Newest first, `most` at most; nothing where there is no journal.

    By when it happened, not by the run's number: a program that heals is one run for as long as it lives. Of each run one row is
    looked up by the keys of `change` and `result`, so that it does not matter how many changes there are.
    """
    async with journal.database.reading() as connection:
        if await journal.version(connection) is None:
            return []
        cursor = connection.cursor(binary=True)
        await cursor.execute(
            journal.sql(
                "SELECT run.run_id, run.kind, run.who, run.strategy, CASE WHEN run.state = 'running' AND run.heartbeat"
                f" < clock_timestamp() - interval '{DEAD_AFTER_SECONDS} seconds' THEN 'dead' ELSE run.state END,"
                " coalesce(change.changed, result.at),"
                " change.run_id IS NOT NULL, change.cause, change.repair, change.proved, change.old_digest, change.new_digest,"
                " change.old_version, change.new_version,"
                f" CASE WHEN NOT {DROPPED.format('change')} THEN octet_length(change.old_value) END,"
                " result.outcome, result.reason, result.sentence"
                " FROM {run} run"
                " LEFT JOIN {change} change ON change.run_id = run.run_id AND change.file_path = %(path)s"
                " LEFT JOIN {result} result ON result.run_id = run.run_id AND result.file_path = %(path)s"
                " WHERE change.run_id IS NOT NULL OR result.run_id IS NOT NULL"
                " ORDER BY coalesce(change.changed, result.at) DESC, run.run_id DESC LIMIT %(most)s"
            ),
            {"path": file_path, "most": most},
        )
        found = [_record(file_path, row) for row in await cursor.fetchall()]
        if not found:
            return []
        await cursor.execute(
            "SELECT sha256(metadata), octet_length(metadata) FROM partition_metadata WHERE file_path = %s", (file_path,)
        )
        sizes: dict[bytes, int] = dict(await cursor.fetchall())
    return _with_sizes(found, sizes)


def _record(file_path: str, row: tuple[Any, ...]) -> HistoryRecord:
    run_id, kind, who, strategy, state, when, changed, *rest = row
    *change, outcome, reason, sentence = rest
    return HistoryRecord(
        run_id,
        kind,
        who,
        strategy,
        RunState(state),
        when,
        ChangeMade(*change) if changed else None,
        None if outcome is None else ResultRecord(file_path, outcome, reason, sentence),
    )


def _with_sizes(found: list[HistoryRecord], sizes: dict[bytes, int]) -> list[HistoryRecord]:
    """The journal keeps what was there before, not what came then; that is what the next change found, or what is there now."""
    for one in found:
        if one.change is not None and one.change.old_size is not None:
            sizes[one.change.old_digest] = one.change.old_size
    return [
        one
        if one.change is None
        else replace(
            one,
            change=replace(
                one.change, old_size=sizes.get(one.change.old_digest), new_size=sizes.get(one.change.new_digest)
            ),
        )
        for one in found
    ]
