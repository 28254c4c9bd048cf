"""The counts, and the sentence on top: true of what was scanned, and never more than that."""

from __future__ import annotations

import pytest

from app.listings import Listed, batch, diagnosis, moment, result
from refooter.values import TIME_MINUS_INFINITY, Cause, Diagnosis, FileState, Outcome, Repair, Status
from refooter_tui.model.codes import code_of
from refooter_tui.model.summary import by_error, by_view, summarise
from refooter_tui.model.table import EntryTable


def _lake(*said: Diagnosis | None, times: dict[int, int] | None = None) -> EntryTable:
    """One entry for each diagnosis, not scanned where it is `None`."""
    listed = [Listed(f"p{n}", insert_time=(times or {}).get(n, 0)) for n in range(len(said))]
    table = EntryTable()
    table.append(batch(*listed))
    table.judge([result(one, what) for one, what in zip(listed, said, strict=True) if what is not None])
    return table


_FINE = diagnosis()
_CUT = diagnosis(Cause.TRUNCATED, "Unexpected EOF")
_WRONG = diagnosis(Cause.ZERO_NUM_ROWS)
_OLD = diagnosis(Cause.OUTDATED_VERSION)
_MENDABLE = diagnosis(
    Cause.MISSING_NUM_ROWS, "Required field num_rows is missing", repair=Repair("num_rows", True, None)
)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ((), "no entries"),
        ((None, None), "2 entries, none of them scanned yet"),
        ((None,), "1 entry, none of them scanned yet"),
        ((_FINE, _FINE), "all 2 scanned decode, and nothing is broken"),
        ((_FINE,), "the only entry is not broken"),
        ((_FINE, None), "no damage found in the 1 scanned so far; 1 not scanned"),
        ((_FINE, _OLD), "all 2 scanned decode, and nothing is broken; 1 out of date"),
        ((_CUT, _FINE), "1 of 2 scanned does not decode; first at 2000-01-01 00:00 UTC"),
        (
            (_CUT, _MENDABLE, None),
            "2 of 2 scanned do not decode; first at 2000-01-01 00:00 UTC; 1 mendable without a read; 1 not scanned",
        ),
        ((_WRONG, _FINE), "1 of 2 scanned decodes, but answers wrongly or fails; first at 2000-01-01 00:00 UTC"),
        ((_WRONG, _WRONG), "2 of 2 scanned decode, but answer wrongly or fail; first at 2000-01-01 00:00 UTC"),
        (
            (_CUT, _WRONG, _WRONG),
            "1 of 3 scanned does not decode, 2 answer wrongly or fail; first at 2000-01-01 00:00 UTC",
        ),
        ((_CUT, _WRONG), "1 of 2 scanned does not decode, 1 answers wrongly or fails; first at 2000-01-01 00:00 UTC"),
    ],
)
def test_the_sentence_says_what_is_known(said: tuple[Diagnosis | None, ...], sentence: str) -> None:
    assert summarise(_lake(*said)).sentence() == sentence


def test_the_sentence_of_the_issue_comes_out_word_for_word() -> None:
    start = moment("2025-06-14T09:12:59")
    table = _lake(_MENDABLE, _MENDABLE, _CUT, _FINE, times={0: start + 1, 1: start + 2, 2: start})
    missing = result(Listed("p2", insert_time=start), _CUT, file_state=FileState.MISSING)
    table.judge([missing])
    assert summarise(table).sentence() == (
        "3 of 4 scanned do not decode; first at 2025-06-14 09:12 UTC; 2 mendable without a read, 1 file missing"
    )


def test_mendable_are_the_broken_ones_whether_they_decode_or_not() -> None:
    proved = Repair("true_pointers", True, None)
    table = _lake(
        diagnosis(Cause.DANGLING_PAGE_INDEX, repair=proved), diagnosis(Cause.OUTDATED_VERSION, repair=proved), _MENDABLE
    )
    assert summarise(table).mendable == 2


def test_what_is_mended_no_longer_counts() -> None:
    table = _lake(_MENDABLE, _CUT)
    table.judge([result(Listed("p0", insert_time=0), _MENDABLE, outcome=Outcome.MIGRATED)], run=1)
    found = summarise(table)
    assert (found.undecodable, found.mendable, found.count(Status.OK)) == (1, 0, 1)
    assert found.outcomes[code_of(Outcome.MIGRATED)] == 1


def test_counts_are_of_what_the_catalog_still_has() -> None:
    table = _lake(_CUT, _WRONG, _FINE, None)
    table.retire([0])
    found = summarise(table)
    assert (found.entries, found.scanned, found.retired, found.undecodable) == (3, 2, 1, 0)
    assert found.causes[code_of(Cause.TRUNCATED)] == 0
    assert found.causes[code_of(Cause.ZERO_NUM_ROWS)] == 1
    assert sum(found.causes) == 2
    assert by_view(table).sum() == 3
    assert by_error(table, code_of(Cause.TRUNCATED)) == []


def test_an_infinite_time_is_not_when_it_began() -> None:
    table = _lake(_CUT, _CUT, times={0: TIME_MINUS_INFINITY, 1: 5})
    assert summarise(table).first == 5
    assert summarise(_lake(_CUT, times={0: TIME_MINUS_INFINITY})).first is None


def test_a_time_that_no_calendar_has_is_told_all_the_same() -> None:
    assert "us from 2000-01-01" in summarise(_lake(_CUT, times={0: 2**62})).sentence()


def test_views_are_counted_by_status() -> None:
    table = EntryTable()
    listed = [Listed("a"), Listed("b", view_set="x"), Listed("c", view_set="x"), Listed("d")]
    table.append(batch(*listed))
    table.judge([result(listed[1], _CUT), result(listed[2])])
    found = {view: counts.tolist() for view, counts in zip(table.views, by_view(table), strict=True)}
    assert found["blocks/global"] == [0, 0, 0, 0, 0, 2]
    assert found["x/global"] == [1, 0, 0, 0, 1, 0]
    assert by_view(EntryTable()).shape == (0, 6)


def test_messages_of_a_cause_come_with_the_most_frequent_first() -> None:
    said = [diagnosis(Cause.MALFORMED, message) for message in ("rare", "often", "often", None)]
    table = _lake(*said, _CUT)
    found = by_error(table, code_of(Cause.MALFORMED))
    assert [(table.errors[error] if error >= 0 else None, count) for error, count in found] == [
        ("often", 2),
        (None, 1),
        ("rare", 1),
    ]
