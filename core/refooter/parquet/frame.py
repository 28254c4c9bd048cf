"""Where in a catalog's value the FileMetaData lies, whatever has been put around it.

Only the bytes decide. A value is framed when a length word and `PAR1` close it, as in a file; FileMetaData is found at
the start, or where the last frame that fits says, or behind whole column and offset indexes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import add
from typing import Final

from refooter.parquet.chunks import Chunks
from refooter.parquet.facts import Details, read_facts
from refooter.parquet.thrift import Unreadable
from refooter.parquet.walk import skip_struct
from refooter.values import FooterFacts, Layout

MAGIC: Final = b"PAR1"
ENCRYPTED_MAGIC: Final = b"PARE"
TRAILER: Final = 8
# Every writer's FileMetaData opens with field 1 (i32), version 1 or 2, and field 2 (list), the schema
_OPENING: Final = re.compile(rb"\x15(?:[\x02\x04](?:\x19|\Z)|\Z)")
# ColumnIndex and OffsetIndex open with field 1, a list: of booleans the one, of structs the other
_INDEX_OPENING: Final = 0x19
_LIST: Final = bytes((_INDEX_OPENING,))
# up to 14 booleans, or some hundred thousand; then the first of them, if the bytes go on
_COLUMN_INDEX_OPENING: Final = re.compile(
    b"\x19(?:\\Z|(?:["
    + b"".join(b"\\x%02x" % (count << 4 | boolean) for count in range(1, 15) for boolean in (1, 2))
    + b"]|[\xf1\xf2](?:\\Z|[\x80-\xff]{0,2}(?:\\Z|[\x00-\x7f])))(?:[\x00-\x02]|\\Z))"
)
# the same of page locations, structs that open with field 1, an i64 (OffsetIndex.page_locations, PageLocation.offset)
_OFFSET_INDEX_OPENING: Final = re.compile(
    b"\x19(?:\\Z|(?:["
    + b"".join(b"\\x%02x" % (count << 4 | 12) for count in range(1, 15))
    + b"]|\xfc(?:\\Z|[\x80-\xff]{0,2}(?:\\Z|[\x00-\x7f])))(?:\x16|\\Z))"
)
# Bounds on how often and how far bytes that look like a footer are read, so that no value makes it quadratic.
_MOST_ATTEMPTS: Final = 64
_MOST_READ: Final = 4


@dataclass(frozen=True, slots=True)
class Found:
    """A FileMetaData within a value. `details.whole` says whether all of it is there.

    `frame_end` is the byte behind the `PAR1` that closes its frame, `None` where there is no frame that fits.
    """

    layout: Layout
    facts: FooterFacts
    details: Details
    frame_end: int | None = None


def at_start(value: bytes) -> Found:
    """FileMetaData at byte 0, where the target parser reads it; what follows decides the layout."""
    facts, details = read_facts(value)
    if details.problem is not None:
        return Found(Layout.UNKNOWN, facts, details)
    end = details.end
    if end == len(value):
        return Found(Layout.RAW, facts, details)
    if value[end:] == end.to_bytes(4, "little") + MAGIC:
        return Found(Layout.FRAMED, facts, details, len(value))
    return Found(Layout.TRAILING_BYTES, facts, details)


def anywhere(value: bytes, file_size: int | None = None) -> Found:
    """FileMetaData wherever it is; where none is whole, what there is of one, at the start or behind an index."""
    # What opens with a list, as a page index does, is read as FileMetaData only if nothing else is found: a version is none.
    first = None if value.startswith(_LIST) else at_start(value)
    if first is not None and first.details.whole:
        return first
    for start, end in _frames(value):
        facts, details = read_facts(value, start, end)
        if details.whole and details.end == end:
            layout = _layout_behind(value, details, end + TRAILER, file_size)
            return Found(layout, facts, details, end + TRAILER)
    if first is None:
        first = at_start(value)
        if first.details.whole:
            return first
    start = _past_indexes(value)
    if start and _OPENING.match(value, start):
        facts, details = read_facts(value, start)
        if details.whole:
            return Found(_layout_behind(value, details, None, file_size), facts, details)
        return Found(Layout.PREFIXED, facts, details)
    return replace(first, layout=Layout.UNKNOWN)


def runs_past_the_end(value: bytes, found: Found) -> bool:
    """Whether a FileMetaData, or a page index or a file's data before it, begins as it should and then the bytes end."""
    if value.endswith(MAGIC) and 0 < int.from_bytes(value[-TRAILER:-4], "little") <= len(value) - TRAILER:
        return False
    if value.startswith(MAGIC):
        return True
    start, problem = found.details.start, found.details.problem
    if _OPENING.match(value, start):
        return problem is not None and problem.ended
    opening = _COLUMN_INDEX_OPENING.match(value) or _OFFSET_INDEX_OPENING.match(value)
    return start == 0 and opening is not None and _past_indexes(value) == len(value)


def tiling(chunks: Chunks) -> int | None:
    """P, if the page-index pointers are relative: column indexes, then offset indexes, tile `[0, P)` in order."""
    return chunks.tiled


def true_pointers(details: Details, file_size: int | None) -> bool:
    """Whether every page-index pointer lies behind the last chunk and ends where the file's footer begins, or before.

    Without the file's size only the first half can be said.
    """
    chunks = details.chunks
    offsets, lengths = chunks.page_indexes
    if not offsets:
        return True
    if min(lengths) < 0 or min(offsets) < chunks.end:
        return False
    return file_size is None or max(map(add, offsets, lengths)) <= file_size - TRAILER - details.length


def _layout_behind(value: bytes, details: Details, frame_end: int | None, file_size: int | None) -> Layout:
    """The layout of a value with something before its FileMetaData."""
    start = details.start
    if frame_end == len(value) and value.startswith(MAGIC) and details.chunks.end <= start:
        return Layout.FILE
    if tiling(details.chunks) is None and true_pointers(details, file_size):
        return Layout.FILE_TAIL
    return Layout.PREFIXED


def _frames(value: bytes) -> Iterator[tuple[int, int]]:
    """From the last to the first: where a `PAR1` with a length word that fits says that FileMetaData is."""
    budget = _MOST_READ * len(value)
    attempts = 0
    at = len(value)
    while attempts < _MOST_ATTEMPTS and (at := value.rfind(MAGIC, 0, at + 3)) >= 4:
        end = at - 4
        start = end - int.from_bytes(value[end:at], "little")
        if 0 <= start < end and _OPENING.match(value, start) and end - start <= budget:
            attempts += 1
            budget -= end - start
            yield start, end


def _past_indexes(value: bytes) -> int:
    """The first byte behind the column and offset indexes that the value opens with; its length if one is cut off."""
    at = 0
    try:
        while value[at] == _INDEX_OPENING:
            at = skip_struct(value, at, 0)
    except IndexError:
        return len(value)
    except Unreadable as unreadable:
        return len(value) if unreadable.error.ended else at
    return at
