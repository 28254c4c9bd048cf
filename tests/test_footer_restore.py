"""The file's own footer worked out from a prefixed value: exactly it where that is proved, and nothing where it is not."""

from __future__ import annotations

import io
from dataclasses import replace
from hashlib import sha256

import arro3.io
import pytest

import footer_corpus as corpus
from refooter.diagnosis import diagnose
from refooter.parquet.edit import Edit, integer_edit, removal_edits, set_integer, splice
from refooter.parquet.facts import Details, read_facts
from refooter.parquet.frame import anywhere
from refooter.parquet.restore import true_footer
from refooter.parquet.thrift import Struct
from refooter.values import Layout, Question

ARROW_RS = [file for file in corpus.with_page_index() if b"parquet-rs version " in file.footer]
FOREIGN = [file for file in corpus.with_page_index() if b"parquet-rs version " not in file.footer]


def prefixed(file: corpus.File) -> tuple[bytes, Details]:
    value = corpus.prefixed(file)
    return value, anywhere(value, len(file.data)).details


@pytest.mark.parametrize("file", ARROW_RS, ids=lambda file: file.name)
def test_a_value_of_the_writers_own_gives_the_files_footer_byte_for_byte(file: corpus.File) -> None:
    value, details = prefixed(file)
    assert true_footer(value, details, len(file.data)) == file.footer


@pytest.mark.parametrize("file", ARROW_RS[:6], ids=lambda file: file.name)
@pytest.mark.parametrize("off", [-1, 1, 1000])
def test_a_size_that_the_sum_does_not_come_to_proves_nothing(file: corpus.File, off: int) -> None:
    value, details = prefixed(file)
    assert true_footer(value, details, len(file.data) + off) is None


@pytest.mark.parametrize("file", FOREIGN, ids=lambda file: file.name)
def test_another_writers_file_proves_nothing(file: corpus.File) -> None:
    value, details = prefixed(file)
    assert true_footer(value, details, len(file.data)) is None


def test_true_pointers_and_a_missing_page_index_prove_nothing() -> None:
    file = ARROW_RS[0]
    assert true_footer(file.footer, read_facts(file.footer)[1], len(file.data)) is None
    bare = corpus.by_arrow_cpp(corpus.table(100), write_page_index=False)
    footer = replace(file, data=bare).footer
    assert true_footer(footer, read_facts(footer)[1], len(bare)) is None


def test_a_pointer_that_leaves_a_gap_proves_nothing() -> None:
    file = ARROW_RS[0]
    value, details = prefixed(file)
    start = details.start
    pointer = corpus.field(next(iter(corpus.chunks(value[start:-8]))), 6)
    moved = value[:start] + set_integer(value[start:-8], pointer, 1)
    assert true_footer(moved, read_facts(moved, start)[1], len(file.data)) is None


def rebuilt(file: corpus.File, *, column_indexes: int = 1000, filler: int = 0) -> corpus.File:
    """The same file with so many of its column indexes only, and a last column chunk that is `filler` bytes longer."""
    meta = list(corpus.chunks(file.footer))[-1].value(3)
    assert isinstance(meta, Struct)
    size = meta.value(7)
    assert isinstance(size, int)
    footer = corpus.with_chunk(file.footer, 7, size + filler)
    data = file.data[: file.index_start] + bytes(filler)
    edits: list[Edit] = []
    for id in (6, 4):
        for number, chunk in enumerate(corpus.chunks(footer)):
            offset, length = chunk.value(id), chunk.value(id + 1)
            assert isinstance(offset, int)
            assert isinstance(length, int)
            if id == 6 and number >= column_indexes:
                edits += removal_edits(chunk, 6, 7)
            else:
                edits.append(integer_edit(corpus.field(chunk, id), len(data)))
                data += file.data[offset : offset + length]
    return replace(file, data=data + corpus.framed(splice(footer, edits)))


@pytest.mark.parametrize("column_indexes", [0, 1, 3])
def test_columns_without_a_column_index_are_restored_among_the_others(column_indexes: int) -> None:
    for file in ARROW_RS:
        fewer = rebuilt(file, column_indexes=column_indexes)
        value, details = prefixed(fewer)
        assert true_footer(value, details, len(fewer.data)) == fewer.footer


def test_pointers_on_both_sides_of_a_varints_length_are_restored() -> None:
    file = next(file for file in ARROW_RS if file.name == "one row group")
    for edge in (1 << 13, 1 << 20):
        # the page index lies across the edge, where offsets take a byte more
        longer = rebuilt(file, filler=edge - 100 - file.index_start)
        value, details = prefixed(longer)
        assert true_footer(value, details, len(longer.data)) == longer.footer


def test_an_index_that_would_begin_inside_the_opening_magic_proves_nothing() -> None:
    file = next(file for file in ARROW_RS if file.name == "one column")
    for size in (-1, -2, -1000):
        footer = corpus.with_chunk(corpus.relative(file)[1], 7, size)
        prefix = corpus.relative(file)[0]
        value = prefix + corpus.framed(footer)
        details = anywhere(value).details
        assert details.chunks.end < 4
        for length in range(len(footer) - 20, len(footer) + 20):
            assert true_footer(value, details, details.chunks.end + len(prefix) + length + 8) is None


def test_a_page_index_in_front_is_none_of_the_footer_even_if_it_could_be_one() -> None:
    footer = ARROW_RS[0].footer
    # field 1 as an empty list, then once more as the version
    strange = b"\x19\x0c\x05\x02\x02" + footer[2:]
    assert anywhere(strange).layout is Layout.RAW
    assert anywhere(strange).details.whole
    assert anywhere(strange + corpus.framed(footer)).details.start == len(strange)


def test_what_is_foreseen_is_what_the_target_was_asked_about() -> None:
    for file in ARROW_RS:
        asked: list[bytes] = []

        def ask(value: bytes, asked: list[bytes] = asked) -> corpus.Verdict:
            asked.append(value)
            return corpus.judge(value)

        with corpus.quiet():
            value = corpus.prefixed(file)
            question = Question(value, file.num_rows, len(file.data), (1,))
            diagnosis = diagnose(question, corpus.judge(value), ask)
        assert asked == [file.footer]
        assert diagnosis.foreseen == sha256(file.footer).digest()
        assert diagnosis.facts is not None
        assert diagnosis.facts.row_groups == read_facts(file.footer)[0].row_groups


def test_a_footer_that_the_target_rejects_is_not_foreseen() -> None:
    out = io.BytesIO()
    arro3.io.write_parquet(corpus.table(500), out, compression="lz4_raw", data_page_row_count_limit=100)
    file = corpus.File("damaged schema", out.getvalue(), 500)
    damaged = corpus.with_damaged_arrow_schema(file.footer)
    whole = file.data[: len(file.data) - 8 - len(file.footer)] + corpus.framed(damaged)
    file = replace(file, data=whole)
    with corpus.quiet():
        value = corpus.prefixed(file)
        diagnosis = diagnose(Question(value, 500, len(whole), (1,)), corpus.judge(value), corpus.judge)
    assert diagnosis.foreseen is None
    assert [str(cause) for cause in diagnosis.causes] == ["arrow_schema", "page_index_prefix"]
