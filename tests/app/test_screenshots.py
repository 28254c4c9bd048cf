"""The README's pictures: they are there, as large as they are said to be, and show nobody's machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from screenshots import DIRECTORY, PICTURES

README = DIRECTORY.parent / "README.md"
_IMAGE = re.compile(r"^!\[[^\]]+\]\(([^)]+)\)$", re.MULTILINE)
# what rich draws a cell as
_WIDTH, _HEIGHT = 12.2, 24.4


def _size(svg: str) -> tuple[int, int]:
    """Columns and lines of the terminal in the picture."""
    found = re.search(r'clip-terminal">\s*<rect x="0" y="0" width="([\d.]+)" height="([\d.]+)"', svg)
    assert found is not None
    return round(float(found[1]) / _WIDTH), round(float(found[2]) / _HEIGHT)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_as_large_as_the_script_makes_it_and_names_no_machine(name: str) -> None:
    svg = (DIRECTORY / name).read_text("utf-8")
    assert svg.startswith("<svg ")
    assert _size(svg) == PICTURES[name].size
    assert "/tmp" not in svg
    assert "localhost" not in svg
    assert str(Path.home()) not in svg


def test_every_picture_of_the_readme_is_one_that_the_script_makes() -> None:
    named = _IMAGE.findall(README.read_text("utf-8"))
    assert named
    assert {f"screenshots/{name}" for name in PICTURES} >= set(named)


def test_nothing_lies_beside_the_pictures_that_the_script_makes() -> None:
    assert {file.name for file in DIRECTORY.iterdir()} == set(PICTURES)


def test_the_readme_shows_the_app_right_under_its_first_sentence() -> None:
    text = README.read_text("utf-8")
    image = _IMAGE.search(text)
    assert image is not None
    title, _, before = text[: image.start()].strip().partition("\n")
    assert title == "# refooter"
    assert before.strip().endswith(".")
    assert len(re.findall(r"[.!?](?:\s|$)", before)) == 1
