"""The hot path: the same facts as a full decoding gives, by pattern and by walker, for sound bytes and for broken ones."""

from __future__ import annotations

import random
import tracemalloc
from dataclasses import replace

import pytest

from footer_corpus import (
    by_arrow_cpp,
    by_arrow_rs,
    chunks,
    field,
    files,
    prefixed,
    relative,
    structs,
    table,
    with_chunk,
    with_page_index,
)
from refooter.diagnosis import diagnose
from refooter.parquet import chunks as chunk_readers
from refooter.parquet import facts as facts_reader
from refooter.parquet import schema as schema_reader
from refooter.parquet.edit import insertion_edits, integer_edit, removal_edits, splice
from refooter.parquet.facts import Details, read_facts
from refooter.parquet.thrift import List, Struct, Wire, decode
from refooter.values import FooterFacts, Question, Verdict


class _Never:
    """Stands in for the pattern where the walker alone shall read."""

    def findall(self, data: bytes, at: int) -> list[chunk_readers.Row]:
        return []

    def match(self, data: bytes, at: int) -> None:
        return None


def walked(data: bytes) -> tuple[FooterFacts, Details]:
    """`read_facts` with neither patterns nor memory."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(chunk_readers, "_usual_chunks", _Never)
        patched.setattr(facts_reader, "_BEHIND_COLUMNS", _Never())
        patched.setattr(schema_reader, "_recent", ())
        return read_facts(data)


def numbers(details: Details) -> list[object]:
    """All that is known of the column chunks, what is worked out from it included."""
    found = details.chunks
    return [found, found.starts, found.end, found.bloom_filters, found.page_indexes, found.pointed, found.tiled]


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> None:
    chunk_readers._usual_chunks()


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_the_facts_are_those_of_the_tree(file: object) -> None:
    footer: bytes = file.footer  # type: ignore[attr-defined]
    facts, details = read_facts(b"??" + footer + b"!", 2)
    root = decode(footer).root
    assert (facts.start, facts.length, facts.num_rows) == (2, len(footer), root.value(3))
    assert facts.created_by is not None
    assert facts.created_by.encode() == root.value(6)
    groups = list(structs(root, 4))
    assert [rows for rows, _ in facts.row_groups] == [group.value(3) for group in groups]
    assert facts.row_groups_whole
    assert facts.columns == sum(1 for element in structs(root, 2) if element.get(1))
    assert facts.schema is not None
    assert details.whole
    found = details.chunks
    metas = [meta for chunk in chunks(footer) if isinstance(meta := chunk.value(3), Struct)]
    assert found.sizes == [meta.value(7) for meta in metas]
    assert found.data_offsets == [meta.value(9) for meta in metas]
    assert found.dictionary_offsets == [meta.value(11) for meta in metas]
    assert found.bloom_offsets == [meta.value(14) for meta in metas]
    assert found.bloom_lengths == [meta.value(15) for meta in metas]
    for column, id in (
        (found.offset_index_offsets, 4),
        (found.offset_index_lengths, 5),
        (found.column_index_offsets, 6),
        (found.column_index_lengths, 7),
    ):
        assert column == [chunk.value(id) for chunk in chunks(footer)]


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_the_pattern_reads_every_chunk_of_the_common_writers(file: object) -> None:
    footer: bytes = file.footer  # type: ignore[attr-defined]
    for chunk in chunks(footer):
        rows: list[chunk_readers.Row] = []
        end = chunk_readers.read_chunks(footer, chunk.start, 1, rows)
        body, pointers = rows[0][chunk_readers.BODY], rows[0][chunk_readers.POINTERS]
        assert body + pointers + b"\0" == footer[chunk.start : chunk.end]
        walked_row, walked_end = chunk_readers._walk_chunk(footer, chunk.start)
        assert end == walked_end == chunk.end
        assert rows[0][chunk_readers.IDENTITY] == walked_row[chunk_readers.IDENTITY]
        assert chunk_readers.chunks_of(rows) == chunk_readers.chunks_of([walked_row])


def test_pattern_and_walker_agree_on_mutated_footers() -> None:
    chance = random.Random(20)
    unreadable = 0
    for file in files():
        if len(file.footer) > 5_000:
            continue
        for _ in range(250):
            value = bytearray(file.footer)
            for _ in range(chance.randint(1, 3)):
                at = chance.randrange(len(value))
                kind = chance.random()
                if kind < 0.6:
                    value[at] = chance.randrange(256)
                elif kind < 0.7:
                    value[at] ^= 0x80
                elif kind < 0.8:
                    value.insert(at, chance.randrange(256))
                elif kind < 0.9:
                    del value[at]
                else:
                    del value[at:]
                    value += b"\x80\0"
            data = bytes(value)
            facts, details = read_facts(data)
            plain = walked(data)
            assert (facts, details) == plain
            assert numbers(details) == numbers(plain[1])
            decoded = decode(data)
            assert (details.problem is None) == (decoded.problem is None)
            if details.problem is None:
                assert details.end == decoded.end
                num_rows = decoded.root.get(3)
                if num_rows is not None and num_rows.wire is Wire.I64:
                    assert facts.num_rows == num_rows.value
            else:
                unreadable += 1
    assert unreadable > 100


def test_a_varint_longer_than_it_need_be_changes_no_digest() -> None:
    footer = files()[0].footer
    meta = next(chunks(footer)).value(3)
    assert isinstance(meta, Struct)
    size = field(meta, 7)
    padded = footer[: size.end - 1] + bytes((footer[size.end - 1] | 0x80, 0)) + footer[size.end :]
    assert replace(read_facts(padded)[0], length=0) == replace(read_facts(footer)[0], length=0)


def test_the_schema_digest_tells_schemas_apart_and_nothing_else() -> None:
    base = read_facts(by_arrow_rs(table(10)), 0)[0].schema
    assert base is None, "a whole file is no FileMetaData"
    digests = {read_facts(files()[i].footer)[0].schema for i in (0, 3, 4, 5, 6, 8)}
    assert len(digests) == 1, "other rows, pages and row groups, the same columns"
    footer = files()[0].footer
    root = decode(footer).root
    elements = list(structs(root, 2))
    named = field(elements[2], 4)
    renamed = splice(footer, [(named.end - 1, named.end, b"X")])
    optional = splice(footer, [integer_edit(field(elements[2], 3), 0)])
    assert len({read_facts(value)[0].schema for value in (footer, renamed, optional)}) == 3
    rooted = splice(footer, insertion_edits(elements[0], 3, Wire.I32, 0))
    assert read_facts(rooted)[0].schema == read_facts(footer)[0].schema, "writers disagree about the root's repetition"
    childless = splice(footer, [integer_edit(field(elements[0], 5), 9)])
    assert read_facts(childless)[0].schema is None, "the children do not add up"


def test_the_row_group_digest_is_about_the_data_and_not_about_the_index() -> None:
    file = with_page_index()[0]
    groups = read_facts(file.footer)[0].row_groups
    assert read_facts(relative(file)[1])[0].row_groups == groups
    dropped = splice(file.footer, [edit for chunk in chunks(file.footer) for edit in removal_edits(chunk, 4, 5, 6, 7)])
    assert read_facts(dropped)[0].row_groups == groups
    unstated = []
    for chunk in chunks(file.footer):
        meta = chunk.value(3)
        assert isinstance(meta, Struct)
        unstated += removal_edits(meta, 12, 13, 16)
    assert read_facts(splice(file.footer, unstated))[0].row_groups == groups
    for id in (5, 6, 7, 9):
        assert read_facts(with_chunk(file.footer, id, 12345))[0].row_groups != groups


def test_a_chunk_without_its_sizes_leaves_its_row_group_out() -> None:
    file = next(file for file in files() if file.name == "row groups")
    meta = list(chunks(file.footer))[-1].value(3)
    assert isinstance(meta, Struct)
    facts, details = read_facts(splice(file.footer, removal_edits(meta, 9)))
    assert [rows for rows, _ in facts.row_groups] == [100, 100]
    assert not facts.row_groups_whole
    assert facts.row_group_sum is None
    assert not details.whole


def test_long_binaries_and_rare_fields_are_read_by_the_walker() -> None:
    wide = table(20).append_column("n" * 300, [[b"x" * 900] * 20])
    for data in (by_arrow_cpp(wide, column_encoding=None), by_arrow_rs(wide)):
        length = int.from_bytes(data[-8:-4], "little")
        footer = data[-8 - length : -8]
        assert read_facts(footer) == walked(footer)
        assert read_facts(footer)[1].whole
    footer = files()[0].footer
    for id in (8, 10):
        meta = next(chunks(footer)).value(3)
        assert isinstance(meta, Struct)
        value: List | int = List(0, 0, Wire.STRUCT) if id == 8 else 77
        more = splice(footer, insertion_edits(meta, id, Wire.LIST if id == 8 else Wire.I64, value))
        assert read_facts(more)[0].row_groups == read_facts(footer)[0].row_groups


def _hostile(size: int) -> list[bytes]:
    sound = files()[0].footer
    frames = b"".join(b"\x15\x02\x19" + (i * 11 + 3).to_bytes(4, "little") + b"PAR1" for i in range(size // 11))
    count = b"\x80\xfd\x01"  # 32,384, and that many more bytes
    return [
        bytes(size),
        b"\x1c" * size,
        b"\x19" * size,
        b"\x15\x02\x19\xfc" + count + bytes(size),
        b"\x15\x02\x29\xfc" + count + bytes(size),
        b"\x15\x02\x19\x0c\x26\0\x19\x1c\x19\xfc" + count + bytes(size),
        b"\x15\x02\x19\x0c\x26\0\x19\xfc" + b"\x80\x64" + b"\x19\x0c\x26\0\0" * (size // 5),
        b"\x19\x11\0\0" * (size // 4) + b"\x15",
        frames,
        b"PAR1" * (size // 4),
        (b"\x15\x02\x19" + b"\xff" * 9) * (size // 12),
        b"\x15\x02\x19\x1c" + b"\x48\xff\x7f" * (size // 3),
        sound[:-1] + b"\x18\xff\xff\x03" + b"\x26" * size,
        sound[:200] + random.Random(5).randbytes(size),
        random.Random(6).randbytes(size),
    ]


class _Counted(bytes):
    """Bytes that count how often they are asked for a byte or a run of them."""

    reads = 0

    def __getitem__(self, key):  # type: ignore[no-untyped-def]
        _Counted.reads += 1
        found = super().__getitem__(key)
        return _Counted(found) if isinstance(key, slice) else found


@pytest.mark.parametrize("index", range(len(_hostile(64))))
def test_hostile_values_cost_steps_and_memory_in_proportion(index: int) -> None:
    def ask(other: bytes) -> Verdict:
        return Verdict(False, "no")

    value = _hostile(65_000)[index]
    tracemalloc.start()
    try:
        diagnose(Question(value, 5, 10**6, (1,)), Verdict(False, "no"), ask)
        diagnose(Question(value, 5, 10**6, (1,)), Verdict(True), ask)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * 2**20
    _Counted.reads = 0
    diagnose(Question(_Counted(value), None, None, ()), Verdict(False, "no"), ask)
    assert _Counted.reads < 12 * len(value)


def test_an_authentic_prefix_costs_no_more_than_a_few_readings() -> None:
    def ask(other: bytes) -> Verdict:
        return Verdict(True)

    for file in with_page_index():
        _Counted.reads = 0
        diagnose(Question(_Counted(prefixed(file))), Verdict(False, "no"), ask)
        assert _Counted.reads < 3 * len(prefixed(file))
