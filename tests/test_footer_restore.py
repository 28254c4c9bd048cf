"""The file's own footer worked out from a prefixed value: exactly it where that is proved, and nothing where it is not."""

from __future__ import annotations

import io
from dataclasses import replace
from hashlib import sha256

import arro3.io
import pytest

import footer_corpus as corpus
from refooter.diagnosis import diagnose
from refooter.parquet.edit import set_integer
from refooter.parquet.facts import Details, read_facts
from refooter.parquet.frame import anywhere
from refooter.parquet.restore import true_footer
from refooter.values import Question

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
