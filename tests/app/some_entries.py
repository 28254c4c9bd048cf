"""A table of entries for widgets to paint: every status and cause, sizes, orphans, times without a number."""

from __future__ import annotations

from itertools import cycle

import pyarrow as pa

from refooter.values import Cause, Diagnosis, EntryResult, FileState, Layout, Outcome, Reason, time_text
from refooter_tui.model.table import EntryTable

HOUR = 3_600_000_000
FIRST = 803_206_800_000_000  # 2025-06-14T09:00:00Z
SETS = ("blocks", "log_entries", "measures", "thread_spans")


def path_of(number: int) -> str:
    view_set = SETS[number % len(SETS)]
    stamp = (time_text(FIRST + number * HOUR) or "")[:10]
    return f"views/{view_set}/global/{stamp}/09-12-33_{number:08x}-5717-4562-b3fc-2c963f66afa6.parquet"


def listing(numbers: range) -> pa.RecordBatch:
    """A part of the catalog's list."""
    some = list(numbers)
    columns = {
        "file_path": pa.array([path_of(number) for number in some], pa.large_string()),
        "blob_size": pa.array([900 + number * 7 for number in some], pa.int64()),
        "version": pa.array([1 + number % 2 for number in some], pa.int32()),
        "insert_time": pa.array([None if number % 50 == 49 else FIRST + number * HOUR for number in some], pa.int64()),
        "partitions": pa.array([0 if number % 40 == 39 else 1 for number in some], pa.int32()),
        "num_rows": pa.array([None if number % 30 == 29 else number * 1_234 for number in some], pa.int64()),
        "file_size": pa.array([None if number % 30 == 29 else 5_000 + number**3 for number in some], pa.int64()),
        "view_set": pa.array([SETS[number % len(SETS)] for number in some], pa.string()),
        "view_instance": pa.array(["global"] * len(some), pa.string()),
    }
    return pa.RecordBatch.from_pydict(columns)


def judged(
    number: int,
    cause: Cause,
    outcome: Outcome | None = None,
    reason: Reason | None = None,
    file_state: FileState = FileState.UNCHECKED,
) -> EntryResult:
    """What a scan or a run says of one of the entries."""
    causes = () if cause is Cause.NONE else (cause,)
    error = "Required field num_rows is missing" if cause.status.value in ("legacy", "corrupt") else None
    return EntryResult(
        file_path=path_of(number),
        view_set=SETS[number % len(SETS)],
        view_instance="global",
        diagnosis=Diagnosis(cause.status, cause, causes, Layout.FRAMED, error),
        blob_size=900 + number * 7,
        catalog_num_rows=number * 1_234,
        file_size=5_000 + number**3,
        format_version=1 + number % 2,
        insert_time=FIRST + number * HOUR,
        orphan=number % 40 == 39,
        file_state=file_state,
        outcome=outcome,
        reason=reason,
    )


def some_entries(count: int = 400) -> EntryTable:
    """Of every four entries three are judged: sound ones for the most part, then every cause in its turn."""
    table = EntryTable()
    table.append(listing(range(count)))
    causes = cycle([cause for cause in Cause if cause is not Cause.NONE])
    states = cycle(FileState)
    results = []
    for number in range(count):
        if number % 4 == 3:
            continue
        cause = next(causes) if number % 4 == 1 else Cause.NONE
        failed = number % 12 == 1
        results.append(
            judged(
                number,
                cause,
                Outcome.FAILED if failed else None,
                Reason.FILE_MISSING if failed else None,
                next(states) if cause is not Cause.NONE else FileState.UNCHECKED,
            )
        )
    table.judge(results)
    return table
