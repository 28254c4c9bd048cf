"""One value, wherever it comes from, with all that is known of it."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from refooter.catalog.pages import read_entries
from refooter.catalog.rights import check_may_read
from refooter.errors import NothingSelected, StoreUnreachable, UsageError
from refooter.jobs.examine import entry_result, judged
from refooter.jobs.lake import Lake
from refooter.store import StoreFailure, open_store
from refooter.target.workers import Judges
from refooter.values import Diagnosis, Entry, EntryResult, Question, Reason

MAX_BLOB_BYTES = 64 << 20
_MOST_COLUMNS = 1000


@dataclass(frozen=True, slots=True)
class Inspection:
    """`name` is the path or URI that was asked for. `footer` is JSON-able, `None` where pyarrow reads none in the value."""

    name: str
    size: int
    diagnosis: Diagnosis
    footer: dict[str, Any] | None
    entry: Entry | None = None
    result: EntryResult | None = None


async def inspect_entry(lake: Lake, file_path: str) -> Inspection:
    """An entry of the catalog. Raises `NothingSelected` where there is none of that path."""
    await check_may_read(lake.database)
    entries = await read_entries(lake.database, [file_path])
    if not entries:
        raise NothingSelected(f"no entry {file_path!r} in the catalog")
    [(entry, diagnosis)] = await judged(lake, entries)
    footer = None if entry.value is None else read_footer(entry.value, diagnosis)
    return Inspection(file_path, entry.size, diagnosis, footer, entry, entry_result(entry, diagnosis))


async def inspect_blob(judges: Judges[Diagnosis], path: str) -> Inspection:
    """A value of `partition_metadata.metadata`, saved to a file as it is. Raises `UsageError`."""
    value = _read_blob(Path(path))
    [diagnosis] = await judges.examine([Question(value)])
    return Inspection(path, len(value), diagnosis, read_footer(value, diagnosis))


async def inspect_file(judges: Judges[Diagnosis], uri: str, driver: str = "auto") -> Inspection:
    """A Parquet file's own footer, local or remote. Raises `UsageError`, `NothingSelected`, `StoreUnreachable`."""
    root, name = _root_and_name(uri)
    async with open_store(root, driver) as store:
        try:
            found = await store.read_footer(name, None)
        except StoreFailure as failure:
            if failure.reason in (Reason.STORE_DENIED, Reason.STORE_UNREACHABLE):
                raise StoreUnreachable(failure.sentence) from None
            if failure.reason is Reason.FILE_MISSING:
                raise NothingSelected(failure.sentence) from None
            raise UsageError(failure.sentence) from None
    [diagnosis] = await judges.examine([Question(found.footer, None, found.file_size)])
    return Inspection(uri, len(found.footer), diagnosis, read_footer(found.footer, diagnosis))


def _root_and_name(uri: str) -> tuple[str, str]:
    root, _, name = (uri if "://" in uri else str(Path(uri).absolute())).rstrip("/").rpartition("/")
    if not name or root.endswith(":/"):
        raise UsageError(f"not the address of a file: {uri!r}")
    return root or "/", unquote(name) if "://" in uri else name


def _read_blob(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BLOB_BYTES:
            raise UsageError(f"{path} is larger than any value that is read ({MAX_BLOB_BYTES >> 20} MiB)")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None


def read_footer(value: bytes, diagnosis: Diagnosis) -> dict[str, Any] | None:
    """What pyarrow reads of the FileMetaData in a value: schema, row groups, column chunks, key-value metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if diagnosis.facts is None:
        return None
    footer = value[diagnosis.facts.start : diagnosis.facts.start + diagnosis.facts.length]
    framed = b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1"
    try:
        metadata = pq.read_metadata(pa.BufferReader(framed))
        return {
            "created_by": metadata.created_by,
            "format_version": metadata.format_version,
            "num_rows": metadata.num_rows,
            "num_columns": metadata.num_columns,
            "num_row_groups": metadata.num_row_groups,
            "serialized_size": len(footer),
            "schema_total": metadata.num_columns,
            "row_groups_total": metadata.num_row_groups,
            "schema": [_column(metadata.schema.column(i)) for i in range(min(metadata.num_columns, _MOST_COLUMNS))],
            "row_groups": [
                _row_group(metadata.row_group(i)) for i in range(min(metadata.num_row_groups, _MOST_COLUMNS))
            ],
            "key_value_metadata": [_pair(key, said) for key, said in (metadata.metadata or {}).items()],
        }
    except (pa.ArrowException, OSError, ValueError, UnicodeDecodeError, RuntimeError):
        return None


def _column(column: Any) -> dict[str, Any]:
    return {
        "path": column.path,
        "physical_type": column.physical_type,
        "logical_type": str(column.logical_type),
        "max_definition_level": column.max_definition_level,
        "max_repetition_level": column.max_repetition_level,
    }


def _row_group(group: Any) -> dict[str, Any]:
    return {
        "num_rows": group.num_rows,
        "num_columns": group.num_columns,
        "total_byte_size": group.total_byte_size,
        "columns_total": group.num_columns,
        "columns": [_chunk(group.column(i)) for i in range(min(group.num_columns, _MOST_COLUMNS))],
    }


def _chunk(chunk: Any) -> dict[str, Any]:
    return {
        "path": chunk.path_in_schema,
        "compression": chunk.compression,
        "encodings": list(chunk.encodings),
        "num_values": chunk.num_values,
        "data_page_offset": chunk.data_page_offset,
        "dictionary_page_offset": chunk.dictionary_page_offset,
        "total_compressed_size": chunk.total_compressed_size,
        "total_uncompressed_size": chunk.total_uncompressed_size,
        "has_column_index": chunk.has_column_index,
        "has_offset_index": chunk.has_offset_index,
    }


def _pair(key: bytes, value: bytes) -> dict[str, Any]:
    """Keys and values are bytes of anybody's: text where they are UTF-8, else base64."""
    said: dict[str, Any] = {"key": key.decode("utf-8", "backslashreplace")}
    try:
        said["value"] = value.decode("utf-8")
    except UnicodeDecodeError:
        said["value_base64"] = base64.b64encode(value).decode("ascii")
    return said
