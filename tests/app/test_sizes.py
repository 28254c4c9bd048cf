"""How large the panes are: what was wanted, unless the entries would have too little."""

from __future__ import annotations

import pytest

from refooter.values import Cause
from refooter_tui.app.sizes import CENTRE_LEAST, TABLE_LEAST, WIDE, fitting
from refooter_tui.app.widgets.columns import place


@pytest.mark.parametrize("width", [120, 121, 160, 200, 400])
@pytest.mark.parametrize("left", [0, 1, 36, 500])
@pytest.mark.parametrize("detail", [0, 1, 60, 500])
def test_the_centre_keeps_its_columns_whatever_is_wanted(width: int, left: int, detail: int) -> None:
    sizes = fitting(width, 50, left, detail, 5)
    assert width - 2 - sizes.left - sizes.detail >= CENTRE_LEAST
    assert sizes.left >= 20
    assert sizes.detail >= 20


@pytest.mark.parametrize("height", range(24, 80))
@pytest.mark.parametrize("log", [1, 5, 500])
@pytest.mark.parametrize("width", [80, 160])
def test_the_table_keeps_its_rows_whatever_log_is_wanted(width: int, height: int, log: int) -> None:
    sizes = fitting(width, height, 0, 0, log)
    others = 7 + sizes.timeline + sizes.log + sizes.log_title
    assert height - others >= TABLE_LEAST
    assert sizes.log >= 1


def test_what_fits_is_as_it_is_wanted() -> None:
    sizes = fitting(200, 60, 45, 70, 12)
    assert (sizes.left, sizes.detail, sizes.log) == (45, 70, 12)


@pytest.mark.parametrize(("width", "height"), [(WIDE - 1, 50), (160, 29), (80, 24)])
def test_in_a_small_window_the_log_has_one_line_and_the_timeline_two(width: int, height: int) -> None:
    sizes = fitting(width, height, 0, 0, 10)
    assert (sizes.log, sizes.log_title, sizes.timeline) == (1, False, 2)


@pytest.mark.parametrize(("width", "path"), [(120, 24), (160, 32), (200, 38)])
def test_the_paths_have_room_beside_what_is_usually_shown(width: int, path: int) -> None:
    sizes = fitting(width, 50, 0, 0, 5)
    assert sizes.left <= 36
    centre = width - 2 - sizes.left - sizes.detail
    placed = {one.column.name: one.width for one in place(centre - 1, 3)}
    assert placed["path"] >= path
    # in full
    assert placed["cause"] == max(len(cause.value) for cause in Cause)
