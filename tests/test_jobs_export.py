from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest

from refooter.catalog.selection import Selection, View
from refooter.errors import RefooterError, UsageError
from refooter.jobs.export import COLUMNS, DISARMED, ExportFailed, RowFile, of_selection, row
from refooter.values import (
    NOT_JUDGED,
    TIME_INFINITY,
    Cause,
    Diagnosis,
    EntryResult,
    FileState,
    FooterFacts,
    Layout,
    Outcome,
    Reason,
    Status,
)

FULL = EntryResult(
    file_path="views/blocks/global/2026-03-02/a.parquet",
    view_set="blocks",
    view_instance="global",
    diagnosis=Diagnosis(
        Status.LEGACY,
        Cause.PAGE_INDEX_PREFIX,
        (Cause.ZERO_NUM_ROWS, Cause.PAGE_INDEX_PREFIX),
        Layout.PREFIXED,
        error="Required field num_rows is missing",
        facts=FooterFacts(4, 100, 0, b"schema", 3, ((12, b"chunks"),), True),
    ),
    blob_size=2**40,
    catalog_num_rows=12,
    file_size=2**62,
    format_version=1,
    insert_time=0,
    orphan=True,
    file_state=FileState.PRESENT,
    outcome=Outcome.FAILED,
    reason=Reason.MISMATCH,
    sentence='it says "12",\nnot 13',
)
BARE = EntryResult("b.parquet", None, None, NOT_JUDGED, 0, None, None, None, None, False)
ODD = replace(BARE, file_path='=cmd|"/C calc"!A0, ünïcode ⬛\r\n\tend', sentence="-1+1", insert_time=TIME_INFINITY)
RESULTS = [FULL, BARE, ODD]


def of_csv(data: bytes) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def of_jsonl(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.decode().split("\n")[:-1]]


def of_parquet(data: bytes) -> list[dict[str, Any]]:
    return pq.read_table(io.BytesIO(data)).to_pylist()


def written(target: Path | str, results: list[EntryResult] = RESULTS) -> RowFile:
    with RowFile(str(target)) as out:
        out.write(results[:1])
        out.write(results[1:])
    return out


def test_a_row_holds_what_scripts_are_promised() -> None:
    assert row(FULL) == {
        "file_path": "views/blocks/global/2026-03-02/a.parquet",
        "view_set_name": "blocks",
        "view_instance_id": "global",
        "status": "legacy",
        "cause": "page_index_prefix",
        "causes": ["zero_num_rows", "page_index_prefix"],
        "error": "Required field num_rows is missing",
        "layout": "prefixed",
        "blob_size": 2**40,
        "num_rows": 0,
        "catalog_num_rows": 12,
        "file_size": 2**62,
        "format_version": 1,
        "insert_time": "2000-01-01T00:00:00Z",
        "orphan": True,
        "file_state": "present",
        "outcome": "failed",
        "reason": "mismatch",
        "sentence": 'it says "12",\nnot 13',
    }
    assert tuple(row(BARE)) == COLUMNS


@pytest.mark.parametrize(("ending", "read"), [(".jsonl", of_jsonl), (".parquet", of_parquet), (".JSONL", of_jsonl)])
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_rows_come_back_from_json_lines_and_parquet_as_they_were(
    ending: str, read: Callable[[bytes], list[dict[str, Any]]], scheme: str, tmp_path: Path
) -> None:
    target = tmp_path / f"rows{ending}"
    out = written(f"{scheme}{target}")
    assert out.rows == 3
    assert read(target.read_bytes()) == [row(result) for result in RESULTS]
    assert list(tmp_path.iterdir()) == [target]


def test_csv_holds_text_that_no_spreadsheet_takes_for_a_formula(tmp_path: Path) -> None:
    written(tmp_path / "rows.csv")
    full, bare, odd = of_csv((tmp_path / "rows.csv").read_bytes())
    assert tuple(full) == COLUMNS
    assert full["causes"] == "zero_num_rows page_index_prefix"
    assert (full["blob_size"], full["orphan"], full["sentence"]) == (str(2**40), "true", 'it says "12",\nnot 13')
    assert (bare["view_set_name"], bare["causes"], bare["orphan"], bare["num_rows"]) == ("", "", "false", "")
    assert odd["file_path"] == "'" + ODD.file_path
    assert odd["sentence"] == "'-1+1"
    assert odd["insert_time"] == "infinity"


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_each_character_that_begins_a_formula_is_disarmed(first: str, tmp_path: Path) -> None:
    written(tmp_path / "rows.csv", [replace(BARE, file_path=f"{first}x")])
    assert of_csv((tmp_path / "rows.csv").read_bytes())[0]["file_path"] == f"'{first}x"


HARMS = (
    "=1+1",
    "=cmd|' /C calc'!A0",  # DDE
    "@SUM(1+9)*cmd|' /C calc'!A0",
    "+1",
    "-1",
    "  =1+1",
    "\u00a0\u200b\ufeff=1+1",
    "\x00=1+1",
    "\x0b\x0c=1+1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    '"=1+1"',
    "'=1+1",
    "''=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    "﹦1+1",
    "a;=1+1",  # where semicolons part cells
    "a\t=1+1",
    "a\n=1+1",
    "a\r\n +1",
    'a";=1+1;"',
    ";;=1;'=2",
)
HARMLESS = (
    "",
    "views/a.parquet",
    "it's",
    "'quoted'",
    "'",
    "a=1",
    "2026-03-02",
    "a, -1",
    "a;b",
    "größe",
    "日本",
    "1;'",
    "\x1b[31m",
)


def parted(text: str) -> list[str]:
    """The cells that a spreadsheet makes of a cell, by whatever it parts cells."""
    return re.split("[;\t\r\n]", text)


@pytest.mark.parametrize("text", HARMS)
@pytest.mark.parametrize("column", ["file_path", "view_set", "view_instance", "sentence", "error"])
def test_no_column_of_a_csv_smuggles_a_formula_into_a_spreadsheet(column: str, text: str, tmp_path: Path) -> None:
    target = tmp_path / "rows.csv"
    changed = (
        replace(FULL, diagnosis=replace(FULL.diagnosis, error=text))
        if column == "error"
        else replace(FULL, **{column: text})
    )
    written(target, [changed])
    [row] = of_csv(target.read_bytes())
    for cell in row.values():
        for part in parted(cell):
            assert not re.match('[\\s\x00\u200b\ufeff"]*[=+@＝＋－＠﹦-]', part) or re.fullmatch(r"-?[0-9.]+", cell), (
                part
            )
    name = {"view_set": "view_set_name", "view_instance": "view_instance_id"}.get(column, column)
    assert DISARMED.sub("", row[name]) == text


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_formula_stands_in_a_csv_as_it_is(text: str, tmp_path: Path) -> None:
    written(tmp_path / "rows.csv", [replace(BARE, file_path=text)])
    assert of_csv((tmp_path / "rows.csv").read_bytes())[0]["file_path"] == text
    assert DISARMED.sub("", text) == text or text.startswith("'")


def test_every_text_comes_back_from_a_csv_without_its_apostrophes(tmp_path: Path) -> None:
    """Of all texts of up to five of the characters that matter, and of all that a catalog or an error can hold."""
    alphabet = ["=", "'", ";", "\t", "\n", " ", "a", '"']
    texts = ["".join(some) for n in range(1, 6) for some in itertools.product(alphabet, repeat=n)]
    texts += ["".join(map(chr, range(0x250))), "\udcff=", "\ud800", "\udcc3\udca9", "＝\u202e\x00"]
    written(tmp_path / "rows.csv", [replace(BARE, file_path="x", sentence=text) for text in texts])
    read = csv.DictReader(
        io.StringIO((tmp_path / "rows.csv").read_bytes().decode("utf-8", "surrogatepass"), newline="")
    )
    assert [DISARMED.sub("", row["sentence"]) for row in read] == texts


@pytest.mark.parametrize("text", [*HARMS, *HARMLESS, "".join(map(chr, range(1, 0x250))), "\u202e\u2028\ufeff"])
def test_json_lines_and_parquet_hold_the_true_text(text: str, tmp_path: Path) -> None:
    for ending, read in ((".jsonl", of_jsonl), (".parquet", of_parquet)):
        target = tmp_path / f"rows{ending}"
        written(target, [replace(BARE, file_path=text, sentence=text)])
        [row] = read(target.read_bytes())
        assert (row["file_path"], row["sentence"]) == (text, text)


@pytest.mark.parametrize("text", ["\udcff", "a\ud800b", "\udcc3\udca9"])
def test_lone_surrogates_come_back_from_json_lines_and_are_escapes_in_parquet(text: str, tmp_path: Path) -> None:
    for ending, read, expected in (
        (".jsonl", of_jsonl, text),
        (".parquet", of_parquet, text.encode("utf-8", "backslashreplace").decode()),
    ):
        target = tmp_path / f"rows{ending}"
        written(target, [replace(BARE, file_path=text)])
        assert read(target.read_bytes())[0]["file_path"] == expected


def test_a_negative_number_is_no_formula(tmp_path: Path) -> None:
    written(tmp_path / "rows.csv", [replace(BARE, catalog_num_rows=-5)])
    assert of_csv((tmp_path / "rows.csv").read_bytes())[0]["catalog_num_rows"] == "-5"


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_a_path_that_is_no_unicode_spoils_no_export(ending: str, tmp_path: Path) -> None:
    target = tmp_path / f"rows{ending}"
    written(target, [replace(BARE, file_path="views/\udce9.parquet"), FULL])
    read = {
        ".csv": lambda data: of_csv(data.decode("utf-8", "replace").encode()),
        ".jsonl": of_jsonl,
        ".parquet": of_parquet,
    }
    rows = read[ending](target.read_bytes())
    assert len(rows) == 2
    assert rows[1]["file_path"] == FULL.file_path


@pytest.mark.parametrize(("ending", "read"), [(".csv", of_csv), (".jsonl", of_jsonl), (".parquet", of_parquet)])
def test_no_rows_are_a_complete_file_too(ending: str, read: Callable[[bytes], list[Any]], tmp_path: Path) -> None:
    written(tmp_path / f"rows{ending}", [])
    assert read((tmp_path / f"rows{ending}").read_bytes()) == []


def test_more_rows_than_a_parquet_row_group_takes_are_all_there(tmp_path: Path) -> None:
    with RowFile(str(tmp_path / "rows.parquet")) as out:
        for start in range(0, 45_000, 5_000):
            out.write([replace(BARE, file_path=str(number)) for number in range(start, start + 5_000)])
    table = pq.read_table(tmp_path / "rows.parquet", columns=["file_path"])
    assert table["file_path"].to_pylist() == [str(number) for number in range(45_000)]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_the_name_is_taken_only_when_all_rows_are_there(ending: str, tmp_path: Path) -> None:
    target = tmp_path / f"rows{ending}"
    target.write_text("what stood there before")
    with RowFile(str(target)) as out:
        out.write(RESULTS)
        assert target.read_text() == "what stood there before"
    assert target.read_bytes() != b"what stood there before"


# what pyarrow says behind our back would land on a terminal that somebody draws on
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("before", [True, False])
def test_after_an_error_nothing_is_left_and_what_stood_there_stays(ending: str, before: bool, tmp_path: Path) -> None:
    target = tmp_path / f"rows{ending}"
    if before:
        target.write_text("what stood there before")

    def fail() -> None:
        with RowFile(str(target)) as out:
            out.write(RESULTS)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [path.read_text() for path in tmp_path.iterdir()] == (["what stood there before"] if before else [])


@pytest.mark.parametrize("name", ["rows.txt", "rows", "rows.csv.gz", ".csv", "s3://bucket/rows.json", ""])
def test_a_name_that_says_no_format_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"does not end in \.csv, \.jsonl, \.parquet"):
        RowFile(name)


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    for target in (tmp_path / "missing" / "rows.csv", tmp_path / "file" / "rows.csv", "nosuchscheme://x/rows.csv"):
        with pytest.raises(RefooterError, match=r"cannot write .*rows\.csv"):
            RowFile(str(target)).__enter__()


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("count", [1, 5_000, 25_000])
def test_a_full_disk_is_one_sentence_whenever_it_is_noticed(ending: str, count: int, tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        return
    (tmp_path / f".rows{ending}.part").symlink_to(full)
    results = [replace(FULL, file_path=f"{number:060d}") for number in range(count)]
    with pytest.raises(ExportFailed, match="cannot write"):
        written(tmp_path / f"rows{ending}", results)
    assert list(tmp_path.iterdir()) == []


def test_rows_go_to_other_protocols_as_well() -> None:
    target = "memory://exports/rows.jsonl"
    written(target)
    assert of_jsonl(fsspec.filesystem("memory").cat("/exports/rows.jsonl")) == [row(result) for result in RESULTS]


def result(**changes: object) -> EntryResult:
    diagnosis = Diagnosis(Status.CORRUPT, Cause.EMPTY, (Cause.EMPTY,), Layout.UNKNOWN)
    fields: dict[str, object] = {"insert_time": 5, "diagnosis": diagnosis} | changes
    return EntryResult(
        "views/blocks/global/x",
        "blocks",
        "global",
        blob_size=0,
        catalog_num_rows=None,
        file_size=None,
        format_version=1,
        orphan=False,
        **fields,
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("selection", "of_it"),
    [
        (Selection(), True),
        (Selection(views=(View("blocks"),)), True),
        (Selection(views=(View("blocks", "other"), View("streams"))), False),
        (Selection(paths=()), False),
        (Selection(paths=("views/blocks/global/x", "y")), True),
        (Selection(since=5), True),
        (Selection(until=5), False),
        (Selection(since=0, until=6), True),
        (Selection(causes=(Cause.EMPTY,), statuses=(Status.CORRUPT,)), True),
        (Selection(statuses=(Status.OK,)), False),
    ],
)
def test_a_run_s_failures_are_exported_by_selection_too(selection: Selection, of_it: bool) -> None:
    one = result()
    assert of_selection(selection, [one, one]) == ([one, one] if of_it else [])


def test_an_entry_that_is_gone_has_no_time_to_select_it_by() -> None:
    gone = result(insert_time=None, diagnosis=NOT_JUDGED)
    assert of_selection(Selection(), [gone]) == [gone]
    assert of_selection(Selection(since=1), [gone]) == of_selection(Selection(until=9), [gone]) == []
