"""What is kept between starts: read back as it was kept, and no wrong file keeps the app from starting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from refooter_tui.app.state import Looks, load_looks, save_looks
from refooter_tui.app.widgets.columns import USUAL_COLUMNS


def test_looks_come_back_as_they_were_kept(tmp_path: Path) -> None:
    looks = Looks("textual-light", "num_rows", True, 30, 60, 9, (*USUAL_COLUMNS, "view"), "causes", "hex")
    save_looks(tmp_path / "state", looks)
    assert load_looks(tmp_path / "state") == looks


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("sort", "no such column"),
        ("sort", 3),
        ("sort", ["path"]),
        ("theme", 3),
        ("reverse", "yes"),
        ("left", "36"),
        ("left", -1),
        ("left", True),
        ("detail", 10**9),
        ("log", None),
        ("columns", "path"),
        ("columns", [3]),
        ("face", "faces"),
        ("face", {}),
        ("tab", 7),
        ("something", "else"),
    ],
)
def test_what_is_wrong_in_the_file_is_passed_over_and_the_rest_is_taken(tmp_path: Path, name: str, wrong: Any) -> None:
    (tmp_path / "app.json").write_text(json.dumps({"theme": "nord", "left": 40, name: wrong}), "utf-8")
    kept = Looks(theme="nord" if name != "theme" else Looks().theme, left=40 if name != "left" else Looks().left)
    assert load_looks(tmp_path) == kept


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "[" * 100_000, "\x00"])
def test_a_file_that_is_no_such_thing_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "app.json").write_text(text, "utf-8")
    assert load_looks(tmp_path) == Looks()


def test_columns_that_are_no_more_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "app.json").write_text(json.dumps({"columns": ["error", "colour", "path"]}), "utf-8")
    assert load_looks(tmp_path).columns == ("path", "error")
