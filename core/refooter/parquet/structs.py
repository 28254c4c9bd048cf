"""What parquet.thrift (apache/parquet-format) declares, as data: names, field ids, types, and what is required.

Only the structs that footers and page indexes are made of. A reader asks `FILE_META_DATA.id("num_rows")` rather than
writing a 3, and a decoded tree can be shown by these names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from refooter.parquet.thrift import Struct, Wire


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One declared field. `type` is spelled as in the source, such as `i64`, `list<RowGroup>`; enums are `i32`."""

    id: int
    required: bool
    type: str
    name: str

    @property
    def wire(self) -> Wire:
        """How the value is written; for a boolean `TRUE`, though a false one has `FALSE`."""
        return _WIRES.get(self.type, Wire.LIST if self.type.startswith("list<") else Wire.STRUCT)

    @property
    def of(self) -> str:
        """The type itself, or that of a list's elements."""
        return self.type.removeprefix("list<").removesuffix(">")


@dataclass(frozen=True, slots=True)
class StructSpec:
    """One declared struct."""

    name: str
    fields: tuple[FieldSpec, ...]

    def id(self, name: str) -> int:
        """The id of the field of that name. Raises `KeyError` for a name that is not declared."""
        for spec in self.fields:
            if spec.name == name:
                return spec.id
        raise KeyError(f"{self.name}.{name}")

    def field(self, id: int) -> FieldSpec | None:
        """The field of that id, `None` for one that is not declared (a newer one, or a foreign one)."""
        return next((spec for spec in self.fields if spec.id == id), None)

    def missing(self, struct: Struct) -> tuple[str, ...]:
        """The names of the required fields that a decoded struct does not have."""
        present = {field.id for field in struct.fields}
        return tuple(spec.name for spec in self.fields if spec.required and spec.id not in present)


_WIRES: Final = {
    "bool": Wire.TRUE,
    "i8": Wire.BYTE,
    "i16": Wire.I16,
    "i32": Wire.I32,
    "i64": Wire.I64,
    "double": Wire.DOUBLE,
    "binary": Wire.BINARY,
    "string": Wire.BINARY,
}


def _declare(name: str, *lines: str) -> StructSpec:
    fields = []
    for line in lines:
        id, need, type, field = line.split()
        fields.append(FieldSpec(int(id), need == "required", type, field))
    return StructSpec(name, tuple(fields))


FILE_META_DATA: Final = _declare(
    "FileMetaData",
    "1 required i32 version",
    "2 required list<SchemaElement> schema",
    "3 required i64 num_rows",
    "4 required list<RowGroup> row_groups",
    "5 optional list<KeyValue> key_value_metadata",
    "6 optional string created_by",
    "7 optional list<ColumnOrder> column_orders",
    "8 optional EncryptionAlgorithm encryption_algorithm",
    "9 optional binary footer_signing_key_metadata",
)
SCHEMA_ELEMENT: Final = _declare(
    "SchemaElement",
    "1 optional i32 type",
    "2 optional i32 type_length",
    "3 optional i32 repetition_type",
    "4 required string name",
    "5 optional i32 num_children",
    "6 optional i32 converted_type",
    "7 optional i32 scale",
    "8 optional i32 precision",
    "9 optional i32 field_id",
    "10 optional LogicalType logicalType",
)
ROW_GROUP: Final = _declare(
    "RowGroup",
    "1 required list<ColumnChunk> columns",
    "2 required i64 total_byte_size",
    "3 required i64 num_rows",
    "4 optional list<SortingColumn> sorting_columns",
    "5 optional i64 file_offset",
    "6 optional i64 total_compressed_size",
    "7 optional i16 ordinal",
)
COLUMN_CHUNK: Final = _declare(
    "ColumnChunk",
    "1 optional string file_path",
    "2 required i64 file_offset",
    "3 optional ColumnMetaData meta_data",
    "4 optional i64 offset_index_offset",
    "5 optional i32 offset_index_length",
    "6 optional i64 column_index_offset",
    "7 optional i32 column_index_length",
    "8 optional ColumnCryptoMetaData crypto_metadata",
    "9 optional binary encrypted_column_metadata",
)
COLUMN_META_DATA: Final = _declare(
    "ColumnMetaData",
    "1 required i32 type",
    "2 required list<i32> encodings",
    "3 required list<string> path_in_schema",
    "4 required i32 codec",
    "5 required i64 num_values",
    "6 required i64 total_uncompressed_size",
    "7 required i64 total_compressed_size",
    "8 optional list<KeyValue> key_value_metadata",
    "9 required i64 data_page_offset",
    "10 optional i64 index_page_offset",
    "11 optional i64 dictionary_page_offset",
    "12 optional Statistics statistics",
    "13 optional list<PageEncodingStats> encoding_stats",
    "14 optional i64 bloom_filter_offset",
    "15 optional i32 bloom_filter_length",
    "16 optional SizeStatistics size_statistics",
    "17 optional GeospatialStatistics geospatial_statistics",
)
STATISTICS: Final = _declare(
    "Statistics",
    "1 optional binary max",
    "2 optional binary min",
    "3 optional i64 null_count",
    "4 optional i64 distinct_count",
    "5 optional binary max_value",
    "6 optional binary min_value",
    "7 optional bool is_max_value_exact",
    "8 optional bool is_min_value_exact",
)
PAGE_ENCODING_STATS: Final = _declare(
    "PageEncodingStats",
    "1 required i32 page_type",
    "2 required i32 encoding",
    "3 required i32 count",
)
SIZE_STATISTICS: Final = _declare(
    "SizeStatistics",
    "1 optional i64 unencoded_byte_array_data_bytes",
    "2 optional list<i64> repetition_level_histogram",
    "3 optional list<i64> definition_level_histogram",
)
KEY_VALUE: Final = _declare(
    "KeyValue",
    "1 required string key",
    "2 optional string value",
)
SORTING_COLUMN: Final = _declare(
    "SortingColumn",
    "1 required i32 column_idx",
    "2 required bool descending",
    "3 required bool nulls_first",
)
COLUMN_INDEX: Final = _declare(
    "ColumnIndex",
    "1 required list<bool> null_pages",
    "2 required list<binary> min_values",
    "3 required list<binary> max_values",
    "4 required i32 boundary_order",
    "5 optional list<i64> null_counts",
    "6 optional list<i64> repetition_level_histograms",
    "7 optional list<i64> definition_level_histograms",
)
OFFSET_INDEX: Final = _declare(
    "OffsetIndex",
    "1 required list<PageLocation> page_locations",
    "2 optional list<i64> unencoded_byte_array_data_bytes",
)
PAGE_LOCATION: Final = _declare(
    "PageLocation",
    "1 required i64 offset",
    "2 required i32 compressed_page_size",
    "3 required i64 first_row_index",
)
STRUCTS: Final = {
    spec.name: spec
    for spec in (
        FILE_META_DATA,
        SCHEMA_ELEMENT,
        ROW_GROUP,
        COLUMN_CHUNK,
        COLUMN_META_DATA,
        STATISTICS,
        PAGE_ENCODING_STATS,
        SIZE_STATISTICS,
        KEY_VALUE,
        SORTING_COLUMN,
        COLUMN_INDEX,
        OFFSET_INDEX,
        PAGE_LOCATION,
    )
}
"""Every declared struct by the name that field types use."""
