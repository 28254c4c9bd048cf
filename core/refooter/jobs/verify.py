"""Whether it worked: every entry decodes and does no harm, counts match, nothing is missing, and a run's changes are all there."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from refooter.catalog.changes import NO_ROW, digest
from refooter.catalog.journal import ChangeRecord, LaterChange, RunRecord
from refooter.catalog.pages import count_entries, read_entries
from refooter.catalog.rights import check_may_read, check_sees_all
from refooter.catalog.selection import Selection
from refooter.catalog.views import bare_partitions, partitioned
from refooter.events import Event, Finished, Notice, Problem, ProblemsFound, Severity, Started, VerifySummary
from refooter.jobs.examine import Examined, examined
from refooter.jobs.lake import Lake
from refooter.jobs.meter import Meter
from refooter.jobs.proof import StoreProof
from refooter.jobs.runs import find_run
from refooter.store import StoreFailure
from refooter.values import Diagnosis, Entry, Reason, Status


async def verify(
    lake: Lake, selection: Selection, *, run_id: int | None = None, against_store: bool = False
) -> AsyncGenerator[Event, None]:
    """Ends with a `VerifySummary`; problems come as they are found. Writes nothing.

    `run_id` also accounts for every entry that this run changed. `against_store` compares each value with its file's own
    footer. Orphans are looked at only where the selection names them: nothing vouches for them, and they are being retired.
    """
    partial = await check_may_read(lake.database)
    if run_id is not None:
        # what is hidden would be called lost
        await check_sees_all(lake.database)
    store = lake.need_store() if against_store else None
    proof = StoreProof(lake.database, store) if store is not None else None
    run = await find_run(lake, run_id) if run_id is not None else None
    requests, size = (store.counts.requests, store.counts.bytes) if store is not None else (0, 0)
    meter = Meter(await count_entries(lake.database, selection))
    found: Counter[str] = Counter()
    entries = sound = 0
    named = frozenset(selection.paths or ())
    yield Started("verify", meter.total, lake.target)
    if partial is not None:
        yield Notice(Severity.WARNING, f"{partial}; partitions without an entry are not looked for")
    async with aclosing(examined(lake, selection)) as batches:
        async for batch in batches:
            looked_at = [pair for pair in batch if not pair[0].orphan or pair[0].file_path in named]
            problems = {entry.file_path: _problems(entry, diagnosis) for entry, diagnosis in looked_at}
            if store is not None and proof is not None:
                if looked_at and not proof.holds:
                    first = looked_at[0][0]
                    await proof.ensure((first.file_path, first.partitions.agreed_file_size))
                for pair, differs in zip(
                    looked_at, await asyncio.gather(*(_against_store(lake, pair) for pair in looked_at)), strict=True
                ):
                    problems[pair[0].file_path] += differs
            entries += len(looked_at)
            sound += sum(not said for said in problems.values())
            said = tuple(problem for several in problems.values() for problem in several)
            found.update(problem.problem for problem in said)
            if said:
                yield ProblemsFound(said)
            progress = meter.add(len(batch), dict(found))
            if progress is not None:
                yield progress
    narrowed = selection.statuses or selection.causes or selection.since is not None or selection.until is not None
    if partial is None and not narrowed:
        async for page in bare_partitions(lake.database, selection):
            bare = tuple(
                Problem(one.file_path, "no_metadata", "a partition names this file, but there is no entry for it")
                for one in page
            )
            found["no_metadata"] += len(bare)
            yield ProblemsFound(bare)
    accounted: Counter[str] = Counter()
    if run is not None:
        async for outcomes, lost in _account(lake, run):
            accounted.update(outcomes)
            found.update(problem.problem for problem in lost)
            if lost:
                yield ProblemsFound(tuple(lost))
    yield Finished(
        VerifySummary(
            entries=entries,
            ok=sound,
            by_problem=dict(found),
            seconds=meter.seconds,
            target=lake.target,
            store_requests=store.counts.requests - requests if store is not None else 0,
            store_bytes=store.counts.bytes - size if store is not None else 0,
            run=dict(accounted),
        )
    )


def _problems(entry: Entry, diagnosis: Diagnosis) -> list[Problem]:
    """What is wrong with one entry, without its file. Out of date is no problem: the queries answer rightly."""
    problems = []
    if diagnosis.status not in (Status.OK, Status.STALE):
        word = diagnosis.cause.value if diagnosis.status is not Status.UNKNOWN else "not_judged"
        problems.append(Problem(entry.file_path, word, diagnosis.error or "; ".join(diagnosis.evidence) or word))
    rows = None if diagnosis.facts is None else diagnosis.facts.row_group_sum
    if 0 in entry.partitions.num_rows and rows:
        said = f"a partition row records 0 rows, the footer holds {rows}: the engine's queries skip it"
        problems.append(Problem(entry.file_path, "catalog_zero_rows", said))
    if entry.partitions.disagree:
        problems.append(
            Problem(entry.file_path, "partitions_disagree", "its partition rows disagree on num_rows or file_size")
        )
    return problems


async def _against_store(lake: Lake, pair: Examined) -> list[Problem]:
    entry, diagnosis = pair
    try:
        found = await lake.need_store().read_footer(entry.file_path, entry.partitions.agreed_file_size)
    except StoreFailure as failure:
        word = "file_missing" if failure.reason is Reason.FILE_MISSING else failure.reason.value
        return [Problem(entry.file_path, word, failure.sentence)]
    if entry.value is None or diagnosis.facts is None or not diagnosis.accepted:
        return []
    own = entry.value[diagnosis.facts.start : diagnosis.facts.start + diagnosis.facts.length]
    if own == found.footer:
        return []
    return [
        Problem(
            entry.file_path, "differs_from_file", "the value is not the file's own footer, though it may say the same"
        )
    ]


async def _account(lake: Lake, run: RunRecord) -> AsyncGenerator[tuple[Counter[str], list[Problem]], None]:
    """Every entry that a run changed, page by page: how many ended how, and those that are problems."""
    as_now = lake.database.version.as_now
    async for groups in lake.journal.changes([run.run_id]):
        page = [one for group in groups for one in group]
        paths = [one.file_path for one in page]
        entries = {entry.file_path: entry for entry in await read_entries(lake.database, paths)}
        later = await lake.journal.later_changes(run.run_id, paths)
        named = await partitioned(lake.database, paths)
        outcomes: Counter[str] = Counter()
        lost: list[Problem] = []
        for one in page:
            word, problem = _fate(
                run, one, entries.get(one.file_path), as_now, later.get(one.file_path), one.file_path in named
            )
            outcomes[word] += 1
            if problem is not None:
                lost.append(problem)
        yield outcomes, lost


def _fate(
    run: RunRecord,
    change: ChangeRecord,
    entry: Entry | None,
    as_now: Callable[[int | None], int | None],
    later: LaterChange | None,
    partitioned_still: bool,
) -> tuple[str, Problem | None]:
    """What became of one entry: it is as the run left it, or a later run changed it, or it was retired, or it is lost."""
    path = change.file_path
    if entry is None:
        # A run that undoes inserts takes rows away.
        if later is not None and later.new_digest == NO_ROW:
            return "changed_later", None
        if later is None and change.new_digest == NO_ROW:
            return "holds", None
        if not partitioned_still:
            return "gone", None
        said = f"run {run.run_id} wrote this entry, a partition names it, and it is gone"
        return "lost", Problem(path, "lost", said)
    written = entry.value is not None and digest(entry.value) == change.new_digest
    if written and entry.version == as_now(change.new_version):
        return "holds", None
    if later is not None:
        return "changed_later", None
    said = f"the entry holds neither what run {run.run_id} wrote nor what a later run of ours did"
    return "changed", Problem(path, "changed", said)
