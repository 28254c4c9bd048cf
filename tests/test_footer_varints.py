"""Many varints at once say what they say one by one."""

from __future__ import annotations

import random

import pytest

from refooter.parquet.thrift import Wire, encode_value
from refooter.parquet.varints import decode_integers, encode_integers
from refooter.parquet.walk import read_integer

EDGES = sorted(
    {edge + near for bits in (0, 6, 13, 20, 27, 34, 41, 48, 55, 62) for edge in (1 << bits,) for near in (-1, 0, 1)}
)
NEGATIVE = [-1, -64, -65, -(2**31), -(2**63)]


def one_by_one(integers: list[int]) -> list[bytes]:
    return [encode_value(Wire.I64, integer) for integer in integers]


@pytest.mark.parametrize("integer", [*EDGES, 2**63 - 1, *NEGATIVE])
def test_an_integer_at_the_edge_of_a_length_comes_back(integer: int) -> None:
    for integers in ([integer], [integer, integer], [integer, 1], [0, integer], [integer] * 255 + [7, integer]):
        varints = encode_integers(integers)
        assert varints == one_by_one(integers)
        assert decode_integers(varints) == integers


def test_neighbours_and_strangers_in_any_number_come_back() -> None:
    chance = random.Random(3)
    for count in (0, 1, 2, 255, 256, 257, 600):
        for low, high in ((0, 1), (5, 5_000_000), (2**20 - 3, 2**20 + 3), (2**27, 2**28), (2**54, 2**63 - 1), (-9, 9)):
            integers = [chance.randint(low, high) for _ in range(count)]
            varints = encode_integers(integers)
            assert varints == one_by_one(integers)
            assert decode_integers(varints) == integers


def test_what_is_not_there_decodes_to_zero_and_moves_nothing() -> None:
    for stranger in (b"", b"\x02", b"\xff\xff\xff\xff\x01", b"\x01", b"\xff" * 9 + b"\x01"):
        value = read_integer(stranger, 0)[0] if stranger else 0
        assert decode_integers([b"\x08", b"", stranger, b"\xd0\x0f"]) == [4, 0, value, 1000]


def test_a_varint_longer_than_it_need_be_decodes_to_the_same() -> None:
    for padding in range(9):
        padded = bytes((0xD0, 0x8F if padding else 0x0F)) + b"\x80" * (padding - 1) + b"\x00" * bool(padding)
        assert decode_integers([b"\x02", padded, b"\x04"]) == [1, 1000, 2]
