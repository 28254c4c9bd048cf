"""The lenient reading of a footer: every node where it stands, every oddity named, and nothing lost behind one."""

from __future__ import annotations

import pytest

from footer_corpus import by_arrow_rs, chunks, field, files, structs, table, with_damaged_arrow_schema
from refooter.parquet.arrow_schema import MAX_VALUE_BYTES, read_arrow_schema
from refooter.parquet.edit import insert_field, integer_edit, removal_edits, remove_field, set_integer, splice
from refooter.parquet.findings import MAX_FINDINGS, Finding, FindingKind
from refooter.parquet.footer import Footer, read_footer
from refooter.parquet.reading import read
from refooter.parquet.structs import FILE_CRYPTO_META_DATA
from refooter.parquet.thrift import Field, List, Struct, Wire, decode, encode, encode_value

_FILE = files()[4]
_RAW = _FILE.footer


def _only(footer: Footer) -> Finding:
    [finding] = footer.findings
    assert footer.reading.findings_total == 1
    return finding


def _struct(*fields: tuple[int, Wire, object]) -> Struct:
    return Struct(fields=[Field(id, wire, 0, 0, 0, value) for id, wire, value in fields])  # type: ignore[arg-type]


def _list(element: Wire, *values: object) -> List:
    return List(0, 0, element, list(values))  # type: ignore[arg-type]


def test_the_tree_names_every_value_and_its_bytes() -> None:
    raw = b"before" + _RAW + b"after"
    footer = read_footer(raw, 6)
    assert (footer.start, footer.end, footer.problem) == (6, len(raw) - 5, None)
    codec = footer.root.find("row_groups[1].columns[2].meta_data.codec")
    assert codec is not None
    assert (codec.name, codec.type, codec.text, codec.id) == ("codec", "CompressionCodec", "LZ4_RAW", 4)
    assert codec.path == "row_groups[1].columns[2].meta_data.codec"
    assert raw[codec.start : codec.end] == b"\x15\x0e"
    assert raw[codec.value_start : codec.end] == b"\x0e"
    unit = footer.root.find("schema[3].logicalType.TIMESTAMP.unit")
    assert unit is not None
    assert (unit.type, unit.text) == ("TimeUnit", "NANOS")
    version = footer.root.children[0]
    assert (version.name, version.value, version.start) == ("version", 2, 6)


def test_children_cover_their_parent_in_order_and_every_byte_leads_to_its_node() -> None:
    footer = read_footer(_RAW)
    for node in footer.root.walk():
        children = node.children
        assert len(children) == node.child_count
        at = node.value_start
        for child in children:
            assert at <= child.start <= child.value_start <= child.end <= node.end
            assert _RAW[child.start] is not None
            at = child.end
        if children and isinstance(node.value, Struct):
            assert children[0].start == node.value_start
            assert children[-1].end == node.end - 1
        if node.path and "." in node.path:
            assert footer.root.find(node.path) == node
    for offset in range(len(_RAW)):
        node = footer.root.at(offset)
        assert node.start <= offset < node.end
        assert not any(child.start <= offset < child.end for child in node.children)


def test_a_node_encodes_to_its_own_bytes() -> None:
    for node in read_footer(_RAW).root.walk():
        if isinstance(node.value, Struct):
            assert encode(node.value) == _RAW[node.value_start : node.end]
        elif isinstance(node.value, bytes):
            assert encode_value(Wire.BINARY, node.value) == _RAW[node.value_start : node.end]


def test_some_children_are_made_without_the_others() -> None:
    schema = read_footer(_RAW).root.child("schema")
    assert schema is not None
    assert schema.some_children(2, 4) == schema.children[2:4]
    assert schema.some_children(5, 10**9) == schema.children[5:]
    assert schema.child("[3]") == schema.children[3]
    assert schema.child("[99]") is None
    assert schema.child("name") is None
    assert read_footer(_RAW).root.find("schema[1].nothing.there") is None


def test_the_schema_is_a_tree_with_words_and_levels() -> None:
    schema = read_footer(_RAW).schema
    tags = next(element for element in schema.elements if element.name == "column_4")
    assert (tags.type.words, tags.type.physical_words, tags.column) == ("list", "group", None)
    [repeated] = schema.children(tags.index)
    [item] = schema.children(repeated.index)
    assert (repeated.repetition, repeated.max_definition_level, repeated.max_repetition_level) == ("REPEATED", 2, 1)
    assert schema.path(item.index) == ("column_4", repeated.name, item.name)
    assert (item.type.words, item.max_definition_level, item.column) == ("string", 3, 4)
    assert schema.leaf(4) == item
    assert schema.leaf(6) is None
    assert [element.name for element in schema.children(0)] == [f"column_{i}" for i in range(6)]


def test_row_groups_and_chunks_say_what_an_inspector_shows() -> None:
    footer = read_footer(files()[5].footer)
    assert footer.num_rows == 200
    assert footer.created_by is not None
    assert footer.created_by.startswith("parquet-rs version 57.1.0")
    assert footer.column_orders == ("TYPE_ORDER",) * 6
    assert footer.encryption is None
    [group] = footer.row_groups
    assert (group.num_rows, group.column_count, group.ordinal) == (200, 6, 0)
    time = group.columns[2]
    assert (time.name, time.type.words, time.codec) == ("column_2", "timestamp in ns, UTC", "LZ4_RAW")
    assert time.statistics is not None
    assert time.statistics.min is not None
    assert time.statistics.min.text == "2023-11-14T22:13:20.000000005Z"
    assert time.statistics.min_exact is True
    assert time.encodings == ("PLAIN", "RLE", "RLE_DICTIONARY")
    assert time.encoding_stats == ("1 x DICTIONARY_PAGE PLAIN", "1 x DATA_PAGE_V2 RLE_DICTIONARY")
    assert time.bloom_filter is not None
    assert time.offset_index is not None
    assert time.column_index is not None
    assert time.node_path == "row_groups[0].columns[2]"
    assert group.some_columns(2, 3) == (time,)


def test_the_embedded_arrow_schema_is_shown_as_lines() -> None:
    [pair] = [pair for pair in read_footer(_RAW).key_values if pair.key == b"ARROW:schema"]
    assert pair.value is not None
    schema = read_arrow_schema(pair.value)
    assert schema.problem is None
    assert schema.lines[2:5] == ("column_2: timestamp[ns, tz=UTC]", "column_3: int32", "column_4: list<item: string>")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (b"", "nothing in it"),
        (b"!" * 40, "not base64"),
        (b"AAEAAA==", "an IPC message of 256 bytes in 0"),
        (b"////", "3 bytes of an IPC message"),
        (b"/////wgAAAAAAAAAAAAAAA==", "not an Arrow schema"),
        (b"A" * (MAX_VALUE_BYTES + 1), "more than are looked at"),
    ],
    ids=["empty", "not base64", "without a body", "too short", "zeros", "too long"],
)
def test_an_arrow_schema_that_cannot_be_read_is_a_sentence(value: bytes, problem: str) -> None:
    schema = read_arrow_schema(value)
    assert schema.lines == ()
    assert schema.problem is not None
    assert problem in schema.problem


def test_a_damaged_arrow_schema_leaves_the_footer_sound() -> None:
    footer = read_footer(with_damaged_arrow_schema(_RAW))
    assert footer.findings == ()
    assert read_arrow_schema(footer.key_values[0].value or b"").problem is not None


def test_a_missing_required_field_is_found_and_nothing_else_is_lost() -> None:
    bare = remove_field(_RAW, decode(_RAW).root, 3)
    footer = read_footer(bare)
    finding = _only(footer)
    assert finding.kind is FindingKind.MISSING
    assert finding.message == "required field 3, FileMetaData.num_rows, is missing"
    assert (finding.path, finding.start, finding.end) == ("num_rows", 0, len(bare))
    assert footer.num_rows is None
    assert [group.num_rows for group in footer.row_groups] == [100, 100, 100]


def test_a_wrong_wire_type_is_found_and_shown_as_it_is_written() -> None:
    root = decode(_RAW).root
    spelled = insert_field(
        remove_field(_RAW, root, 3), decode(remove_field(_RAW, root, 3)).root, 3, Wire.BINARY, b"300"
    )
    footer = read_footer(spelled)
    finding = _only(footer)
    assert finding.message == "FileMetaData.num_rows is declared i64 and written as binary"
    assert spelled[finding.start : finding.end] == b"\x18\x03300"
    node = footer.root.find("num_rows")
    assert node is not None
    assert (node.declared, node.type, node.text) == (False, "binary", "300")
    assert footer.num_rows is None


def test_a_list_of_the_wrong_elements_is_found() -> None:
    root = _struct(
        (1, Wire.I32, 1), (2, Wire.LIST, _list(Wire.I32, 5)), (3, Wire.I64, 0), (4, Wire.LIST, _list(Wire.STRUCT))
    )
    footer = read_footer(encode(root))
    assert [finding.message for finding in footer.findings] == [
        "FileMetaData.schema is declared list<SchemaElement> and written as list<i32>",
        "the schema has no root",
    ]
    node = footer.root.find("schema[0]")
    assert node is not None
    assert (node.type, node.text) == ("i32", "5")


def test_an_unknown_field_is_found_and_kept() -> None:
    chunk = next(chunks(_RAW))
    spelled = insert_field(_RAW, chunk, 200, Wire.BINARY, b"new\n")
    footer = read_footer(spelled)
    finding = _only(footer)
    assert finding.kind is FindingKind.UNKNOWN_FIELD
    assert finding.path == "row_groups[0].columns[0].field_200"
    node = footer.root.find(finding.path)
    assert node is not None
    assert (node.text, node.declared, node.id) == (r"new\n", False, 200)
    assert encode(footer.reading.struct) == spelled


def test_an_unknown_enum_value_is_found_where_it_stands() -> None:
    spelled = set_integer(_RAW, field(next(chunks(_RAW)), 3, 4), 42)
    footer = read_footer(spelled)
    finding = _only(footer)
    assert finding.message == "CompressionCodec has no value 42 that we know of"
    assert finding.path == "row_groups[0].columns[0].meta_data.codec"
    assert spelled[finding.start : finding.end] == b"\x15\x54"
    assert footer.row_groups[0].columns[0].codec == "42 (unknown)"


def test_an_unknown_encoding_in_a_list_is_found() -> None:
    encodings = field(next(chunks(_RAW)), 3, 2).value
    assert isinstance(encodings, List)
    start, end = encodings.span(1)
    finding = _only(read_footer(splice(_RAW, [(start, end, b"\x7e")])))
    assert (finding.path, finding.start) == ("row_groups[0].columns[0].meta_data.encodings[1]", start)
    assert "Encoding has no value 63" in finding.message


@pytest.mark.parametrize(
    ("members", "message"),
    [((), "LogicalType is a union with no member set"), ((1, 12), "LogicalType.STRING and LogicalType.JSON set")],
    ids=["none", "two"],
)
def test_a_union_with_none_or_several_members_is_found(members: tuple[int, ...], message: str) -> None:
    element = list(structs(decode(_RAW).root, 2))[1]
    old = element.get(10)
    assert old is not None
    union = _struct(*[(id, Wire.STRUCT, Struct()) for id in members])
    finding = _only(read_footer(splice(_RAW, [(old.value_start, old.end, encode(union))])))
    assert finding.kind is FindingKind.UNION
    assert message in finding.message
    assert finding.path == "schema[1].logicalType"


def test_a_field_that_is_there_twice_is_found_and_the_last_one_counts() -> None:
    root = decode(_RAW).root
    root.fields.insert(2, Field(3, Wire.I64, 0, 0, 0, 7))
    footer = read_footer(encode(root))
    finding = _only(footer)
    assert finding.message == "FileMetaData.num_rows is there twice, and the last one counts"
    assert footer.num_rows == 300


def test_fields_out_of_order_are_found() -> None:
    root = decode(_RAW).root
    root.fields.insert(0, root.fields.pop(2))
    footer = read_footer(encode(root))
    assert [finding.message for finding in footer.findings] == [
        "FileMetaData.version comes after field 3",
        "FileMetaData.schema comes after field 3",
    ]
    assert encode(footer.reading.struct) == encode(root)


def test_a_varint_that_is_longer_than_it_need_be_is_found() -> None:
    rows = decode(_RAW).root.get(3)
    assert rows is not None
    spelled = splice(_RAW, [(rows.end - 1, rows.end, bytes((_RAW[rows.end - 1] | 0x80, 0x80, 0)))])
    footer = read_footer(spelled)
    finding = _only(footer)
    assert finding.kind is FindingKind.SPELLING
    assert (finding.message, finding.path) == ("a varint longer than it need be", "num_rows")
    assert (finding.start, finding.end) == (rows.value_start, rows.end + 2)
    assert footer.num_rows == 300


def test_text_that_is_not_utf8_is_found_and_shown_escaped() -> None:
    element = list(structs(decode(_RAW).root, 2))[1]
    name = element.get(4)
    assert name is not None
    footer = read_footer(splice(_RAW, [(name.end - 8, name.end, b"\xff\x1b[31mxx")]))
    finding = _only(footer)
    assert (finding.kind, finding.path, finding.message) == (FindingKind.TEXT, "schema[1].name", "name is not UTF-8")
    assert footer.schema.elements[1].name == r"\xff\x1b[31mxx"


def test_a_negative_size_is_found() -> None:
    finding = _only(read_footer(set_integer(_RAW, field(next(chunks(_RAW)), 3, 7), -5)))
    assert finding.message == "total_compressed_size is negative: -5"


def test_a_list_that_is_longer_than_its_bytes_keeps_what_is_there() -> None:
    groups = decode(_RAW).root.get(4)
    assert groups is not None
    raw = splice(_RAW[: groups.end], [(groups.value_start, groups.value_start + 1, b"\xfc\xff\xff\xff\xff\x0f")])
    footer = read_footer(raw)
    assert len(footer.row_groups) == 3
    length = next(finding for finding in footer.findings if finding.kind is FindingKind.LENGTH)
    assert length.message == "row_groups announces 4,294,967,295 elements, and 3 are there"
    stopped = footer.findings[-1]
    assert stopped.kind is FindingKind.STOPPED
    assert "a list of 4294967295 elements" in stopped.message
    assert footer.problem is not None
    assert footer.problem.ended
    assert footer.findings[-1].path == "row_groups"


def test_why_reading_stopped_and_where_is_a_finding_at_every_cut() -> None:
    for end in range(0, len(_RAW), 13):
        footer = read_footer(_RAW, 0, end)
        stopped = footer.findings[-1] if footer.findings[-1].kind is FindingKind.STOPPED else None
        stopped = stopped or next(found for found in footer.findings if found.kind is FindingKind.STOPPED)
        assert footer.problem is not None
        assert stopped.start == footer.problem.offset <= end
        assert not any(
            finding.kind is FindingKind.MISSING and finding.path == "num_rows" for finding in footer.findings
        )
        if end:
            assert sum(len(element.name) for element in footer.schema.elements) <= end


def test_a_schema_that_is_not_one_tree_is_found() -> None:
    elements = list(structs(decode(_RAW).root, 2))
    more = splice(_RAW, [integer_edit(field(elements[0], 5), 9)])
    finding = _only(read_footer(more))
    assert finding.message == "the group announces 3 more children than the schema has elements"
    assert finding.path == "schema[0]"
    fewer = read_footer(splice(_RAW, [integer_edit(field(elements[0], 5), 2)]))
    finding = _only(fewer)
    assert (finding.kind, finding.path) == (FindingKind.SCHEMA, "schema[3]")
    assert len(fewer.schema.leaves) == 6
    untyped = _only(read_footer(splice(_RAW, removal_edits(elements[1], 1))))
    assert untyped.message == "the element has neither a physical type nor children"


def test_more_findings_than_are_kept_are_counted() -> None:
    root = _struct(
        (1, Wire.I32, 1),
        (2, Wire.LIST, _list(Wire.STRUCT, *[Struct()] * 5000)),
        (3, Wire.I64, 0),
        (4, Wire.LIST, _list(Wire.STRUCT)),
    )
    reading = read_footer(encode(root)).reading
    assert len(reading.findings) == MAX_FINDINGS
    assert reading.findings_total >= 10_000


def test_a_footer_with_encrypted_columns_is_shown() -> None:
    root = decode(_RAW).root
    algorithm = _struct((2, Wire.STRUCT, _struct((2, Wire.BINARY, b"\x01\x02"), (3, Wire.FALSE, False))))
    root.fields += [Field(8, Wire.STRUCT, 0, 0, 0, algorithm), Field(9, Wire.BINARY, 0, 0, 0, b"key")]
    chunk = next(structs(next(structs(root, 4)), 1))
    crypto = _struct((2, Wire.STRUCT, _struct((1, Wire.LIST, _list(Wire.BINARY, b"column_0")))))
    chunk.fields += [Field(8, Wire.STRUCT, 0, 0, 0, crypto), Field(9, Wire.BINARY, 0, 0, 0, b"secret")]
    footer = read_footer(encode(root))
    assert footer.findings == ()
    assert footer.encryption == "AES_GCM_CTR_V1"
    assert [column.encrypted for column in footer.row_groups[0].columns] == [True, *[False] * 5]
    unique = footer.root.find("encryption_algorithm.AES_GCM_CTR_V1.aad_file_unique")
    assert unique is not None
    assert unique.text == "0x0102"


def test_the_crypto_metadata_of_an_encrypted_footer_is_read_too() -> None:
    algorithm = _struct((1, Wire.STRUCT, _struct((3, Wire.TRUE, True))))
    reading = read(encode(_struct((1, Wire.STRUCT, algorithm))), FILE_CRYPTO_META_DATA)
    assert reading.findings == ()
    assert reading.root.children[0].text == "AES_GCM_V1"


def test_a_footer_of_many_row_groups_is_read_whole() -> None:
    data = by_arrow_rs(table(2000, columns=28), max_row_group_size=50)
    footer = read_footer(data, len(data) - 8 - int.from_bytes(data[-8:-4], "little"))
    assert footer.findings == ()
    assert footer.end == len(data) - 8
    assert footer.end - footer.start > 100_000
    assert sum(group.num_rows or 0 for group in footer.row_groups) == 2000
    assert sum(group.column_count for group in footer.row_groups) == 28 * 40
