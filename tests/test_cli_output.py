"""The one JSON object."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from refooter.values import Cause, Status, TargetName
from refooter_tui.cli.output import Answer, plain


def read(answer: Answer) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(answer.text(), parse_constant=refuse)


def test_a_list_is_cut_at_a_thousand_and_says_how_long_it_is() -> None:
    answer = Answer()
    answer.put_list("problems", list(range(2500)))
    assert read(answer) == {"problems": list(range(1000)), "problems_total": 2500}


def test_a_list_that_was_collected_only_in_part_says_the_whole_length() -> None:
    answer = Answer()
    answer.put_list("failures", [1, 2], 7)
    assert read(answer) == {"failures": [1, 2], "failures_total": 7}


def test_the_error_stands_beside_what_was_counted_until_then() -> None:
    answer = Answer()
    answer.put(run_id=3, migrated=12)
    answer.fail("store_unreachable", "nothing found")
    assert read(answer) == {
        "run_id": 3,
        "migrated": 12,
        "error": {"code": "store_unreachable", "message": "nothing found"},
    }


def test_the_object_is_one_line_of_ascii_whatever_a_path_holds() -> None:
    answer = Answer()
    path = "ä\x1b[31m\n\u202e\udcff"
    answer.put(file_path=path)
    assert answer.text().isascii()
    assert answer.text().isprintable()
    assert read(answer)["file_path"] == path


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Status.OK, "ok"),
        ({Cause.EMPTY: 1}, {"empty": 1}),
        ((1, None, True), [1, None, True]),
        (b"PAR1", "50415231"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (0.5, 0.5),
        (datetime(2025, 6, 14, 11, 12, tzinfo=timezone(timedelta(hours=2))), "2025-06-14T09:12:00Z"),
        (
            TargetName("arro3-io", "0.8.0", "parquet 57.1.0"),
            {"name": "arro3-io", "version": "0.8.0", "parser": "parquet 57.1.0"},
        ),
    ],
)
def test_values_are_written_as_what_json_has(value: Any, written: Any) -> None:
    assert plain(value) == written


def test_what_has_no_json_is_refused_rather_than_guessed() -> None:
    with pytest.raises(TypeError, match="no JSON for object"):
        plain(object())
