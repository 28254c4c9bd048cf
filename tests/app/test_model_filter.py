"""The filter language: what it understands, what it says of the rest, and which rows it means."""

from __future__ import annotations

import random
import string
from threading import Thread

import numpy as np
import pytest

from app.listings import Listed, batch, diagnosis, moment, result
from refooter.catalog.selection import Selection as Asked
from refooter.values import TIME_INFINITY, TIME_MINUS_INFINITY, Cause, FileState, Layout, Outcome, Reason
from refooter_tui.model import amounts
from refooter_tui.model.filter import Filter, parse, term
from refooter_tui.model.path_search import Abandoned
from refooter_tui.model.selection import Selection
from refooter_tui.model.table import EntryTable

_DAY = 86_400_000_000
_LISTED = (
    Listed(
        "views/blocks/global/2025-06-13/a.parquet", insert_time=moment("2025-06-13T23:59:59.999999"), file_size=10_000
    ),
    Listed(
        "views/blocks/global/2025-06-14/B.parquet",
        insert_time=moment("2025-06-14"),
        file_size=1_572_864,
        num_rows=2_000,
    ),
    Listed("views/measures/p 1/c.parquet", 64, 2, moment("2025-06-14T09:12:30"), 1, None, None, "measures", "p 1"),
    Listed("views/measures/p2/d.parquet", 64, None, TIME_INFINITY, 0, 0, 9_999, "measures", "p2"),
    Listed("odd/e.parquet", insert_time=None, view_set=None, view_instance=None, num_rows=1_000_000),
)
_SAID = (
    result(_LISTED[0]),
    result(
        _LISTED[1],
        diagnosis(
            Cause.PAGE_INDEX_PREFIX,
            "Required field num_rows is missing",
            causes=(Cause.OUTDATED_VERSION, Cause.PAGE_INDEX_PREFIX),
            layout=Layout.PREFIXED,
        ),
    ),
    result(
        _LISTED[2], diagnosis(Cause.TRUNCATED, "Unexpected EOF"), outcome=Outcome.FAILED, reason=Reason.FILE_MISSING
    ),
    result(_LISTED[3], diagnosis(Cause.ZERO_NUM_ROWS), file_state=FileState.PRESENT),
)


@pytest.fixture
def table() -> EntryTable:
    made = EntryTable()
    made.append(batch(*_LISTED[:3]))
    made.append(batch(*_LISTED[3:]))
    made.judge(_SAID, run=7)
    return made


def _rows(table: EntryTable, text: str) -> list[int]:
    parsed = parse(text)
    assert parsed.errors == ()
    mask = parsed.mask(table)
    every = np.arange(len(table))
    assert parsed.matches(table, every).tolist() == mask.tolist()
    return np.flatnonzero(mask).tolist()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("   ", [0, 1, 2, 3, 4]),
        ("b.parquet", [1]),
        ("GLOBAL", [0, 1]),
        ("unexpected", [2]),
        ('"num_rows is"', [1]),
        ("page_index", [1]),
        ("p2", [3]),
        ('"p 1/c"', [2]),
        ("?/?", [4]),
        ("none", []),
        ("a.parquet,d.parquet", [0, 3]),
        ("views parquet -global", [2, 3]),
        ("s3://bucket/x,23:59,e.parquet", [4]),
        ("status:ok", [0]),
        ("status:legacy,corrupt", [1, 2]),
        ("STATUS:OK,Unknown", [0, 4]),
        ("-status:ok", [1, 2, 3, 4]),
        ("status:harmful", [3]),
        ("status:stale", []),
        ("cause:page_index_prefix", [1]),
        ("cause:outdated_version", [1]),
        ("cause:none", [0]),
        ("view:blocks", [0, 1]),
        ("view:measures", [2, 3]),
        ('view:"measures/p 1"', [2]),
        ("view:measure", []),
        ("view:blocks,measures/p2", [0, 1, 3]),
        ("outcome:failed", [2]),
        ("-outcome:failed", [0, 1, 3, 4]),
        ("reason:file_missing", [2]),
        ("error:eof", [2]),
        ("error:num_rows,eof", [1, 2]),
        ("file:missing", [2]),
        ("file:unchecked,present", [0, 1, 3, 4]),
        ("layout:prefixed", [1]),
        ("version:1", [0, 1, 4]),
        ("version:>1", [2]),
        ("version:<=1", [0, 1, 4]),
        ("-version:1", [2, 3]),
        ("run:7", [2]),
        ("run:>=8", []),
        ("path:B.par", [1]),
        ("path:views/blocks", [0, 1]),
        ("since:2025-06-14", [1, 2, 3]),
        ("until:2025-06-14", [0]),
        ("since:2025-06-14T09:12 until:2025-06-15", [2]),
        ("since:>2025-06-14", [3]),
        ("until:<=2025-06-14", [0, 1, 2]),
        ("time:2025-06-14", [1, 2]),
        ("time:2025-06-14T09:12", [2]),
        ("time:2025-06", [0, 1, 2]),
        ("time:<2025-06-14T00:00:00.000001Z", [0, 1]),
        ("time:2025-06-14T11:12:30+02:00", [2]),
        ("time:infinity", [3]),
        ("time:<infinity", [0, 1, 2]),
        ("size:10k", [0]),
        ("size:<10k", [3, 4]),
        ("size:>=10k", [0, 1]),
        ("size:1.5MiB", [1]),
        ("size:>1M", [1]),
        ("blob:64", [2, 3]),
        ("rows:2k", [1]),
        ("rows:>=1M", [4]),
        ("rows:0,10", [0, 3]),
        ("-rows:>=0", [2]),
        ("is:orphan", [3]),
        ("-is:orphan", [0, 1, 2, 4]),
        ("is:selected,orphan", [3]),
        ("is:changed", []),
        ("is:retired", []),
    ],
)
def test_a_filter_means_these_rows(table: EntryTable, text: str, rows: list[int]) -> None:
    assert _rows(table, text) == rows


def test_views_and_causes_mean_what_the_command_line_means_by_them(table: EntryTable) -> None:
    for cause in Cause:
        asked = Asked(causes=(cause,))
        judged = [n for n, one in enumerate(_SAID) if asked.judges(one.diagnosis)]
        assert _rows(table, f"cause:{cause}") == judged


def test_selected_and_changed_are_those_handed_over_even_if_the_table_has_grown_since(table: EntryTable) -> None:
    selection = Selection(table)
    selection.select([0, 2])
    changed = np.array([False, True])
    assert np.flatnonzero(parse("is:selected").mask(table, selection)).tolist() == [0, 2]
    assert np.flatnonzero(parse("is:changed").mask(table, selection, changed)).tolist() == [1]
    assert np.flatnonzero(parse("is:changed,selected").mask(table, selection, changed)).tolist() == [0, 1, 2]
    assert parse("is:changed").matches(table, np.array([4, 1]), None, changed).tolist() == [False, True]


def test_retired_entries_show_only_when_asked_for(table: EntryTable) -> None:
    table.retire([1])
    assert _rows(table, "") == [0, 2, 3, 4]
    assert _rows(table, "global") == [0]
    assert _rows(table, "is:retired") == [1]
    assert _rows(table, "is:retired,orphan") == [1, 3]
    assert _rows(table, "-is:retired") == [0, 2, 3, 4]


def test_words_find_what_was_appended_after_they_were_first_asked(table: EntryTable) -> None:
    assert _rows(table, "a.parquet") == [0]
    table.append(batch(Listed("later/a.parquet"), Listed("later/f.parquet")))
    assert _rows(table, "A.PARQUET") == [0, 5]
    assert _rows(table, "later") == [5, 6]


def test_words_hold_no_pattern(table: EntryTable) -> None:
    for text in (".*", "a.p.rquet", "%", "a_p", "[a-z]", "(?i)a", "\\d", "$"):
        assert _rows(table, term(None, text)) == [], text


@pytest.mark.parametrize(
    ("text", "underlined", "says"),
    [
        ("status:brokn", "brokn", "there are ok, stale"),
        ("status:corupt", "corupt", "did you mean corrupt?"),
        ("cause:ok,trunc", "ok", "is no cause"),
        ("statsu:ok", "statsu:", "did you mean status:?"),
        ("gs://bucket/x", "gs:", "no key"),
        ("status:", "status:", "wants a value"),
        ("-view:a,", "-view:a,", "wants a value"),
        ("a,,b", "a,,b", "between the commas"),
        ("-", "-", "a word is missing"),
        ('""', '""', "a word is missing"),
        ('view:"a b', '"a b', "no end"),
        ("size:10x", "10x", "10k, 1.5MiB"),
        ("size:>", ">", "missing"),
        ("rows:1.5", "1.5", "number of rows"),
        ("version:1k", "1k", "version"),
        ("since:yesterday", "yesterday", "2025-06-14"),
        ("since:2025-13-01", "2025-13-01", "2025-06-14"),
        ("time:2025-02-30", "2025-02-30", "2025-06-14"),
        ("time:2025-06-14T25", "2025-06-14T25", "2025-06-14"),
        ("time:2025-06-14T10:00+99:99", "2025-06-14T10:00+99:99", "2025-06-14"),
        ("since:<2025-06-14", "<2025-06-14", "earliest"),
        ("until:>=2025-06-14", ">=2025-06-14", "latest"),
        ("is:broken", "broken", "selected, orphan, changed"),
        ("run:abc", "abc", "number"),
        ("rows:٣", "٣", "number of rows"),
    ],
)
def test_a_wrong_term_is_underlined_with_a_sentence_and_the_others_count(text: str, underlined: str, says: str) -> None:
    whole = f"  status:ok {text}"
    parsed = parse(whole)
    [error] = parsed.errors
    assert whole[slice(*error.span)] == underlined
    assert says in error.sentence
    assert error.text == text
    assert [str(one) for one in parsed.terms] == ["status:ok"]


def test_a_wrong_term_does_not_narrow(table: EntryTable) -> None:
    assert parse("status:nonsense global").mask(table).tolist() == parse("global").mask(table).tolist()


def test_terms_know_where_they_stand() -> None:
    text = ' a  -status:ok,stale "x y"'
    assert [text[slice(*one.span)] for one in parse(text).terms] == ["a", "-status:ok,stale", '"x y"']


def test_a_chip_is_taken_away_and_the_rest_stays_as_typed() -> None:
    parsed = parse('a status:ok statsu:x -view:"p 1" a')
    assert str(parsed.without(1)) == 'a statsu:x -view:"p 1" a'
    assert str(parsed.without(0)) == 'status:ok statsu:x -view:"p 1" a'
    assert str(parsed.without(3)) == 'a status:ok statsu:x -view:"p 1"'
    assert parsed.without(0).without(0).without(0).without(0).terms == ()


def test_a_term_is_added_in_place_of_others() -> None:
    parsed = parse("since:2025-06-01 global until:2025-07-01")
    assert str(parsed.plus("since:2025-06-14", replacing=("since", "until"))) == "global since:2025-06-14"
    assert str(parsed.plus("global status:ok")) == f"{parsed} status:ok"


def test_what_a_filter_writes_reads_back_the_same() -> None:
    texts = [
        "Status:OK,stale",
        "-SIZE:>10k",
        "a,b",
        '"a,b" c',
        '-"-x"',
        'error:"say \\"hi\\", \\\\n"',
        "10:20",
        "-view:a/b",
    ]
    for text in texts:
        parsed = parse(text)
        assert parsed.errors == ()
        assert parse(str(parsed)) == parsed
        assert str(parse(str(parsed))) == str(parsed)


def test_any_value_survives_being_written_as_a_term() -> None:
    drawn = random.Random(11)
    alphabet = string.ascii_lowercase + ' ",:-\\\n\t\r<>=é\u202e\x00' + "nt"
    for _ in range(3000):
        values = ["".join(drawn.choices(alphabet, k=drawn.randint(1, 6))) for _ in range(drawn.randint(1, 3))]
        for key in (None, "view", "error", "path"):
            written = term(key, *values, negated=drawn.random() < 0.3)
            parsed = parse(f"x {written} y")
            assert parsed.errors == ()
            assert [one.values for one in parsed.terms] == [("x",), tuple(values), ("y",)], written


def test_whatever_is_typed_is_parsed_and_covers_the_text() -> None:
    drawn = random.Random(12)
    pieces = [*'-",:<>= \\\n', "status", "size", "since", "10k", "ok", "2025-06-14", "is", "9" * 30, "\ud800", "😀"]
    for _ in range(5000):
        text = "".join(drawn.choices(pieces, k=drawn.randint(0, 9)))
        parsed = parse(text)
        for one in parsed.parts:
            assert 0 <= one.span[0] <= one.span[1] <= len(text)
        again = parse(str(parsed))
        assert again == parsed, text


def test_a_word_that_no_path_can_hold_finds_nothing(table: EntryTable) -> None:
    assert _rows(table, "\ud800") == []
    assert _rows(table, "path:\ud800") == []


def test_a_search_nobody_waits_for_is_given_up(table: EntryTable) -> None:
    with pytest.raises(Abandoned):
        parse("fresh").mask(table, stop=lambda: True)
    assert _rows(table, "fresh") == []


def test_a_filter_in_another_thread_never_sees_half_a_row() -> None:
    table = EntryTable(capacity=8)
    failures: list[BaseException] = []
    done = False

    def read() -> None:
        try:
            while not done:
                for text in ("p view:blocks", "e7 status:corrupt", "-error:e since:2000"):
                    parse(text).mask(table)
        except BaseException as error:
            failures.append(error)

    reader = Thread(target=read)
    reader.start()
    for n in range(300):
        names = [f"p{n}-{m}" for m in range(5)]
        table.append(batch(*(Listed(name, view_instance=name) for name in names)))
        table.judge([result(name, diagnosis(Cause.MALFORMED, f"e{name}")) for name in names])
    done = True
    reader.join()
    assert failures == []
    assert np.count_nonzero(parse("status:corrupt error:ep29").mask(table)) == 55


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        ("0", 0),
        ("812", 812),
        ("812b", 812),
        ("10k", 10_000),
        ("10KB", 10_000),
        ("10Ki", 10_240),
        ("10kib", 10_240),
        ("1.5MiB", 1_572_864),
        ("1.3KiB", 1_331),
        ("2G", 2 * 10**9),
        ("1TiB", 2**40),
        ("999999999999999999T", 2**63 - 1),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, bytes_: int) -> None:
    span = amounts.size(text)
    assert span is not None
    assert (span.first, span.last) == (bytes_, bytes_)


@pytest.mark.parametrize(
    ("text", "first", "width"),
    [
        ("2025", "2025-01-01", 365 * _DAY),
        ("2024", "2024-01-01", 366 * _DAY),
        ("2024-02", "2024-02-01", 29 * _DAY),
        ("9999-12", "9999-12-01", 31 * _DAY),
        ("2025-06-14", "2025-06-14", _DAY),
        ("2025-06-14T09", "2025-06-14T09:00", 3_600_000_000),
        ("2025-06-14 09:12", "2025-06-14T09:12", 60_000_000),
        ("2025-06-14T09:12:33", "2025-06-14T09:12:33", 1_000_000),
        ("2025-06-14T09:12:33.5", "2025-06-14T09:12:33.500000", 100_000),
        ("2025-06-14t09:12:33.000001z", "2025-06-14T09:12:33.000001", 1),
        ("2025-06-14T09:12-0130", "2025-06-14T10:42", 60_000_000),
    ],
)
def test_a_shortened_time_covers_all_of_it(text: str, first: str, width: int) -> None:
    span = amounts.time(text)
    assert span is not None
    assert (span.first, span.last) == (moment(first), moment(first) + width - 1)


def test_minus_infinity_is_a_time_before_all_others() -> None:
    table = EntryTable()
    table.append(batch(Listed("a", insert_time=TIME_MINUS_INFINITY), Listed("b", insert_time=None), Listed("c")))
    assert _rows(table, "time:-infinity") == [0]
    assert _rows(table, "until:2025") == [0, 2]
    assert _rows(table, "time:>-infinity") == [2]


def test_filters_that_say_the_same_are_equal_and_can_be_told_empty() -> None:
    assert parse("  a   status:OK") == parse("a status:ok")
    assert parse("a") != parse("b")
    assert parse(" ").empty
    assert Filter() == parse("")
    assert parse("-is:selected").of_selection
    assert not parse("is:orphan selected").of_selection
