"""The map of a value and the bytes that evidence points at, for values of every kind and for bytes of nobody's."""

from __future__ import annotations

import io
import random

import arro3.io
import pytest

from refooter.demo.values import KINDS
from refooter.diagnosis import diagnose
from refooter.diagnosis.differences import compare
from refooter.diagnosis.marks import Mark, MarkSource, marks_of
from refooter.diagnosis.regions import Mapped, RegionKind, map_value
from refooter.parquet.footer import read_footer
from refooter.parquet.page_index import read_page_index
from refooter.values import Cause, Diagnosis, Question, Verdict
from support.kinds import Kept, every_kind

KEPT = every_kind()
INDEXES = (RegionKind.COLUMN_INDEX, RegionKind.OFFSET_INDEX)
FRAME = (RegionKind.LENGTH, RegionKind.MAGIC)


def ask(value: bytes) -> Verdict:
    """The target parser in this process: only for values that do not hang it."""
    try:
        arro3.io.read_parquet(io.BytesIO(b"PAR1" + value + len(value).to_bytes(4, "little") + b"PAR1"))
    except BaseException as problem:  # a Rust panic is no Exception
        if isinstance(problem, KeyboardInterrupt | SystemExit):
            raise
        return Verdict(False, str(problem))
    return Verdict(True)


def examined(kept: Kept) -> tuple[Question, Diagnosis, Mapped]:
    question = Question(kept.value, kept.file.num_rows, len(kept.file.data), (2,))
    diagnosis = diagnose(question, ask(kept.value), ask)
    return question, diagnosis, map_value(kept.value, diagnosis, question.file_size)


def marks(kept: Kept, source: MarkSource = MarkSource.EVIDENCE) -> list[Mark]:
    question, diagnosis, mapped = examined(kept)
    return [mark for mark in marks_of(kept.value, mapped, diagnosis, question) if mark.source is source]


def kinds_of(name: str) -> list[RegionKind]:
    return [region.kind for region in examined(KEPT[name])[2].regions]


@pytest.mark.parametrize("name", KINDS)
def test_regions_cover_a_value_of_every_kind_without_gap_or_overlap(name: str) -> None:
    kept = KEPT[name]
    regions = examined(kept)[2].regions
    edges = [0, *(region.end for region in regions)]
    assert [region.start for region in regions] == edges[:-1]
    assert edges[-1] == len(kept.value)


def test_regions_cover_bytes_of_nobodys_too() -> None:
    random_bytes = random.Random(11)
    values = [random_bytes.randbytes(random_bytes.randrange(1, 400)) for _ in range(300)]
    values += [
        head + random_bytes.randbytes(40) for head in (b"PAR1", b"\x19\x11\x00", b"\x15\x02\x19") for _ in range(60)
    ]
    values += [
        random_bytes.randbytes(30) + b"\x08\x00\x00\x00" + magic for magic in (b"PAR1", b"PARE") for _ in range(30)
    ]
    for value in values:
        for cause in (Cause.MALFORMED, Cause.TRUNCATED, Cause.ENCRYPTED):
            diagnosis = Diagnosis(cause.status, cause, (cause,), KEPT["bit_rot"].kind.layout, evidence=("said",))
            mapped = map_value(value, diagnosis)
            assert [0, *(region.end for region in mapped.regions)] == [
                *(region.start for region in mapped.regions),
                len(value),
            ]
            for mark in marks_of(value, mapped, diagnosis, Question(value)):
                assert 0 <= mark.start <= mark.end <= len(value)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("raw", [RegionKind.FILE_META_DATA]),
        ("framed", [RegionKind.FILE_META_DATA, *FRAME]),
        ("framed_twice", [RegionKind.FILE_META_DATA, *FRAME, *FRAME]),
        ("trailing_bytes", [RegionKind.FILE_META_DATA, *FRAME, RegionKind.TRAILING]),
        ("prefixed", [*INDEXES, RegionKind.FILE_META_DATA, *FRAME]),
        ("prefixed_framed_twice", [*INDEXES, RegionKind.FILE_META_DATA, *FRAME, *FRAME]),
        ("prefixed_trailing_bytes", [*INDEXES, RegionKind.FILE_META_DATA, *FRAME, RegionKind.TRAILING]),
        ("file_tail", [*INDEXES, RegionKind.FILE_META_DATA, *FRAME]),
        ("whole_file", [RegionKind.MAGIC, RegionKind.FILE_DATA, *INDEXES, RegionKind.FILE_META_DATA, *FRAME]),
        ("truncated", [RegionKind.FILE_META_DATA]),
        ("empty", []),
        ("zero_byte", [RegionKind.UNKNOWN]),
        ("encrypted", [RegionKind.CRYPTO_META_DATA, RegionKind.FILE_META_DATA, *FRAME]),
        ("bit_rot", [RegionKind.FILE_META_DATA, RegionKind.UNKNOWN, *FRAME]),
    ],
)
def test_a_kind_is_mapped_as_it_was_built(name: str, kinds: list[RegionKind]) -> None:
    assert kinds_of(name) == kinds


def test_the_indexes_of_a_prefix_are_told_apart_even_when_the_footer_behind_it_is_cut_off() -> None:
    kept = KEPT["prefixed"]
    whole = examined(kept)[2].regions
    cut = kept.value[: whole[2].start + 200]
    diagnosis = diagnose(Question(cut), ask(cut), ask)
    regions = map_value(cut, diagnosis).regions
    assert [(region.start, region.end, region.kind) for region in regions] == [
        (whole[0].start, whole[0].end, RegionKind.COLUMN_INDEX),
        (whole[1].start, whole[1].end, RegionKind.OFFSET_INDEX),
        (whole[2].start, len(cut), RegionKind.FILE_META_DATA),
    ]


def test_a_file_tail_is_mapped_alike_whether_or_not_the_files_size_is_known() -> None:
    kept = KEPT["file_tail"]
    diagnosis = examined(kept)[1]
    known = map_value(kept.value, diagnosis, len(kept.file.data))
    assert known.index_base == len(kept.file.data) - len(kept.value)
    assert map_value(kept.value, diagnosis).regions == known.regions


@pytest.mark.parametrize("name", ["prefixed", "file_tail", "whole_file"])
def test_every_page_index_in_a_value_can_be_read_where_the_map_says(name: str) -> None:
    kept = KEPT[name]
    mapped = examined(kept)[2]
    assert mapped.footer is not None
    assert mapped.index_base is not None
    for group in mapped.footer.row_groups:
        for chunk in group.columns:
            found = read_page_index(kept.value, chunk, data_start=mapped.index_base, num_rows=group.num_rows)
            assert found.findings == ()
            assert sum(page.rows or 0 for page in found.pages) == group.num_rows


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.cause is not Cause.NONE])
def test_the_worst_evidence_of_every_broken_kind_points_into_the_value(name: str) -> None:
    kept = KEPT[name]
    found = marks(kept)
    assert found[0].name == kept.kind.cause.value
    assert found[0].what == examined(kept)[1].evidence[0]
    for mark in found:
        assert 0 <= mark.start <= mark.end <= len(kept.value)
    assert any(mark.start < mark.end for mark in found) == bool(kept.value)


def pointed(name: str) -> list[str]:
    """The paths of the fields that the evidence of a kind's own cause points at."""
    kept = KEPT[name]
    footer = examined(kept)[2].footer
    assert footer is not None
    return [footer.root.at(mark.start).path for mark in marks(kept) if mark.name == kept.kind.cause.value]


def test_evidence_points_at_the_very_fields_that_are_wrong() -> None:
    assert pointed("zero_num_rows") == ["num_rows"]
    assert set(pointed("lost_row_group")) == {"num_rows", "row_groups[0].num_rows"}
    last = len(read_footer(KEPT["framed"].value).row_groups[0].columns) - 1
    meta = f"row_groups[0].columns[{last}].meta_data"
    assert set(pointed("chunk_past_end")) == {f"{meta}.data_page_offset", f"{meta}.total_compressed_size"}
    assert all(path.endswith(".dictionary_page_offset") for path in pointed("dictionary_offset_zero"))
    assert {path.rpartition(".")[2] for path in pointed("cut_out")} == {"column_index_offset", "offset_index_offset"}
    assert pointed("damaged_arrow_schema") == ["key_value_metadata[0].key"]


def test_findings_of_the_decoder_are_marked_where_they_are() -> None:
    [missing] = marks(KEPT["missing_num_rows"], MarkSource.FINDING)
    assert (missing.name, missing.end) == ("missing", len(KEPT["missing_num_rows"].value))
    [stopped] = marks(KEPT["bit_rot"], MarkSource.FINDING)
    assert stopped.name == "stopped"


def differing(before: bytes, after: bytes) -> list[tuple[str, str | None, str | None]]:
    found = compare(read_footer(before), before, read_footer(after), after)
    assert found.total == len(found.kept)
    assert (found.bytes > 0) == (found.total > 0)
    return [(one.path, one.before, one.after) for one in found.kept]


def test_footers_are_compared_field_by_field_whatever_their_lengths() -> None:
    own = KEPT["raw"].value
    rows = str(KEPT["raw"].file.num_rows)
    assert differing(own, own) == []
    assert differing(KEPT["missing_num_rows"].value, own) == [("num_rows", None, rows)]
    assert differing(own, KEPT["missing_num_rows"].value) == [("num_rows", rows, None)]
    assert differing(KEPT["zero_num_rows"].value, own) == [("num_rows", "0", rows)]


def test_only_pointers_differ_between_a_prefixed_footer_and_the_files_own() -> None:
    kept = KEPT["prefixed"]
    mapped = examined(kept)[2]
    assert mapped.footer is not None
    own = KEPT["raw"].value
    found = compare(mapped.footer, kept.value, read_footer(own), own)
    assert {one.path.rpartition(".")[2] for one in found.kept} == {"column_index_offset", "offset_index_offset"}
    chunks = sum(group.column_count for group in mapped.footer.row_groups)
    assert found.total == 2 * chunks


def test_a_broken_footer_is_compared_with_a_whole_one_as_far_as_it_goes() -> None:
    own = KEPT["raw"].value
    found = compare(read_footer(KEPT["bit_rot"].value), KEPT["bit_rot"].value, read_footer(own), own)
    assert [one.path for one in found.kept][:2] == ["schema", "num_rows"]
