"""A FileMetaData, read leniently: the tree of everything in it, what is odd about it, and what an inspector shows first.

Nothing raises for what the bytes are, and what could be read is there: a field that is missing or not written as
parquet.thrift declares it is `None` here, while the tree and the findings tell what the bytes say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from refooter.parquet.column_type import ColumnType
from refooter.parquet.escape import escaped
from refooter.parquet.findings import Finding, Findings
from refooter.parquet.reading import Reading, read
from refooter.parquet.schema_tree import UNTYPED, Schema, read_schema_tree
from refooter.parquet.statistics import ColumnStatistics, read_statistics
from refooter.parquet.structs import (
    COLUMN_CHUNK,
    COLUMN_META_DATA,
    COLUMN_ORDER,
    COMPRESSION_CODEC,
    ENCODING,
    ENCRYPTION_ALGORITHM,
    FILE_META_DATA,
    KEY_VALUE,
    PAGE_ENCODING_STATS,
    PAGE_TYPE,
    ROW_GROUP,
    SORTING_COLUMN,
    EnumSpec,
    StructSpec,
)
from refooter.parquet.thrift import List, Struct, ThriftError, Value
from refooter.parquet.tree import Node

Range: TypeAlias = tuple[int, int | None]
"""An offset into the file, or into the value for relative pointers, and a length in bytes where one is said."""


@dataclass(frozen=True, slots=True)
class KeyValue:
    """One pair of key-value metadata, in the bytes `[start, end)`."""

    key: bytes
    value: bytes | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """One column chunk: what ColumnChunk and its ColumnMetaData say. Sizes in bytes, offsets into the file.

    `path` is `path_in_schema`, `name` the same with dots. `type` is that of the schema's leaf at this position; where the
    schema has none, the physical type alone. `encoding_stats` are such as `3 x DATA_PAGE RLE_DICTIONARY`. `encrypted`: it
    says how to decrypt it. `node_path` leads to it in the tree.
    """

    row_group: int
    column: int
    path: tuple[str, ...]
    type: ColumnType
    codec: str | None
    encodings: tuple[str, ...]
    encoding_stats: tuple[str, ...]
    num_values: int | None
    total_uncompressed_size: int | None
    total_compressed_size: int | None
    data_page_offset: int | None
    dictionary_page_offset: int | None
    index_page_offset: int | None
    statistics: ColumnStatistics | None
    bloom_filter: Range | None
    column_index: Range | None
    offset_index: Range | None
    key_values: tuple[KeyValue, ...]
    file_path: str | None
    encrypted: bool
    node_path: str
    start: int
    end: int

    @property
    def name(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class RowGroup:
    """One row group; its column chunks are read when asked for. Sizes in bytes.

    `sorting` is such as `column 2 descending, nulls first`.
    """

    index: int
    num_rows: int | None
    total_byte_size: int | None
    total_compressed_size: int | None
    file_offset: int | None
    ordinal: int | None
    sorting: tuple[str, ...]
    node_path: str
    struct: Struct
    schema: Schema

    @property
    def column_count(self) -> int:
        return len(self._chunks)

    @property
    def columns(self) -> tuple[Chunk, ...]:
        """All column chunks."""
        return self.some_columns(0, self.column_count)

    def some_columns(self, first: int, last: int) -> tuple[Chunk, ...]:
        """The column chunks of `[first, last)`."""
        chunks = self._chunks
        positions = range(*slice(first, last).indices(len(chunks)))
        return tuple([_chunk(chunks[position], self, position) for position in positions])

    @property
    def _chunks(self) -> list[Struct]:
        return _structs(self.struct.value(ROW_GROUP.id("columns")))


@dataclass(frozen=True)
class Footer:
    """A FileMetaData as far as it could be read: `reading` has the tree; its findings are those of the schema too."""

    reading: Reading
    schema: Schema

    @property
    def root(self) -> Node:
        """The tree of all that is in it."""
        return self.reading.root

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is odd, at most `MAX_FINDINGS` of it."""
        return self.reading.findings

    @property
    def problem(self) -> ThriftError | None:
        """Why reading stopped before the end, `None` if it did not."""
        return self.reading.problem

    @property
    def start(self) -> int:
        return self.reading.start

    @property
    def end(self) -> int:
        """The byte behind it, or the first that was not read."""
        return self.reading.end

    @property
    def version(self) -> int | None:
        return _integer(self._said.get("version"))

    @property
    def num_rows(self) -> int | None:
        return _integer(self._said.get("num_rows"))

    @property
    def created_by(self) -> str | None:
        return _text(self._said.get("created_by"))

    @property
    def encryption(self) -> str | None:
        """The algorithm's name, of a file with encrypted columns and a footer in plain text."""
        return _member(self._said.get("encryption_algorithm"), ENCRYPTION_ALGORITHM)

    @cached_property
    def column_orders(self) -> tuple[str | None, ...]:
        """By column, such as `TYPE_ORDER`."""
        orders = _structs(self._said.get("column_orders"))
        return tuple([_member(order, COLUMN_ORDER) for order in orders])

    @cached_property
    def key_values(self) -> tuple[KeyValue, ...]:
        """The file's key-value metadata."""
        return _key_values(self._said)

    @cached_property
    def row_groups(self) -> tuple[RowGroup, ...]:
        """All row groups, without their columns."""
        groups = _structs(self._said.get("row_groups"))
        return tuple([_row_group(group, index, self.schema) for index, group in enumerate(groups)])

    @cached_property
    def _said(self) -> _Said:
        return _said(self.reading.struct, FILE_META_DATA)


def read_footer(data: bytes, start: int = 0, end: int | None = None) -> Footer:
    """Reads FileMetaData from `data[start:end]`. Never raises for what the bytes are."""
    reading = read(data, FILE_META_DATA, start, end)
    findings = Findings(reading.findings, reading.findings_total)
    schema = read_schema_tree(reading.struct, findings)
    return Footer(replace(reading, findings=tuple(findings.kept), findings_total=findings.total), schema)


_Said: TypeAlias = dict[str, Value]
"""What a struct says, by the names of its declared fields; of several with one name the last."""


def _said(struct: object, spec: StructSpec) -> _Said:
    if not isinstance(struct, Struct):
        return {}
    return {known.name: item.value for item in struct.fields if (known := spec.field(item.id)) is not None}


def _row_group(struct: Struct, index: int, schema: Schema) -> RowGroup:
    said = _said(struct, ROW_GROUP)
    return RowGroup(
        index,
        _integer(said.get("num_rows")),
        _integer(said.get("total_byte_size")),
        _integer(said.get("total_compressed_size")),
        _integer(said.get("file_offset")),
        _integer(said.get("ordinal")),
        tuple([_sorting(column) for column in _structs(said.get("sorting_columns"))]),
        f"row_groups[{index}]",
        struct,
        schema,
    )


def _sorting(struct: Struct) -> str:
    said = _said(struct, SORTING_COLUMN)
    column = _integer(said.get("column_idx"))
    direction = "descending" if said.get("descending") is True else "ascending"
    nulls = "first" if said.get("nulls_first") is True else "last"
    return f"column {'?' if column is None else column} {direction}, nulls {nulls}"


def _chunk(struct: Struct, group: RowGroup, column: int) -> Chunk:
    said = _said(struct, COLUMN_CHUNK)
    meta = _said(said.get("meta_data"), COLUMN_META_DATA)
    leaf = group.schema.leaf(column)
    type = UNTYPED if leaf is None else leaf.type
    statistics = meta.get("statistics")
    return Chunk(
        group.index,
        column,
        tuple([escaped(name) for name in _elements(meta.get("path_in_schema")) if isinstance(name, bytes)]),
        type,
        _enum(meta.get("codec"), COMPRESSION_CODEC),
        tuple([_enum(value, ENCODING) or "?" for value in _elements(meta.get("encodings"))]),
        tuple([_encoding_stats(stats) for stats in _structs(meta.get("encoding_stats"))]),
        _integer(meta.get("num_values")),
        _integer(meta.get("total_uncompressed_size")),
        _integer(meta.get("total_compressed_size")),
        _integer(meta.get("data_page_offset")),
        _integer(meta.get("dictionary_page_offset")),
        _integer(meta.get("index_page_offset")),
        read_statistics(statistics, type) if isinstance(statistics, Struct) else None,
        _range(meta, "bloom_filter"),
        _range(said, "column_index"),
        _range(said, "offset_index"),
        _key_values(meta),
        _text(said.get("file_path")),
        "crypto_metadata" in said,
        f"{group.node_path}.columns[{column}]",
        struct.start,
        struct.end,
    )


def _encoding_stats(struct: Struct) -> str:
    said = _said(struct, PAGE_ENCODING_STATS)
    count = _integer(said.get("count"))
    page, encoding = _enum(said.get("page_type"), PAGE_TYPE), _enum(said.get("encoding"), ENCODING)
    return f"{'?' if count is None else count} x {page or '?'} {encoding or '?'}"


def _key_values(said: _Said) -> tuple[KeyValue, ...]:
    pairs = []
    for struct in _structs(said.get("key_value_metadata")):
        pair = _said(struct, KEY_VALUE)
        key, value = pair.get("key"), pair.get("value")
        known = value if isinstance(value, bytes) else None
        pairs.append(KeyValue(key if isinstance(key, bytes) else b"", known, struct.start, struct.end))
    return tuple(pairs)


def _range(said: _Said, name: str) -> Range | None:
    offset = _integer(said.get(f"{name}_offset"))
    return None if offset is None else (offset, _integer(said.get(f"{name}_length")))


def _elements(value: object) -> list[Value]:
    return value.values if isinstance(value, List) else []


def _structs(value: object) -> list[Struct]:
    return [element for element in _elements(value) if isinstance(element, Struct)]


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return escaped(value) if isinstance(value, bytes) else None


def _enum(value: object, spec: EnumSpec) -> str | None:
    number = _integer(value)
    return None if number is None else spec.names.get(number, f"{number} (unknown)")


def _member(value: object, spec: StructSpec) -> str | None:
    if not isinstance(value, Struct) or not value.fields:
        return None
    declared = spec.field(value.fields[-1].id)
    return f"field_{value.fields[-1].id}" if declared is None else declared.name
