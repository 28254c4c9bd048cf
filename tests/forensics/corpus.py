"""The seeded corpus: every kind of value made from every file that allows it, with the cause that its making implies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from forensics.writers import Written, all_written, chunks, pointers, tree
from refooter.demo import values
from refooter.demo.files import ParquetFile
from refooter.parquet.edit import insertion_edits, integer_edit, remove_field, set_integer, splice
from refooter.parquet.thrift import Field, Struct, Wire
from refooter.values import Cause, Layout, Question

_Build = Callable[[ParquetFile], bytes]
_Allows = Callable[[Written], bool]


@dataclass(frozen=True, slots=True)
class Seeded:
    """One value, what the catalog says of its file, and what must be found.

    `causes` are all that hold, in ascending order; the last one is the cause. `layout` is `None` where nothing is implied.
    `accepted` is what both engines' parsers must say.
    """

    file: Written
    kind: str
    question: Question
    causes: tuple[Cause, ...]
    layout: Layout | None
    accepted: bool

    @property
    def cause(self) -> Cause:
        return self.causes[-1] if self.causes else Cause.NONE

    @classmethod
    def sound(cls, file: Written) -> Seeded:
        """The file's own footer, beside a catalog that is right about it."""
        return cls(file, "raw", Question(file.footer, file.num_rows, len(file.data), (2, 2)), (), Layout.RAW, True)

    def __str__(self) -> str:
        return f"{self.kind} of {self.file}"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to make a value. `causes` ascending, empty for a sound one; `allows` says of which files it can be made."""

    name: str
    build: _Build
    causes: tuple[Cause, ...]
    layout: Layout | None
    accepted: bool
    allows: _Allows


def has_index(file: Written) -> bool:
    return bool(pointers(file.footer))


def has_rows(file: Written) -> bool:
    return file.num_rows > 0


def _any(_: Written) -> bool:
    return True


def has_arrow_schema(file: Written) -> bool:
    return b"ARROW:schema" in file.footer


def _loses_rows(file: Written) -> bool:
    """Whether it holds several row groups, the last of which is not empty."""
    return len(file.group_rows) > 1 and file.group_rows[-1] > 0


def _loses_nothing(file: Written) -> bool:
    return len(file.group_rows) > 1 and file.group_rows[-1] == 0


def _has_dictionary(file: Written) -> bool:
    return any(meta.value(11) for meta in _metas(file.footer))


def _ends_without_dictionary(file: Written) -> bool:
    """Whether its last column chunk starts with a data page. A chunk with a dictionary is found, whole, by that alone."""
    return has_rows(file) and not list(_metas(file.footer))[-1].value(11)


def _metas(content: bytes) -> Iterator[Struct]:
    for chunk in chunks(content):
        meta = chunk.value(3)
        assert isinstance(meta, Struct)
        yield meta


def _field(struct: Struct, id: int) -> Field:
    found = struct.get(id)
    assert found is not None
    return found


_DEMO_ALLOWS: Final[dict[str, _Allows]] = {
    **dict.fromkeys(
        ("prefixed", "prefixed_framed_twice", "prefixed_trailing_bytes", "file_tail", "cut_out"), has_index
    ),
    "zero_num_rows": has_rows,
    **dict.fromkeys(("lost_row_group", "lost_row_group_and_count"), _loses_rows),
    **dict.fromkeys(("chunk_past_end", "chunk_negative"), has_rows),
    "dictionary_offset_zero": _has_dictionary,
    "damaged_arrow_schema": has_arrow_schema,
}


def _cut_out_framed(file: ParquetFile) -> bytes:
    return values.frame(values.cut_out(file))


def _prefixed_without_frame(file: ParquetFile) -> bytes:
    return values.prefixed(file)[:-8]


def _prefixed_missing_num_rows(file: ParquetFile) -> bytes:
    return _prefix(file) + values.frame(_without_num_rows(values.cut_out(file)))


def _prefixed_zero_num_rows(file: ParquetFile) -> bytes:
    content = values.cut_out(file)
    return _prefix(file) + values.frame(set_integer(content, _field(tree(content), 3), 0))


def _prefixed_damaged_arrow_schema(file: ParquetFile) -> bytes:
    return _prefix(file) + values.frame(_without_base64(values.cut_out(file)))


def _damaged_and_missing(file: ParquetFile) -> bytes:
    return _without_num_rows(_without_base64(values.raw(file)))


def _prefix(file: ParquetFile) -> bytes:
    return values.prefixed(file)[: -8 - len(values.cut_out(file))]


def _without_num_rows(content: bytes) -> bytes:
    return remove_field(content, tree(content), 3)


def _without_base64(content: bytes) -> bytes:
    at = content.index(b"ARROW:schema") + 40
    return content[:at] + b"!" + content[at + 1 :]


def _longer_file_tail(file: ParquetFile) -> bytes:
    """A suffix read of the file that begins in the middle of its data."""
    tail = values.file_tail(file)
    data = len(file.data) - len(tail)
    return file.data[4 + (data - 4) // 2 :]


def _half_of_the_file(file: ParquetFile) -> bytes:
    return file.data[: len(file.data) // 2]


def _one_pointer_into_data(file: ParquetFile) -> bytes:
    content = values.raw(file)
    return splice(content, [integer_edit(pointers(content)[-1], 4)])


def _one_pointer_past_end(file: ParquetFile) -> bytes:
    content = values.raw(file)
    return splice(content, [integer_edit(pointers(content)[0], len(file.data) + 5)])


def _data_offset(offset: int) -> _Build:
    def build(file: ParquetFile) -> bytes:
        content = values.raw(file)
        return splice(content, [integer_edit(_field(list(_metas(content))[-1], 9), offset)])

    return build


def _bad_dictionary_offset(offset: int) -> _Build:
    def build(file: ParquetFile) -> bytes:
        content = values.raw(file)
        meta = next(_metas(content))
        had = meta.get(11)
        edits = insertion_edits(meta, 11, Wire.I64, offset) if had is None else [integer_edit(had, offset)]
        return splice(content, edits)

    return build


def _rows_off_by(more: int) -> _Build:
    def build(file: ParquetFile) -> bytes:
        content = values.raw(file)
        return set_integer(content, _field(tree(content), 3), file.num_rows + more)

    return build


def _negative_rows(file: ParquetFile) -> bytes:
    """As many bytes long as the true number: zigzag varints of n and -n are."""
    content = values.raw(file)
    return set_integer(content, _field(tree(content), 3), -max(1, file.num_rows))


def _cut_at(share: float, of: _Build = values.raw) -> _Build:
    def build(file: ParquetFile) -> bytes:
        whole = of(file)
        return whole[: max(2, int(len(whole) * share))]

    return build


def _prefix_cut(share: float) -> _Build:
    return lambda file: _prefix(file)[: max(2, int(len(_prefix(file)) * share))]


def _rotten_type(file: ParquetFile) -> bytes:
    """SchemaElement.repetition_type (field 3) or .name (4) of the last element: a type that the protocol lacks."""
    content = values.raw(file)
    schema = _field(tree(content), 2)
    return splice(content, [(schema.end - 1, schema.end, b"\x1e")])


_PREFIX, _DANGLING, _BOUNDS = Cause.PAGE_INDEX_PREFIX, Cause.DANGLING_PAGE_INDEX, Cause.CHUNK_OUT_OF_BOUNDS
_MISSING, _ZERO, _MISMATCH = Cause.MISSING_NUM_ROWS, Cause.ZERO_NUM_ROWS, Cause.ROW_COUNT_MISMATCH
_SCHEMA, _CUT = Cause.ARROW_SCHEMA, Cause.TRUNCATED


_LARGE: Final = 20_000
"""Bytes of a footer, from which on only the demo's values are made of it: taking it apart is what costs time here."""


def _both(first: _Allows, second: _Allows) -> _Allows:
    return lambda file: first(file) and second(file)


_MORE: Final = (
    Way("lost_empty_row_group", values.lost_row_group, (), Layout.FRAMED, True, _loses_nothing),
    Way("cut_out_framed", _cut_out_framed, (_DANGLING,), Layout.CUT_OUT, True, has_index),
    Way("one_pointer_into_data", _one_pointer_into_data, (_DANGLING,), Layout.RAW, True, has_index),
    Way("one_pointer_past_end", _one_pointer_past_end, (_DANGLING,), Layout.RAW, True, has_index),
    Way("prefixed_without_frame", _prefixed_without_frame, (_PREFIX,), Layout.PREFIXED, False, has_index),
    Way(
        "prefixed_missing_num_rows", _prefixed_missing_num_rows, (_PREFIX, _MISSING), Layout.PREFIXED, False, has_index
    ),
    Way(
        "prefixed_zero_num_rows",
        _prefixed_zero_num_rows,
        (_ZERO, _PREFIX),
        Layout.PREFIXED,
        False,
        _both(has_index, has_rows),
    ),
    Way(
        "prefixed_damaged_arrow_schema",
        _prefixed_damaged_arrow_schema,
        (_PREFIX, _SCHEMA),
        Layout.PREFIXED,
        False,
        _both(has_index, has_arrow_schema),
    ),
    Way("damaged_and_missing", _damaged_and_missing, (_MISSING, _SCHEMA), Layout.RAW, False, has_arrow_schema),
    Way("longer_file_tail", _longer_file_tail, (_PREFIX,), Layout.FILE_TAIL, False, has_index),
    Way("num_rows_one_more", _rows_off_by(1), (_MISMATCH,), Layout.RAW, True, _any),
    Way("num_rows_negative", _negative_rows, (_MISMATCH,), Layout.RAW, True, _any),
    Way("num_rows_huge", _rows_off_by(2**40), (_MISMATCH,), Layout.RAW, True, _any),
    Way("data_offset_3", _data_offset(3), (_BOUNDS,), Layout.RAW, True, has_rows),
    Way("data_offset_negative", _data_offset(-9), (_BOUNDS,), Layout.RAW, True, has_rows),
    Way("data_offset_past_end", _data_offset(2**40), (_BOUNDS,), Layout.RAW, True, _ends_without_dictionary),
    Way("dictionary_offset_3", _bad_dictionary_offset(3), (_BOUNDS,), Layout.RAW, True, has_rows),
    Way("dictionary_offset_negative", _bad_dictionary_offset(-4), (_BOUNDS,), Layout.RAW, True, has_rows),
    Way("cut_early", _cut_at(0.02), (_CUT,), Layout.UNKNOWN, False, _any),
    Way("cut_in_the_middle", _cut_at(0.37), (_CUT,), Layout.UNKNOWN, False, _any),
    Way("cut_late", _cut_at(0.97), (_CUT,), Layout.UNKNOWN, False, _any),
    Way("cut_file", _half_of_the_file, (_CUT,), Layout.UNKNOWN, False, _any),
    Way("cut_prefix", _prefix_cut(0.5), (_CUT,), Layout.UNKNOWN, False, has_index),
    Way("rotten_schema_end", _rotten_type, (Cause.MALFORMED,), Layout.UNKNOWN, False, _any),
)


def ways() -> tuple[Way, ...]:
    """Those of the demo, and more."""
    return (
        *(
            Way(
                kind.name,
                kind.build,
                () if kind.cause is Cause.NONE else (kind.cause,),
                kind.layout,
                kind.accepted,
                _DEMO_ALLOWS.get(kind.name, _any),
            )
            for kind in values.KINDS.values()
        ),
        *_MORE,
    )


@cache
def seeded() -> tuple[Seeded, ...]:
    """All of it: every way with every file, and the values that only the catalog makes wrong."""
    made: list[Seeded] = []
    for file in all_written():
        source = ParquetFile(file.name, file.data, file.num_rows, len(file.group_rows))
        for way in ways() if len(file.footer) < _LARGE else ways()[: len(values.KINDS)]:
            if way.allows(file):
                question = Question(way.build(source), file.num_rows, len(file.data), (2, 2))
                made.append(Seeded(file, way.name, question, way.causes, way.layout, way.accepted))
        made += _by_the_catalog(Seeded.sound(file))
    return tuple(made)


def _by_the_catalog(sound: Seeded) -> Iterator[Seeded]:
    """The file's own footer, beside which the catalog says something else."""
    question = sound.question
    yield replace(
        sound,
        kind="outdated_version",
        question=replace(question, versions=(1, 1)),
        causes=(Cause.OUTDATED_VERSION,),
    )
    yield replace(
        sound,
        kind="another_files_row_count",
        question=replace(question, num_rows=sound.file.num_rows + 5),
        causes=(_MISMATCH,),
    )
    yield replace(sound, kind="no_row_count_recorded", question=replace(question, num_rows=None))
    yield replace(sound, kind="no_file_size_recorded", question=replace(question, file_size=None))
