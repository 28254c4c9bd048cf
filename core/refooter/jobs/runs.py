"""The journal, for people: which runs there were, and what became of every entry of one."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from refooter.catalog import audit, history
from refooter.catalog.audit import Audit
from refooter.catalog.history import HistoryRecord
from refooter.catalog.journal import ResultRecord, RunRecord
from refooter.errors import NothingSelected
from refooter.jobs.lake import Lake


async def runs(lake: Lake) -> list[RunRecord]:
    """All runs, newest first; none where there is no journal yet."""
    return await lake.journal.runs()


async def find_run(lake: Lake, run_id: int) -> RunRecord:
    """Raises `NothingSelected` for a run that the journal does not have."""
    found = await lake.journal.runs(run_id)
    if not found:
        raise NothingSelected(f"no run {run_id} in the journal; `refooter runs` lists them")
    return found[0]


async def run_audit(lake: Lake, run_id: int) -> Audit:
    """What a run's changes and failures come to, and which runs changed its entries since. Raises `NothingSelected`."""
    await find_run(lake, run_id)
    return await audit.run_audit(lake.journal, run_id)


async def run_outcomes(lake: Lake, run_id: int) -> AsyncGenerator[list[ResultRecord], None]:
    """What a run could not do (`failed`, `conflict`, `gone`), by pages of the path. Raises `NothingSelected`."""
    await find_run(lake, run_id)
    async for page in lake.journal.results(run_id):
        yield page


async def entry_history(lake: Lake, file_path: str) -> list[HistoryRecord]:
    """What runs did to an entry, newest first, `HISTORY_LIMIT` at most; none where there is no journal yet, or no such entry."""
    return await history.entry_history(lake.journal, file_path)


async def run_changes(lake: Lake, run_id: int) -> AsyncGenerator[list[str], None]:
    """The paths of the entries that a run changed, by pages. Raises `NothingSelected`."""
    await find_run(lake, run_id)
    async for page in lake.journal.changed_paths(run_id):
        yield page
