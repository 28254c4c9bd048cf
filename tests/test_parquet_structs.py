"""The declarations: whole, consistent, and numbered as parquet.thrift numbers them."""

from __future__ import annotations

import pytest

from refooter.parquet.structs import (
    COLUMN_CHUNK,
    COLUMN_INDEX,
    COLUMN_META_DATA,
    COMPRESSION_CODEC,
    ENCODING,
    ENUMS,
    FILE_CRYPTO_META_DATA,
    FILE_META_DATA,
    LOGICAL_TYPE,
    OFFSET_INDEX,
    STATISTICS,
    STRUCTS,
    FieldSpec,
    StructSpec,
)
from refooter.parquet.thrift import Wire, decode

_SCALARS = {"bool", "i8", "i16", "i32", "i64", "double", "binary", "string"}
_ROOTS = (FILE_META_DATA, FILE_CRYPTO_META_DATA, COLUMN_INDEX, OFFSET_INDEX)


def _fields() -> list[tuple[StructSpec, FieldSpec]]:
    return [(spec, field) for spec in STRUCTS.values() for field in spec.fields]


def test_every_type_that_a_field_has_is_declared() -> None:
    for spec, field in _fields():
        assert field.of in _SCALARS | STRUCTS.keys() | ENUMS.keys(), f"{spec.name}.{field.name}: {field.type}"


def test_everything_declared_is_reached_from_a_footer_or_a_page_index() -> None:
    reached = {spec.name for spec in _ROOTS}
    waiting = list(_ROOTS)
    while waiting:
        for field in waiting.pop().fields:
            if field.of in STRUCTS | ENUMS and field.of not in reached:
                reached.add(field.of)
                waiting += [STRUCTS[field.of]] if field.of in STRUCTS else []
    assert reached == STRUCTS.keys() | ENUMS.keys()


def test_ids_and_names_are_unique_and_ascend() -> None:
    for spec in STRUCTS.values():
        ids = [field.id for field in spec.fields]
        assert ids == sorted(set(ids))
        assert len({field.name for field in spec.fields}) == len(ids)
    for enum in ENUMS.values():
        assert len(set(enum.names.values())) == len(enum.names)


def test_a_union_requires_none_of_its_members() -> None:
    unions = {spec.name for spec in STRUCTS.values() if spec.union}
    assert unions == {"TimeUnit", "LogicalType", "ColumnCryptoMetaData", "ColumnOrder", "EncryptionAlgorithm"}
    assert not any(field.required for name in unions for field in STRUCTS[name].fields)


@pytest.mark.parametrize(
    ("spec", "name", "id", "wire", "required"),
    [
        (FILE_META_DATA, "num_rows", 3, Wire.I64, True),
        (FILE_META_DATA, "encryption_algorithm", 8, Wire.STRUCT, False),
        (COLUMN_CHUNK, "meta_data", 3, Wire.STRUCT, False),
        (COLUMN_META_DATA, "codec", 4, Wire.I32, True),
        (COLUMN_META_DATA, "encodings", 2, Wire.LIST, True),
        (COLUMN_META_DATA, "geospatial_statistics", 17, Wire.STRUCT, False),
        (STATISTICS, "nan_count", 9, Wire.I64, False),
        (STATISTICS, "is_max_value_exact", 7, Wire.TRUE, False),
        (COLUMN_INDEX, "nan_counts", 8, Wire.LIST, False),
        (LOGICAL_TYPE, "GEOGRAPHY", 18, Wire.STRUCT, False),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_fields_are_numbered_and_written_as_the_source_says(
    spec: StructSpec, name: str, id: int, wire: Wire, required: bool
) -> None:
    field = spec.field(id)
    assert field is not None
    assert (spec.id(name), field.name, field.wire, field.required) == (id, name, wire, required)


def test_enums_have_their_gaps() -> None:
    assert ENCODING.names[0] == "PLAIN"
    assert 1 not in ENCODING.names  # GROUP_VAR_INT was never used
    assert COMPRESSION_CODEC.value("LZ4_RAW") == 7


def test_what_is_not_declared_is_a_key_error_or_nothing() -> None:
    with pytest.raises(KeyError):
        FILE_META_DATA.id("rows")
    with pytest.raises(KeyError):
        COMPRESSION_CODEC.value("RAR")
    assert FILE_META_DATA.field(10) is None


def test_missing_names_the_required_fields_that_are_not_there() -> None:
    assert FILE_META_DATA.missing(decode(b"\x15\x02\0").root) == ("schema", "num_rows", "row_groups")
