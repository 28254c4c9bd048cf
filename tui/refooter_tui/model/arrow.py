"""Between Arrow's arrays and numpy's, by their buffers.

pyarrow's own ways there (`to_numpy`, `pa.array`, a scalar of a number) import pandas first wherever it is installed, for nothing that is
needed here: a third of a second in which no thread of the app gets on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refooter_tui.model.codes import Mask
from refooter_tui.model.columns import Int32s


def numbers(column: pa.Array[Any], missing: int = 0) -> npt.NDArray[Any]:
    """Integers of any width, `missing` in place of nulls. Not to be written to."""
    known, values = column.buffers()
    if values is None or not len(column):
        return np.zeros(0, column.type.to_pandas_dtype())
    start, end = column.offset, column.offset + len(column)
    found = np.frombuffer(memoryview(values), column.type.to_pandas_dtype())[start:end]
    if known is None or not column.null_count:
        return found
    return np.where(_bits(known, start, end), found, found.dtype.type(missing))


def mask(column: pa.Array[Any]) -> Mask:
    """Booleans without nulls."""
    _, values = column.buffers()
    return np.zeros(0, np.bool_) if values is None else _bits(values, column.offset, column.offset + len(column))


def places(rows: Int32s) -> pa.Array[Any]:
    """For `take`."""
    values: Any = np.ascontiguousarray(rows, np.int32)
    return pa.Array.from_buffers(pa.int32(), len(rows), [None, pa.py_buffer(values)])


def _bits(bitmap: pa.Buffer, start: int, end: int) -> Mask:
    # Arrow counts bits from the lowest of each byte
    bits = np.unpackbits(np.frombuffer(memoryview(bitmap), np.uint8), count=end, bitorder="little")
    return bits[start:].view(np.bool_)
