"""What makes each cause believable: sentences with the numbers that an engineer can check."""

from __future__ import annotations

from refooter.diagnosis.case import Case
from refooter.parquet.chunks import Chunks
from refooter.parquet.frame import MAGIC, tiling
from refooter.values import Layout


def where(case: Case) -> str:
    """Where FileMetaData stands in the value."""
    details = case.details
    return f"FileMetaData starts at byte {details.start} and is {details.length} bytes long"


def page_index_prefix(case: Case) -> str:
    start = case.details.start
    chunks = case.details.chunks
    pointed = chunks.pointed
    if not case.details.whole:
        return f"{start} bytes, a page index by their look, stand before what begins like FileMetaData at byte {start}"
    if case.found.layout is Layout.FILE_TAIL:
        if not any(pointed):
            return f"{start} bytes stand before the footer, which points to no page index; {where(case)}"
        return (
            f"the first {start} bytes are the end of the file: every page-index pointer lies behind the last column "
            f"chunk, which ends at byte {chunks.end} of the file; {where(case)}"
        )
    if tiling(chunks) == start:
        return f"bytes 0-{start - 1} are {_indexes(*pointed)} of {_count(len(chunks), 'column chunk')}; {where(case)}"
    return (
        f"{start} bytes stand before the footer, and its {sum(pointed)} page-index pointers neither tile them nor "
        f"all lie behind the last column chunk, which ends at byte {chunks.end} of the file; {where(case)}"
    )


def _indexes(columns: int, offsets: int) -> str:
    kinds = [name for name, count in (("column", columns), ("offset", offsets)) if count]
    return f"the {' and '.join(kinds)} indexes"


def whole_file(case: Case) -> str:
    return (
        f"the value begins and ends with PAR1 and its column chunks lie in bytes 4-{case.details.chunks.end - 1}; "
        f"{where(case)}"
    )


def missing_num_rows(case: Case) -> str:
    return f"FileMetaData has no field 3 (num_rows); its {_groups_hold(case)}"


def arrow_schema(case: Case) -> str:
    return "with the key ARROW:schema renamed, and nothing else changed, the target parser accepts the footer"


def truncated(case: Case) -> str:
    size = len(case.value)
    start = case.details.start
    if case.value.startswith(MAGIC):
        return f"the value begins with PAR1 as a file does, and its {size} bytes end before the footer"
    if case.details.version is None and size > 1:
        return f"the value begins like a page index, and its {size} bytes end inside of it"
    return f"FileMetaData starts at byte {start} and goes on past the end of the value, which has {size} bytes"


def empty(case: Case) -> str:
    return "the value is one zero byte" if case.value else "the value has no bytes"


def encrypted(case: Case) -> str:
    return "the value ends with PARE, the magic of an encrypted footer"


def malformed(case: Case) -> str:
    if case.details.whole:
        words = f"{where(case)} and can be read, but the target parser rejects it: {case.inner.error}"
    elif case.details.problem is not None:
        words = f"what starts at byte {case.details.start} is not FileMetaData: {case.details.problem}"
    elif case.details.outline:
        words = f"{where(case)}, but does not say what every FileMetaData does; the target parser says: {case.verdict.error}"
    else:
        words = f"no FileMetaData was found in the {len(case.value)} bytes"
    return words


def zero_num_rows(case: Case) -> str:
    return f"FileMetaData.num_rows is 0, but its {_groups_hold(case)}"


def row_count_mismatch(case: Case) -> str:
    said = []
    if case.details.num_rows is not None and case.details.num_rows != case.rows:
        said.append(f"FileMetaData.num_rows is {case.details.num_rows}")
    if case.question.num_rows and case.question.num_rows != case.rows:
        said.append(f"the catalog says {case.question.num_rows}")
    return f"the {_groups_hold(case)}, but {' and '.join(said)}"


def dangling_page_index(case: Case) -> str:
    chunks = case.details.chunks
    pointers = chunks.column_indexes + chunks.offset_indexes
    first = min(offset for offset, _ in pointers)
    last = max(offset + (length or 0) for offset, length in pointers)
    sentence = (
        f"the page-index pointers go from byte {first} to {last} of the file, but the last column chunk ends at byte "
        f"{chunks.end}"
    )
    if case.data_limit is not None:
        sentence += f" and the file's footer begins at byte {case.data_limit}"
    if case.found.layout is Layout.CUT_OUT:
        sentence += f"; they tile bytes 0-{last - 1} of a prefix that is not there"
    return sentence


def chunk_out_of_bounds(case: Case) -> str:
    wrong = out_of_bounds(case)
    start, size, dictionary = wrong[0]
    first, limit = case.chunk_range
    room = f"bytes {first}-{limit}" if limit is not None else f"what begins at byte {first}"
    place = f"starts at byte {start} and is {size} bytes long"
    if dictionary is not None and dictionary < first:
        place += f", with its dictionary page at byte {dictionary}"
    of = _count(len(case.details.chunks), "column chunk")
    return f"{len(wrong)} of {of} lie outside of {room} of the file: the first {place}"


def out_of_bounds(case: Case) -> list[tuple[int | None, int | None, int | None]]:
    """Start, length and dictionary page offset of every column chunk that no sound file has."""
    chunks: Chunks = case.details.chunks
    first, limit = case.chunk_range
    return [
        (start, size, dictionary)
        for start, size, data, dictionary in zip(
            chunks.starts, chunks.sizes, chunks.data_offsets, chunks.dictionary_offsets, strict=True
        )
        if (start is not None and start < first)
        or (data is not None and data < 0)
        or (size is not None and size < 0)
        or (dictionary is not None and dictionary < first)
        or (limit is not None and start is not None and size is not None and start + size > limit)
    ]


def outdated_version(case: Case) -> str:
    return "partition_format_version 1: the engine reads it through a slow path with a second query per file"


def _groups_hold(case: Case) -> str:
    number = len(case.found.facts.row_groups)
    return f"{_count(number, 'row group')} {'holds' if number == 1 else 'hold'} {case.rows} rows"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
