"""Every row of the table of values gets its cause, for real files of two writers and by the real parser."""

from __future__ import annotations

import pickle
import random
import re
from collections import Counter
from collections.abc import Iterator

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
from refooter.parquet.edit import integer_edit, splice
from refooter.values import Cause, Diagnosis, Layout, Question, Status, Verdict

NAMES = [file.name for file in files()]
INDEXED = [file.name for file in with_page_index()]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


def named(name: str) -> File:
    return next(file for file in files() if file.name == name)


def diagnosed(value: bytes, file: File | None = None, *, versions: tuple[int, ...] = (2, 2)) -> Diagnosis:
    """By the real parser; with the file's size and row count, as a catalog has them, if there is a file."""
    asked: list[bytes] = []

    def ask(other: bytes) -> Verdict:
        asked.append(other)
        return judge(other)

    verdict = judge(value)
    rows, size = (file.num_rows, len(file.data)) if file else (None, None)
    found = diagnose(Question(value, rows, size, versions), verdict, ask)
    assert len(asked) <= (0 if verdict.accepted else 2)
    assert found.accepted == verdict.accepted
    assert found.error == verdict.error
    assert found.causes == tuple(sorted(found.causes, key=list(Cause).index, reverse=True))
    assert bool(found.evidence) == (found.status not in (Status.OK, Status.STALE))
    assert pickle.loads(pickle.dumps(found)) == found
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("known", [True, False])
def test_sound_values_are_ok_whatever_follows_them(name: str, known: bool) -> None:
    file = named(name)
    layouts = {
        file.footer: Layout.RAW,
        framed(file.footer): Layout.FRAMED,
        framed(framed(file.footer)): Layout.TRAILING_BYTES,
        framed(file.footer) + b"more": Layout.TRAILING_BYTES,
    }
    for value, layout in layouts.items():
        found = diagnosed(value, file if known else None)
        assert (found.status, found.cause, found.causes, found.layout) == (Status.OK, Cause.NONE, (), layout)
        assert found.facts is not None
        assert found.facts.length == len(file.footer)


@pytest.mark.parametrize("name", INDEXED)
@pytest.mark.parametrize("known", [True, False])
def test_a_page_index_prefix_is_found_in_every_wrapping(name: str, known: bool) -> None:
    file = named(name)
    prefix, footer = relative(file)
    value = prefixed(file)
    for wrapped in (value, framed(value), framed(framed(value)), value + b"more bytes", value[:-8], value[:-3]):
        found = diagnosed(wrapped, file if known else None)
        assert (found.cause, found.causes) == (Cause.PAGE_INDEX_PREFIX, (Cause.PAGE_INDEX_PREFIX,))
        assert found.layout is Layout.PREFIXED
        assert found.status is Status.LEGACY
        assert found.facts is not None
        assert (found.facts.start, found.facts.length) == (len(prefix), len(footer))
        assert found.facts.row_group_sum == file.num_rows
        assert f"FileMetaData starts at byte {len(prefix)} and is {len(footer)} bytes long" in found.evidence[0]
        assert found.evidence[0].startswith(f"bytes 0-{len(prefix) - 1} are the column and offset indexes of ")


def test_bytes_that_look_like_later_frames_do_not_hide_the_footer() -> None:
    file = named("row groups")
    decoy = framed(b"\x15\x02\x19" + b"\x01" * 5)
    for count in (1, 5, 40):
        found = diagnosed(prefixed(file) + decoy * count, file)
        assert (found.causes, found.layout) == ((Cause.PAGE_INDEX_PREFIX,), Layout.PREFIXED)
        assert found.facts is not None
        assert found.facts.length == len(relative(file)[1])
        found = diagnosed(file.data[file.index_start - 50 :] + decoy * count, file)
        assert (found.causes, found.layout) == ((Cause.PAGE_INDEX_PREFIX,), Layout.FILE_TAIL)


@pytest.mark.parametrize("name", INDEXED)
@pytest.mark.parametrize("known", [True, False])
def test_a_files_own_tail_is_told_from_a_relative_prefix(name: str, known: bool) -> None:
    file = named(name)
    for start in (file.index_start, max(5, file.index_start - 300)):
        found = diagnosed(file.data[start:], file if known else None)
        assert (found.causes, found.layout) == ((Cause.PAGE_INDEX_PREFIX,), Layout.FILE_TAIL)
        assert found.facts is not None
        assert found.facts.start == len(file.data) - 8 - len(file.footer) - start


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_file_is_recognised(name: str) -> None:
    file = named(name)
    for known in (file, None):
        found = diagnosed(file.data, known)
        assert (found.causes, found.layout) == ((Cause.WHOLE_FILE,), Layout.FILE)
        assert found.facts is not None
        assert found.facts.num_rows == file.num_rows


@pytest.mark.parametrize("name", INDEXED)
@pytest.mark.parametrize("known", [True, False])
def test_a_footer_cut_out_of_its_prefix_dangles(name: str, known: bool) -> None:
    file = named(name)
    footer = relative(file)[1]
    for value in (footer, framed(footer)):
        found = diagnosed(value, file if known else None)
        assert found.causes == (Cause.DANGLING_PAGE_INDEX,)
        assert (found.status, found.layout) == (Status.HARMFUL, Layout.CUT_OUT)


@pytest.mark.parametrize("name", INDEXED)
def test_one_bad_page_index_pointer_condemns_the_footer(name: str) -> None:
    file = named(name)
    last = list(chunks(file.footer))[-1]
    for offset in (4, len(file.data) - 8 - len(file.footer), len(file.data) + 1):
        found = diagnosed(splice(file.footer, [integer_edit(field(last, 4), offset)]), file)
        assert found.causes == (Cause.DANGLING_PAGE_INDEX,)
        assert found.layout is Layout.RAW
    beyond = splice(file.footer, [integer_edit(field(last, 4), len(file.data) + 1)])
    assert diagnosed(beyond).status is Status.OK, "without the file's size nothing tells that it is beyond the end"


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_num_rows_is_found_also_behind_a_prefix(name: str) -> None:
    file = named(name)
    bare = without_num_rows(file.footer)
    for value in (bare, framed(bare)):
        found = diagnosed(value, file)
        assert (found.cause, found.causes) == (Cause.MISSING_NUM_ROWS, (Cause.MISSING_NUM_ROWS,))
        assert found.facts is not None
        assert found.facts.num_rows is None
        assert found.facts.row_group_sum == file.num_rows
    if name in INDEXED:
        prefix, footer = relative(file)
        found = diagnosed(prefix + framed(without_num_rows(footer)), file)
        assert found.causes == (Cause.MISSING_NUM_ROWS, Cause.PAGE_INDEX_PREFIX)


@pytest.mark.parametrize("name", NAMES)
def test_num_rows_of_zero_harms_unless_there_are_no_rows(name: str) -> None:
    file = named(name)
    found = diagnosed(with_num_rows(file.footer, 0), file)
    assert found.causes == ((Cause.ZERO_NUM_ROWS,) if file.num_rows else ())


def test_row_counts_that_disagree_are_a_mismatch() -> None:
    file = named("row groups")
    own = diagnosed(with_num_rows(file.footer, 299), file)
    assert own.causes == (Cause.ROW_COUNT_MISMATCH,)
    assert own.evidence == ("the 3 row groups hold 300 rows, but FileMetaData.num_rows is 299",)
    other = File("other", named("28 columns").data, 301)
    assert diagnosed(other.footer, other).causes == (Cause.ROW_COUNT_MISMATCH,)
    unrecorded = File("unrecorded", other.data, 0)
    assert diagnosed(other.footer, unrecorded).status is Status.OK


@pytest.mark.parametrize(("id", "value"), [(9, -5), (9, 10**9), (7, 10**9), (7, -1), (11, 0), (11, 3), (11, -7)])
def test_a_chunk_that_leaves_the_file_is_out_of_bounds(id: int, value: int) -> None:
    for name in ("one row group", "cpp"):
        file = named(name)
        # without its page index, whose pointers such a chunk would also overtake
        plain = file if name == "cpp" else File("", file.data, file.num_rows)
        footer = with_chunk(plain.footer, id, value)
        if id == 9 and value > 0:
            footer = with_chunk(footer, 11, value)
        found = diagnosed(footer, file)
        assert found.causes[0] is Cause.CHUNK_OUT_OF_BOUNDS
        assert set(found.causes) <= {Cause.CHUNK_OUT_OF_BOUNDS, Cause.DANGLING_PAGE_INDEX}
        assert found.status is Status.HARMFUL


def test_a_damaged_arrow_schema_is_settled_by_asking_without_it() -> None:
    for file in files():
        if b"ARROW:schema" not in file.footer:
            continue
        damaged = with_damaged_arrow_schema(file.footer)
        for value in (damaged, framed(damaged)):
            found = diagnosed(value, file)
            assert (found.cause, found.causes) == (Cause.ARROW_SCHEMA, (Cause.ARROW_SCHEMA,))
        assert diagnosed(without_num_rows(damaged), file).causes == (Cause.ARROW_SCHEMA, Cause.MISSING_NUM_ROWS)


@pytest.mark.parametrize("name", NAMES)
def test_a_value_cut_short_is_truncated_wherever_it_was_cut(name: str) -> None:
    file = named(name)
    for end in range(1, len(file.footer), max(1, len(file.footer) // 40)):
        found = diagnosed(file.footer[:end], file)
        assert (found.causes, found.layout) == ((Cause.TRUNCATED,), Layout.UNKNOWN)
    if name in INDEXED:
        value = prefixed(file)
        for end in range(1, len(value) - 8, max(1, len(value) // 40)):
            found = diagnosed(value[:end], file)
            assert found.cause is Cause.TRUNCATED
            assert set(found.causes) <= {Cause.TRUNCATED, Cause.PAGE_INDEX_PREFIX}
    assert diagnosed(file.data[: len(file.data) // 2], file).cause is Cause.TRUNCATED


def test_what_is_left_of_a_truncated_footer_still_tells_its_file() -> None:
    file = named("row groups")
    whole = diagnosed(file.footer, file).facts
    left = diagnosed(file.footer[: len(file.footer) * 2 // 3], file).facts
    assert whole is not None
    assert left is not None
    assert (left.schema, left.num_rows) == (whole.schema, whole.num_rows)
    assert 0 < len(left.row_groups) < 3
    assert left.row_groups == whole.row_groups[: len(left.row_groups)]
    assert left.row_group_sum is None


def test_nothing_and_one_zero_byte_are_empty() -> None:
    for value in (b"", b"\0"):
        assert diagnosed(value).causes == (Cause.EMPTY,)


def test_an_encrypted_footer_is_named_by_its_magic() -> None:
    body = bytes(range(7, 250))
    assert diagnosed(body + len(body).to_bytes(4, "little") + b"PARE").causes == (Cause.ENCRYPTED,)


def test_what_is_none_of_this_is_malformed_with_the_parsers_words_beside_it() -> None:
    file = named("one row group")
    rotten = bytearray(framed(file.footer))
    rotten[40] = 0xFF
    for value in (
        b"hello, world",
        b"\xff" * 500,
        b"\0" * 500,
        b"\x19\xf2\xff\xff\xff\xff\x07\0\0",
        bytes(rotten),
        file.footer[40:],
    ):
        found = diagnosed(bytes(value), file)
        assert (found.cause, found.status) == (Cause.MALFORMED, Status.CORRUPT)
        assert found.error


def test_mutated_values_of_every_layout_are_diagnosed_and_never_raise() -> None:
    chance = random.Random(57)
    statuses: Counter[Status] = Counter()
    for name in ("one row group", "cpp with page index"):
        file = named(name)
        for sound in (
            framed(file.footer),
            prefixed(file),
            file.data[file.index_start :],
            without_num_rows(file.footer),
        ):
            for _ in range(60):
                value = bytearray(sound)
                for _ in range(chance.randint(1, 3)):
                    value[chance.randrange(len(value))] = chance.randrange(256)
                if judged_in_time(bytes(value)):
                    statuses[diagnosed(bytes(value), file).status] += 1
    assert {Status.OK, Status.HARMFUL, Status.LEGACY, Status.CORRUPT} <= set(statuses), statuses


def judged_in_time(value: bytes) -> bool:
    """Leaves out what can make the target parser hang or abort: a list that claims more elements than there are bytes."""
    return not re.search(rb"[\xf0-\xff][\x80-\xff]{3}", value)


def test_the_old_version_is_stale_and_only_of_what_is_accepted() -> None:
    file = named("one row group")
    found = diagnosed(file.footer, file, versions=(2, 1))
    assert (found.status, found.causes) == (Status.STALE, (Cause.OUTDATED_VERSION,))
    assert diagnosed(file.footer, file, versions=(3, 2)).status is Status.OK
    assert diagnosed(prefixed(file), file, versions=(1, 1)).causes == (Cause.PAGE_INDEX_PREFIX,)
    harmful = diagnosed(with_num_rows(file.footer, 0), file, versions=(1, 1))
    assert harmful.causes == (Cause.ZERO_NUM_ROWS, Cause.OUTDATED_VERSION)


def test_no_authentic_prefix_is_misnamed_whatever_the_parser_says_of_it() -> None:
    messages: Counter[str] = Counter()
    for turn in range(6):
        for limit in (1, 3, 17, 1000):
            for groups in (40, 1000):
                for first in (0, 900):
                    data = by_arrow_rs(
                        table(60, columns=3, first=first, turn=turn),
                        data_page_row_count_limit=limit,
                        write_batch_size=limit,
                        max_row_group_size=groups,
                    )
                    found = diagnosed(prefixed(file := File("", data, 60)), file)
                    assert (found.causes, found.layout) == ((Cause.PAGE_INDEX_PREFIX,), Layout.PREFIXED)
                    assert found.error
                    messages[found.error] += 1
    assert messages.total() == 96
    assert len(messages) >= 4, messages
