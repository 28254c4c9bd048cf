"""From an entry and what takes its value's place to the change that is to be written, or why there is none. Plain functions."""

from __future__ import annotations

from refooter.catalog.changes import Change, digest
from refooter.jobs.check import Refusal, check_footer
from refooter.jobs.decide import NEWEST_VERSION
from refooter.store import FooterRead
from refooter.values import Cause, Diagnosis, Entry, Layout, Question, Status, Wanted

REFETCH = "refetch"
STAMP = "stamp"


def stamped(entry: Entry, diagnosis: Diagnosis, *, versioned: bool) -> Change:
    """The value stays, only its versions change."""
    return _change(entry, diagnosis, None, STAMP, proved=False, versioned=versioned)


def repaired(entry: Entry, diagnosis: Diagnosis, *, versioned: bool) -> Change:
    """The old value's repair takes its place."""
    repair = diagnosis.repair
    assert repair is not None
    return _change(
        entry, diagnosis, repair.value, repair.name, proved=repair.proved, versioned=versioned, new_digest=repair.digest
    )


def refetched(
    entry: Entry, old: Diagnosis, new: Diagnosis, found: FooterRead, *, versioned: bool
) -> Change | Refusal | None:
    """The file's own footer, `new` being what is known of it, takes the value's place; or why it may not. `None`: nothing to do,
    since what looks wrong is how the file was written, and its own footer says the same."""
    refusal = check_footer(entry, old, new, found.file_size)
    if refusal is not None:
        return refusal
    if found.footer == entry.value:
        return (
            None if NEWEST_VERSION in entry.versions or not entry.versions else stamped(entry, old, versioned=versioned)
        )
    known = old.foreseen if new.foreseen is not None else None
    return _change(entry, old, found.footer, REFETCH, proved=True, versioned=versioned, new_digest=known)


def foreseen(old: Diagnosis, footer: bytes) -> Diagnosis | None:
    """What is known of a footer that is the very one which the old value proved, and the target accepted; `None` of any other."""
    if old.facts is None or old.foreseen is None or old.foreseen != digest(footer):
        return None
    # the same footer, so the same facts, but for where it stands
    return Diagnosis(Status.OK, Cause.NONE, (), Layout.RAW, facts=old.facts, foreseen=old.foreseen)


def question_of(entry: Entry, found: FooterRead) -> Question:
    """What the target is asked about a footer from the store."""
    rows = entry.partitions.agreed_num_rows
    return Question(found.footer, rows, found.file_size, (NEWEST_VERSION,), Wanted.FACTS)


def _change(
    entry: Entry,
    diagnosis: Diagnosis,
    footer: bytes | None,
    repair: str,
    *,
    proved: bool,
    versioned: bool,
    new_digest: bytes | None = None,
) -> Change:
    assert entry.value is not None
    old = digest(entry.value)
    return Change(
        file_path=entry.file_path,
        old_digest=old,
        old_version=entry.version,
        new_digest=old if footer is None else new_digest or digest(footer),
        new_value=footer,
        new_version=NEWEST_VERSION if versioned else None,
        partitions=entry.partitions,
        cause=diagnosis.cause.value,
        repair=repair,
        proved=proved,
    )
