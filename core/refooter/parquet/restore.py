"""The file's own footer, worked out from a value that a page index was put in front of, without reading the file.

arrow-rs' ParquetMetaDataWriter copies a file's page index, all column indexes and then all offset indexes, in front of
FileMetaData, and makes ColumnChunk.offset_index_offset (field 4) and column_index_offset (field 6) relative to the
value's own start. In a file by the same writer the page index follows the last column chunk or bloom filter at once, and
FileMetaData follows the page index. So the true pointers are the relative ones plus where that end is; and that all of it
adds up to the file's size to the byte is the proof.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

from refooter.parquet.chunks import BODY, COLUMN_INDEX, OFFSET_INDEX, Chunks, Row
from refooter.parquet.facts import Details
from refooter.parquet.frame import MAGIC, TRAILER, tiling
from refooter.parquet.pointers import moved
from refooter.parquet.varints import encode_integers

BY_ARROW_RS: Final = b"parquet-rs version "
# ColumnChunk's fields 4 to 7 behind field 3: offset_index_offset and _length, column_index_offset and _length
_OFFSET, _LENGTH = b"\x16", b"\x15"
_STOP: Final = b"\0"
# what a chunk is made of: its body, the pointers with their headers, the struct's end
_CHUNK: Final = (b"", _OFFSET, b"", _LENGTH, b"", _OFFSET, b"", _LENGTH, b"", _STOP)
_PIECES: Final = len(_CHUNK)


def true_footer(data: bytes, details: Details, file_size: int) -> bytes | None:
    """The footer, byte for byte, of the file of `file_size` bytes that `details` (read from `data`) describes.

    `None` where that is not proved: the pointers do not tile a prefix, another program wrote the file, a bloom filter's
    length is not said, or the sum is not the file's size.
    """
    chunks = details.chunks
    prefix = tiling(chunks)
    if prefix is None or not (details.created_by or b"").startswith(BY_ARROW_RS):
        return None
    index_start = chunks.end
    for offset, length in chunks.bloom_filters:
        if length is None:
            return None
        index_start = max(index_start, offset + length)
    if index_start < len(MAGIC):
        return None
    footer = _with_moved_pointers(data, details, index_start)
    if footer is None:
        return None
    return footer if index_start + prefix + len(footer) + TRAILER == file_size else None


def _with_moved_pointers(data: bytes, details: Details, by: int) -> bytes | None:
    if not details.spelled_as_usual:
        return moved(data[details.start : details.end], by)
    pieces = _pieces(details.rows, details.chunks, by)
    parts: list[bytes] = []
    at = details.start
    for run, (first, start, end) in enumerate(details.runs):
        last = details.runs[run + 1][0] if run + 1 < len(details.runs) else len(details.rows)
        parts.append(data[at:start])
        parts += pieces[first * _PIECES : last * _PIECES]
        at = end
    parts.append(data[at : details.end])
    return b"".join(parts)


def _pieces(rows: list[Row], chunks: Chunks, by: int) -> list[bytes]:
    """The bytes of all chunks, `_PIECES` of them each, with `by` added to their page-index pointers."""
    pieces = [*_CHUNK] * len(rows)
    pieces[::_PIECES] = [row[BODY] for row in rows]
    moved = iter(encode_integers([offset + by for offset in chunks.page_indexes[0]]))
    for kind, first in ((COLUMN_INDEX, 5), (OFFSET_INDEX, 1)):
        offsets = [row[kind] for row in rows]
        if all(offsets):
            pieces[first + 1 :: _PIECES] = islice(moved, len(rows))
        else:
            pieces[first::_PIECES] = [offset and _OFFSET for offset in offsets]
            pieces[first + 1 :: _PIECES] = [offset and next(moved) for offset in offsets]
            pieces[first + 2 :: _PIECES] = [offset and _LENGTH for offset in offsets]
        pieces[first + 3 :: _PIECES] = [row[kind + 1] for row in rows]
    return pieces
