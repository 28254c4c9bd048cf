"""The judge by itself: its verdicts and the parser's own words. The hostile values live here too."""

from __future__ import annotations

import io
import struct

import arro3.io
import pyarrow as pa
import pytest

from refooter.errors import UsageError
from refooter.target import ARROW_57, Target
from refooter.target.arro3 import judge, words
from refooter.values import TargetName, Verdict


def footer(columns: int = 3, rows: int = 10) -> bytes:
    """FileMetaData as the target's own writer writes it."""
    file = io.BytesIO()
    arro3.io.write_parquet(pa.table({f"column_{i}": pa.array(range(rows)) for i in range(columns)}), file)
    whole = file.getvalue()
    (length,) = struct.unpack("<I", whole[-8:-4])
    return whole[-8 - length : -8]


def varint(number: int) -> bytes:
    groups = []
    while number >= 0x80:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


def skipped_booleans(count: int, lists: int = 1) -> bytes:
    """Unknown fields, each a list of booleans: an element takes no byte, yet the parser skips them one by one.

    Thrift compact protocol: field header (id delta 12, type 9, a list), list header (size 15: a varint follows;
    element type 1, a boolean), the size.
    """
    return (b"\xc9\xf1" + varint(count)) * lists


HANGS = skipped_booleans(2**31 - 1, lists=3)  # some twenty seconds
SLOW = skipped_booleans(2**25)  # a tenth of a second
# field 2, the schema, as a list of 2^31 - 1 structs, for which the parser allocates at once
ABORTS = b"\x29\xfc" + varint(2**31 - 1)


@pytest.fixture(autouse=True)
def _no_panic_lines(capfd: pytest.CaptureFixture[str]) -> None:
    """Here the panic hook's lines go to the test's own capture; in a worker they go nowhere."""


def test_a_footer_of_the_targets_own_writer_is_accepted() -> None:
    assert judge(footer()) == Verdict(True)


def test_bytes_after_the_footer_do_not_matter() -> None:
    assert judge(footer() + b"\x00\x01\x02") == Verdict(True)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b"", "Unexpected EOF"),
        (b"\x00", "Required field version is missing"),
        (footer()[:-20], "Unexpected EOF"),
        (SLOW[:2] + varint(3), "Unexpected EOF"),
    ],
)
def test_a_rejection_is_given_in_the_parsers_bare_words(value: bytes, error: str) -> None:
    assert judge(value) == Verdict(False, error)


def test_a_footer_without_num_rows_is_rejected_by_name() -> None:
    # FileMetaData: version (field 1) = 1, schema (2) of one element with a name (4), no row groups (field 4)
    assert judge(b"\x15\x02\x19\x1c\x48\x01a\x00\x29\x0c\x00").error == "Required field num_rows is missing"


def test_a_damaged_arrow_schema_is_told_apart_from_a_damaged_footer() -> None:
    sound = footer()
    at = sound.index(b"ARROW:schema") + 20
    error = judge(sound[:at] + b"!" + sound[at + 1 :]).error
    assert error is not None
    assert error.startswith('ArrowError("Unable to decode the encoded schema stored in ARROW:schema')


def test_quotes_and_line_ends_in_a_message_are_as_the_parser_meant_them() -> None:
    panic = r'called `Result::unwrap()` on an `Err` value: General("field \"a\\b\"\nsecond \u{1f}")'
    assert words(panic) == 'field "a\\b"\nsecond \x1f'


def test_a_panic_of_another_kind_keeps_its_whole_text() -> None:
    assert words("not implemented: Type NONE not supported") == "not implemented: Type NONE not supported"


def test_a_message_that_quotes_its_input_is_bounded() -> None:
    assert len(words("x" * 100_000)) == 4_000


def test_the_installed_target_is_the_one_named() -> None:
    ARROW_57.check()
    assert str(ARROW_57.name) == "arro3-io 0.8.0 (parquet 57.1.0)"


def test_another_version_of_the_target_is_refused_in_a_sentence() -> None:
    older = Target(TargetName("arro3-io", "0.6.5", "parquet 56.2.0"), ARROW_57.judge)
    with pytest.raises(UsageError, match=r"arro3-io 0\.8\.0 is installed.*install arro3-io==0\.6\.5"):
        older.check()


def test_a_target_that_is_not_installed_is_refused_in_a_sentence() -> None:
    absent = Target(TargetName("no-such-parser", "1.0", "parquet 99"), "no_such_parser:judge")
    with pytest.raises(UsageError, match=r"is not installed: install no-such-parser==1\.0"):
        absent.check()
