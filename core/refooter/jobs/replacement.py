"""What would take the place of an entry's value: a migration of that one entry, up to the write and without it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from refooter.catalog.changes import Change
from refooter.errors import StoreUnreachable
from refooter.jobs.decide import NEWEST_VERSION, UNPROVED, MigrateOptions, Step, Strategy, decide, first_tail
from refooter.jobs.derive import REFETCH, STAMP, question_of, refetched
from refooter.jobs.lake import Lake
from refooter.jobs.proof import StoreProof
from refooter.store import FooterRead, Store, StoreFailure
from refooter.target.workers import Judges
from refooter.values import Diagnosis, Entry, Outcome, Question, Reason, Repair

NO_STORE: Final = "no object store is named to read the file from (--store)"
NOT_ASKED: Final = "a migration would read its file for that, which has not been done here"


@dataclass(frozen=True, slots=True)
class Replacement:
    """How a migration with the strategy `auto` of this entry alone would end.

    `outcome` is `would_migrate`, `skipped` or `failed`, with a reason code and a sentence that says why; `None` where only
    the file could tell, and was not to be asked. `how` is a repair's name, `refetch` or `stamp`; `value` the bytes that
    would stand there (the old ones, of a stamp) and `diagnosis` what is known of them. Where the outcome is `failed` or
    `None`, they are what is at hand but may not be written: a repair that nothing proves. `proved`: `value` is the file's
    own footer, byte for byte.
    """

    outcome: Outcome | None
    sentence: str
    reason: Reason | None = None
    how: str | None = None
    proved: bool = False
    value: bytes | None = None
    diagnosis: Diagnosis | None = None


async def replacement_of(lake: Lake, entry: Entry, diagnosis: Diagnosis, *, ask_store: bool = True) -> Replacement:
    """Reads the file where a migration would, if `ask_store`; without a store, only what the value itself gives."""
    strategy = Strategy.REPAIR if lake.store is None else Strategy.AUTO
    action = decide(entry, diagnosis, MigrateOptions(strategy, named=frozenset({entry.file_path})))
    if action.step is Step.REFETCH and lake.store is not None:
        if not ask_store:
            return await _not_asked(lake, entry, diagnosis.repair)
        return await _refetched(lake, lake.store, entry, diagnosis)
    if action.reason is Reason.NEEDS_FILE:
        why = f"the value cannot be mended without its file; {NO_STORE}"
        return Replacement(Outcome.FAILED, why, Reason.NEEDS_FILE)
    found = await _without_file(lake.judges, entry, diagnosis, strategy)
    if lake.store is None and found.reason is Reason.UNPROVED:
        return replace(found, sentence=f"{found.sentence}; {NO_STORE}")
    return found


async def _not_asked(lake: Lake, entry: Entry, repair: Repair | None) -> Replacement:
    if repair is None:
        return Replacement(None, NOT_ASKED, how=REFETCH)
    return await _mended(lake.judges, entry, repair, None, f"{NOT_ASKED}; {UNPROVED}, is at hand", None)


async def replacement_of_value(judges: Judges[Diagnosis], entry: Entry, diagnosis: Diagnosis) -> Replacement:
    """The same for a value that is no entry, and the `entry` that it would be: only what the value itself gives."""
    return await _without_file(judges, entry, diagnosis, Strategy.REPAIR)


async def _without_file(
    judges: Judges[Diagnosis], entry: Entry, diagnosis: Diagnosis, strategy: Strategy
) -> Replacement:
    action = decide(entry, diagnosis, MigrateOptions(strategy, named=frozenset({entry.file_path})))
    repair = diagnosis.repair
    match action.step:
        case Step.STAMP:
            why = f"{action.why}: only its format version becomes {NEWEST_VERSION}"
            return Replacement(
                Outcome.WOULD_MIGRATE, why, how=STAMP, value=entry.value, diagnosis=await _stamped(judges, entry)
            )
        case Step.REPAIR:
            assert repair is not None
            return await _mended(judges, entry, repair, Outcome.WOULD_MIGRATE, action.why, None)
        case Step.FAIL if action.reason is Reason.UNPROVED and repair is not None:
            return await _mended(judges, entry, repair, Outcome.FAILED, action.why, action.reason)
        case Step.FAIL:
            return Replacement(Outcome.FAILED, action.why, action.reason)
    return Replacement(Outcome.SKIPPED, action.why)


async def _mended(
    judges: Judges[Diagnosis], entry: Entry, repair: Repair, outcome: Outcome | None, why: str, reason: Reason | None
) -> Replacement:
    assert repair.value is not None
    [diagnosis] = await judges.examine([_question(entry, repair.value)])
    return Replacement(outcome, why, reason, repair.name, repair.proved, repair.value, diagnosis)


async def _stamped(judges: Judges[Diagnosis], entry: Entry) -> Diagnosis:
    assert entry.value is not None
    [diagnosis] = await judges.examine([_question(entry, entry.value)])
    return diagnosis


def _question(entry: Entry, value: bytes, file_size: int | None = None) -> Question:
    partitions = entry.partitions
    size = partitions.agreed_file_size if file_size is None else file_size
    return Question(value, partitions.agreed_num_rows, size, (NEWEST_VERSION,))


async def _refetched(lake: Lake, store: Store, entry: Entry, diagnosis: Diagnosis) -> Replacement:
    size = entry.partitions.agreed_file_size
    try:
        found = await store.read_footer(entry.file_path, size, first_tail(diagnosis))
    except StoreFailure as failure:
        return await _no_file(lake, store, entry, diagnosis, failure)
    return await _checked(lake, entry, diagnosis, found)


async def _no_file(lake: Lake, store: Store, entry: Entry, diagnosis: Diagnosis, failure: StoreFailure) -> Replacement:
    """A file is believed to be missing only where others of the store can be read (safety 16)."""
    sentence = failure.sentence
    if failure.reason in (Reason.FILE_MISSING, Reason.STORE_DENIED):
        try:
            await StoreProof(lake.database, store).ensure()
        except StoreUnreachable as error:
            return Replacement(Outcome.FAILED, str(error), Reason.STORE_UNREACHABLE)
        sentence = failure.missing_or_denied or sentence
    repair = diagnosis.repair
    if failure.reason is Reason.FILE_MISSING and repair is not None:
        why = f"{sentence}; {UNPROVED}, is at hand: --accept-unproved writes it"
        return await _mended(lake.judges, entry, repair, Outcome.FAILED, why, Reason.UNPROVED)
    return Replacement(Outcome.FAILED, sentence, failure.reason)


async def _checked(lake: Lake, entry: Entry, old: Diagnosis, found: FooterRead) -> Replacement:
    asked = [question_of(entry, found), _question(entry, found.footer, found.file_size)]
    facts, new = await lake.judges.examine(asked)
    change = refetched(entry, old, facts, found, versioned=lake.database.version.has_format_version)
    if change is None:
        why = "nothing to do: what looks wrong is how the file was written, and its own footer says the same"
        return Replacement(Outcome.SKIPPED, why)
    if not isinstance(change, Change):
        return Replacement(Outcome.FAILED, change[1], change[0], None, False, found.footer, new)
    if change.repair == STAMP:
        why = f"the value is the file's own footer already: only its format version becomes {NEWEST_VERSION}"
        return Replacement(Outcome.WOULD_MIGRATE, why, None, STAMP, True, found.footer, new)
    return Replacement(
        Outcome.WOULD_MIGRATE,
        "the file's own footer, read from the store",
        None,
        change.repair,
        True,
        found.footer,
        new,
    )
