"""Judging every selected entry, and counting what the catalog holds besides."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from refooter.catalog.pages import count_entries
from refooter.catalog.rights import check_may_read
from refooter.catalog.selection import EVERYTHING, Selection
from refooter.catalog.views import partition_counts, view_names
from refooter.events import EntriesDone, Event, Finished, Notice, ScanSummary, Severity, Started, ViewCount
from refooter.jobs.examine import entry_result, examined
from refooter.jobs.lake import Lake
from refooter.jobs.meter import Meter
from refooter.values import Cause, Status, Wanted, view_name


async def scan(
    lake: Lake, selection: Selection, *, deep: bool = False, wanted: Wanted = Wanted.DIAGNOSIS
) -> AsyncGenerator[Event, None]:
    """Every selected entry with its diagnosis, in batches; `deep` adds the state of each file, one small read each.

    With `Wanted.MENDABLE` each diagnosis of a broken value says which repair would mend it without its file, if one would.
    Ends with a `ScanSummary`. Writes nothing.
    """
    store = lake.need_store() if deep else None
    partial = await check_may_read(lake.database)
    meter = Meter(await count_entries(lake.database, selection))
    yield Started("scan", meter.total, lake.target)
    if partial is not None:
        yield Notice(Severity.WARNING, partial)
    by_status: Counter[Status] = Counter()
    by_cause: Counter[Cause] = Counter()
    by_file_state: Counter[str] = Counter()
    orphans = not_ok = 0
    async with aclosing(examined(lake, selection, wanted)) as batches:
        async for batch in batches:
            results = [entry_result(entry, diagnosis) for entry, diagnosis in batch]
            if store is not None:
                states = await asyncio.gather(
                    *(store.check(entry.file_path, entry.partitions.agreed_file_size) for entry, _ in batch)
                )
                results = [
                    replace(result, file_state=state.state, sentence=state.sentence)
                    for result, state in zip(results, states, strict=True)
                ]
                by_file_state.update(result.file_state.value for result in results)
            by_status.update(result.diagnosis.status for result in results)
            by_cause.update(result.diagnosis.cause for result in results)
            orphans += sum(result.orphan for result in results)
            not_ok += sum(not result.orphan and result.diagnosis.status is not Status.OK for result in results)
            yield EntriesDone(tuple(results))
            progress = meter.add(len(results), {status.value: count for status, count in by_status.items()})
            if progress is not None:
                yield progress
    rows = await partition_counts(lake.database, selection)
    yield Finished(
        ScanSummary(
            entries=meter.done,
            by_status=dict(by_status),
            by_cause=dict(by_cause),
            by_file_state=dict(by_file_state),
            seconds=meter.seconds,
            target=lake.target,
            orphans=orphans,
            not_ok=not_ok,
            partitions=rows.partitions,
            partitions_without_file=rows.without_file,
            partitions_without_metadata=rows.without_metadata,
        )
    )


async def views(lake: Lake, selection: Selection = EVERYTHING) -> AsyncGenerator[Event, None]:
    """The views with their counts by status: a scan, summed by view. Ends with a list of `ViewCount`, by name.

    Views that only partitions without an entry name are there too, with 0 entries.
    """
    counts: dict[str, Counter[Status]] = defaultdict(Counter)
    async with aclosing(scan(lake, selection)) as events:
        async for event in events:
            if isinstance(event, EntriesDone):
                for result in event.results:
                    counts[result.view][result.diagnosis.status] += 1
            elif not isinstance(event, Finished):
                yield event
    if selection.everything:
        for name in await view_names(lake.database):
            counts.setdefault(view_name(*name), Counter())
    yield Finished([ViewCount(view, found.total(), dict(found)) for view, found in sorted(counts.items())])
