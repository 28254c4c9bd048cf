"""The compact protocol: real footers survive decoding and encoding, and no bytes make it raise, hang or swell."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from footer_corpus import chunks, files, relative, structs, with_page_index
from refooter.parquet.edit import (
    insert_field,
    insertion_edits,
    integer_edit,
    removal_edits,
    remove_field,
    set_integer,
    splice,
)
from refooter.parquet.structs import FILE_META_DATA, STRUCTS
from refooter.parquet.thrift import Field, List, Map, Struct, Wire, decode, encode, encode_header, encode_value


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_footers_of_real_writers_are_encoded_as_they_were(file: object) -> None:
    footer = file.footer  # type: ignore[attr-defined]
    decoded = decode(footer)
    assert decoded.problem is None
    assert decoded.end == len(footer)
    assert encode(decoded.root) == footer
    assert FILE_META_DATA.missing(decoded.root) == ()


def test_spans_lead_to_the_bytes_of_every_field_and_element() -> None:
    for file in files():
        footer = b"before" + file.footer + b"after"
        decoded = decode(footer, 6)
        assert decoded.end == len(footer) - 5
        _check(footer, decoded.root, 0)


def _check(data: bytes, struct: Struct, at: int) -> None:
    assert data[struct.end - 1] == 0
    previous = 0
    for item in struct.fields:
        assert data[item.start : item.value_start] == encode_header(item.id, previous, item.wire)
        assert data[item.value_start : item.end] == encode_value(item.wire, item.value)
        if isinstance(item.value, Struct):
            _check(data, item.value, item.value_start)
        if isinstance(item.value, List):
            for index, element in enumerate(item.value.values):
                start, end = item.value.span(index)
                assert data[start:end] == encode_value(item.value.element, element)
        previous = item.id


def test_page_indexes_too_are_encoded_as_they_were() -> None:
    for file in with_page_index():
        prefix = relative(file)[0]
        at = 0
        while at < len(prefix):
            decoded = decode(prefix, at)
            assert decoded.problem is None
            assert encode(decoded.root) == prefix[at : decoded.end]
            at = decoded.end


def test_every_wire_type_comes_back() -> None:
    inner = Struct(fields=[_field(1, Wire.TRUE, True), _field(2, Wire.FALSE, False)])
    values = [
        (Wire.BYTE, -3),
        (Wire.I16, -(2**15)),
        (Wire.I32, 2**31 - 1),
        (Wire.I64, -(2**63)),
        (Wire.DOUBLE, -0.5),
        (Wire.BINARY, b"\0" * 300),
        (Wire.UUID, bytes(range(16))),
        (Wire.STRUCT, inner),
        (Wire.LIST, List(0, 0, Wire.TRUE, [True, False])),
        (Wire.SET, List(0, 0, Wire.I64, list(range(40)))),
        (Wire.LIST, List(0, 0, Wire.LIST, [List(0, 0, Wire.STRUCT, [inner])])),
    ]
    ids = [1, 2, 17, 33, 32000, -5, 3, 4, 5, 6, 7]
    root = Struct(fields=[_field(id, wire, value) for id, (wire, value) in zip(ids, values, strict=True)])  # type: ignore[arg-type]
    spelled = encode(root)
    decoded = decode(spelled)
    assert decoded.problem is None
    assert [item.id for item in decoded.root.fields] == ids
    assert encode(decoded.root) == spelled
    assert decoded.root.value(33) == -(2**63)


def test_a_map_comes_back() -> None:
    spelled = bytes.fromhex("1b 02 85 01 61 02 01 62 04 00")
    decoded = decode(spelled)
    assert decoded.problem is None
    assert encode(decoded.root) == spelled


def test_a_long_header_where_a_short_one_would_do_is_kept() -> None:
    # LogicalType.FLOAT16, field 15, as DataFusion 50 and Polars spell it
    spelled = bytes.fromhex("0c 1e 00 00")
    decoded = decode(spelled)
    assert (decoded.problem, decoded.oddities) == (None, ())
    [member] = decoded.root.fields
    assert (member.id, member.long) == (15, True)
    assert encode(decoded.root) == spelled
    assert encode(decode(b"\xfc\x00\x00").root) == b"\xfc\x00\x00"


@pytest.mark.parametrize(
    ("spelled", "start", "end", "message"),
    [
        ("15 82 00 00", 1, 3, "a varint longer than it need be"),
        ("15 fe ff ff ff ff 01 00", 1, 7, "does not fit into 32 bits"),
        ("16 ff ff ff ff ff ff ff ff ff 7f 00", 1, 11, "a varint of more than 64 bits"),
        ("19 f5 02 02 04 00", 1, 3, "a long list header where a short one would do"),
        ("19 11 00 00", 2, 3, "a boolean of 0"),
        ("15 02 30", 2, 3, "a stop byte of 48"),
    ],
)
def test_bytes_that_no_writer_would_choose_are_named(spelled: str, start: int, end: int, message: str) -> None:
    data = bytes.fromhex(spelled)
    decoded = decode(data)
    assert decoded.problem is None
    [oddity] = decoded.oddities
    assert (oddity.start, oddity.end) == (start, end)
    assert message in oddity.message
    assert encode(decoded.root) != data


def test_a_list_that_announces_more_than_is_there_keeps_what_is_there() -> None:
    decoded = decode(bytes.fromhex("19 f5 ff ff ff ff 07 02 04 06"))
    found = decoded.root.value(1)
    assert isinstance(found, List)
    assert (found.values, found.announced) == ([1, 2, 3], 2**31 - 1)
    assert decoded.problem is not None
    assert decoded.problem.ended
    assert (decoded.problem.offset, decoded.end) == (1, 10)
    assert decoded.problem.message == "a list of 2147483647 elements in 3 bytes"
    structs_ = decode(bytes.fromhex("19 fc ff ff ff ff 07 15 02 00 15")).root.value(1)
    assert isinstance(structs_, List)
    assert [struct.closed for struct in structs_.values if isinstance(struct, Struct)] == [True, False]


def test_what_is_not_the_protocol_is_not_blamed_on_the_list_around_it() -> None:
    problem = decode(bytes.fromhex("19 fc ff ff ff ff 07 1e 00")).problem
    assert problem is not None
    assert (problem.offset, problem.ended) == (7, False)
    assert "type 14" in problem.message


def test_the_keys_and_values_of_a_map_know_where_they_stand() -> None:
    decoded = decode(bytes.fromhex("1b 02 85 01 61 02 01 62 04 00"))
    found = decoded.root.value(1)
    assert isinstance(found, Map)
    assert found.items == [(b"a", 1), (b"b", 2)]
    assert list(found.starts) == [3, 5, 6, 8]


def _field(id: int, wire: Wire, value: object) -> Field:
    return Field(id, wire, 0, 0, 0, value)  # type: ignore[arg-type]


def test_of_two_fields_with_one_id_the_last_counts() -> None:
    decoded = decode(bytes.fromhex("15 02 05 02 04 00"))
    assert [item.id for item in decoded.root.fields] == [1, 1]
    assert decoded.root.value(1) == 2


@pytest.mark.parametrize(
    "value",
    [
        b"\x1c" * 10_000,
        b"\x19" * 10_000,
        b"\x1b\x01\xcc" + b"\x1c" * 10_000,
        b"\x19\xfc\xff\xff\xff\xff\x0f",
        b"\x19\xf2\xff\xff\xff\xff\x07",
        b"\x18\xff\xff\xff\xff\x7f",
        b"\x16" + b"\xff" * 200,
        b"\x1e\x00",
        b"\x19\x20",
        b"",
        b"\x15",
        b"\x17\0\0",
    ],
    ids=lambda value: value[:6].hex(),
)
def test_hostile_bytes_end_in_a_problem_that_says_where(value: bytes) -> None:
    decoded = decode(value)
    assert decoded.problem is not None
    assert 0 <= decoded.problem.offset <= len(value)
    assert str(decoded.problem.offset) in str(decoded.problem)


def test_what_was_read_before_the_bad_byte_is_kept() -> None:
    footer = files()[0].footer
    for end in range(1, len(footer), 7):
        decoded = decode(footer, end=end)
        assert decoded.problem is not None
        assert decoded.problem.ended
        assert decoded.end <= end
        if end > 2:
            assert decoded.root.value(1) == 2
    whole_groups = decode(footer[:-40]).root.value(4)
    assert isinstance(whole_groups, List)
    assert len(whole_groups.values) == 1


def test_mutated_footers_never_raise_and_never_read_past_their_end() -> None:
    chance = random.Random(7)
    for file in files()[:2]:
        for _ in range(300):
            value = bytearray(file.footer)
            for _ in range(chance.randint(1, 4)):
                value[chance.randrange(len(value))] = chance.randrange(256)
            decoded = decode(bytes(value))
            assert decoded.end <= len(value)
            if decoded.problem is None:
                assert decoded.root.end == decoded.end
                assert value[decoded.end - 1] & 0x0F == 0


def test_values_beyond_the_bound_are_not_kept() -> None:
    value = b"\x19\xf3\x80\x80\x40" + bytes(2**20) + b"\0"
    assert decode(value).problem is None
    tracemalloc.start()
    try:
        decoded = decode(value, max_values=1000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert decoded.problem is not None
    assert peak < 200_000


def test_removing_and_inserting_a_field_are_each_others_opposite() -> None:
    for file in files():
        footer = file.footer
        root = decode(footer).root
        for id in (3, 6):
            bare = remove_field(footer, root, id)
            after = decode(bare)
            assert after.problem is None
            assert encode(after.root) == bare
            assert [item.id for item in after.root.fields] == [item.id for item in root.fields if item.id != id]
            kept = root.get(id)
            assert kept is not None
            assert insert_field(bare, after.root, id, kept.wire, kept.value) == footer


def test_many_edits_of_one_footer_are_one_splice() -> None:
    for file in with_page_index():
        footer = file.footer
        edits = [edit for chunk in chunks(footer) for edit in removal_edits(chunk, 4, 5, 6, 7)]
        bare = splice(footer, edits)
        assert encode(decode(bare).root) == bare
        assert all(chunk.get(id) is None for chunk in chunks(bare) for id in (4, 5, 6, 7))
        for id in (4, 5, 6, 7):
            edits = []
            for chunk, old in zip(chunks(bare), chunks(footer), strict=True):
                kept = old.get(id)
                assert kept is not None
                edits += insertion_edits(chunk, id, kept.wire, kept.value)
            bare = splice(bare, edits)
        assert bare == footer


def test_a_boolean_is_put_in_by_its_value() -> None:
    empty = decode(b"\0").root
    assert insert_field(b"\0", empty, 7, Wire.TRUE, False) == b"\x72\0"
    assert insert_field(b"\0", empty, 7, Wire.FALSE, True) == b"\x71\0"


def test_an_integer_takes_the_bytes_it_needs() -> None:
    footer = files()[0].footer
    root = decode(footer).root
    field = root.get(3)
    assert field is not None
    for value in (0, -1, 2**62, -(2**63)):
        assert decode(set_integer(footer, field, value)).root.value(3) == value
    with pytest.raises(ValueError, match="64 bits"):
        integer_edit(field, 2**63)
    created_by = root.get(6)
    assert created_by is not None
    with pytest.raises(ValueError, match="not an integer"):
        integer_edit(created_by, 1)


def test_edits_that_overlap_are_refused() -> None:
    assert splice(b"abcdef", [(4, 5, b"E"), (0, 0, b">"), (1, 3, b"")]) == b">adEf"
    with pytest.raises(ValueError, match="overlaps"):
        splice(b"abcdef", [(0, 3, b""), (2, 4, b"")])
    with pytest.raises(ValueError, match="leaves"):
        splice(b"abcdef", [(5, 7, b"")])
    root = decode(files()[0].footer).root
    with pytest.raises(ValueError, match="already"):
        insertion_edits(root, 3, Wire.I64, 1)
    with pytest.raises(ValueError, match="no end"):
        insertion_edits(decode(b"\x15\x02").root, 3, Wire.I64, 1)


def test_every_field_that_real_writers_use_is_declared() -> None:
    for file in files():
        for name, struct in _named(file.footer):
            spec = STRUCTS[name]
            for item in struct.fields:
                declared = spec.field(item.id)
                assert declared is not None, (name, item.id)
                assert declared.wire is item.wire or {declared.wire, item.wire} == {Wire.TRUE, Wire.FALSE}


def _named(footer: bytes) -> list[tuple[str, Struct]]:
    root = decode(footer).root
    found = [("FileMetaData", root)]
    found += [("SchemaElement", element) for element in structs(root, 2)]
    found += [("RowGroup", group) for group in structs(root, 4)]
    for chunk in chunks(footer):
        meta = chunk.value(3)
        assert isinstance(meta, Struct)
        found += [("ColumnChunk", chunk), ("ColumnMetaData", meta)]
        for id, name in ((12, "Statistics"), (16, "SizeStatistics")):
            inner = meta.value(id)
            if isinstance(inner, Struct):
                found.append((name, inner))
    return found
