"""Between Arrow's arrays and numpy's: the same values, and nothing imported on the way."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from refooter_tui.model.arrow import mask, numbers, places

MODEL_AT_WORK = """
import sys

class Watching:
    def find_spec(self, name, path, target=None):
        assert name != "pandas", "pandas is asked for"

sys.meta_path.insert(0, Watching())
import numpy as np
import pyarrow as pa
from array import array
from refooter.catalog.listing import SCHEMA, _batch, no_rows
from refooter_tui.app.outbox import _one_batch
from refooter_tui.model.filter import parse
from refooter_tui.model.order import Sort, take
from refooter_tui.model.table import EntryTable

def column(field):
    def packed(numbers):
        found = array("q", numbers)
        if sys.byteorder == "little":
            found.byteswap()
        return found.tobytes()

    if field.type in (pa.string(), pa.large_string()):
        texts = [b"views/b/global/2", b"views/a/global/1", b"views/c/global/3"]
        sizes = [len(text) if field.name == "file_path" or n else -1 for n, text in enumerate(texts)]
        return b"".join(text for text, size in zip(texts, sizes) if size >= 0), packed(sizes)
    return packed([1, 2, 3]), bytes([1, int(not field.nullable), 1])

page = _batch(3, [buffer for field in SCHEMA for buffer in column(field)])
table = EntryTable()
table.begin_listing()
table.append(page.slice(0, 2))
table.append(_one_batch([page, page.slice(0, 0)]))
table.append(no_rows())
table.end_listing()
assert len(table) == 3 and table.views[0] == "b/global", table.views
assert take(table, parse("a/global"), Sort("path")).rows.tolist() == [1]
assert take(table, None, Sort("path")).rows.tolist() == [1, 0, 2]
assert table.rows_of(["views/c/global/3"]).tolist() == [2]
try:
    import pandas
except AssertionError:
    print("and it would have been noticed")
"""


@pytest.mark.parametrize("kind", [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint32()])
def test_numbers_of_any_width_come_as_they_are_and_nulls_as_what_stands_for_them(kind: Any) -> None:
    whole: Any = pa.array([5, None, 7, 8, None, 10, 11, 12, 13, None], kind)
    for start in range(10):
        piece = whole.slice(start, 7)
        assert numbers(piece, 99).tolist() == [99 if one is None else one for one in piece.to_pylist()]
    without: Any = pa.array([1, 2, 3], kind)
    assert numbers(without.slice(1), 99).tolist() == [2, 3]
    assert numbers(without.slice(3)).tolist() == numbers(pa.nulls(0, kind)).tolist() == []


def test_booleans_come_from_wherever_a_slice_begins() -> None:
    whole = pa.array([n % 3 == 0 for n in range(30)])
    for start in range(20):
        assert mask(whole.slice(start, 10)).tolist() == whole.slice(start, 10).to_pylist()
    assert not len(mask(pa.array([], pa.bool_())))


def test_places_are_those_of_the_rows() -> None:
    texts = pa.array(["a", "b", "c", "d"])
    rows = np.array([3, 0, 2, 1], np.int32)
    assert texts.take(places(rows)).to_pylist() == ["d", "a", "c", "b"]
    assert texts.take(places(rows[::2])).to_pylist() == ["d", "c"]
    assert texts.take(places(rows[:0])).to_pylist() == []


def test_no_page_sort_or_search_waits_until_pandas_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", MODEL_AT_WORK], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("and it would have been noticed\n", "")
