"""Many varints at once: a footer of 28 columns holds some hundred, and one by one they take longer than all the rest.

Each has a lane of 64 bits in one very large integer, where three steps close, or open, the gaps that the top bits of a
varint's bytes leave. What does not fit is left to the plain functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import pack, unpack
from typing import Final

from refooter.parquet.thrift import encode_varint
from refooter.parquet.walk import read_integer

_LANES: Final = 256


def _lanes(bits: int, lane: int) -> int:
    """The lowest `bits` of every `lane` bits."""
    return int.from_bytes(((1 << bits) - 1).to_bytes(lane // 8, "little") * (64 // lane * _LANES), "little")


_LOW7, _HIGH7 = _lanes(7, 16), _lanes(7, 16) << 7
_LOW14, _HIGH14 = _lanes(14, 32), _lanes(14, 32) << 14
_LOW28, _HIGH28 = _lanes(28, 64), _lanes(28, 64) << 28
# the lowest bit of a zigzag varint says that it is negative, the highest of its lane's last byte that there are more
_UNUSUAL32: Final = _lanes(1, 32) | _lanes(1, 32) << 31
_UNUSUAL: Final = _lanes(1, 64) | _lanes(1, 64) << 63
_MORE: Final = tuple(int.from_bytes((b"\x80" * length).ljust(8, b"\0") * _LANES, "little") for length in range(8))


def decode_integers(varints: Sequence[bytes]) -> list[int]:
    """Zigzag varints as integers; 0 for empty bytes. At once where all are as usual: not negative, 8 bytes at most."""
    integers: list[int] = []
    for first in range(0, len(varints), _LANES):
        integers += _decode_lanes(varints[first : first + _LANES])
    return integers


def _decode_lanes(varints: Sequence[bytes]) -> Iterable[int]:
    count = len(varints)
    # Most files are smaller than 128 MiB: then half a lane is enough. pack cuts off what is longer than a lane, and leaves the
    # top bit of its last byte set.
    packed = int.from_bytes(pack("4s" * count, *varints), "little")
    if not packed & _UNUSUAL32:
        packed = packed & _LOW7 | packed >> 1 & _HIGH7
        packed = packed & _LOW14 | packed >> 2 & _HIGH14
        return unpack(f"<{count}I", (packed >> 1).to_bytes(4 * count, "little"))
    packed = int.from_bytes(pack("8s" * count, *varints), "little")
    if packed & _UNUSUAL:
        return [read_integer(varint, 0)[0] if varint else 0 for varint in varints]
    packed = packed & _LOW7 | packed >> 1 & _HIGH7
    packed = packed & _LOW14 | packed >> 2 & _HIGH14
    packed = packed & _LOW28 | packed >> 4 & _HIGH28
    return unpack(f"<{count}Q", (packed >> 1).to_bytes(8 * count, "little"))


def encode_integers(integers: Sequence[int]) -> list[bytes]:
    """Integers of 64 bits as zigzag varints, as short as they can be. At once where all are of one length, as neighbours are."""
    varints: list[bytes] = []
    for first in range(0, len(integers), _LANES):
        varints += _encode_lanes(integers[first : first + _LANES])
    return varints


def _encode_lanes(integers: Sequence[int]) -> Iterable[bytes]:
    count = len(integers)
    least, most = min(integers) << 1, max(integers) << 1
    length = max(1, -(-most.bit_length() // 7))
    if least < 0 or length > 7 or (length > 1 and least >> 7 * (length - 1) == 0):
        return [encode_varint(integer << 1 if integer >= 0 else ~(integer << 1)) for integer in integers]
    packed = int.from_bytes(pack(f"<{count}Q", *integers), "little") << 1
    packed = packed & _LOW28 | (packed & _HIGH28) << 4
    packed = packed & _LOW14 | (packed & _HIGH14) << 2
    packed = packed & _LOW7 | (packed & _HIGH7) << 1
    packed |= _MORE[length - 1] & (1 << 64 * count) - 1
    return unpack(f"{length}s{8 - length}x" * count, packed.to_bytes(8 * count, "little"))
