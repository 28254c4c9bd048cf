"""What a batch is asked to write, and what became of it: the values that go into and come out of the write transaction."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from refooter.values import Outcome, Partitions, Reason

NO_ROW: Final = b""
"""The digest of a row that is not there: before an insert, after a delete."""


def digest(value: bytes) -> bytes:
    """SHA-256, as PostgreSQL's `sha256(bytea)` has it."""
    return sha256(value).digest()


@dataclass(frozen=True, slots=True)
class Change:
    """One entry to be changed, bound to the row as it was read: `old_digest` and `old_version` must still hold.

    `new_value` of `None` leaves the value and only stamps. `new_version` is `None` in a catalog of version 4.
    `partitions` is what the partition rows said when the decision was made; they must still say it. `None`: they need not
    (going back), but if `stamps` are given, one of those rows must still be there. `stamps` are the versions that single partition
    rows have and get, `{identity, from, to}`; `None` gives every row of the path `new_version`.

    An `old_digest` of `NO_ROW` inserts a row that is not there, with `insert_time` (microseconds since `PG_EPOCH`), while a partition
    names its file; a `new_digest` of `NO_ROW` deletes it again.
    """

    file_path: str
    old_digest: bytes
    old_version: int | None
    new_digest: bytes
    new_value: bytes | None
    new_version: int | None
    partitions: Partitions | None
    cause: str
    repair: str
    proved: bool
    stamps: tuple[dict[str, Any], ...] | None = None
    done: Outcome = Outcome.MIGRATED
    insert_time: int | None = None

    @property
    def inserts(self) -> bool:
        return self.old_digest == NO_ROW

    @property
    def deletes(self) -> bool:
        return self.new_digest == NO_ROW

    @property
    def size(self) -> int:
        """Bytes that it keeps in memory, roughly."""
        return len(self.new_value or b"") + 512


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one entry, final and recorded (`done`, `failed`, `conflict`, `gone`). `repair`: how a changed one was."""

    file_path: str
    outcome: Outcome
    reason: Reason | None = None
    sentence: str | None = None
    proved: bool = False
    repair: str = ""

    @staticmethod
    def changed(change: Change, outcome: Outcome | None = None) -> Settled:
        """A change that was made, or would be. A repair that nothing proves is told of like a failure is."""
        reason = sentence = None
        if change.new_value is not None and not change.proved and change.done is Outcome.MIGRATED:
            reason = Reason.UNPROVED
            sentence = f"repaired ({change.repair}); nothing proves that it is the file's own footer"
        return Settled(change.file_path, outcome or change.done, reason, sentence, change.proved, change.repair)


@dataclass(frozen=True, slots=True)
class Written:
    """A committed batch: what became of its entries, in order; the paths whose rows another session had locked; and the rows that
    PostgreSQL refused, which are *not* recorded yet: whether they count is the circuit breaker's to say (safety 17)."""

    settled: tuple[Settled, ...]
    busy: tuple[str, ...] = ()
    refused: tuple[Settled, ...] = ()


@dataclass(frozen=True, slots=True)
class LockedEntry:
    """A row of `partition_metadata` as it is under our lock."""

    digest: bytes
    version: int | None


@dataclass(frozen=True, slots=True)
class LockedPartition:
    """A row of `lakehouse_partitions` under our lock. `ctid` is stable for as long as we hold it."""

    ctid: str
    identity: dict[str, Any]
    num_rows: int
    file_size: int | None
    version: int | None


def decide_locked(
    change: Change, entry: LockedEntry | None, exists: bool, partitions: list[LockedPartition], partitions_exist: int
) -> Outcome | str | None:
    """What the rows under our lock say: `None` go ahead, "busy" another session has them, else how the entry ends.

    `exists` and `partitions_exist`: what a plain look, after locking, finds there.
    """
    if change.inserts:
        if entry is not None or exists:
            return Outcome.CONFLICT
        if not partitions_exist:
            return Outcome.GONE
    elif entry is None:
        return "busy" if exists else Outcome.GONE
    if len(partitions) != partitions_exist:
        return "busy"
    if entry is not None and (entry.digest != change.old_digest or entry.version != change.old_version):
        return Outcome.CONFLICT
    if change.partitions is not None:
        if change.partitions.count and not partitions:
            return Outcome.GONE
        if {p.num_rows for p in partitions} != set(change.partitions.num_rows):
            return Outcome.CONFLICT
        if {p.file_size for p in partitions} != set(change.partitions.file_sizes):
            return Outcome.CONFLICT
    elif change.stamps:
        now = [p.identity for p in partitions]
        if not any(stamp["identity"] in now for stamp in change.stamps):
            return Outcome.GONE
        for stamp in change.stamps:
            known = stamp["from"] is not None
            if known and any(p.identity == stamp["identity"] and p.version != stamp["from"] for p in partitions):
                return Outcome.CONFLICT
    return None


def partition_stamps(change: Change, partitions: list[LockedPartition]) -> list[tuple[LockedPartition, int]]:
    """Which partition rows get which version: all that differ get the new one, or those that are named."""
    if change.stamps is not None:
        wanted = [(stamp["identity"], stamp["to"]) for stamp in change.stamps]
        return [
            (p, to)
            for p in partitions
            for identity, to in wanted
            if p.identity == identity and to is not None and p.version != to
        ]
    if change.new_version is None:
        return []
    return [(p, change.new_version) for p in partitions if p.version != change.new_version]
