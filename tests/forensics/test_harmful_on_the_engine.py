"""What `harmful` says is true of the engine: DataFusion 51 over files whose footer is the harmful one, beside their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from forensics.corpus import Way, has_index, ways
from forensics.examined import examine
from forensics.new_engine import Answer, Job, ask
from forensics.writers import Written, all_written, arrow_rs, chunks, pages
from refooter.demo.files import ParquetFile
from refooter.parquet.edit import set_integer
from refooter.parquet.thrift import decode
from refooter.values import Cause, Question, Status

# what every file holds: a column `n` of 0, 1, 2 ... ; the filter lets pages of the first row group through, and leaves pages out
COUNT, SUM, SCAN = "select count(*) from lake", "select count(n), sum(n) from lake", "select * from lake"
FILTER = "select count(*), sum(n) from lake where n >= 20 and n < 35"
QUERIES = (COUNT, SUM, SCAN, FILTER)
FILTERED = (15, sum(range(20, 35)))


def _table(rows: int, columns: int) -> pa.Table:
    numbers = np.arange(rows)
    return pa.table(
        {
            "n": pa.array(numbers),
            "word": pa.array([f"word {i % 7}" for i in numbers]),
            "at": pa.array(numbers, pa.timestamp("ns", "UTC")),
            "value": pa.array(np.random.default_rng(rows).random(rows)),
            "note": pa.array([None if i % 3 else f"note {i}" for i in numbers]),
            "tags": pa.array([[str(i % 5)] * (i % 3) for i in numbers]),
        }
    ).select(range(columns))


@pytest.fixture(scope="module")
def files() -> list[Written]:
    """Several pages a chunk in all of them; one row group and three, one column and six, with dictionaries and without."""
    return [
        Written(
            f"{rows} rows, {columns} columns, {per_page} a page, {groups} row groups, dictionary {dictionary}",
            "parquet-rs",
            arrow_rs(
                _table(rows, columns),
                max_row_group_size=-(-rows // groups),
                dictionary_enabled=dictionary,
                **pages(per_page),
            ),
        )
        for rows in (120, 600)
        for columns in (1, 6)
        for per_page in (10, 30)
        for groups in (1, 3)
        for dictionary in (True, False)
    ]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the engine answers over a file with a harmful footer, query by query: plainly, and with filters pushed down."""

    file: Written
    count: Answer
    sum: Answer
    scan: Answer
    filter: Answer
    pushed_filter: Answer

    @property
    def all(self) -> tuple[Answer, ...]:
        return self.count, self.sum, self.scan, self.filter, self.pushed_filter

    @property
    def right(self) -> tuple[bool, ...]:
        """Of each query, whether it answers what the file holds."""
        rows = self.file.num_rows
        return (
            self.count.row == (rows,),
            self.sum.row == (rows, rows * (rows - 1) // 2),
            self.scan.count == rows,
            self.filter.row == FILTERED,
            self.pushed_filter.row == FILTERED,
        )

    @property
    def kept(self) -> int:
        """Rows of all row groups but the last."""
        return sum(self.file.group_rows[:-1])


@dataclass(frozen=True)
class Bench:
    """Puts a harmful footer in place of a file's own, has it named, and asks the engine."""

    directory: Path

    def ask(self, way: Way, files: Iterable[Written]) -> list[Asked]:
        """The value, as it might stand in the catalog, must be named as the way says; all else of the file stays."""
        fitting = [file for file in files if way.allows(file)]
        assert len(fitting) >= 8
        values = [way.build(_source(file)) for file in fitting]
        questions = [
            Question(value, file.num_rows, len(file.data), (2, 2)) for file, value in zip(fitting, values, strict=True)
        ]
        for file, found in zip(fitting, examine(questions), strict=True):
            assert found.cause is (way.causes[-1] if way.causes else Cause.NONE), file
            assert found.status is (Status.HARMFUL if way.causes else Status.OK), file
        jobs: list[Job] = []
        for number, (file, value) in enumerate(zip(fitting, values, strict=True)):
            path = self.put(file, value, f"{way.name}-{number}")
            jobs += [Job(path, QUERIES), Job(path, (FILTER,), True)]
        answers = ask(jobs)
        return [Asked(file, *answers[2 * i], *answers[2 * i + 1]) for i, file in enumerate(fitting)]

    def put(self, file: Written, value: bytes, name: str) -> Path:
        """A file that is the given one up to its footer, which is that of the value."""
        content = value[: decode(value).end]
        path = self.directory / f"{name}.parquet"
        path.write_bytes(file.data[: file.footer_start] + content + len(content).to_bytes(4, "little") + b"PAR1")
        return path


def _source(file: Written) -> ParquetFile:
    return ParquetFile(file.name, file.data, file.num_rows, len(file.group_rows))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def way(name: str) -> Way:
    return next(one for one in ways() if one.name == name)


def test_with_their_own_footer_all_queries_answer_rightly(bench: Bench, files: list[Written]) -> None:
    assert all(all(asked.right) for asked in bench.ask(way("framed"), files))


def test_zero_num_rows_makes_every_scan_empty_without_an_error(bench: Bench, files: list[Written]) -> None:
    for asked in bench.ask(way("zero_num_rows"), files):
        assert asked.count.row == (asked.file.num_rows,)
        assert asked.sum.row == (0, None)
        assert (asked.scan.error, asked.scan.count) == (None, 0)
        assert asked.filter.row == (0, None)


def test_zero_num_rows_makes_a_filter_that_is_pushed_down_fail(bench: Bench, files: list[Written]) -> None:
    errors = Counter(asked.pushed_filter.error for asked in bench.ask(way("zero_num_rows"), files))
    assert errors == {"panic: selection contains less than the number of selected rows": len(files)}


@pytest.mark.parametrize("name", ["lost_row_group", "lost_row_group_and_count"])
def test_a_lost_row_group_answers_wrongly_without_an_error(name: str, bench: Bench, files: list[Written]) -> None:
    for asked in bench.ask(way(name), files):
        assert not any(answer.failed for answer in asked.all)
        assert asked.count.row == (asked.kept,)
        assert asked.sum.row == (asked.kept, asked.kept * (asked.kept - 1) // 2)
        assert asked.scan.count == asked.kept
        assert asked.kept < asked.file.num_rows


@pytest.mark.parametrize("name", ["num_rows_one_more", "num_rows_negative"])
def test_the_footers_own_row_count_alone_is_not_noticed(name: str, bench: Bench, files: list[Written]) -> None:
    assert all(all(asked.right) for asked in bench.ask(way(name), files))


def test_a_footers_own_row_count_of_one_gives_batches_of_one_row(bench: Bench, files: list[Written]) -> None:
    def build(file: ParquetFile) -> bytes:
        value = way("raw").build(file)
        found = decode(value).root.get(3)
        assert found is not None
        return set_integer(value, found, 1)

    one_row = Way("num_rows_1", build, (Cause.ROW_COUNT_MISMATCH,), None, True, lambda _: True)
    for asked in bench.ask(one_row, files[::4]):
        assert asked.scan.batches == asked.scan.count == asked.file.num_rows


@pytest.mark.parametrize(
    "name",
    ["chunk_past_end", "chunk_negative", "dictionary_offset_zero", "dictionary_offset_3", "dictionary_offset_negative"],
)
def test_a_chunk_out_of_bounds_counts_rightly_and_fails_the_full_scan(
    name: str, bench: Bench, files: list[Written]
) -> None:
    for asked in bench.ask(way(name), files):
        assert asked.count.row == (asked.file.num_rows,)
        assert asked.scan.failed, asked.file


@pytest.mark.parametrize("name", ["data_offset_3", "data_offset_negative", "data_offset_past_end"])
def test_a_data_page_out_of_bounds_fails_the_full_scan_unless_a_dictionary_leads_to_it(
    name: str, bench: Bench, files: list[Written]
) -> None:
    """The engine finds a chunk by its dictionary page alone, where it has one."""
    plain = [file for file in files if "dictionary False" in file.name]
    for asked in bench.ask(way(name), plain):
        assert asked.count.row == (asked.file.num_rows,)
        assert asked.scan.failed, asked.file


@pytest.mark.parametrize("name", ["cut_out", "cut_out_framed", "one_pointer_into_data", "one_pointer_past_end"])
def test_a_dangling_page_index_makes_most_files_unreadable(name: str, bench: Bench, files: list[Written]) -> None:
    asked = bench.ask(way(name), files)
    messages = Counter(answer.error for one in asked for answer in one.all)
    assert sum(all(answer.failed for answer in one.all) for one in asked) > len(asked) / 2, messages
    if name.startswith("cut_out"):
        assert any("Required field null_pages is missing" in (error or "") for error in messages), messages
    if name == "one_pointer_past_end":
        assert any((error or "").startswith("panic: ") for error in messages), messages


@pytest.mark.parametrize("page_index", [True, False])
def test_a_cut_out_footer_fails_whatever_is_asked_where_there_are_column_indexes_and_goes_unnoticed_elsewhere(
    page_index: bool, bench: Bench
) -> None:
    """Of files of every writer that writes a page index. To tell the engine not to use it is no way out."""
    files = [file for file in all_written() if has_index(file)]
    jobs = [
        Job(bench.put(file, way("cut_out").build(_source(file)), str(number)), (COUNT, SCAN), page_index=page_index)
        for number, file in enumerate(files)
    ]
    fates: Counter[tuple[bool, bool]] = Counter()
    for file, (count, scan) in zip(files, ask(jobs), strict=True):
        column_indexes = any(chunk.get(6) for chunk in chunks(file.footer))
        fates[column_indexes, scan.failed] += 1
        if column_indexes:
            assert "Required field null_pages is missing" in (count.error or ""), file
        else:
            assert (count.row, scan.count) == ((file.num_rows,), file.num_rows), file
    assert set(fates) == {(True, True), (False, False)}
    assert fates[True, True] > 100
    assert fates[False, False] >= 5
