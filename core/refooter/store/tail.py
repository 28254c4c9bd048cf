"""The end of a Parquet file: which bytes to ask for, and what those that came say. Plain functions.

A file ends with FileMetaData, its length (u32, little endian) and `PAR1`, or `PARE` where the footer is encrypted
(parquet-format, "File format" and Encryption.md).
"""

from __future__ import annotations

import struct
from typing import Final

from refooter.store.failures import StoreFailure
from refooter.values import Reason

FIRST_TAIL: Final = 64 * 1024
"""Bytes of the first request: enough for the footer of nearly every file of a telemetry lake."""
TRAILER: Final = 8
"""Bytes of the length word and the magic at the very end."""
_LEADING_MAGIC: Final = 4
_SMALLEST: Final = _LEADING_MAGIC + TRAILER
_MAGICS: Final = (b"PAR1", b"PARE")


def tail_range(file_size: int, length: int) -> tuple[int, int]:
    """The byte range to ask for so as to get the last `length` bytes of a file of that size, end exclusive.

    It reaches one byte beyond the end: a larger object gives that byte away, a smaller one comes up short, and so one
    request shows with any driver whether the object has the size that the catalog says.
    """
    return max(0, file_size - length), file_size + 1


def footer_length(tail: bytes, file_size: int, max_footer: int) -> int:
    """The length in bytes that the trailer at the end of `tail` gives for the footer.

    Raises `StoreFailure`: `not_parquet`, or `too_large` above `max_footer` bytes.
    """
    if file_size < _SMALLEST:
        raise _not_parquet(
            f"the object holds {file_size} bytes, fewer than the {_SMALLEST} of the smallest Parquet file"
        )
    magic = tail[-4:]
    if magic not in _MAGICS:
        raise _not_parquet(f"the object ends with the bytes {magic.hex(' ')}, not with PAR1 or PARE")
    (length,) = struct.unpack("<I", tail[-TRAILER:-4])
    room = file_size - _SMALLEST
    if length == 0:
        raise _not_parquet("the object's trailer says that its footer is 0 bytes long")
    if length > room:
        raise _not_parquet(
            f"the object's trailer says that its footer is {length} bytes long, but there is room for {room} only"
        )
    if length > max_footer:
        raise StoreFailure(
            Reason.TOO_LARGE, f"the file's footer is {length} bytes long; more than {max_footer} are not read"
        )
    return int(length)


def is_leading_magic(data: bytes) -> bool:
    """Whether bytes begin as a Parquet file does."""
    return data[:_LEADING_MAGIC] in _MAGICS


def _not_parquet(sentence: str) -> StoreFailure:
    return StoreFailure(Reason.NOT_PARQUET, sentence)
