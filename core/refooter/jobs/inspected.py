"""An inspection as plain dicts and lists, for JSON. A list holds `LIST_LIMIT` items at most, its length is in `NAME_total`.

Names and values of a footer are anybody's bytes: they come escaped from the decoder, but for key-value metadata, which is
given whole (text where it is UTF-8, else base64).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any, Final, TypeVar

from refooter.diagnosis.marks import Mark
from refooter.diagnosis.regions import Region
from refooter.jobs.inspect import After, Inspection
from refooter.parquet.findings import Finding
from refooter.parquet.footer import Chunk, Footer, KeyValue, Range, RowGroup
from refooter.parquet.page_index import Page, PageIndex
from refooter.parquet.schema_tree import Element, Schema
from refooter.parquet.statistics import Bound, ColumnStatistics

LIST_LIMIT: Final = 1000
# Of all row groups, and of all chunks, together: a list of lists is no way around the limit.
_MOST_CHUNKS: Final = 20_000
_MOST_PAGES: Final = 20_000
_ARROW_SCHEMA: Final = b"ARROW:schema"
# parquet-cpp's names for FileMetaData.version
_FORMAT_VERSIONS: Final = {1: "1.0", 2: "2.6"}

T = TypeVar("T")


def _listed(name: str, items: Sequence[T], fields: Callable[[T], Any], total: int | None = None) -> dict[str, Any]:
    return {
        name: [fields(item) for item in items[:LIST_LIMIT]],
        f"{name}_total": len(items) if total is None else total,
    }


def inspection_fields(found: Inspection) -> dict[str, Any]:
    """What is known of the value beside its diagnosis: `footer`, `regions`, `marks`, `page_index`, `after`, `sha256`."""
    return {
        "sha256": None if found.value is None else sha256(found.value).hexdigest(),
        "footer": None if found.footer is None else footer_fields(found.footer),
        **_listed("regions", found.regions, _region),
        **_listed("marks", found.marks, _mark),
        "page_index": _page_indexes(found),
        "after": None if found.after is None else _after(found.after),
    }


def _region(region: Region) -> dict[str, Any]:
    return {"start": region.start, "end": region.end, "kind": region.kind.value, "what": region.what}


def _mark(mark: Mark) -> dict[str, Any]:
    return {
        "start": mark.start,
        "end": mark.end,
        "source": mark.source.value,
        "name": mark.name,
        "what": mark.what,
    }


def footer_fields(footer: Footer) -> dict[str, Any]:
    """A decoded footer; `start` and `serialized_size` are its place in the value and its length in bytes."""
    schema = footer.schema
    groups = footer.row_groups
    budget = _MOST_CHUNKS
    row_groups = []
    for group in groups[:LIST_LIMIT]:
        shown = min(group.column_count, LIST_LIMIT, budget)
        budget -= shown
        row_groups.append(_row_group(group, shown))
    return {
        "created_by": footer.created_by,
        "format_version": None if footer.version is None else _FORMAT_VERSIONS.get(footer.version, str(footer.version)),
        "version": footer.version,
        "num_rows": footer.num_rows,
        "num_columns": len(schema.leaves),
        "num_row_groups": len(groups),
        "start": footer.start,
        "serialized_size": footer.end - footer.start,
        "whole": footer.problem is None,
        "encryption": footer.encryption,
        **_listed("findings", footer.findings, _finding, footer.reading.findings_total),
        **_listed("schema", schema.leaves, lambda index: _column(schema, schema.elements[index])),
        **_listed("schema_elements", schema.elements, _element),
        **_listed("column_orders", footer.column_orders, lambda order: order),
        "row_groups": row_groups,
        "row_groups_total": len(groups),
        **_listed("key_value_metadata", footer.key_values, _pair),
        "arrow_schema": _arrow_schema(footer.key_values),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "path": finding.path,
        "message": finding.message,
        "start": finding.start,
        "end": finding.end,
    }


def _column(schema: Schema, leaf: Element) -> dict[str, Any]:
    return {
        "path": ".".join(schema.path(leaf.index)),
        "physical_type": leaf.type.physical_words,
        "logical_type": leaf.type.words or None,
        "repetition": leaf.repetition,
        "field_id": leaf.field_id,
        "max_definition_level": leaf.max_definition_level,
        "max_repetition_level": leaf.max_repetition_level,
    }


def _element(element: Element) -> dict[str, Any]:
    return {
        "name": element.name,
        "depth": element.depth,
        "column": element.column,
        "type": element.type.physical_words,
        "logical_type": element.type.words or None,
        "converted": element.type.converted,
        "repetition": element.repetition,
        "field_id": element.field_id,
        "start": element.start,
        "end": element.end,
    }


def _row_group(group: RowGroup, shown: int) -> dict[str, Any]:
    return {
        "num_rows": group.num_rows,
        "num_columns": group.column_count,
        "total_byte_size": group.total_byte_size,
        "total_compressed_size": group.total_compressed_size,
        "file_offset": group.file_offset,
        "ordinal": group.ordinal,
        "sorting_columns": list(group.sorting[:LIST_LIMIT]),
        "sorting_columns_total": len(group.sorting),
        "start": group.struct.start,
        "end": group.struct.end,
        "columns_total": group.column_count,
        "columns": [_chunk(chunk) for chunk in group.some_columns(0, shown)],
    }


def _chunk(chunk: Chunk) -> dict[str, Any]:
    return {
        "path": chunk.name,
        "physical_type": chunk.type.physical_words,
        "logical_type": chunk.type.words or None,
        "compression": chunk.codec,
        "encodings": list(chunk.encodings[:LIST_LIMIT]),
        "encoding_stats": list(chunk.encoding_stats[:LIST_LIMIT]),
        "num_values": chunk.num_values,
        "data_page_offset": chunk.data_page_offset,
        "dictionary_page_offset": chunk.dictionary_page_offset,
        "index_page_offset": chunk.index_page_offset,
        "total_compressed_size": chunk.total_compressed_size,
        "total_uncompressed_size": chunk.total_uncompressed_size,
        "has_column_index": chunk.column_index is not None,
        "has_offset_index": chunk.offset_index is not None,
        "column_index": _range(chunk.column_index),
        "offset_index": _range(chunk.offset_index),
        "bloom_filter": _range(chunk.bloom_filter),
        "statistics": None if chunk.statistics is None else _statistics(chunk.statistics),
        **_listed("key_value_metadata", chunk.key_values, _pair),
        "file_path": chunk.file_path,
        "encrypted": chunk.encrypted,
        "start": chunk.start,
        "end": chunk.end,
    }


def _range(found: Range | None) -> dict[str, int | None] | None:
    return None if found is None else {"offset": found[0], "length": found[1]}


def _statistics(said: ColumnStatistics) -> dict[str, Any]:
    """`deprecated`: there is only what the deprecated fields say, and `min` and `max` are theirs."""
    deprecated = said.min is None and said.max is None and (said.deprecated_min or said.deprecated_max) is not None
    low, high = (said.deprecated_min, said.deprecated_max) if deprecated else (said.min, said.max)
    return {
        "min": _bound(low),
        "max": _bound(high),
        "min_exact": said.min_exact,
        "max_exact": said.max_exact,
        "deprecated": deprecated,
        "deprecated_min": _bound(said.deprecated_min),
        "deprecated_max": _bound(said.deprecated_max),
        "null_count": said.null_count,
        "distinct_count": said.distinct_count,
        "nan_count": said.nan_count,
    }


def _bound(bound: Bound | None) -> dict[str, Any] | None:
    return None if bound is None else {"value": bound.text, "problem": bound.problem}


def _pair(pair: KeyValue) -> dict[str, Any]:
    said: dict[str, Any] = {"key": pair.key.decode("utf-8", "backslashreplace"), "start": pair.start, "end": pair.end}
    if pair.value is None:
        return {**said, "value": None}
    try:
        return {**said, "value": pair.value.decode("utf-8")}
    except UnicodeDecodeError:
        return {**said, "value_base64": base64.b64encode(pair.value).decode("ascii")}


def _arrow_schema(pairs: Sequence[KeyValue]) -> dict[str, Any] | None:
    from refooter.parquet.arrow_schema import read_arrow_schema

    for pair in pairs:
        if pair.key == _ARROW_SCHEMA and pair.value is not None:
            schema = read_arrow_schema(pair.value)
            return {**_listed("lines", schema.lines, str), "problem": schema.problem}
    return None


def _page_indexes(found: Inspection) -> dict[str, Any]:
    """The page index of every chunk that has one at hand."""
    chunks: list[dict[str, Any]] = []
    total = 0
    budget = _MOST_PAGES
    for group in () if found.footer is None or found.page_index.data is None else found.footer.row_groups:
        total += group.column_count
        if len(chunks) >= LIST_LIMIT:
            continue
        for chunk in group.some_columns(0, LIST_LIMIT - len(chunks)):
            index = found.page_index.of(group, chunk)
            shown = 0 if index is None else min(len(index.pages), LIST_LIMIT, budget)
            budget -= shown
            chunks.append(_page_index(chunk, index, shown))
    return {
        "at_hand": found.page_index.data is not None,
        "where": found.page_index.sentence,
        "chunks": chunks,
        "chunks_total": total,
    }


def _page_index(chunk: Chunk, index: PageIndex | None, shown: int) -> dict[str, Any]:
    said: dict[str, Any] = {"row_group": chunk.row_group, "column": chunk.column, "path": chunk.name}
    if index is None:
        return {**said, "boundary_order": None, "pages": [], "pages_total": 0, "findings": [], "findings_total": 0}
    return {
        **said,
        "boundary_order": index.boundary_order,
        "pages": [_page(page) for page in index.pages[:shown]],
        "pages_total": len(index.pages),
        **_listed("findings", index.findings, _finding),
    }


def _page(page: Page) -> dict[str, Any]:
    return {
        "first_row": page.first_row,
        "rows": page.rows,
        "offset": page.offset,
        "size": page.size,
        "null_page": page.null_page,
        "null_count": page.null_count,
        "nan_count": page.nan_count,
        "min": _bound(page.min),
        "max": _bound(page.max),
    }


def _after(after: After) -> dict[str, Any]:
    replacement, differences = after.replacement, after.differences
    diagnosis, footer = replacement.diagnosis, after.footer
    return {
        "outcome": None if replacement.outcome is None else replacement.outcome.value,
        "reason": None if replacement.reason is None else replacement.reason.value,
        "sentence": replacement.sentence,
        "how": replacement.how,
        "proved": replacement.proved,
        "size": None if replacement.value is None else len(replacement.value),
        "sha256": None if replacement.value is None else sha256(replacement.value).hexdigest(),
        "status": None if diagnosis is None else diagnosis.status.value,
        "cause": None if diagnosis is None else diagnosis.cause.value,
        "error": None if diagnosis is None else diagnosis.error,
        "layout": None if diagnosis is None else diagnosis.layout.value,
        "num_rows": None if footer is None else footer.num_rows,
        "num_row_groups": None if footer is None else len(footer.row_groups),
        "bytes_differing": None if differences is None else differences.bytes,
        **_listed(
            "differences",
            () if differences is None else differences.kept,
            asdict,
            None if differences is None else differences.total,
        ),
    }
