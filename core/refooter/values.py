"""The values that travel between the boxes: entries, verdicts, diagnoses, outcomes. Plain, frozen, picklable."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from typing import Final


class Status(StrEnum):
    """How an entry stands, seen from the query engine that has to read it."""

    OK = "ok"
    STALE = "stale"
    HARMFUL = "harmful"
    LEGACY = "legacy"
    CORRUPT = "corrupt"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """What is wrong with a value. In ascending order of the repair that it needs (see `worst`)."""

    NONE = "none"
    OUTDATED_VERSION = "outdated_version"
    ZERO_NUM_ROWS = "zero_num_rows"
    ROW_COUNT_MISMATCH = "row_count_mismatch"
    DANGLING_PAGE_INDEX = "dangling_page_index"
    CHUNK_OUT_OF_BOUNDS = "chunk_out_of_bounds"
    PAGE_INDEX_PREFIX = "page_index_prefix"
    MISSING_NUM_ROWS = "missing_num_rows"
    WHOLE_FILE = "whole_file"
    ARROW_SCHEMA = "arrow_schema"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    ENCRYPTED = "encrypted"
    MALFORMED = "malformed"

    @property
    def status(self) -> Status:
        return _STATUS_OF[self]


_STATUS_OF: Final = {
    Cause.NONE: Status.OK,
    Cause.OUTDATED_VERSION: Status.STALE,
    Cause.ZERO_NUM_ROWS: Status.HARMFUL,
    Cause.ROW_COUNT_MISMATCH: Status.HARMFUL,
    Cause.DANGLING_PAGE_INDEX: Status.HARMFUL,
    Cause.CHUNK_OUT_OF_BOUNDS: Status.HARMFUL,
    Cause.PAGE_INDEX_PREFIX: Status.LEGACY,
    Cause.MISSING_NUM_ROWS: Status.LEGACY,
    Cause.WHOLE_FILE: Status.LEGACY,
    Cause.ARROW_SCHEMA: Status.CORRUPT,
    Cause.TRUNCATED: Status.CORRUPT,
    Cause.EMPTY: Status.CORRUPT,
    Cause.ENCRYPTED: Status.CORRUPT,
    Cause.MALFORMED: Status.CORRUPT,
}
_RANK: Final = {cause: rank for rank, cause in enumerate(Cause)}


def worst(causes: tuple[Cause, ...]) -> Cause:
    """The cause that needs the biggest repair, `Cause.NONE` of none."""
    return max(causes, key=_RANK.__getitem__, default=Cause.NONE)


class Layout(StrEnum):
    """How the bytes of a value are arranged around its FileMetaData."""

    RAW = "raw"
    FRAMED = "framed"
    PREFIXED = "prefixed"
    CUT_OUT = "cut_out"
    FILE = "file"
    FILE_TAIL = "file_tail"
    TRAILING_BYTES = "trailing_bytes"
    UNKNOWN = "unknown"


class FileState(StrEnum):
    """What is known of the Parquet file behind an entry."""

    UNCHECKED = "unchecked"
    PRESENT = "present"
    MISSING = "missing"
    DENIED = "denied"
    UNREACHABLE = "unreachable"
    MISMATCH = "mismatch"


class Outcome(StrEnum):
    """What a run did with one entry."""

    MIGRATED = "migrated"
    RESTORED = "restored"
    SKIPPED = "skipped"
    FAILED = "failed"
    CONFLICT = "conflict"
    GONE = "gone"
    WOULD_MIGRATE = "would_migrate"


class Reason(StrEnum):
    """Why an entry ended `failed`."""

    FILE_MISSING = "file_missing"
    STORE_DENIED = "store_denied"
    STORE_UNREACHABLE = "store_unreachable"
    NOT_PARQUET = "not_parquet"
    REJECTED = "rejected"
    MISMATCH = "mismatch"
    UNPROVED = "unproved"
    NEEDS_FILE = "needs_file"
    UNSAFE_PATH = "unsafe_path"
    TOO_LARGE = "too_large"
    DATABASE = "database"


# PostgreSQL holds a timestamptz as int64 microseconds since 2000-01-01 00:00 UTC; the two ends of the range are the
# infinities (src/include/datatype/timestamp.h, DT_NOBEGIN and DT_NOEND).
PG_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
TIME_INFINITY: Final = 2**63 - 1
TIME_MINUS_INFINITY: Final = -(2**63)


def time_text(micros: int | None) -> str | None:
    """A timestamptz (microseconds since `PG_EPOCH`) as RFC 3339 with `Z`; the infinities by PostgreSQL's names."""
    if micros is None:
        return None
    if micros == TIME_INFINITY:
        return "infinity"
    if micros == TIME_MINUS_INFINITY:
        return "-infinity"
    try:
        return rfc3339(PG_EPOCH + timedelta(microseconds=micros))
    except OverflowError:
        return f"{micros} us from 2000-01-01T00:00:00Z"


def rfc3339(moment: datetime) -> str:
    """An aware datetime as RFC 3339 in UTC with `Z`, in microseconds where there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Partitions:
    """What all partition rows of one `file_path` say of the file; none of them, for an orphan.

    `num_rows` and `file_sizes` hold the distinct values, ascending, `None` (SQL null) last.
    """

    count: int = 0
    num_rows: tuple[int, ...] = ()
    file_sizes: tuple[int | None, ...] = ()
    versions: tuple[int, ...] = ()
    view_set: str | None = None
    view_instance: str | None = None

    @property
    def agreed_num_rows(self) -> int | None:
        """The file's row count as the catalog has it; `None` where the rows disagree, or where it was not recorded.

        A 0 beside a file path means "not recorded": an early upgrade of the catalog wrote it.
        """
        return self.num_rows[0] if len(self.num_rows) == 1 and self.num_rows[0] > 0 else None

    @property
    def agreed_file_size(self) -> int | None:
        """The file's size in bytes as the catalog has it; `None` where unknown or disputed."""
        return self.file_sizes[0] if len(self.file_sizes) == 1 else None

    @property
    def disagree(self) -> bool:
        return len(self.num_rows) > 1 or len(self.file_sizes) > 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of `partition_metadata` with what its partition rows say, as read in one transaction.

    `value` is `None` when it is larger than a value may be to be read (`size` says how large, in bytes).
    `version` is the row's `partition_format_version`, `None` in a catalog of version 4, which has none.
    `insert_time` is in microseconds since `PG_EPOCH`.
    """

    file_path: str
    value: bytes | None
    size: int
    version: int | None
    insert_time: int | None
    partitions: Partitions

    @property
    def orphan(self) -> bool:
        return self.partitions.count == 0

    @property
    def view(self) -> tuple[str | None, str | None]:
        """View set and instance; an orphan's are taken from its path, `views/SET/INSTANCE/...`."""
        if self.partitions.view_set is not None:
            return self.partitions.view_set, self.partitions.view_instance
        return view_of_path(self.file_path)

    @property
    def versions(self) -> tuple[int, ...]:
        """Every format version that the entry and its partition rows carry."""
        own = () if self.version is None else (self.version,)
        return own + self.partitions.versions


def view_of_path(file_path: str) -> tuple[str | None, str | None]:
    """View set and instance of `views/SET/INSTANCE/...`, or two `None`."""
    parts = file_path.split("/")
    if len(parts) >= 4 and parts[0] == "views":
        return parts[1], parts[2]
    return None, None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the target parser says of a value: accepted, or rejected in its own words."""

    accepted: bool
    error: str | None = None


class Wanted(Enum):
    """What is asked of a value beside the target's verdict.

    `FACTS`: of an accepted one only what identifies its file; no causes are looked for. `MENDED`: the diagnosis, and the
    value mended without its file, where that can be done. `MENDABLE`: the same, but of the repair only its name and whether
    it is proved: its bytes, as many as the value has, stay in the worker.
    """

    DIAGNOSIS = 0
    FACTS = 1
    MENDED = 2
    MENDABLE = 3


@dataclass(frozen=True, slots=True)
class Question:
    """A value to be judged and diagnosed, with what the catalog says of its file."""

    value: bytes
    num_rows: int | None = None
    file_size: int | None = None
    versions: tuple[int, ...] = ()
    wanted: Wanted = Wanted.DIAGNOSIS


@dataclass(frozen=True, slots=True)
class FooterFacts:
    """What identifies the file that a FileMetaData describes, as far as it could be read.

    `start` and `length` are the byte range of FileMetaData within the value. `num_rows` is FileMetaData.num_rows.
    `schema` is a digest of all schema elements, `None` where the schema could not be read whole. `row_groups` holds, for
    each row group that could be read whole, its row count and a digest of what it says of its column chunks (sizes,
    value counts and data offsets, but never the page-index pointers, which writers move).
    """

    start: int
    length: int
    num_rows: int | None
    schema: bytes | None
    columns: int
    row_groups: tuple[tuple[int, bytes], ...]
    row_groups_whole: bool
    created_by: str | None = None

    @property
    def row_group_sum(self) -> int | None:
        """The sum of the row groups' row counts, `None` where not all of them could be read."""
        return sum(rows for rows, _ in self.row_groups) if self.row_groups_whole else None


@dataclass(frozen=True, slots=True)
class Repair:
    """A value mended from what it still holds, without its file: accepted by the target, and nothing is wrong with it.

    `name` says what was done: `true_pointers`, `without_pointers`, `cut_out`, `num_rows`, or two of them joined by `+`.
    `proved`: it is the file's own footer, byte for byte. `value` is `None` once it has been let go; `digest` is its SHA-256
    where that was needed anyway.
    """

    name: str
    proved: bool
    value: bytes | None
    digest: bytes | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is known of one value: the target's verdict, our own cause, layout and evidence.

    `foreseen` is the SHA-256 of the file's own footer, where the value proves what that is and the target accepts it.
    `repair` is there only where it was asked for (`Wanted.MENDED`, without its bytes `Wanted.MENDABLE`).
    """

    status: Status
    cause: Cause
    causes: tuple[Cause, ...]
    layout: Layout
    error: str | None = None
    evidence: tuple[str, ...] = ()
    facts: FooterFacts | None = None
    foreseen: bytes | None = None
    repair: Repair | None = None

    @property
    def accepted(self) -> bool:
        """Whether the target parser reads the value."""
        return self.status in (Status.OK, Status.STALE, Status.HARMFUL)

    def without_bytes(self) -> Diagnosis:
        """The same, without the mended value: what lists and events carry."""
        if self.repair is None or self.repair.value is None:
            return self
        return replace(self, repair=Repair(self.repair.name, self.repair.proved, None))


HEALTHY: Final = Diagnosis(Status.OK, Cause.NONE, (), Layout.RAW)
NOT_JUDGED: Final = Diagnosis(Status.UNKNOWN, Cause.NONE, (), Layout.UNKNOWN)


@dataclass(frozen=True, slots=True)
class EntryResult:
    """One entry after a scan or a run, without its bytes: what lists, exports and events carry."""

    file_path: str
    view_set: str | None
    view_instance: str | None
    diagnosis: Diagnosis
    blob_size: int
    catalog_num_rows: int | None
    file_size: int | None
    format_version: int | None
    insert_time: int | None
    orphan: bool
    file_state: FileState = FileState.UNCHECKED
    outcome: Outcome | None = None
    reason: Reason | None = None
    sentence: str | None = None

    @property
    def view(self) -> str:
        return view_name(self.view_set, self.view_instance)

    def ended(self, outcome: Outcome, reason: Reason | None = None, sentence: str | None = None) -> EntryResult:
        """The same entry with its outcome. Spelled out: `dataclasses.replace` takes four times as long, for every entry."""
        return EntryResult(
            self.file_path,
            self.view_set,
            self.view_instance,
            self.diagnosis,
            self.blob_size,
            self.catalog_num_rows,
            self.file_size,
            self.format_version,
            self.insert_time,
            self.orphan,
            self.file_state,
            outcome,
            reason,
            sentence,
        )


def view_name(view_set: str | None, view_instance: str | None) -> str:
    """`SET/INSTANCE`, as selections and lists write a view."""
    return f"{view_set or '?'}/{view_instance or '?'}"


@dataclass(frozen=True, slots=True)
class TargetName:
    """Which parser decides: a package, its version, and what it carries."""

    name: str
    version: str
    parser: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.parser})"


@dataclass(slots=True)
class StoreCounts:
    """What was asked of the object store: requests made (every retry is one) and bytes received."""

    requests: int = 0
    bytes: int = 0
    retries: int = 0
    by_reason: dict[str, int] = field(default_factory=dict)
