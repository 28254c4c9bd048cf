"""The heart: from an entry, its diagnosis and the options to one action. Pure, and read like a table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from refooter.store import FIRST_TAIL
from refooter.values import Cause, Diagnosis, Entry, Reason, Status

NEWEST_VERSION = 2


class Strategy(StrEnum):
    """Where a broken entry's new value comes from.

    `AUTO`: from the old value where that is proved to give the file's own footer, else from the file. `REPAIR`: from the old
    value only, without one request to the store. `REFETCH`: from the file, always.
    """

    AUTO = "auto"
    REPAIR = "repair"
    REFETCH = "refetch"


class Step(StrEnum):
    SKIP = "skip"
    STAMP = "stamp"
    REPAIR = "repair"
    REFETCH = "refetch"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Action:
    """What to do, and why in words. `reason` goes with `FAIL`."""

    step: Step
    why: str
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class MigrateOptions:
    """`named`: the paths that the selection names, which is how an orphan is asked for by itself. `max_rate`: entries a second.
    `accept_unproved`: a repair that nothing proves may be written, if the strategy has no better one."""

    strategy: Strategy = Strategy.AUTO
    accept_unproved: bool = False
    force: bool = False
    orphans: bool = False
    dry_run: bool = False
    max_rate: float | None = None
    named: frozenset[str] = frozenset()


def decide(entry: Entry, diagnosis: Diagnosis, options: MigrateOptions) -> Action:
    """The first row that applies. Nothing here looks at the parser's message, or at the file."""
    if entry.orphan and not options.orphans and entry.file_path not in options.named:
        return Action(Step.SKIP, "an orphan: no partition row vouches for it, and it is usually just being retired")
    if any(version > NEWEST_VERSION for version in entry.versions):
        return Action(Step.SKIP, f"format version {max(entry.versions)} is newer than {NEWEST_VERSION}: left alone")
    if entry.value is None:
        return Action(Step.FAIL, f"the value holds {entry.size:,} bytes, more than are read", Reason.TOO_LARGE)
    if diagnosis.status is Status.UNKNOWN:
        return Action(Step.SKIP, diagnosis.error or "not judged")
    if diagnosis.status is Status.OK and not options.force:
        return Action(Step.SKIP, "nothing to do")
    if entry.partitions.disagree:
        return Action(Step.FAIL, _disagreement(entry), Reason.MISMATCH)
    if diagnosis.cause is Cause.OUTDATED_VERSION and not options.force and _own_count_is_the_catalogs(entry, diagnosis):
        return Action(Step.STAMP, "sound, but read through the slow path of version 1")
    if options.strategy is Strategy.REPAIR:
        return _repair_or_fail(diagnosis, options)
    if options.strategy is Strategy.AUTO and diagnosis.repair is not None and diagnosis.repair.proved:
        return Action(Step.REPAIR, PROVED)
    return Action(Step.REFETCH, "derived anew from the file's own footer")


PROVED = "the old value proves what the file's own footer is"
UNPROVED = "a repair from the old value, which nothing proves to be the file's own footer"


def _repair_or_fail(diagnosis: Diagnosis, options: MigrateOptions) -> Action:
    if diagnosis.status is Status.OK:
        return Action(Step.SKIP, "nothing to repair")
    repair = diagnosis.repair
    if repair is None:
        return Action(
            Step.FAIL, "the old value cannot be mended without its file: use auto or refetch", Reason.NEEDS_FILE
        )
    if repair.proved:
        return Action(Step.REPAIR, PROVED)
    if options.accept_unproved:
        return Action(Step.REPAIR, UNPROVED)
    return Action(Step.FAIL, f"{UNPROVED} ({repair.name}): --accept-unproved writes it", Reason.UNPROVED)


def _own_count_is_the_catalogs(entry: Entry, diagnosis: Diagnosis) -> bool:
    return diagnosis.facts is not None and diagnosis.facts.num_rows == entry.partitions.agreed_num_rows is not None


def _disagreement(entry: Entry) -> str:
    said = []
    if len(entry.partitions.num_rows) > 1:
        said.append(f"num_rows: {', '.join(str(rows) for rows in entry.partitions.num_rows)}")
    if len(entry.partitions.file_sizes) > 1:
        said.append(
            f"file_size: {', '.join('null' if size is None else str(size) for size in entry.partitions.file_sizes)}"
        )
    return f"its {entry.partitions.count} partition rows disagree on {'; on '.join(said)}"


def first_tail(diagnosis: Diagnosis) -> int:
    """How many bytes of a file's tail to ask for first: what the old value's footer makes likely, `FIRST_TAIL` at most.

    Half as much again and 4 KiB more, since the file's own footer may hold what a round trip through a writer dropped.
    """
    facts = diagnosis.facts
    return FIRST_TAIL if facts is None else min(FIRST_TAIL, facts.length * 3 // 2 + 4096)
