"""What the engine says to the app. Plain values: they are made in one thread and read in another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from refooter.events import Notice, Plan, Problem, Progress, RunSummary, ScanSummary, Started, VerifySummary
from refooter.values import EntryResult, TargetName

if TYPE_CHECKING:
    import pyarrow as pa

    from refooter.catalog.journal import ResultRecord, RunRecord
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
    last part, and `about` is exact: what an earlier load knew and this one did not name is gone.
    """

    job: int
    batch: pa.RecordBatch
    done: int
    about: int
    complete: bool


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


Summary = ScanSummary | RunSummary | VerifySummary | Plan


@dataclass(frozen=True, slots=True)
class JobDone:
    """The last word on a job. A run that stopped itself has a summary *and* an error. `code` goes with `error`.

    `cancelled`: it was asked to stop, and may not have come to its end.
    """

    job: int
    kind: JobKind
    summary: Summary | Saved | None = None
    error: str | None = None
    code: str | None = None
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Detail:
    """`Engine.detail`'s answer: one of `inspection` and `error`. `with_file`: the file was read where a migration would read it;
    otherwise `inspection.after` is only what the value itself gives."""

    request: int
    path: str
    with_file: bool
    inspection: Inspection | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Runs:
    """The journal's runs, newest first."""

    runs: tuple[RunRecord, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RunResults:
    """What one run of the journal could not do, with its sentences: at most `total` of `RESULT_LIMIT` are here."""

    run_id: int
    results: tuple[ResultRecord, ...] = ()
    total: int = 0
    error: str | None = None


EngineMessage = Connected | Lost | Back | Listed | JobEvents | JobDone | Detail | Runs | RunResults
