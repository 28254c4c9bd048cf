"""Mending without reading: what `auto` and `repair` do to a whole lake, request by request, beside what its files say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from refooter.catalog.selection import EVERYTHING
from refooter.demo.lake import LakeSummary, build_lake
from refooter.demo.plan import Situation
from refooter.demo.values import footer
from refooter.events import Plan
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.lake import Lake, Session
from refooter.jobs.migrate import migrate
from refooter.jobs.plan import plan
from refooter.jobs.rollback import rollback
from refooter.jobs.scan import scan
from refooter.jobs.verify import verify
from refooter.store import Store, StoreFailure
from refooter.values import Cause, Diagnosis, EntryResult, FileState, Outcome, Question, Reason, Status, Wanted
from support.jobs import Told, session, told
from support.tables import table_digests, values

AUTO = MigrateOptions()
REPAIR = MigrateOptions(Strategy.REPAIR)
ACCEPT = MigrateOptions(accept_unproved=True)


@dataclass(frozen=True)
class Built:
    lake: LakeSummary
    root: Path

    @property
    def dsn(self) -> str:
        return self.lake.dsn

    def file(self, path: str) -> Path:
        return self.root / path


@pytest.fixture
def built(dsn: str, tmp_path: Path) -> Built:
    return Built(build_lake(dsn, tmp_path / "lake", entries=300), tmp_path / "lake")


@pytest.fixture
def opened(built: Built) -> Iterator[Session]:
    with session(built.dsn, built.lake.store) as opened:
        yield opened


@pytest.fixture
def storeless(built: Built) -> Iterator[Session]:
    """A session that has no object store at all: whoever asks one fails."""
    with session(built.dsn) as opened:
        yield opened


def changes(dsn: str) -> dict[str, tuple[str, bool]]:
    """How the journal says each entry was changed, and whether that was proved."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT file_path, repair, proved FROM refooter.change").fetchall()
    return {path: (repair, proved) for path, repair, proved in rows}


def ended(said: Told, outcome: Outcome, reason: Reason | None = None) -> set[str]:
    return {path for path, one in said.results.items() if one.outcome is outcome and reason in (None, one.reason)}


async def test_auto_reads_only_what_nothing_proves_and_stores_what_the_files_say(built: Built, opened: Session) -> None:
    before = table_digests(built.dsn)
    async with opened.open() as lake:
        planned = (await told(plan(lake, EVERYTHING, AUTO))).summary
        rehearsed = await told(migrate(lake, EVERYTHING, replace(AUTO, dry_run=True)))
        assert table_digests(built.dsn) == before
        said = await told(migrate(lake, EVERYTHING, AUTO))
    how = changes(built.dsn)
    repairs = Counter(repair for repair, _ in how.values())
    mended = {path for path, (repair, _) in how.items() if repair not in ("refetch", "stamp")}
    assert {"true_pointers", "cut_out", "num_rows", "refetch", "stamp"} <= repairs.keys()
    stored = values(built.dsn)
    for path, (repair, proved) in how.items():
        assert proved == (repair != "stamp")
        if (
            repair != "stamp"
            and built.file(path).exists()
            and path not in built.lake.paths(situation=Situation.FILE_REPLACED)
        ):
            assert stored[path] == footer(built.file(path).read_bytes()), path
    assert len(mended) > 3 * repairs["refetch"] > 0
    assert isinstance(planned, Plan)
    assert planned.by_step["repair"] == planned.requests_saved == said.summary.requests_saved == len(mended)
    assert said.summary.repairs == repairs == rehearsed.summary.repairs
    assert ended(rehearsed, Outcome.WOULD_MIGRATE) == ended(said, Outcome.MIGRATED)
    # one request beside those of the plan at most: the footer that shows the store to be the lake's
    assert planned.store_requests <= said.summary.store_requests <= planned.store_requests + 1
    async with opened.open() as lake:
        after = await told(scan(lake, EVERYTHING))
        assert all(after.results[path].diagnosis.status is Status.OK for path in how)
        checked = await told(verify(lake, EVERYTHING, run_id=said.summary.run_id))
        assert checked.summary.run == {"holds": len(how)}
        await told(rollback(lake, [said.summary.run_id]))
    assert table_digests(built.dsn) == before


async def test_a_scan_says_which_entries_auto_mends_without_their_files_where_that_is_asked_for(
    built: Built, opened: Session
) -> None:
    async with opened.open() as lake:
        plain = await told(scan(lake, EVERYTHING))
        asked = await told(scan(lake, EVERYTHING, wanted=Wanted.MENDABLE))
        rehearsed = await told(migrate(lake, EVERYTHING, replace(AUTO, dry_run=True)))
    assert {path: replace(one.diagnosis, repair=None) for path, one in asked.results.items()} == {
        path: one.diagnosis for path, one in plain.results.items()
    }
    repairs = {path: one.diagnosis.repair for path, one in asked.results.items()}
    proved = {path for path, repair in repairs.items() if repair is not None and repair.proved}
    by_value = {path for path in ended(rehearsed, Outcome.WOULD_MIGRATE) if _repaired(rehearsed.results[path])}
    # orphans and disagreeing partition rows are left alone, however well their values could be mended
    assert by_value <= proved
    assert proved - by_value <= ended(rehearsed, Outcome.SKIPPED) | ended(rehearsed, Outcome.FAILED, Reason.MISMATCH)
    assert {asked.results[path].diagnosis.cause for path in by_value} > {Cause.PAGE_INDEX_PREFIX}
    assert all(repair is None or repair.value is None for repair in repairs.values())


def _repaired(result: EntryResult) -> bool:
    return result.diagnosis.repair is not None and result.diagnosis.repair.proved


async def test_a_plan_gets_no_mended_value_back_from_the_workers(built: Built, opened: Session) -> None:
    told_of: list[Diagnosis] = []

    class Overheard:
        async def examine(self, questions: Sequence[Question]) -> list[Diagnosis]:
            found = await opened.judges.examine(questions)
            told_of.extend(found)
            return found

    async with opened.open() as lake:
        planned = (await told(plan(replace(lake, judges=cast("Any", Overheard())), EVERYTHING, AUTO))).summary
    assert planned.by_step["repair"] > 0
    repairs = [one.repair for one in told_of if one.repair is not None]
    assert len(repairs) >= planned.by_step["repair"]
    assert all(repair.value is None for repair in repairs)


async def test_auto_and_refetch_store_the_same_values(built: Built, opened: Session) -> None:
    async with opened.open() as lake:
        by_repair = await told(migrate(lake, EVERYTHING, AUTO))
        repaired = values(built.dsn)
        await told(rollback(lake, [by_repair.summary.run_id]))
        by_reading = await told(migrate(lake, EVERYTHING, MigrateOptions(Strategy.REFETCH)))
    refetched = values(built.dsn)
    both = ended(by_reading, Outcome.MIGRATED)
    assert both <= ended(by_repair, Outcome.MIGRATED)
    assert {path: repaired[path] for path in both} == {path: refetched[path] for path in both}


async def test_repair_alone_asks_no_store_and_leaves_what_only_the_file_can_mend(
    built: Built, storeless: Session
) -> None:
    before = values(built.dsn)
    async with storeless.open() as lake:
        said = await told(migrate(lake, EVERYTHING, REPAIR))
    how = changes(built.dsn)
    assert said.summary.store_requests == 0
    assert said.summary.run_id is not None
    assert {repair for repair, _ in how.values()} == {"true_pointers", "cut_out", "num_rows", "stamp"}
    needy = ended(said, Outcome.FAILED, Reason.NEEDS_FILE)
    causes = {said.results[path].diagnosis.cause for path in needy}
    assert {
        Cause.TRUNCATED,
        Cause.EMPTY,
        Cause.CHUNK_OUT_OF_BOUNDS,
        Cause.ROW_COUNT_MISMATCH,
        Cause.ARROW_SCHEMA,
    } <= causes
    unproved = ended(said, Outcome.FAILED, Reason.UNPROVED)
    assert unproved
    stored = values(built.dsn)
    assert all(stored[path] == before[path] for path in needy | unproved)


async def test_unproved_repairs_are_written_where_they_are_accepted_and_told_of(
    built: Built, storeless: Session
) -> None:
    async with storeless.open() as lake:
        first = await told(migrate(lake, EVERYTHING, REPAIR))
        unproved = ended(first, Outcome.FAILED, Reason.UNPROVED)
        second = await told(migrate(lake, EVERYTHING, replace(REPAIR, accept_unproved=True)))
        after = await told(scan(lake, EVERYTHING))
    assert ended(second, Outcome.MIGRATED) == unproved
    assert second.summary.proved == 0
    assert all(after.results[path].diagnosis.status is Status.OK for path in unproved)
    assert {path: proved for path, (_, proved) in changes(built.dsn).items() if path in unproved} == dict.fromkeys(
        unproved, False
    )
    with psycopg.connect(built.dsn) as connection:
        rows = connection.execute(
            "SELECT file_path, outcome, reason FROM refooter.result WHERE run_id = %s AND outcome <> 'failed'",
            (second.summary.run_id,),
        ).fetchall()
    assert set(rows) == {(path, "migrated", "unproved") for path in unproved}


async def test_auto_accepts_an_unproved_repair_only_where_the_file_is_missing(built: Built, opened: Session) -> None:
    async with opened.open() as lake:
        unproved = await _unproved(lake)
        there, gone = set(sorted(unproved)[::2]), set(sorted(unproved)[1::2])
        for path in gone:
            built.file(path).unlink(missing_ok=True)
        for path in there:
            assert built.file(path).exists()
        said = await told(migrate(lake, EVERYTHING, AUTO))
        assert gone <= ended(said, Outcome.FAILED, Reason.UNPROVED)
        assert all("--accept-unproved" in (said.results[path].sentence or "") for path in gone)
        assert there <= ended(said, Outcome.MIGRATED)
        accepted = await told(migrate(lake, EVERYTHING, ACCEPT))
    assert gone <= ended(accepted, Outcome.MIGRATED)
    how = changes(built.dsn)
    assert all(how[path] == ("refetch", True) for path in there)
    assert all(how[path] == ("num_rows", False) for path in gone)


async def _unproved(lake: Lake) -> set[str]:
    """Entries with a file and with a repair that nothing proves."""
    said = await told(migrate(lake, EVERYTHING, replace(REPAIR, dry_run=True)))
    looked = await told(scan(lake, EVERYTHING, deep=True))
    found = ended(said, Outcome.FAILED, Reason.UNPROVED)
    found = {path for path in found if looked.results[path].file_state is FileState.PRESENT}
    assert len(found) >= 2
    return found


@pytest.mark.parametrize("reason", [Reason.STORE_DENIED, Reason.STORE_UNREACHABLE])
async def test_an_unproved_repair_is_never_written_because_the_store_could_not_be_asked(
    built: Built, opened: Session, reason: Reason
) -> None:
    async with opened.open() as lake:
        unproved = await _unproved(lake)
        said = await told(
            migrate(replace(lake, store=Refusing(lake.need_store(), unproved, reason)), EVERYTHING, ACCEPT)
        )
    assert unproved == ended(said, Outcome.FAILED, reason)
    assert not unproved & changes(built.dsn).keys()


class Refusing(Store):
    """A store that fails for some files; a real one cannot be made to at will."""

    def __init__(self, store: Store, paths: set[str], reason: Reason) -> None:
        self._real, self._paths, self._reason = store, paths, reason
        self.counts, self.shown = store.counts, store.shown

    async def read_footer(self, file_path: str, *args: Any, **named: Any) -> Any:
        if file_path in self._paths:
            raise StoreFailure(self._reason, "not now")
        return await self._real.read_footer(file_path, *args, **named)


async def test_what_has_no_file_and_no_repair_is_listed_as_missing(built: Built, opened: Session) -> None:
    async with opened.open() as lake:
        said = await told(migrate(lake, EVERYTHING, AUTO))
    missing = ended(said, Outcome.FAILED, Reason.FILE_MISSING)
    assert missing
    assert missing <= set(built.lake.paths(situation=Situation.FILE_GONE))
