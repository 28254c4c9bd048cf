"""The first three boxes in a row: pages of entries, judged and diagnosed. Every job begins with them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from refooter.catalog.pages import check_names, entry_pages
from refooter.catalog.selection import Selection
from refooter.jobs.flow import overlap
from refooter.jobs.lake import Lake
from refooter.values import NOT_JUDGED, Diagnosis, Entry, EntryResult, Question, Wanted

# Pages of 4 MiB: one being read, two being judged, one being looked at.
_PAGES_AHEAD = 2

Examined = tuple[Entry, Diagnosis]


async def examined(
    lake: Lake, selection: Selection, wanted: Wanted = Wanted.DIAGNOSIS
) -> AsyncGenerator[list[Examined], None]:
    """The selected entries with their diagnoses, in batches. What only a verdict can select is filtered here."""
    if not selection.allow_empty:
        await check_names(lake.database, selection)

    async def judge(page: list[Entry]) -> list[Examined]:
        return [pair for pair in await judged(lake, page, wanted) if selection.judges(pair[1])]

    async with aclosing(overlap(entry_pages(lake.database, selection), judge, _PAGES_AHEAD)) as batches:
        async for batch in batches:
            if batch:
                yield batch


async def judged(lake: Lake, entries: list[Entry], wanted: Wanted = Wanted.DIAGNOSIS) -> list[Examined]:
    """Entries with their diagnoses. A value too large to be read stays `unknown`, and says why."""
    questions = [question(entry, wanted) for entry in entries if entry.value is not None]
    diagnoses = iter(await lake.judges.examine(questions))
    return [(entry, next(diagnoses) if entry.value is not None else _too_large(entry)) for entry in entries]


def question(entry: Entry, wanted: Wanted = Wanted.DIAGNOSIS) -> Question:
    assert entry.value is not None
    partitions = entry.partitions
    return Question(entry.value, partitions.agreed_num_rows, partitions.agreed_file_size, entry.versions, wanted)


def _too_large(entry: Entry) -> Diagnosis:
    return replace(NOT_JUDGED, error=f"the value holds {entry.size:,} bytes, more than are read: not judged")


def entry_result(entry: Entry, diagnosis: Diagnosis) -> EntryResult:
    """What a list shows of an entry."""
    view_set, view_instance = entry.view
    rows = entry.partitions.num_rows
    return EntryResult(
        file_path=entry.file_path,
        view_set=view_set,
        view_instance=view_instance,
        diagnosis=diagnosis.without_bytes(),
        blob_size=entry.size,
        catalog_num_rows=rows[0] if len(rows) == 1 else None,
        file_size=entry.partitions.agreed_file_size,
        format_version=entry.version,
        insert_time=entry.insert_time,
        orphan=entry.orphan,
    )
