"""Entries for the model's tests: listing batches as the catalog gives them, and what a scan says of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from refooter.catalog.selection import parse_time
from refooter.values import Cause, Diagnosis, EntryResult, Layout

_SCHEMA = pa.schema(
    [
        ("file_path", pa.large_string()),
        ("blob_size", pa.int64()),
        ("version", pa.int32()),
        ("insert_time", pa.int64()),
        ("partitions", pa.int32()),
        ("num_rows", pa.int64()),
        ("file_size", pa.int64()),
        ("view_set", pa.string()),
        ("view_instance", pa.string()),
    ]
)


@dataclass(frozen=True)
class Listed:
    file_path: str
    blob_size: int = 900
    version: int | None = 1
    insert_time: int | None = 0
    partitions: int = 1
    num_rows: int | None = 10
    file_size: int | None = 5000
    view_set: str | None = "blocks"
    view_instance: str | None = "global"


def batch(*listed: Listed) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([vars(one) for one in listed], _SCHEMA)


def moment(text: str) -> int:
    return parse_time(text)


def diagnosis(cause: Cause = Cause.NONE, error: str | None = None, **more: Any) -> Diagnosis:
    causes = () if cause is Cause.NONE else (cause,)
    return replace(Diagnosis(cause.status, cause, causes, Layout.RAW, error), **more)


def result(listed: Listed | str, said: Diagnosis | None = None, **more: Any) -> EntryResult:
    one = Listed(listed) if isinstance(listed, str) else listed
    made = EntryResult(
        file_path=one.file_path,
        view_set=one.view_set,
        view_instance=one.view_instance,
        diagnosis=said or diagnosis(),
        blob_size=one.blob_size,
        catalog_num_rows=one.num_rows,
        file_size=one.file_size,
        format_version=one.version,
        insert_time=one.insert_time,
        orphan=one.partitions == 0,
    )
    return replace(made, **more)
