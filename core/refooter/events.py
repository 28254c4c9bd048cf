"""What a job says while it runs: typed, plain, picklable. The command line and the app consume the same stream.

A job is an async iterator of these; the last one is `Finished`, whose summary is the job's result. A job that cannot begin or
go on raises a `RefooterError` instead; one that had begun says `Finished` first, with what was done until then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from refooter.values import Cause, EntryResult, Outcome, Reason, Status, TargetName


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Started:
    """`total` is how many entries SQL says are selected: an upper bound where a verdict decides. `run_id` is `None` for what
    is not journaled."""

    kind: str
    total: int
    target: TargetName
    run_id: int | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class EntriesDone:
    """Entries with their final outcome, in a batch."""

    results: tuple[EntryResult, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """A few times a second. `rate` is entries per second; `seconds_left` is `None` until it can be told."""

    done: int
    total: int
    seconds: float
    rate: float
    seconds_left: float | None
    counts: dict[str, int]
    store_requests: int = 0
    store_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth a line in a log: a batch, a burst of retries, a change of state. Never one for each success."""

    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class ViewCount:
    view: str
    entries: int
    by_status: dict[Status, int]


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """`not_ok`: selected entries that are neither `ok` nor orphans. The partition counts are over the selected views."""

    entries: int
    by_status: dict[Status, int]
    by_cause: dict[Cause, int]
    by_file_state: dict[str, int]
    seconds: float
    target: TargetName
    orphans: int
    not_ok: int
    partitions: int
    partitions_without_file: int
    partitions_without_metadata: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a migration would do, from the catalog alone; sizes are bytes.

    `by_step` counts entries by what would be done (`skip`, `stamp`, `repair`, `refetch`, `fail`), `by_cause` those that would be changed,
    `refused` those that cannot be mended, by reason code. `requests_saved`: what proved repairs would cost if they were refetched.
    """

    selected: int
    by_step: dict[str, int]
    by_cause: dict[Cause, int]
    refused: dict[str, int]
    store_requests: int
    store_bytes: int
    requests_saved: int
    wal_bytes: int
    table_bytes: int
    journal_bytes: int
    seconds: float

    @property
    def changed(self) -> int:
        """Entries that would be changed."""
        return sum(self.by_step.get(step, 0) for step in ("stamp", "repair", "refetch"))


# how a row came back that had vanished
INSERTED = "inserted"
# what no old value was mended by
_WITHOUT_REPAIR = ("refetch", "stamp", "before_image", "backup", INSERTED)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run, or a dry run (`run_id` `None`). `outcomes` and `reasons` count entries, `repairs` the changed ones by how
    (`Repair.name`, or `refetch`, `stamp`, `before_image`, `backup`, `inserted`). `unchanged`: of the skipped entries those that are as
    a backup has them. `error` says why it ended early."""

    kind: str
    run_id: int | None
    selected: int
    outcomes: dict[Outcome, int]
    reasons: dict[Reason, int]
    proved: int
    store_requests: int
    store_bytes: int
    seconds: float
    target: TargetName
    state: str
    error: str | None = None
    repairs: dict[str, int] = field(default_factory=dict)
    unchanged: int = 0

    @property
    def inserted(self) -> int:
        """Of the restored entries those whose rows had vanished."""
        return self.repairs.get(INSERTED, 0)

    def count(self, outcome: Outcome) -> int:
        return self.outcomes.get(outcome, 0)

    @property
    def requests_saved(self) -> int:
        """Entries mended from their old values: each would have cost one request to the store at least."""
        return sum(count for repair, count in self.repairs.items() if repair not in _WITHOUT_REPAIR)


@dataclass(frozen=True, slots=True)
class Problem:
    """`problem` is a stable word (a cause, `no_metadata`, `catalog_zero_rows`, `lost`, `changed`, ...), `sentence` says more."""

    file_path: str
    problem: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ProblemsFound:
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class VerifySummary:
    """`ok` entries of `entries` had no problem; `by_problem` counts all of them, those of partitions without an entry too."""

    entries: int
    ok: int
    by_problem: dict[str, int]
    seconds: float
    target: TargetName
    store_requests: int = 0
    store_bytes: int = 0
    run: dict[str, int] = field(default_factory=dict)

    @property
    def problems(self) -> int:
        return sum(self.by_problem.values())


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """A backup that is there now. `bytes` is the file's size, `value_bytes` what the values in it hold; `digest` is over all its rows;
    `taken` is the moment that it shows, in microseconds since `PG_EPOCH`; `path` as people may see it."""

    path: str
    entries: int
    partitions: int
    value_bytes: int
    bytes: int
    digest: str
    catalog_version: int
    taken: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What a restore would do; sizes are bytes. `by_fate` counts the selected entries by what would become of them (`jobs.compare.Fate`).

    `harmful` of the values that would be written do not decode or do harm: they are what was there.
    """

    selected: int
    by_fate: dict[str, int]
    harmful: int
    wal_bytes: int
    table_bytes: int
    journal_bytes: int
    seconds: float

    @property
    def changed(self) -> int:
        return self.by_fate.get("restore", 0) + self.by_fate.get("insert", 0)


@dataclass(frozen=True, slots=True)
class Finished:
    summary: ScanSummary | RunSummary | VerifySummary | Plan | BackupSummary | RestorePlan | list[ViewCount]


Event = Started | EntriesDone | Progress | Notice | ProblemsFound | Finished
