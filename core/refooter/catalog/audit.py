"""One run looked at as a whole: what its changes and results come to, and what other runs did to its entries since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from refooter.catalog.journal import Journal

_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class LaterRun:
    """Another run that changed `entries` of this run's since. `undoes`: it was a rollback of this very run."""

    run_id: int
    kind: str
    who: str
    started: int
    entries: int
    undoes: bool


@dataclass(frozen=True, slots=True)
class Audit:
    """Counts of entries by the cause that was found, by how they were changed, and by why they were not; `later` oldest first."""

    by_cause: dict[str, int]
    by_repair: dict[str, int]
    by_reason: dict[str, int]
    later: tuple[LaterRun, ...]


async def run_audit(journal: Journal, run_id: int) -> Audit:
    """All of it in one snapshot. A run without a journal row has nothing."""
    counted = "count(*) FROM {change} WHERE run_id = %s GROUP BY 1 ORDER BY 2 DESC, 1"
    async with journal.database.reading(_SECONDS) as connection:

        async def counts(query: str) -> dict[str, int]:
            return dict(await (await connection.execute(journal.sql(query), (run_id,))).fetchall())

        by_cause = await counts(f"SELECT cause, {counted}")
        by_repair = await counts(f"SELECT repair, {counted}")
        by_reason = await counts(
            "SELECT coalesce(reason, outcome), count(*) FROM {result} WHERE run_id = %s GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        cursor = connection.cursor(binary=True)
        # By when each change was made: a program that heals is one run for as long as it lives.
        await cursor.execute(
            journal.sql(
                "SELECT run.run_id, run.kind, run.who, run.started, later.entries,"
                " run.kind = 'rollback' AND coalesce(run.selection->'runs' @> to_jsonb(%(run)s::int8), false)"
                " FROM (SELECT other.run_id, count(*) AS entries FROM {change} mine JOIN {change} other"
                "   ON other.file_path = mine.file_path AND other.run_id <> mine.run_id AND other.changed > mine.changed"
                "  WHERE mine.run_id = %(run)s GROUP BY other.run_id) later"
                " JOIN {run} run ON run.run_id = later.run_id ORDER BY run.run_id"
            ),
            {"run": run_id},
        )
        later: list[tuple[Any, ...]] = await cursor.fetchall()
    return Audit(by_cause, by_repair, by_reason, tuple(LaterRun(*row) for row in later))
