"""What a migration would do, from the catalog alone: not one request to the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing

from refooter.catalog.pages import count_entries
from refooter.catalog.rights import check_may_read
from refooter.catalog.selection import Selection
from refooter.events import Event, Finished, Plan, Started
from refooter.jobs.decide import MigrateOptions, Step, Strategy, decide, first_tail
from refooter.jobs.examine import examined
from refooter.jobs.growth import Growth
from refooter.jobs.lake import Lake
from refooter.jobs.meter import Meter
from refooter.store import FIRST_TAIL
from refooter.values import Cause, Wanted


async def plan(lake: Lake, selection: Selection, options: MigrateOptions) -> AsyncGenerator[Event, None]:
    """Judges and decides, and adds up what it would cost. Ends with a `Plan`, which binds nothing."""
    await check_may_read(lake.database)
    meter = Meter(await count_entries(lake.database, selection))
    yield Started("plan", meter.total, lake.target, dry_run=True)
    steps: Counter[str] = Counter()
    causes: Counter[Cause] = Counter()
    refused: Counter[str] = Counter()
    requests = size = saved = 0
    wanted = Wanted.DIAGNOSIS if options.strategy is Strategy.REFETCH else Wanted.MENDABLE
    growth = Growth()
    async with aclosing(examined(lake, selection, wanted)) as batches:
        async for batch in batches:
            for entry, diagnosis in batch:
                action = decide(entry, diagnosis, options)
                steps[action.step.value] += 1
                if action.step in (Step.STAMP, Step.REPAIR, Step.REFETCH):
                    causes[diagnosis.cause] += 1
                if action.step is Step.FAIL:
                    refused[action.reason.value if action.reason else ""] += 1
                elif action.step is Step.STAMP:
                    growth.stamp()
                elif action.step in (Step.REPAIR, Step.REFETCH):
                    known = entry.partitions.agreed_file_size
                    # One more request asks for a size that the catalog does not know, one more reads a footer above the first guess.
                    needed = 1 + (known is None) + (entry.size + 8 > FIRST_TAIL)
                    if action.step is Step.REPAIR:
                        saved += needed
                    else:
                        first = first_tail(diagnosis)
                        requests += needed
                        size += first if known is None else min(known, first)
                    # how long the new value is is not known yet: about as long as the old one
                    growth.value(entry.size, entry.size)
            progress = meter.add(len(batch), dict(steps))
            if progress is not None:
                yield progress
    yield Finished(
        Plan(
            selected=meter.done,
            by_step=dict(steps),
            by_cause=dict(causes),
            refused=dict(refused),
            store_requests=requests,
            store_bytes=size,
            requests_saved=saved,
            wal_bytes=round(growth.wal),
            table_bytes=round(growth.table),
            journal_bytes=round(growth.journal),
            seconds=meter.seconds,
        )
    )
