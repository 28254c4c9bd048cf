"""Healing: for a program that reads footers one by one, and mends an entry when it meets one that is broken."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection

from refooter import __version__
from refooter.catalog.changes import Change
from refooter.catalog.journal import RunStart
from refooter.catalog.journal_schema import JournalSchema
from refooter.catalog.lent import Found, NotStored, beat, find_entry, is_idle, write_change
from refooter.diagnosis.safely import diagnose_safely, undiagnosed
from refooter.errors import NothingSelected, RefooterError
from refooter.jobs.decide import MigrateOptions, Step, Strategy, decide, first_tail
from refooter.jobs.derive import foreseen, question_of, refetched, repaired
from refooter.jobs.examine import question
from refooter.jobs.run import who_am_i
from refooter.parquet.footer import Footer, read_footer
from refooter.store import Store, StoreFailure
from refooter.target.target import ARROW_57
from refooter.target.workers import Judges
from refooter.values import Diagnosis, Entry, Reason, Status, Wanted

_BEAT_SECONDS: Final = 10.0


class NotHealed(RefooterError):
    """The entry is broken, and no footer could be had that may take its place. Nothing was written."""

    code = "not_healed"
    exit_code = 1

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Healed:
    """An entry's footer, fit for the target parser.

    `footer` is FileMetaData as bytes, `decoded` the same as a tree. `diagnosis` is of the value as it was found. `repair`
    says how the footer was come by, `None` where nothing was wrong. `stored`: it is in the catalog now, in the run
    `run_id`, once the caller's transaction is committed; where it is not, `why_not` says why, and the footer is good all
    the same.
    """

    file_path: str
    footer: bytes
    diagnosis: Diagnosis
    repair: str | None = None
    stored: bool = False
    run_id: int | None = None
    why_not: str | None = None

    @property
    def decoded(self) -> Footer:
        return read_footer(self.footer)


async def heal(
    connection: AsyncConnection[Any],
    store: Store | None,
    file_path: str,
    *,
    judges: Judges[Diagnosis] | None = None,
    journal_schema: str = "refooter",
) -> Healed:
    """The footer of an entry; a broken entry is mended first, by the rules of a migration with the strategy `auto`.

    The caller's transaction is neither committed nor rolled back: what is written is written in a savepoint of it, or, on an
    idle connection, in a transaction of its own. No row lock is waited for: where somebody else holds the row, has
    changed it meanwhile, or the connection may not write, the footer is returned, not stored. While the store and the
    target parser are asked nothing of ours is open; a transaction of the caller's stays as it is. The connection must not
    be used by anybody else meanwhile.

    All that a process heals in one catalog is journaled as one run of kind `heal`, until somebody closes that run. `judges`
    (started) are those of a `Session`, or else one worker process of this program's, started when first needed. Without a
    `store`, only what the old value proves can be mended.

    Raises `NothingSelected` where there is no such entry, `NotHealed` with a reason code where nothing can take the place
    of a broken one, `UsageError` for a connection whose transaction has failed, `UnsupportedCatalog`, and psycopg's errors
    when the connection is lost.
    """
    journal = JournalSchema(journal_schema)
    found = await find_entry(connection, file_path)
    entry = found.entry
    if entry is None:
        raise NothingSelected(f"no entry {file_path!r} in the catalog; `refooter scan -o FILE` lists them")
    judges = judges or await _own_judges()
    if entry.value is None:
        raise NotHealed(Reason.TOO_LARGE, f"the value holds {entry.size:,} bytes, more than are read")
    [diagnosis] = await judges.examine([question(entry, Wanted.MENDED)])
    sound = _as_it_is(entry, diagnosis)
    if sound is not None:
        return sound
    change = await _derive(found, entry, diagnosis, store, judges)
    if change is None:
        # What looks wrong is how the file was written: its own footer says the same.
        return _of_value(entry, diagnosis)
    assert change.new_value is not None
    healed = Healed(file_path, change.new_value, diagnosis.without_bytes(), change.repair)
    return await _store(connection, journal, found, change, healed)


def _as_it_is(entry: Entry, diagnosis: Diagnosis) -> Healed | None:
    if diagnosis.status is Status.UNKNOWN:
        said = diagnosis.error or "nothing is known of it"
        raise RefooterError(f"{entry.file_path} could not be judged: {said}; `refooter inspect` tells more")
    return _of_value(entry, diagnosis) if diagnosis.status in (Status.OK, Status.STALE) else None


def _of_value(entry: Entry, diagnosis: Diagnosis) -> Healed:
    assert entry.value is not None
    facts = diagnosis.facts
    footer = entry.value if facts is None else entry.value[facts.start : facts.start + facts.length]
    return Healed(entry.file_path, footer, diagnosis)


async def _derive(
    found: Found, entry: Entry, diagnosis: Diagnosis, store: Store | None, judges: Judges[Diagnosis]
) -> Change | None:
    """Raises `NotHealed`."""
    strategy = Strategy.REPAIR if store is None else Strategy.AUTO
    action = decide(entry, diagnosis, MigrateOptions(strategy, named=frozenset({entry.file_path})))
    versioned = found.version.has_format_version
    if action.step is Step.REPAIR:
        return repaired(entry, diagnosis, versioned=versioned)
    if action.step is not Step.REFETCH or store is None:
        raise NotHealed(action.reason or Reason.NEEDS_FILE, action.why)
    try:
        read = await store.read_footer(entry.file_path, entry.partitions.agreed_file_size, first_tail(diagnosis))
    except StoreFailure as failure:
        raise NotHealed(failure.reason, failure.sentence) from None
    new = foreseen(diagnosis, read.footer)
    if new is None:
        [new] = await judges.examine([question_of(entry, read)])
    change = refetched(entry, diagnosis, new, read, versioned=versioned)
    if isinstance(change, tuple):
        raise NotHealed(*change)
    return None if change is None or change.new_value is None else change


async def _store(
    connection: AsyncConnection[Any], journal: JournalSchema, found: Found, change: Change, healed: Healed
) -> Healed:
    def not_stored(why: str) -> Healed:
        return Healed(healed.file_path, healed.footer, healed.diagnosis, healed.repair, why_not=why)

    if not found.may_write:
        return not_stored("the connection is read-only")
    run = _run_of(found, journal)
    start = RunStart("heal", who_am_i(), __version__, str(ARROW_57.name), {}, Strategy.AUTO)
    begins = await run.to_begin()
    try:
        run.id = await write_change(connection, journal, found.version, run.id, start, change)
    except NotStored as why:
        return not_stored(str(why))
    finally:
        if begins:
            run.beginning.release()
    if is_idle(connection) and time.monotonic() - run.beaten > _BEAT_SECONDS:
        run.beaten = time.monotonic()
        with suppress(psycopg.DatabaseError):
            await beat(connection, journal, run.id)
    return Healed(healed.file_path, healed.footer, healed.diagnosis, healed.repair, True, run.id)


@dataclass(slots=True)
class _HealRun:
    """This process's run in one catalog, once there is one."""

    id: int | None = None
    beaten: float = 0.0
    beginning: threading.Lock = field(default_factory=threading.Lock)

    async def to_begin(self) -> bool:
        """Returns once there is a run, or, with true and the lock held, if the caller is the one to begin it."""
        while self.id is None:
            if self.beginning.acquire(blocking=False):
                if self.id is None:
                    return True
                self.beginning.release()
            await asyncio.sleep(0.005)
        return False


_runs: dict[tuple[int, str, str], _HealRun] = {}
_judges: tuple[int, Judges[Diagnosis]] | None = None


def _run_of(found: Found, journal: JournalSchema) -> _HealRun:
    # a forked child is another process
    return _runs.setdefault((os.getpid(), found.address, journal.schema), _HealRun())


async def _own_judges() -> Judges[Diagnosis]:
    """One worker for the whole process."""
    global _judges
    if _judges is None or _judges[0] != os.getpid():
        judges: Judges[Diagnosis] = Judges(ARROW_57, diagnose_safely, undiagnosed, workers=1)
        await asyncio.to_thread(judges.start)
        if _judges is not None and _judges[0] == os.getpid():
            judges.close()  # another task was quicker
        else:
            atexit.register(judges.close)
            _judges = (os.getpid(), judges)
    return _judges[1]
