"""What a value is mended to, by the real parser: the file's own footer where that is proved, and nothing that is proved wrongly."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pytest

from footer_corpus import (
    File,
    by_arrow_rs,
    chunks,
    field,
    files,
    framed,
    judge,
    prefixed,
    quiet,
    relative,
    table,
    with_chunk,
    with_damaged_arrow_schema,
    with_num_rows,
    with_page_index,
    without_num_rows,
)
from refooter.diagnosis import diagnose
from refooter.parquet.edit import Edit, removal_edits, splice
from refooter.parquet.facts import read_facts
from refooter.values import Cause, Question, Repair, Verdict, Wanted
from support.kinds import every_kind

OURS = [file for file in files() if b"parquet-rs version " in file.footer]
FOREIGN = [file for file in files() if b"parquet-rs version " not in file.footer]
INDEXED = [file for file in with_page_index() if file in OURS]
FOREIGN_INDEXED = [file for file in with_page_index() if file in FOREIGN]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


def by_name(some: list[File]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("file", some, ids=[file.name for file in some])


CATALOGUED = -1


def mended(value: bytes, file: File, *, rows: int | None = CATALOGUED, size: int | None = CATALOGUED) -> Repair | None:
    """With the row count and size that the catalog has of the file, or others."""
    rows = file.num_rows if rows == CATALOGUED else rows
    size = len(file.data) if size == CATALOGUED else size
    asked: list[bytes] = []

    def ask(other: bytes) -> Verdict:
        asked.append(other)
        return judge(other)

    found = diagnose(Question(value, rows, size, (2,), Wanted.MENDED), judge(value), ask)
    if found.repair is not None:
        assert found.repair.value in asked
        again = diagnose(Question(found.repair.value or b"", rows, size, (2,)), judge(found.repair.value or b""), judge)
        assert again.causes == ()
    return found.repair


def tail(file: File) -> bytes:
    return file.data[file.index_start :]


@by_name(INDEXED)
def test_a_page_index_prefix_gives_the_files_own_footer_in_every_wrapping(file: File) -> None:
    prefix, footer = relative(file)
    own = Repair("true_pointers", True, file.footer)
    for value in (
        prefixed(file),
        framed(prefixed(file)),
        prefixed(file) + b"\r\n",
        footer,
        framed(footer),
        prefix + footer,
    ):
        assert mended(value, file) == own


@by_name(FOREIGN_INDEXED)
def test_for_another_writers_file_the_relative_pointers_go_and_nothing_is_proved(file: File) -> None:
    _, footer = relative(file)
    edits: list[Edit] = []
    for chunk in chunks(footer):
        edits += removal_edits(chunk, 4, 5, 6, 7)
    for value in (prefixed(file), footer):
        assert mended(value, file) == Repair("without_pointers", False, splice(footer, edits))


@by_name(INDEXED[:3])
def test_only_the_kind_of_pointers_that_is_relative_goes(file: File) -> None:
    relatives = {id: [field(chunk, id).value for chunk in chunks(relative(file)[1])] for id in (4, 6)}
    for kind, other in ((4, 6), (6, 4)):
        edits: list[Edit] = []
        bare: list[Edit] = []
        for chunk, value in zip(chunks(file.footer), relatives[kind], strict=True):
            assert isinstance(value, int)
            edits.append((field(chunk, kind).value_start, field(chunk, kind).end, _zigzag(value)))
            bare += removal_edits(chunk, kind, kind + 1)
        damaged = splice(file.footer, edits)
        assert mended(damaged, file) == Repair("without_pointers", False, splice(file.footer, bare))
        assert all(chunk.get(other) is not None for chunk in chunks(splice(file.footer, bare)))


def _zigzag(value: int) -> bytes:
    out = bytearray()
    value <<= 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


@by_name(list(files()))
def test_a_whole_file_is_cut_to_its_footer_if_it_is_the_catalogs(file: File) -> None:
    assert mended(file.data, file) == Repair("cut_out", True, file.footer)
    assert mended(file.data, file, size=len(file.data) + 1) is None
    unknown = mended(file.data, file, size=None)
    assert unknown == Repair("cut_out", False, file.footer)


@by_name(with_page_index())
def test_a_files_tail_is_cut_to_its_footer_whoever_wrote_it(file: File) -> None:
    assert mended(tail(file), file) == Repair("cut_out", True, file.footer)
    with_data = file.data[max(1, file.index_start - 100) :]
    assert mended(with_data, file) == Repair("cut_out", True, file.footer)


@by_name(FOREIGN_INDEXED)
def test_a_tail_whose_index_is_damaged_proves_nothing(file: File) -> None:
    value = b"\xff" * 8 + tail(file)[8:]
    found = mended(value, file)
    assert found is None or not found.proved


@by_name([file for file in files() if file.num_rows])
def test_a_row_count_is_put_back_where_groups_and_catalog_agree(file: File) -> None:
    for value in (without_num_rows(file.footer), framed(without_num_rows(file.footer)), with_num_rows(file.footer, 0)):
        # a 0 takes as many bytes as the rows of a small file do: see the next test
        provable = file in OURS and (len(value) != len(file.footer) or file.num_rows >= 64)
        assert mended(value, file) == Repair("num_rows", provable, file.footer)
        assert mended(value, file, rows=file.num_rows + 1) is None
        assert mended(value, file, rows=None) is None
        assert mended(value, file, size=None) == Repair("num_rows", False, file.footer)


def test_a_row_count_of_the_same_length_as_the_wrong_one_does_not_prove_itself() -> None:
    """A file whose own footer says 0 rows: with 40 put there instead, it is as long as before, and not the file's own."""
    made = File("wrong", by_arrow_rs(table(40)), 40)
    wrong = with_num_rows(made.footer, 0)
    assert len(wrong) == len(made.footer)
    assert mended(wrong, made) == Repair("num_rows", False, made.footer)


@by_name([file for file in INDEXED if file.num_rows])
def test_a_prefix_and_a_lost_row_count_are_mended_together(file: File) -> None:
    prefix, footer = relative(file)
    both = Repair("num_rows+true_pointers", True, file.footer)
    assert mended(prefix + framed(without_num_rows(footer)), file) == both
    assert mended(without_num_rows(footer), file) == both
    if file.num_rows >= 64:
        assert mended(prefix + framed(with_num_rows(footer, 0)), file) == both


@by_name(INDEXED)
@pytest.mark.parametrize("off", [-1, 1, 4096])
def test_a_size_that_the_sum_does_not_come_to_proves_nothing(file: File, off: int) -> None:
    values = (prefixed(file), relative(file)[1], without_num_rows(file.footer), tail(file))
    for value in values:
        found = mended(value, file, size=len(file.data) + off)
        assert found is None or not found.proved


@by_name(INDEXED)
def test_without_a_recorded_row_count_only_a_proof_will_do(file: File) -> None:
    assert mended(prefixed(file), file, rows=None) == Repair("true_pointers", True, file.footer)
    assert mended(prefixed(file), file, rows=None, size=None) is None


@by_name(OURS[:2])
def test_what_only_the_file_can_mend_has_no_repair(file: File) -> None:
    values = {
        Cause.CHUNK_OUT_OF_BOUNDS: with_chunk(file.footer, 9, -5),
        Cause.ARROW_SCHEMA: with_damaged_arrow_schema(file.footer),
        Cause.TRUNCATED: file.footer[:-20],
        Cause.EMPTY: b"",
        Cause.MALFORMED: b"\x15\x02" + b"\xff" * 40,
        Cause.ROW_COUNT_MISMATCH: with_num_rows(file.footer, file.num_rows + 1),
    }
    for cause, value in values.items():
        assert cause in diagnose(Question(value, file.num_rows, len(file.data)), judge(value), judge).causes
        assert mended(value, file) is None
    prefix, footer = relative(file)
    assert mended(prefix + framed(with_damaged_arrow_schema(footer)), file) is None


@by_name(OURS[:2])
def test_what_needs_no_repair_has_none(file: File) -> None:
    for value in (file.footer, framed(file.footer)):
        assert mended(value, file) is None
        found = diagnose(Question(value, file.num_rows, len(file.data), (1, 1), Wanted.MENDED), judge(value), judge)
        assert (found.causes, found.repair) == ((Cause.OUTDATED_VERSION,), None)


def test_a_repair_is_not_made_unless_it_is_asked_for() -> None:
    file = INDEXED[0]
    question = Question(prefixed(file), file.num_rows, len(file.data))
    assert diagnose(question, judge(question.value), judge).repair is None


def test_what_is_mendable_is_told_of_every_kind_of_value_as_when_it_is_mended_but_without_its_bytes() -> None:
    repairs = set()
    for kept in every_kind().values():
        question = Question(kept.value, kept.file.num_rows, len(kept.file.data), (1,), Wanted.MENDED)
        mended = diagnose(question, judge(kept.value), judge)
        mendable = diagnose(replace(question, wanted=Wanted.MENDABLE), judge(kept.value), judge)
        assert mendable == mended.without_bytes()
        if mendable.repair is not None:
            assert mendable.repair.value is None
            repairs.add(mendable.repair.name)
    assert repairs >= {"true_pointers", "cut_out", "num_rows"}


def test_unusually_spelled_chunks_do_not_keep_a_footer_from_being_proved() -> None:
    """Chunks that the fast reading passes on to the plain one, beside such that it does not."""
    content = pa.table({"name" * 50: range(90), "short": range(90)})
    made = by_arrow_rs(content, data_page_row_count_limit=20, write_batch_size=20, max_row_group_size=50)
    file = File("long names", made, 90)
    assert not read_facts(file.footer)[1].spelled_as_usual
    assert mended(prefixed(file), file) == Repair("true_pointers", True, file.footer)
    assert mended(relative(file)[1], file) == Repair("true_pointers", True, file.footer)


def test_what_is_proved_differs_from_the_files_own_footer_by_the_damaged_bytes_at_most() -> None:
    """Bytes of the value changed at random. Nothing tells a statistic that was changed from one that was not; but what
    is put in, pointers and row count, is never wrong, or nothing is proved."""
    chance = random.Random(11)
    outcomes: Counter[str] = Counter()
    for _ in range(1500):
        file = chance.choice(INDEXED)
        value = bytearray(chance.choice((prefixed(file), relative(file)[1], without_num_rows(file.footer))))
        damaged = chance.randint(0, 2)
        for _ in range(damaged):
            value[chance.randrange(len(value))] = chance.randrange(256)
        found = mended(bytes(value), file)
        if found is None or not found.proved:
            outcomes["nothing proved"] += 1
            continue
        outcomes["proved"] += 1
        assert found.value is not None
        assert len(found.value) == len(file.footer)
        assert sum(one != other for one, other in zip(found.value, file.footer, strict=True)) <= damaged
    assert min(outcomes.values()) > 300


def test_a_value_beside_another_files_size_proves_nothing() -> None:
    chance = random.Random(12)
    sizes = {len(file.data) for file in INDEXED}
    for file in INDEXED:
        for size in [
            *(sizes - {len(file.data)}),
            *(len(file.data) + chance.randint(-300, 300) or 1 for _ in range(40)),
        ]:
            for value in (prefixed(file), relative(file)[1], without_num_rows(file.footer)):
                found = mended(value, file, size=size)
                assert found is None or not found.proved or size == len(file.data)
