"""A value as a map: which bytes of it are what, from the first to the last, whatever state it is in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from refooter.parquet import frame
from refooter.parquet.footer import Footer, read_footer
from refooter.parquet.frame import ENCRYPTED_MAGIC, MAGIC, TRAILER, Found
from refooter.parquet.reading import read
from refooter.parquet.structs import FILE_CRYPTO_META_DATA
from refooter.parquet.thrift import Unreadable, Wire
from refooter.parquet.walk import skip_struct
from refooter.values import Cause, Diagnosis, Layout


class RegionKind(StrEnum):
    """What a part of a value is."""

    MAGIC = "magic"
    FILE_DATA = "file_data"
    COLUMN_INDEX = "column_index"
    OFFSET_INDEX = "offset_index"
    FILE_META_DATA = "file_meta_data"
    CRYPTO_META_DATA = "crypto_meta_data"
    LENGTH = "length"
    TRAILING = "trailing_bytes"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Region:
    """The bytes `[start, end)` of a value and what they are, in a few words."""

    kind: RegionKind
    start: int
    end: int
    what: str

    @property
    def size(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Mapped:
    """A value taken apart.

    `footer` is what could be read of FileMetaData, at its place in the value, `None` where nothing looks like one; `end` is
    where it ends, or where its frame says that it does. `index_base` is what to take from a page-index pointer to get a
    position in the value, `None` where the value holds no page index.
    """

    found: Found
    footer: Footer | None
    end: int
    index_base: int | None
    regions: tuple[Region, ...]


def map_value(value: bytes, diagnosis: Diagnosis, file_size: int | None = None) -> Mapped:
    """Takes a diagnosed value apart; `file_size` is its file's, where known. Never raises for what the bytes are."""
    found = frame.anywhere(value, file_size)
    closing = _closing_frame(value, len(value))
    start, end = found.details.start, found.details.end
    if not found.details.whole and closing is not None and value.startswith(b"\x15", closing[0]):
        # nothing is whole, but the frame that closes the value still says where FileMetaData should be
        start, end = closing
    footer = None
    if diagnosis.cause not in (Cause.EMPTY, Cause.ENCRYPTED):
        limit = end if not found.details.whole and end == (closing or (0, 0))[1] else None
        footer = read_footer(value, start, limit)
        if not footer.root.child_count:
            footer = None
    if footer is None:
        return Mapped(found, None, len(value), None, tuple(_without_footer(value, diagnosis)))
    if found.details.whole:
        end = max(end, footer.end)
    elif limit is None:
        end = _end_of_broken(value, footer)
    base = _index_base(value, found, start, file_size)
    before = list(_before(value, found, start, base))
    holds_index = any(region.kind in (RegionKind.COLUMN_INDEX, RegionKind.OFFSET_INDEX) for region in before)
    regions = (*before, *_footer_region(footer, start, end), *_behind(value, start, end))
    return Mapped(found, footer, end, base if holds_index else None, regions)


def _end_of_broken(value: bytes, footer: Footer) -> int:
    """FileMetaData that ends with the value goes up to there; of what is otherwise broken, no more than was read."""
    problem = footer.problem
    return len(value) if problem is None or problem.ended else min(footer.end, len(value))


def _closing_frame(value: bytes, end: int) -> tuple[int, int] | None:
    """Where the length word and magic that end at `end` say their content is."""
    if end < TRAILER or value[end - 4 : end] not in (MAGIC, ENCRYPTED_MAGIC):
        return None
    length = int.from_bytes(value[end - TRAILER : end - 4], "little")
    return (end - TRAILER - length, end - TRAILER) if 0 < length <= end - TRAILER else None


def _index_base(value: bytes, found: Found, start: int, file_size: int | None) -> int | None:
    if not start:
        return None
    if found.layout in (Layout.PREFIXED, Layout.FILE, Layout.UNKNOWN):
        return 0
    offsets, lengths = found.details.chunks.page_indexes
    if not offsets:
        return None
    if file_size is not None and found.layout is Layout.FILE_TAIL:
        base = file_size - TRAILER - found.details.length - start
    else:
        # nobody says how large the file is: its page index commonly ends where its footer begins
        base = max(offset + length for offset, length in zip(offsets, lengths, strict=True)) - start
    return base if base >= 0 else None


_Span = tuple[int, int, RegionKind]


def _before(value: bytes, found: Found, start: int, base: int | None) -> Iterator[Region]:
    """What stands before FileMetaData."""
    at = 0
    if start and value.startswith(MAGIC):
        yield Region(RegionKind.MAGIC, 0, len(MAGIC), "magic PAR1, as at the beginning of a file")
        at = len(MAGIC)
    spans = None if base is None else _pointed_spans(found, at, start, base)
    data = RegionKind.FILE_DATA if found.layout in (Layout.FILE, Layout.FILE_TAIL) else RegionKind.UNKNOWN
    if not spans:
        spans, data = (
            (list(_walked_spans(value, at, start)), RegionKind.UNKNOWN)
            if data is not RegionKind.FILE_DATA
            else ([], data)
        )
    for first, last, kind, count in _merged(spans):
        if at < first:
            yield _gap(data, at, first)
        yield Region(kind, first, last, _index_words(kind, count))
        at = last
    if at < start:
        yield _gap(data, at, start)


def _gap(kind: RegionKind, start: int, end: int) -> Region:
    words = "the file's data: pages, bloom filters" if kind is RegionKind.FILE_DATA else "unknown"
    return Region(kind, start, end, words)


def _index_words(kind: RegionKind, count: int) -> str:
    name = "column index" if kind is RegionKind.COLUMN_INDEX else "offset index"
    return f"{name} of 1 column chunk" if count == 1 else f"{name}es of {count:,} column chunks"


def _pointed_spans(found: Found, first: int, last: int, base: int) -> list[_Span] | None:
    """Where the pointers say that the indexes are; `None` if one of them is no place before the footer, or two overlap."""
    chunks = found.details.chunks
    spans = [
        (offset - base, offset - base + (length or 0), kind)
        for kind, pointers in (
            (RegionKind.COLUMN_INDEX, chunks.column_indexes),
            (RegionKind.OFFSET_INDEX, chunks.offset_indexes),
        )
        for offset, length in pointers
    ]
    spans.sort()
    at = first
    for start, end, _ in spans:
        if not at <= start < end <= last:
            return None
        at = end
    return spans


_STRUCT_FIELD_1_LIST: Final = 0x19


def _walked_spans(value: bytes, at: int, last: int) -> Iterator[_Span]:
    """The indexes that a value opens with, by their own look: a ColumnIndex begins with a list of booleans, an OffsetIndex
    with one of structs (parquet.thrift, ColumnIndex.null_pages and OffsetIndex.page_locations)."""
    while at + 1 < last and value[at] == _STRUCT_FIELD_1_LIST:
        element = value[at + 1] & 0x0F
        kind = RegionKind.OFFSET_INDEX if element == Wire.STRUCT else RegionKind.COLUMN_INDEX
        if element not in (Wire.TRUE, Wire.FALSE, Wire.STRUCT):
            return
        try:
            end = skip_struct(value, at, 0)
        except (IndexError, Unreadable):
            return
        if end > last:
            return
        yield at, end, kind
        at = end


def _merged(spans: list[_Span]) -> Iterator[tuple[int, int, RegionKind, int]]:
    """Neighbours of one kind as one, with how many they are."""
    at = 0
    while at < len(spans):
        start, end, kind = spans[at]
        count = 1
        while at + count < len(spans) and spans[at + count][0] == end and spans[at + count][2] is kind:
            end = spans[at + count][1]
            count += 1
        yield start, end, kind, count
        at += count


def _footer_region(footer: Footer, start: int, end: int) -> Iterator[Region]:
    if footer.problem is None:
        yield Region(RegionKind.FILE_META_DATA, start, footer.end, "FileMetaData")
        if footer.end < end:
            yield Region(RegionKind.UNKNOWN, footer.end, end, "unknown, behind the end of FileMetaData")
    elif footer.problem.ended:
        yield Region(RegionKind.FILE_META_DATA, start, end, "FileMetaData, which goes on past these bytes")
    else:
        stop = min(max(footer.end, start), end)
        yield Region(RegionKind.FILE_META_DATA, start, stop, "FileMetaData, up to where it can be read")
        if stop < end:
            yield Region(RegionKind.UNKNOWN, stop, end, "unknown, behind where reading stopped")


def _behind(value: bytes, start: int, at: int) -> Iterator[Region]:
    """Length words and magics, as often as the value was framed, and what follows them."""
    while at + TRAILER <= len(value):
        magic = value[at + 4 : at + TRAILER]
        length = int.from_bytes(value[at : at + 4], "little")
        if magic not in (MAGIC, ENCRYPTED_MAGIC) or length > at:
            break
        yield from _trailer(at, length, magic, start)
        at += TRAILER
    if at < len(value):
        yield Region(RegionKind.TRAILING, at, len(value), "trailing bytes")


def _trailer(at: int, length: int, magic: bytes, start: int | None = None) -> Iterator[Region]:
    content = at - length
    of = "" if start is None or content == start else f", of all that begins at byte {content:,}"
    yield Region(RegionKind.LENGTH, at, at + 4, f"length word: {length:,}{of}")
    yield Region(RegionKind.MAGIC, at + 4, at + TRAILER, f"magic {magic.decode('ascii')}")


def _without_footer(value: bytes, diagnosis: Diagnosis) -> Iterator[Region]:
    """The map of a value in which nothing is FileMetaData."""
    size = len(value)
    closing = _closing_frame(value, size)
    at = 0
    if diagnosis.cause is Cause.ENCRYPTED and closing is not None:
        at = closing[0]
        if at:
            yield Region(RegionKind.UNKNOWN, 0, at, "unknown")
        reading = read(value, FILE_CRYPTO_META_DATA, at, closing[1])
        if reading.problem is None and reading.struct.fields:
            yield Region(
                RegionKind.CRYPTO_META_DATA, at, reading.end, "FileCryptoMetaData: how the footer is encrypted"
            )
            at = reading.end
        if at < closing[1]:
            yield Region(RegionKind.FILE_META_DATA, at, closing[1], "FileMetaData, encrypted")
        yield from _trailer(closing[1], closing[1] - closing[0], value[-4:])
        return
    if value.startswith(MAGIC):
        yield Region(RegionKind.MAGIC, 0, len(MAGIC), "magic PAR1, as at the beginning of a file")
        at = len(MAGIC)
        if at < size:
            yield Region(RegionKind.FILE_DATA, at, size, "the file's data, cut off")
        return
    for first, last, kind, count in _merged(list(_walked_spans(value, 0, size))):
        yield Region(kind, first, last, _index_words(kind, count))
        at = last
    if at < size:
        yield Region(RegionKind.UNKNOWN, at, size, "unknown")
