"""One value, wherever it comes from, with all that is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from refooter.catalog.pages import read_entries
from refooter.catalog.rights import check_may_read
from refooter.diagnosis.differences import Differences, compare
from refooter.diagnosis.marks import Mark, marks_of
from refooter.diagnosis.regions import Mapped, Region, map_value
from refooter.errors import NothingSelected, StoreUnreachable, UsageError
from refooter.jobs.examine import entry_result, judged
from refooter.jobs.lake import Lake
from refooter.jobs.replacement import Replacement, replacement_of, replacement_of_value
from refooter.parquet.footer import Chunk, Footer, RowGroup, read_footer
from refooter.parquet.page_index import PageIndex, read_page_index
from refooter.store import FooterRead, Store, StoreFailure, open_store
from refooter.store.shown import shown
from refooter.target.workers import Judges
from refooter.values import Diagnosis, Entry, EntryResult, Layout, Partitions, Question, Reason, Wanted

MAX_BLOB_BYTES: Final = 64 << 20
MAX_INDEX_BYTES: Final = 8 << 20
"""The largest tail of a file that is read for its page index."""


@dataclass(frozen=True, slots=True)
class PageIndexBytes:
    """Where page indexes can be read: `data[0]` is the byte `start` of what the pointers are into.

    `data` is `None` where there is none, and `sentence` says why, or else where `data` is from. `pointed_to`: the footer
    has pointers to page indexes.
    """

    sentence: str
    data: bytes | None = None
    start: int = 0
    pointed_to: bool = True

    def of(self, group: RowGroup, chunk: Chunk) -> PageIndex | None:
        """The page index of a column chunk, `None` where it has none or none is at hand."""
        if self.data is None or (chunk.column_index is None and chunk.offset_index is None):
            return None
        return read_page_index(self.data, chunk, data_start=self.start, num_rows=group.num_rows)


@dataclass(frozen=True, slots=True)
class After:
    """What would take the value's place; `footer` and `differences` are there where both sides can be decoded."""

    replacement: Replacement
    footer: Footer | None = None
    differences: Differences | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """A value with all that is known of it.

    `name` is the path or URI that was asked for. `value` is `None` for one too large to be read, `size` its length in
    bytes. `footer` is FileMetaData as far as it could be read, at its place in the value, `None` where nothing looks like
    one. `regions` cover the value without a gap, `marks` point at what diagnosis and decoder speak of. `after` is `None`
    where no replacement was looked for.
    """

    name: str
    size: int
    value: bytes | None
    diagnosis: Diagnosis
    footer: Footer | None
    regions: tuple[Region, ...]
    marks: tuple[Mark, ...]
    page_index: PageIndexBytes
    after: After | None = None
    entry: Entry | None = None
    result: EntryResult | None = None


async def inspect_entry(lake: Lake, file_path: str, *, ask_store: bool = True) -> Inspection:
    """An entry of the catalog, and what a migration would put in its place; nothing is written.

    Without `ask_store` not one request is made to the store, also where a migration would read the file (`replacement_of`).
    Raises `NothingSelected` where there is no entry of that path.
    """
    await check_may_read(lake.database)
    entries = await read_entries(lake.database, [file_path])
    if not entries:
        raise NothingSelected(f"no entry {file_path!r} in the catalog; `refooter scan -o FILE` lists them")
    [(entry, diagnosis)] = await judged(lake, entries, Wanted.MENDED)
    replacement = await replacement_of(lake, entry, diagnosis, ask_store=ask_store)
    return _inspection(file_path, entry, diagnosis, replacement, entry_result(entry, diagnosis))


async def inspect_blob(
    judges: Judges[Diagnosis], path: str, *, num_rows: int | None = None, file_size: int | None = None
) -> Inspection:
    """A value of `partition_metadata.metadata`, saved to a file as it is. Raises `UsageError`.

    `num_rows` and `file_size` (in bytes) are what the catalog would say of the value's file; with one of them, or where
    the value itself vouches, there is a replacement, as far as the value itself gives one.
    """
    value = _read_blob(Path(path))
    [diagnosis] = await judges.examine([Question(value, num_rows, file_size, wanted=Wanted.MENDED)])
    partitions = Partitions(1, () if num_rows is None else (num_rows,), (file_size,))
    entry = Entry(path, value, len(value), None, None, partitions)
    known = num_rows is not None or file_size is not None or diagnosis.repair is not None
    replacement = await replacement_of_value(judges, entry, diagnosis) if known else None
    return _inspection(path, entry, diagnosis, replacement)


async def inspect_file(judges: Judges[Diagnosis], uri: str, driver: str = "auto") -> Inspection:
    """A Parquet file's own footer, local or remote, and its page index. Raises `UsageError`, `NothingSelected`,
    `StoreUnreachable`."""
    root, name = _root_and_name(uri)
    async with open_store(root, driver) as store:
        try:
            found = await store.read_footer(name, None)
        except StoreFailure as failure:
            if failure.reason in (Reason.STORE_DENIED, Reason.STORE_UNREACHABLE):
                raise StoreUnreachable(
                    f"cannot read {shown(uri)}: {failure.sentence}; see the store, then run again"
                ) from None
            if failure.reason is Reason.FILE_MISSING:
                raise NothingSelected(f"cannot read {shown(uri)}: {failure.sentence}; check the address") from None
            raise UsageError(f"cannot inspect {shown(uri)}: {failure.sentence}; name another file") from None
        question = Question(found.footer, None, found.file_size)
        [diagnosis] = await judges.examine([question])
        mapped = map_value(found.footer, diagnosis, found.file_size)
        page_index = await _page_index_of_file(store, name, found, mapped)
    marks = marks_of(found.footer, mapped, diagnosis, question)
    return Inspection(
        shown(uri), len(found.footer), found.footer, diagnosis, mapped.footer, mapped.regions, marks, page_index
    )


def _inspection(
    name: str,
    entry: Entry,
    diagnosis: Diagnosis,
    replacement: Replacement | None,
    result: EntryResult | None = None,
) -> Inspection:
    """Of an entry, or of a blob as the entry that it would be (then without a `result`)."""
    shown = None if result is None else entry
    value = entry.value
    if value is None:
        after = None if replacement is None else After(replacement)
        nothing = PageIndexBytes("the value was not read", pointed_to=False)
        return Inspection(name, entry.size, None, diagnosis, None, (), (), nothing, after, shown, result)
    partitions = entry.partitions
    mapped = map_value(value, diagnosis, partitions.agreed_file_size)
    question = Question(value, partitions.agreed_num_rows, partitions.agreed_file_size, entry.versions)
    return Inspection(
        name,
        entry.size,
        value,
        diagnosis,
        mapped.footer,
        mapped.regions,
        marks_of(value, mapped, diagnosis, question),
        _page_index_of_value(value, diagnosis, mapped),
        None if replacement is None else _after(value, mapped, replacement),
        shown,
        result,
    )


def _after(value: bytes, mapped: Mapped, replacement: Replacement) -> After:
    if replacement.value is None or replacement.diagnosis is None:
        return After(replacement)
    facts = replacement.diagnosis.facts
    footer = read_footer(replacement.value, 0 if facts is None else facts.start)
    differences = None if mapped.footer is None else compare(mapped.footer, value, footer, replacement.value)
    return After(replacement, footer, differences)


def _page_index_of_value(value: bytes, diagnosis: Diagnosis, mapped: Mapped) -> PageIndexBytes:
    if mapped.footer is None:
        return PageIndexBytes("no footer that could point to a page index", pointed_to=False)
    if mapped.index_base is not None:
        return PageIndexBytes("in the value itself", value, mapped.index_base)
    if not any(mapped.found.details.chunks.pointed):
        return PageIndexBytes("the footer points to no page index", pointed_to=False)
    if diagnosis.layout is not Layout.CUT_OUT and mapped.found.details.start == 0:
        return PageIndexBytes("in the file: `inspect --file` shows it")
    return PageIndexBytes("not in the value, although its pointers lead there")


async def _page_index_of_file(store: Store, name: str, found: FooterRead, mapped: Mapped) -> PageIndexBytes:
    """One more request, for the file's tail from its first index on."""
    offsets, _ = mapped.found.details.chunks.page_indexes
    if mapped.footer is None or not offsets:
        return PageIndexBytes("the footer points to no page index", pointed_to=False)
    length = found.file_size - min(offsets)
    if not 0 < length <= found.file_size:
        return PageIndexBytes("said to lie outside of the file")
    if length > MAX_INDEX_BYTES:
        # the footer's end is near the file's: what is nearest to it is read
        length = MAX_INDEX_BYTES
    try:
        tail = await store.read_tail(name, found.file_size, length)
    except StoreFailure as failure:
        return PageIndexBytes(f"in the file, but could not be read: {failure.sentence}")
    start = tail.file_size - len(tail.data)
    whole = "" if start <= min(offsets) else f", of which the last {MAX_INDEX_BYTES >> 20} MiB are read"
    return PageIndexBytes(f"in the file{whole}", tail.data, start)


def _root_and_name(uri: str) -> tuple[str, str]:
    if "://" in uri and "?" in uri:
        # as a lake's root has none: what stands there may be a signature
        raise UsageError(f"{shown(uri)} has a query string, which nothing reads: write %3F for a ? in a name")
    root, _, name = (uri if "://" in uri else str(Path(uri).absolute())).rstrip("/").rpartition("/")
    if not name or root.endswith(":/"):
        raise UsageError(
            f"not the address of a file: {shown(uri)!r}; give one such as s3://bucket/lake/a.parquet or a path"
        )
    return root or "/", unquote(name) if "://" in uri else name


def _read_blob(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BLOB_BYTES:
            raise UsageError(
                f"{path} is larger than any value that is read ({MAX_BLOB_BYTES >> 20} MiB); name another file"
            )
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror or type(error).__name__}; name a file that can be read"
        ) from None
