"""The seeded corpus: values of known making, from files of six writers, and what each is found to be."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from forensics.bare_parser import BareParser
from forensics.corpus import Seeded, seeded
from forensics.examined import examine
from forensics.naming import LONGER_FOOTER, tallied
from forensics.writers import all_written
from refooter.values import Cause, Diagnosis, Status, Wanted


@pytest.fixture(scope="module")
def values() -> tuple[Seeded, ...]:
    return seeded()


@pytest.fixture(scope="module")
def diagnoses(values: tuple[Seeded, ...]) -> list[Diagnosis]:
    return examine([replace(value.question, wanted=Wanted.MENDED) for value in values])


def test_every_cause_is_named_for_every_value_that_was_made_to_have_it(
    values: tuple[Seeded, ...], diagnoses: list[Diagnosis]
) -> None:
    tallies = tallied(values, diagnoses)
    wrong = [(str(value), found.causes, found.layout) for tally in tallies.values() for value, found in tally.wrong]
    assert wrong == []
    assert all(tally.made >= 100 for tally in tallies.values()), {cause: tally.made for cause, tally in tallies.items()}
    explained = sum((tally.explained for tally in tallies.values()), Counter[str]())
    assert set(explained) <= {LONGER_FOOTER}
    for cause, tally in tallies.items():
        most = {Cause.ROW_COUNT_MISMATCH: 0.25}.get(cause, 0)
        assert tally.explained.total() <= most * tally.made


def test_every_verdict_is_the_one_that_the_parser_gives_when_asked_directly(
    values: tuple[Seeded, ...], diagnoses: list[Diagnosis]
) -> None:
    said = BareParser().ask([value.question.value for value in values])
    assert [found.accepted for found in diagnoses] == [error is None for error in said]
    assert [value.accepted for value in values] == [error is None for error in said]


def test_every_cause_but_none_comes_with_evidence(diagnoses: list[Diagnosis]) -> None:
    for found in diagnoses:
        assert bool(found.evidence) == (found.status not in (Status.OK, Status.STALE))
        assert len(found.evidence) in (0, len(found.causes))
        assert all(len(sentence) > 10 for sentence in found.evidence)


def test_what_is_mended_and_proved_is_the_files_own_footer(
    values: tuple[Seeded, ...], diagnoses: list[Diagnosis]
) -> None:
    mended = Counter(
        (found.repair.proved, found.repair.value == value.file.footer)
        for value, found in zip(values, diagnoses, strict=True)
        if found.repair is not None
    )
    assert mended[True, True] > 1_000
    assert mended[True, False] == 0
    assert mended[False, False] > 0, "some files do not allow a proof"


def test_every_writers_own_footer_is_sound() -> None:
    files = all_written()
    writers = Counter(file.writer for file in files)
    assert set(writers) == {"parquet-rs", "DataFusion", "pyarrow", "DuckDB", "Polars", "fastparquet"}
    found = examine([Seeded.sound(file).question for file in files])
    assert {str(file): one.causes for file, one in zip(files, found, strict=True) if one.causes} == {}
    lengths = [one.facts.length for one in found if one.facts is not None]
    assert lengths == [len(file.footer) for file in files]
    assert [one.facts.row_group_sum for one in found if one.facts is not None] == [file.num_rows for file in files]
