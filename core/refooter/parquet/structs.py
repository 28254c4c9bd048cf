"""What parquet.thrift (apache/parquet-format) declares, as data: names, field ids, types, and what is required.

Everything that FileMetaData, FileCryptoMetaData and the page index are made of, as of August 2026. A reader asks
`FILE_META_DATA.id("num_rows")` rather than writing a 3, and a decoded tree is shown and checked by these names.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Final

from refooter.parquet.thrift import Struct, Wire


@dataclass(frozen=True, slots=True)
class EnumSpec:
    """One declared enum; its values are written as `i32`."""

    name: str
    names: dict[int, str]

    def value(self, name: str) -> int:
        """The number of that name. Raises `KeyError` for a name that is not declared."""
        for value, known in self.names.items():
            if known == name:
                return value
        raise KeyError(f"{self.name}.{name}")


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One declared field. `type` is spelled as in the source, such as `i64`, `Encoding`, `list<RowGroup>`.

    `wire` is how the value is written; for a boolean `TRUE`, though a false one has `FALSE`. A union's members are
    not required.
    """

    id: int
    required: bool
    type: str
    name: str
    wire: Wire = dataclass_field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "wire", wire_of(self.type))

    @property
    def of(self) -> str:
        """The type itself, or that of a list's elements."""
        return element_type(self.type)


@dataclass(frozen=True, slots=True)
class StructSpec:
    """One declared struct, or a union: a struct of which exactly one field is set."""

    name: str
    fields: tuple[FieldSpec, ...]
    union: bool = False
    _by_name: dict[str, int] = dataclass_field(init=False, repr=False, compare=False)
    _by_id: dict[int, FieldSpec] = dataclass_field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {spec.name: spec.id for spec in self.fields})
        object.__setattr__(self, "_by_id", {spec.id: spec for spec in self.fields})

    def id(self, name: str) -> int:
        """The id of the field of that name. Raises `KeyError` for a name that is not declared."""
        return self._by_name[name]

    def field(self, id: int) -> FieldSpec | None:
        """The field of that id, `None` for one that is not declared (a newer one, or a foreign one)."""
        return self._by_id.get(id)

    def missing(self, struct: Struct) -> tuple[str, ...]:
        """The names of the required fields that a decoded struct does not have."""
        present = {field.id for field in struct.fields}
        return tuple(spec.name for spec in self.fields if spec.required and spec.id not in present)


ENUMS: Final[dict[str, EnumSpec]] = {}
"""Every declared enum by the name that field types use."""
STRUCTS: Final[dict[str, StructSpec]] = {}
"""Every declared struct and union by the name that field types use."""

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


def element_type(type: str) -> str:
    """The type of a list's elements; any other type itself."""
    return type.removeprefix("list<").removesuffix(">")


def wire_of(type: str) -> Wire:
    """How a value of a type, spelled as in the source, is written. Enums must have been declared before."""
    if type.startswith("list<"):
        return Wire.LIST
    return Wire.I32 if type in ENUMS else _WIRES.get(type, Wire.STRUCT)


def _enum(name: str, *lines: str) -> EnumSpec:
    numbered = (line.split() for line in lines)
    ENUMS[name] = spec = EnumSpec(name, {int(value): known for value, known in numbered})
    return spec


def _struct(name: str, *lines: str) -> StructSpec:
    fields = []
    for line in lines:
        id, need, type, known = line.split()
        fields.append(FieldSpec(int(id), need == "required", type, known))
    STRUCTS[name] = spec = StructSpec(name, tuple(fields))
    return spec


def _union(name: str, *lines: str) -> StructSpec:
    members = []
    for line in lines:
        id, type, known = line.split()
        members.append(FieldSpec(int(id), False, type, known))
    STRUCTS[name] = spec = StructSpec(name, tuple(members), union=True)
    return spec


TYPE: Final = _enum(
    "Type",
    "0 BOOLEAN",
    "1 INT32",
    "2 INT64",
    "3 INT96",
    "4 FLOAT",
    "5 DOUBLE",
    "6 BYTE_ARRAY",
    "7 FIXED_LEN_BYTE_ARRAY",
)
CONVERTED_TYPE: Final = _enum(
    "ConvertedType",
    "0 UTF8",
    "1 MAP",
    "2 MAP_KEY_VALUE",
    "3 LIST",
    "4 ENUM",
    "5 DECIMAL",
    "6 DATE",
    "7 TIME_MILLIS",
    "8 TIME_MICROS",
    "9 TIMESTAMP_MILLIS",
    "10 TIMESTAMP_MICROS",
    "11 UINT_8",
    "12 UINT_16",
    "13 UINT_32",
    "14 UINT_64",
    "15 INT_8",
    "16 INT_16",
    "17 INT_32",
    "18 INT_64",
    "19 JSON",
    "20 BSON",
    "21 INTERVAL",
)
FIELD_REPETITION_TYPE: Final = _enum(
    "FieldRepetitionType",
    "0 REQUIRED",
    "1 OPTIONAL",
    "2 REPEATED",
)
EDGE_INTERPOLATION_ALGORITHM: Final = _enum(
    "EdgeInterpolationAlgorithm",
    "0 SPHERICAL",
    "1 VINCENTY",
    "2 THOMAS",
    "3 ANDOYER",
    "4 KARNEY",
)
ENCODING: Final = _enum(
    "Encoding",
    "0 PLAIN",
    "2 PLAIN_DICTIONARY",
    "3 RLE",
    "4 BIT_PACKED",
    "5 DELTA_BINARY_PACKED",
    "6 DELTA_LENGTH_BYTE_ARRAY",
    "7 DELTA_BYTE_ARRAY",
    "8 RLE_DICTIONARY",
    "9 BYTE_STREAM_SPLIT",
    "10 ALP",
)
COMPRESSION_CODEC: Final = _enum(
    "CompressionCodec",
    "0 UNCOMPRESSED",
    "1 SNAPPY",
    "2 GZIP",
    "3 LZO",
    "4 BROTLI",
    "5 LZ4",
    "6 ZSTD",
    "7 LZ4_RAW",
)
PAGE_TYPE: Final = _enum(
    "PageType",
    "0 DATA_PAGE",
    "1 INDEX_PAGE",
    "2 DICTIONARY_PAGE",
    "3 DATA_PAGE_V2",
)
BOUNDARY_ORDER: Final = _enum(
    "BoundaryOrder",
    "0 UNORDERED",
    "1 ASCENDING",
    "2 DESCENDING",
)
for _name in (
    "StringType",
    "UUIDType",
    "MapType",
    "ListType",
    "EnumType",
    "DateType",
    "Float16Type",
    "NullType",
    "MilliSeconds",
    "MicroSeconds",
    "NanoSeconds",
    "JsonType",
    "BsonType",
    "FileType",
    "EncryptionWithFooterKey",
    "TypeDefinedOrder",
    "IEEE754TotalOrder",
    "Int96TimestampOrder",
):
    _struct(_name)  # an annotation and nothing else
SIZE_STATISTICS: Final = _struct(
    "SizeStatistics",
    "1 optional i64 unencoded_byte_array_data_bytes",
    "2 optional list<i64> repetition_level_histogram",
    "3 optional list<i64> definition_level_histogram",
)
BOUNDING_BOX: Final = _struct(
    "BoundingBox",
    "1 required double xmin",
    "2 required double xmax",
    "3 required double ymin",
    "4 required double ymax",
    "5 optional double zmin",
    "6 optional double zmax",
    "7 optional double mmin",
    "8 optional double mmax",
)
GEOSPATIAL_STATISTICS: Final = _struct(
    "GeospatialStatistics",
    "1 optional BoundingBox bbox",
    "2 optional list<i32> geospatial_types",
)
STATISTICS: Final = _struct(
    "Statistics",
    "1 optional binary max",
    "2 optional binary min",
    "3 optional i64 null_count",
    "4 optional i64 distinct_count",
    "5 optional binary max_value",
    "6 optional binary min_value",
    "7 optional bool is_max_value_exact",
    "8 optional bool is_min_value_exact",
    "9 optional i64 nan_count",
)
DECIMAL_TYPE: Final = _struct(
    "DecimalType",
    "1 required i32 scale",
    "2 required i32 precision",
)
TIME_UNIT: Final = _union(
    "TimeUnit",
    "1 MilliSeconds MILLIS",
    "2 MicroSeconds MICROS",
    "3 NanoSeconds NANOS",
)
TIMESTAMP_TYPE: Final = _struct(
    "TimestampType",
    "1 required bool isAdjustedToUTC",
    "2 required TimeUnit unit",
)
TIME_TYPE: Final = _struct(
    "TimeType",
    "1 required bool isAdjustedToUTC",
    "2 required TimeUnit unit",
)
INT_TYPE: Final = _struct(
    "IntType",
    "1 required i8 bitWidth",
    "2 required bool isSigned",
)
VARIANT_TYPE: Final = _struct(
    "VariantType",
    "1 optional i8 specification_version",
)
GEOMETRY_TYPE: Final = _struct(
    "GeometryType",
    "1 optional string crs",
)
GEOGRAPHY_TYPE: Final = _struct(
    "GeographyType",
    "1 optional string crs",
    "2 optional EdgeInterpolationAlgorithm algorithm",
)
LOGICAL_TYPE: Final = _union(
    "LogicalType",
    "1 StringType STRING",
    "2 MapType MAP",
    "3 ListType LIST",
    "4 EnumType ENUM",
    "5 DecimalType DECIMAL",
    "6 DateType DATE",
    "7 TimeType TIME",
    "8 TimestampType TIMESTAMP",
    "10 IntType INTEGER",
    "11 NullType UNKNOWN",
    "12 JsonType JSON",
    "13 BsonType BSON",
    "14 UUIDType UUID",
    "15 Float16Type FLOAT16",
    "16 VariantType VARIANT",
    "17 GeometryType GEOMETRY",
    "18 GeographyType GEOGRAPHY",
    "19 FileType FILE",
)
SCHEMA_ELEMENT: Final = _struct(
    "SchemaElement",
    "1 optional Type type",
    "2 optional i32 type_length",
    "3 optional FieldRepetitionType repetition_type",
    "4 required string name",
    "5 optional i32 num_children",
    "6 optional ConvertedType converted_type",
    "7 optional i32 scale",
    "8 optional i32 precision",
    "9 optional i32 field_id",
    "10 optional LogicalType logicalType",
)
KEY_VALUE: Final = _struct(
    "KeyValue",
    "1 required string key",
    "2 optional string value",
)
SORTING_COLUMN: Final = _struct(
    "SortingColumn",
    "1 required i32 column_idx",
    "2 required bool descending",
    "3 required bool nulls_first",
)
PAGE_ENCODING_STATS: Final = _struct(
    "PageEncodingStats",
    "1 required PageType page_type",
    "2 required Encoding encoding",
    "3 required i32 count",
)
COLUMN_META_DATA: Final = _struct(
    "ColumnMetaData",
    "1 required Type type",
    "2 required list<Encoding> encodings",
    "3 required list<string> path_in_schema",
    "4 required CompressionCodec codec",
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
ENCRYPTION_WITH_COLUMN_KEY: Final = _struct(
    "EncryptionWithColumnKey",
    "1 required list<string> path_in_schema",
    "2 optional binary key_metadata",
)
COLUMN_CRYPTO_META_DATA: Final = _union(
    "ColumnCryptoMetaData",
    "1 EncryptionWithFooterKey ENCRYPTION_WITH_FOOTER_KEY",
    "2 EncryptionWithColumnKey ENCRYPTION_WITH_COLUMN_KEY",
)
COLUMN_CHUNK: Final = _struct(
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
ROW_GROUP: Final = _struct(
    "RowGroup",
    "1 required list<ColumnChunk> columns",
    "2 required i64 total_byte_size",
    "3 required i64 num_rows",
    "4 optional list<SortingColumn> sorting_columns",
    "5 optional i64 file_offset",
    "6 optional i64 total_compressed_size",
    "7 optional i16 ordinal",
)
COLUMN_ORDER: Final = _union(
    "ColumnOrder",
    "1 TypeDefinedOrder TYPE_ORDER",
    "2 IEEE754TotalOrder IEEE_754_TOTAL_ORDER",
    "3 Int96TimestampOrder INT96_TIMESTAMP_ORDER",
)
PAGE_LOCATION: Final = _struct(
    "PageLocation",
    "1 required i64 offset",
    "2 required i32 compressed_page_size",
    "3 required i64 first_row_index",
)
OFFSET_INDEX: Final = _struct(
    "OffsetIndex",
    "1 required list<PageLocation> page_locations",
    "2 optional list<i64> unencoded_byte_array_data_bytes",
)
COLUMN_INDEX: Final = _struct(
    "ColumnIndex",
    "1 required list<bool> null_pages",
    "2 required list<binary> min_values",
    "3 required list<binary> max_values",
    "4 required BoundaryOrder boundary_order",
    "5 optional list<i64> null_counts",
    "6 optional list<i64> repetition_level_histograms",
    "7 optional list<i64> definition_level_histograms",
    "8 optional list<i64> nan_counts",
)
AES_GCM_V1: Final = _struct(
    "AesGcmV1",
    "1 optional binary aad_prefix",
    "2 optional binary aad_file_unique",
    "3 optional bool supply_aad_prefix",
)
AES_GCM_CTR_V1: Final = _struct(
    "AesGcmCtrV1",
    "1 optional binary aad_prefix",
    "2 optional binary aad_file_unique",
    "3 optional bool supply_aad_prefix",
)
ENCRYPTION_ALGORITHM: Final = _union(
    "EncryptionAlgorithm",
    "1 AesGcmV1 AES_GCM_V1",
    "2 AesGcmCtrV1 AES_GCM_CTR_V1",
)
FILE_META_DATA: Final = _struct(
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
FILE_CRYPTO_META_DATA: Final = _struct(
    "FileCryptoMetaData",
    "1 required EncryptionAlgorithm encryption_algorithm",
    "2 optional binary key_metadata",
)
