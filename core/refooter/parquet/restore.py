"""The file's own footer, worked out from a value that a page index was put in front of, without reading the file.

arrow-rs' ParquetMetaDataWriter copies a file's page index, all column indexes and then all offset indexes, in front of
FileMetaData, and makes ColumnChunk.offset_index_offset (field 4) and column_index_offset (field 6) relative to the
value's own start. In a file by the same writer the page index follows the last column chunk or bloom filter at once, and
FileMetaData follows the page index. So the true pointers are the relative ones plus where that end is; and that all of it
adds up to the file's size to the byte is the proof.
"""

from __future__ import annotations

from typing import Final

from refooter.parquet.facts import Details
from refooter.parquet.frame import TRAILER, tiling
from refooter.parquet.thrift import encode_varint

_WRITER: Final = b"parquet-rs version "
# ColumnChunk's fields 4 to 7 behind field 3: offset_index_offset and _length, column_index_offset and _length
_OFFSET, _LENGTH = b"\x16", b"\x15"
_STOP: Final = b"\0"


def true_footer(data: bytes, details: Details, file_size: int) -> bytes | None:
    """The footer, byte for byte, of the file of `file_size` bytes that `details` (read from `data`) describes.

    `None` where that is not proved: the pointers do not tile a prefix, another program wrote the file, a bloom filter's
    length is not said, a chunk is spelled unusually, or the sum is not the file's size.
    """
    chunks = details.chunks
    prefix = tiling(chunks)
    if prefix is None or not (details.created_by or b"").startswith(_WRITER) or 0 in details.chunk_ends:
        return None
    index_start = chunks.end
    for offset, length in chunks.bloom_filters:
        if length is None:
            return None
        index_start = max(index_start, offset + length)
    parts: list[bytes] = []
    at = details.start
    old = zip(details.rows, details.chunk_ends, strict=True)
    new = zip(
        _moved(chunks.offset_index_offsets, index_start), _moved(chunks.column_index_offsets, index_start), strict=True
    )
    for (row, end), (offset_index, column_index) in zip(old, new, strict=True):
        if offset_index is None:
            continue
        *_, old_offset, offset_length, old_column, column_length = row
        if column_index is None:
            parts += (
                data[at : end - len(old_offset) - len(offset_length) - 3],
                _OFFSET,
                offset_index,
                _LENGTH,
                offset_length,
                _STOP,
            )
        else:
            tail = len(old_offset) + len(offset_length) + len(old_column) + len(column_length) + 5
            parts += (data[at : end - tail], _OFFSET, offset_index, _LENGTH, offset_length)
            parts += (_OFFSET, column_index, _LENGTH, column_length, _STOP)
        at = end
    parts.append(data[at : details.end])
    footer = b"".join(parts)
    return footer if index_start + prefix + len(footer) + TRAILER == file_size else None


def _moved(offsets: list[int | None], by: int) -> list[bytes | None]:
    """Zigzag varints of the offsets, moved; inline for those of three or four bytes, as most are: this is a hot path."""
    spelled: list[bytes | None] = []
    for offset in offsets:
        if offset is None:
            spelled.append(None)
            continue
        value = (offset + by) << 1
        if 0x4000 <= value < 0x200000:
            spelled.append(bytes((value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14)))
        elif 0x200000 <= value < 0x10000000:
            spelled.append(
                bytes((value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14 & 0x7F | 0x80, value >> 21))
            )
        else:
            spelled.append(encode_varint(value))
    return spelled
