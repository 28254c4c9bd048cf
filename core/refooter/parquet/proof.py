"""What proves that a footer is its file's own, from the footer, the file's size and nothing else."""

from __future__ import annotations

from refooter.parquet.facts import Details
from refooter.parquet.frame import TRAILER
from refooter.parquet.restore import BY_ARROW_RS
from refooter.parquet.thrift import Unreadable
from refooter.parquet.walk import skip_struct


def ends_with_its_file(details: Details, length: int, file_size: int) -> bool:
    """Whether a FileMetaData of `length` bytes would begin just where the last structure that `details` know of ends.

    arrow-rs leaves nothing between the two. Column chunks, bloom filters and page indexes are known; a bloom filter whose
    length is not said proves nothing.
    """
    if not (details.created_by or b"").startswith(BY_ARROW_RS):
        return False
    chunks = details.chunks
    end = chunks.end
    for offset, size in chunks.bloom_filters + chunks.column_indexes + chunks.offset_indexes:
        if size is None:
            return False
        end = max(end, offset + size)
    return end + length + TRAILER == file_size


def holds_its_own_index(value: bytes, details: Details, file_size: int) -> bool:
    """Whether a value that would be the last bytes of its file holds the page index just where the footer says it is in the file."""
    chunks = details.chunks
    begins = file_size - len(value)
    found = False
    for offset, length in chunks.column_indexes + chunks.offset_indexes:
        at = offset - begins
        if at < 0:
            continue
        if at + (length or 0) > details.start or not _is_one_struct(value, at, length or 0):
            return False
        found = True
    return found


def _is_one_struct(value: bytes, at: int, length: int) -> bool:
    try:
        return skip_struct(value, at, 0) == at + length
    except (IndexError, Unreadable):
        return False
