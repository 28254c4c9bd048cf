"""What the engine says to the app. Plain values: they are made in one thread and read in another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from refooter.events import Notice, Plan, Problem, Progress, RunSummary, ScanSummary, Started, VerifySummary
from refooter.values import EntryResult, TargetName

if TYPE_CHECKING:
    import pyarrow as pa

    from refooter.catalog.history import HistoryRecord
    from refooter.catalog.journal import ResultRecord, RunRecord
    from refooter.catalog.stamps import Stamps
    from refooter.jobs.drift import Drift
    from refooter.jobs.inspect import Inspection
    from refooter.jobs.save import Saved


class JobKind(StrEnum):
    """What the engine was asked to do."""

    LOAD = "load"
    SCAN = "scan"
    PLAN = "plan"
    DRY_RUN = "dry run"
    MIGRATE = "migrate"
    ROLLBACK = "rollback"
    VERIFY = "verify"
    EXPORT = "export"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class LakeInfo:
    """What the header shows; no part of a password is in it. `store` is `None` where none was named."""

    database: str
    catalog_version: int
    store: str | None
    target: TargetName
    read_only: bool


@dataclass(frozen=True, slots=True)
class Connected:
    """The lake is open; said once. Until then jobs wait."""

    info: LakeInfo


@dataclass(frozen=True, slots=True)
class Lost:
    """The database cannot be reached, or the lake not be opened; the engine goes on trying. `code` is `RefooterError.code`, by which
    the states differ: `database_unreachable`, `unsupported_catalog`, `missing_rights`, `usage`. Said again when the sentence changes."""

    sentence: str
    code: str


@dataclass(frozen=True, slots=True)
class Back:
    """After `Lost`, once it had been connected: the database answers again."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A part of the catalog's list (`refooter.catalog.listing.SCHEMA`), by pages of the primary key.

    `done` entries of this load have come; `about` is how many there are, 0 until that is known. `complete`: it was the
    last part, and `about` is exact: what an earlier load knew and this one did not name is gone. `quiet`: as it was asked for.
    """

    job: int
    batch: pa.RecordBatch
    done: int
    about: int
    complete: bool
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class StoreLost:
    """A job could not reach the object store; the engine goes on trying."""

    sentence: str


@dataclass(frozen=True, slots=True)
class StoreBack:
    """After `StoreLost`: a footer could be read from it again."""


@dataclass(frozen=True, slots=True)
class CatalogChanged:
    """Somebody wrote to the lake's two tables: rows of both together, since this was last said.

    A reason to look, no count to show: what was rolled back is counted too. Said at the heartbeat's rhythm. Updates alone, while a run of
    ours writes or shortly after, are taken for its own and not told of.
    """

    inserted: int
    deleted: int
    updated: int


@dataclass(frozen=True, slots=True)
class JobEvents:
    """What a job said since the last of these, a tenth of a second ago or more. `progress` is the latest."""

    job: int
    kind: JobKind
    results: tuple[EntryResult, ...] = ()
    notices: tuple[Notice, ...] = ()
    problems: tuple[Problem, ...] = ()
    progress: Progress | None = None
    started: Started | None = None


Summary: TypeAlias = "ScanSummary | RunSummary | VerifySummary | Plan | Saved | Drift"


@dataclass(frozen=True, slots=True)
class JobDone:
    """The last word on a job. A run that stopped itself has a summary *and* an error. `code` goes with `error`.

    `cancelled`: it was asked to stop, and may not have come to its end. `stamps`: what a plan's entries were before it read anything;
    `Engine.drift` takes them.
    """

    job: int
    kind: JobKind
    summary: Summary | None = None
    error: str | None = None
    code: str | None = None
    cancelled: bool = False
    stamps: Stamps | None = None


@dataclass(frozen=True, slots=True)
class Detail:
    """`Engine.detail`'s answer: one of `inspection` and `error`. `with_file`: the file was read where a migration would read it;
    otherwise `inspection.after` is only what the value itself gives.

    `history`: what runs did to the entry, newest first. With `history_error` that is not known, and it says why."""

    request: int
    path: str
    with_file: bool
    inspection: Inspection | None = None
    error: str | None = None
    history: tuple[HistoryRecord, ...] = ()
    history_error: str | None = None


@dataclass(frozen=True, slots=True)
class Runs:
    """The journal's runs, newest first."""

    runs: tuple[RunRecord, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RunResults:
    """What one run of the journal could not do, with its sentences: of `total` the first `RESULT_LIMIT` are here. `changed`: the paths
    of what it changed, if that was asked."""

    run_id: int
    results: tuple[ResultRecord, ...] = ()
    total: int = 0
    changed: pa.ChunkedArray[Any] | None = None
    error: str | None = None


EngineMessage = (
    Connected
    | Lost
    | Back
    | StoreLost
    | StoreBack
    | CatalogChanged
    | Listed
    | JobEvents
    | JobDone
    | Detail
    | Runs
    | RunResults
)
