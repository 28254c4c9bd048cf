"""A program whose memory is measured: runs one job over everything and keeps nothing of what it says.

Arguments: `scan` or `migrate`, the catalog's address, the number of entries that there are.
"""

from __future__ import annotations

import sys

from ground import STORE

from refooter.catalog.selection import EVERYTHING
from refooter.events import Finished, RunSummary, ScanSummary
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.lake import Session
from refooter.jobs.migrate import migrate
from refooter.jobs.scan import scan
from refooter.loop import run
from refooter.settings import Settings
from refooter.values import Outcome


async def _run(session: Session, job: str, entries: int) -> None:
    async with session.open() as lake:
        events = (
            migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)) if job == "migrate" else scan(lake, EVERYTHING)
        )
        async for event in events:
            if not isinstance(event, Finished):
                continue
            if isinstance(event.summary, RunSummary):
                assert event.summary.count(Outcome.MIGRATED) == entries, event.summary
            else:
                assert isinstance(event.summary, ScanSummary)
                assert event.summary.entries == entries, event.summary


def main() -> None:
    job, dsn, entries = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with Session(Settings(dsn=dsn, store=STORE if job == "migrate" else None)) as session:
        run(_run(session, job, entries))


if __name__ == "__main__":
    main()
