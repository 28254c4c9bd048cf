"""21,000 damaged values of six writers: what our judges and our diagnosis say, held against the target parser asked directly."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from forensics.bare_parser import CRASHED, UNFINISHED, BareParser
from forensics.examined import examine
from forensics.mutate import Mutant, mutants
from forensics.writers import chunks
from refooter.parquet.footer import read_footer
from refooter.parquet.thrift import Wire, decode
from refooter.target.arro3 import words
from refooter.values import Cause, Diagnosis, Status

SEED = 4
COUNT = 21_000
SUSPECTED = 8_000  # of them, the first: decoding into a tree takes its time
FLAWLESS = 1_000  # of those, the first: looking for every oddity takes longer
# seconds of processor time; no parser takes a tenth of that for any of these values, but for the few that it takes many times that for
LIMIT = 0.5


@cache
def damaged() -> tuple[Mutant, ...]:
    return tuple(mutants(SEED, COUNT))


@pytest.fixture(scope="module")
def said() -> list[str | None]:
    """The target parser's own words, `None` where it accepts."""
    return BareParser(limit=LIMIT).ask([mutant.question.value for mutant in damaged()])


@pytest.fixture(scope="module")
def diagnoses() -> list[Diagnosis]:
    return examine([mutant.question for mutant in damaged()], deadline=LIMIT, last_deadline=LIMIT)


def test_the_damage_is_wide_enough_to_mean_something(said: list[str | None]) -> None:
    assert len({mutant.question.value for mutant in damaged()}) >= 20_000
    assert all(count == COUNT // 6 for count in Counter(mutant.file.writer for mutant in damaged()).values())
    assert min(Counter(name for mutant in damaged() for name in mutant.operations).values()) > 1_000
    assert said.count(None) > 3_000
    assert len(set(said)) > 200
    assert {CRASHED, UNFINISHED} <= set(said)


def test_accepted_or_not_never_disagrees_with_the_target_parser(
    said: list[str | None], diagnoses: list[Diagnosis]
) -> None:
    wrong = [
        (str(mutant), found.status, error)
        for mutant, found, error in zip(damaged(), diagnoses, said, strict=True)
        if found.accepted != (error is None)
    ]
    assert wrong == []


def test_the_error_is_the_parsers_own(said: list[str | None], diagnoses: list[Diagnosis]) -> None:
    for mutant, found, error in zip(damaged(), diagnoses, said, strict=True):
        if error in (CRASHED, UNFINISHED):
            assert found.error is not None, mutant
            assert error in found.error, mutant
        else:
            assert found.error == (None if error is None else words(error)), mutant


def test_every_value_has_a_status_and_every_fault_its_evidence(diagnoses: list[Diagnosis]) -> None:
    for mutant, found in zip(damaged(), diagnoses, strict=True):
        assert found.status is not Status.UNKNOWN, mutant
        assert found.status is found.cause.status, mutant
        if found.status is not Status.OK:
            assert len(found.evidence) == len(found.causes) > 0, mutant
            assert all(sentence.strip() for sentence in found.evidence), mutant


def test_where_only_the_parser_finds_fault_its_words_are_the_evidence_of_malformed(
    said: list[str | None], diagnoses: list[Diagnosis]
) -> None:
    """Only: by the general decoder, which shares no code with the reader that the diagnosis goes by."""
    suspects = [
        (mutant, found, error)
        for mutant, found, error in list(zip(damaged(), diagnoses, said, strict=True))[:SUSPECTED]
        if error is not None and decodes(mutant.question.value)
    ]
    assert len(suspects) > 1_500
    without = [mutant.question.value.replace(b"ARROW:schema", b"-RROW:schema") for mutant, _, _ in suspects]
    accepted_without = [answer is None for answer in BareParser(limit=LIMIT).ask(without)]
    unsettled: list[str] = []
    settled = read = flawless = 0
    for number, ((mutant, found, error), by_arrow_schema) in enumerate(zip(suspects, accepted_without, strict=True)):
        if found.cause is Cause.ARROW_SCHEMA:
            assert by_arrow_schema, mutant
            settled += 1
            continue
        assert found.cause is Cause.MALFORMED, mutant
        assert found.error
        readable = [
            sentence for sentence in found.evidence if "can be read, but the target parser rejects it" in sentence
        ]
        assert all(sentence.endswith(found.error) for sentence in readable), mutant
        read += bool(readable)
        if number < FLAWLESS and not by_arrow_schema and is_flawless(mutant.question.value):
            assert readable, mutant
            flawless += 1
        if by_arrow_schema and error not in (CRASHED, UNFINISHED):
            unsettled.append(str(mutant))
    assert settled > 100
    assert read > 700
    assert flawless > 5
    # The parser takes each field for what it declares it, whatever type the bytes say. Where damage made that matter,
    # our reading ends elsewhere than the parser's, and the footer as we cut it out is none even without its Arrow schema.
    assert len(unsettled) <= 0.02 * settled, unsettled


def is_flawless(value: bytes) -> bool:
    """Whether our own decoder has nothing against it, and every column chunk has its ColumnMetaData.

    Without one, which parquet.thrift allows, a footer tells nothing of its file, and the diagnosis does not count it as read.
    """
    return not read_footer(value).findings and all(chunk.get(3) is not None for chunk in chunks(value))


def decodes(value: bytes) -> bool:
    """Whether a Thrift struct with version, schema, num_rows and row groups, of their types, begins the value."""
    decoded = decode(value)
    declared = {1: Wire.I32, 2: Wire.LIST, 3: Wire.I64, 4: Wire.LIST}
    fields = {field.id: field.wire for field in decoded.root.fields}
    return decoded.problem is None and all(fields.get(id) is wire for id, wire in declared.items())
