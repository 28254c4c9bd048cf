"""Bytes that are Parquet files as far as a store is concerned: magic, data, footer, trailer."""

from __future__ import annotations

import random
import struct


def parquet_like(size: int, footer: int, *, seed: int = 0, magic: bytes = b"PAR1", says: int | None = None) -> bytes:
    """`size` bytes in all, the footer of them `footer`; `says`: what the trailer says instead of the truth."""
    inner = random.Random(seed).randbytes(size - 12)
    length = footer if says is None else says
    return b"PAR1" + inner + struct.pack("<I", length & 0xFFFFFFFF) + magic


def footer_of(file: bytes) -> bytes:
    (length,) = struct.unpack("<I", file[-8:-4])
    return file[len(file) - 8 - length : len(file) - 8]
