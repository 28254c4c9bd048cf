"""What Arrow 56.2, the engine before, says of the same values: the facts' table, and where the two parsers part."""

from __future__ import annotations

from collections import Counter

import pytest

from forensics.bare_parser import CRASHED, UNFINISHED, BareParser
from forensics.corpus import seeded
from forensics.mutate import mutants
from forensics.old_engine import install
from refooter.target.arro3 import words

# By kind of value: what Arrow 56.2 says of it, `None` where it accepts. It reads by a general Thrift library, whose few
# words say nothing of what is wrong.
_OF_ANOTHER_FORMAT = (
    "protocol error",
    "bad data",
    "end of file",
    "not implemented",
    "Expected exactly one root node, but found 0",
)
SAID: dict[str, tuple[str, ...] | None] = {
    **dict.fromkeys(
        (
            "raw",
            "framed",
            "framed_twice",
            "trailing_bytes",
            "outdated_version",
            "cut_out",
            "cut_out_framed",
            "one_pointer_into_data",
            "one_pointer_past_end",
            "zero_num_rows",
            "lost_row_group",
            "lost_row_group_and_count",
            "num_rows_one_more",
            "num_rows_negative",
            "another_files_row_count",
            "chunk_past_end",
            "chunk_negative",
            "dictionary_offset_zero",
            "data_offset_3",
            "data_offset_past_end",
        )
    ),
    **dict.fromkeys(
        (
            "prefixed",
            "prefixed_framed_twice",
            "prefixed_trailing_bytes",
            "prefixed_without_frame",
            "file_tail",
            "longer_file_tail",
        ),
        _OF_ANOTHER_FORMAT,
    ),
    "missing_num_rows": ("protocol error",),
    "missing_num_rows_framed": ("protocol error",),
    "truncated": ("end of file",),
    "cut_early": ("end of file",),
    "cut_late": ("end of file",),
    "empty": ("end of file",),
    "zero_byte": ("protocol error",),
    "damaged_arrow_schema": ("Unable to decode the encoded schema",),
    "whole_file": ("protocol error",),
    "encrypted": ("protocol error", "bad data"),
    "bit_rot": ("bad data",),
}


@pytest.fixture(scope="module")
def answers(arrow_56: BareParser) -> dict[str, Counter[str | None]]:
    """Of the seeded corpus, by kind of value."""
    values = seeded()
    by_kind: dict[str, Counter[str | None]] = {}
    for value, answer in zip(values, arrow_56.ask([one.question.value for one in values]), strict=True):
        by_kind.setdefault(value.kind, Counter())[None if answer is None else words(answer)] += 1
    return by_kind


@pytest.mark.parametrize("kind", SAID)
def test_the_old_parser_says_of_each_kind_what_the_facts_table_says(
    kind: str, answers: dict[str, Counter[str | None]]
) -> None:
    expected = SAID[kind]
    assert answers[kind].total() >= 20
    for error in answers[kind]:
        if expected is None:
            assert error is None
        else:
            assert error is not None
            assert any(text in error for text in expected), error


def test_prefixed_values_are_rejected_in_words_of_both_kinds_that_the_facts_name(
    answers: dict[str, Counter[str | None]],
) -> None:
    said = answers["prefixed"]
    assert said["Could not parse metadata: protocol error"] > 20
    assert said["Could not parse metadata: bad data"] > 20


@pytest.fixture(scope="module")
def both(arrow_56: BareParser, arrow_57: BareParser) -> list[tuple[str | None, str | None]]:
    """What the old and the new parser say of the same 6,000 damaged values."""
    damaged = [mutant.question.value for mutant in mutants(56, 6_000)]
    old, new = (BareParser(parser.directory, limit=0.5).ask(damaged) for parser in (arrow_56, arrow_57))
    return list(zip(old, new, strict=True))


def test_damage_parts_the_two_parsers_in_both_directions(both: list[tuple[str | None, str | None]]) -> None:
    parted = Counter((old is None, new is None) for old, new in both)
    assert parted[True, True] > 700
    assert parted[False, False] > 3_000
    assert parted[True, False] >= 5, "accepted by the old one only"
    assert parted[False, True] >= 10, "accepted by the new one only"
    assert parted[True, False] + parted[False, True] < 0.05 * len(both)


def test_the_new_parser_minds_what_the_old_one_never_looked_at(both: list[tuple[str | None, str | None]]) -> None:
    """A list's element type, say, of a list that is empty: one of the ways in which an upgrade finds new faults."""
    strict = {words(new) for old, new in both if old is None and new not in (None, CRASHED, UNFINISHED)}
    assert any(error.startswith("Unexpected list/set element type") for error in strict), strict


def test_a_parser_that_cannot_be_installed_fails_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path_factory.mktemp("no-wheels")))
    with pytest.raises(RuntimeError, match=r"arro3-io==0\.6\.5, cannot be installed .*let pip reach a package index"):
        install(tmp_path_factory.mktemp("unreachable"))
