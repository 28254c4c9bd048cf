"""`inspect` as a library: entries, raw values and files, with what would take their place, and nothing written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from refooter.demo.server import Server
from refooter.demo.values import KINDS, footer
from refooter.errors import NothingSelected, UsageError
from refooter.jobs.inspect import MAX_INDEX_BYTES, Inspection, inspect_blob, inspect_entry, inspect_file
from refooter.jobs.inspected import LIST_LIMIT, inspection_fields
from refooter.jobs.lake import Lake, Session
from refooter.jobs.replacement import NOT_ASKED
from refooter.settings import Settings
from refooter.store import StoreFailure, open_store
from refooter.values import Cause, Outcome, Reason, Status
from support.kinds import Kept, put_entry, put_kinds
from support.tables import execute, table_digests

T = TypeVar("T")


@dataclass
class Here:
    """A lake with an entry of every kind."""

    dsn: str
    root: Path
    kept: dict[str, Kept]
    session: Session

    def entry(self, name: str, *, store: bool = True, path: str | None = None, ask_store: bool = True) -> Inspection:
        return self.with_lake(
            lambda lake: inspect_entry(lake, path or self.kept[name].path, ask_store=ask_store), store=store
        )

    def with_lake(self, work: Callable[[Lake], Awaitable[T]], *, store: bool = True) -> T:
        session = self.session

        async def within() -> T:
            settings = session.settings
            try:
                session.settings = Settings(
                    dsn=self.dsn, store=self.root.as_uri() if store else None, read_only=True, workers=1
                )
                async with session.open() as lake:
                    return await work(lake)
            finally:
                session.settings = settings

        return asyncio.run(within())

    def blob(self, tmp_path: Path, value: bytes, **says: int) -> Inspection:
        file = tmp_path / "blob"
        file.write_bytes(value)
        return asyncio.run(inspect_blob(self.session.judges, str(file), **says))

    def file(self, uri: str) -> Inspection:
        return asyncio.run(inspect_file(self.session.judges, uri))


@pytest.fixture(scope="module")
def here(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    dsn = server.create_database("inspect_kinds")
    root = tmp_path_factory.mktemp("kinds")
    kept = put_kinds(dsn, root)
    with Session(Settings(dsn=dsn, workers=1)) as session:
        yield Here(dsn, root, kept, session)
    server.drop_database("inspect_kinds")


def json_of(found: Inspection) -> dict[str, Any]:
    """Through JSON and back: what a script gets."""
    told: dict[str, Any] = json.loads(json.dumps(inspection_fields(found), ensure_ascii=True, allow_nan=False))
    return told


@pytest.mark.parametrize("name", KINDS)
def test_an_entry_of_every_kind_is_told_with_what_would_take_its_place(here: Here, name: str) -> None:
    kept = here.kept[name]
    found = here.entry(name)
    assert found.diagnosis.cause is kept.kind.cause
    assert found.value == kept.value
    assert found.after is not None
    replacement = found.after.replacement
    own = footer(kept.file.data)
    if kept.kind.cause is Cause.NONE:
        assert replacement.outcome is Outcome.SKIPPED
    elif kept.kind.cause is Cause.ENCRYPTED:
        assert (replacement.outcome, replacement.reason) == (Outcome.FAILED, Reason.REJECTED)
    else:
        assert (replacement.outcome, replacement.proved, replacement.value) == (Outcome.WOULD_MIGRATE, True, own)
        assert replacement.diagnosis is not None
        assert replacement.diagnosis.status is Status.OK
    told = json_of(found)
    assert told["sha256"] == sha256(kept.value).hexdigest()
    assert (told["after"]["outcome"], told["after"]["size"]) == (
        replacement.outcome,
        None if replacement.value is None else len(replacement.value),
    )


@pytest.mark.parametrize("name", KINDS)
def test_a_raw_value_of_every_kind_is_told_like_the_entry_if_the_catalogs_numbers_are_given(
    here: Here, name: str, tmp_path: Path
) -> None:
    kept = here.kept[name]
    found = here.blob(tmp_path, kept.value, num_rows=kept.file.num_rows, file_size=len(kept.file.data))
    entry = here.entry(name, store=False)
    assert found.diagnosis == entry.diagnosis
    assert (found.regions, found.marks, found.footer is None) == (entry.regions, entry.marks, entry.footer is None)
    assert found.after is not None
    assert entry.after is not None
    assert found.after.replacement.value == entry.after.replacement.value
    assert found.after.replacement.outcome is entry.after.replacement.outcome


def test_nothing_is_written_whatever_is_inspected(here: Here) -> None:
    before = table_digests(here.dsn)
    for name in ("prefixed", "truncated", "zero_num_rows"):
        here.entry(name)
    assert table_digests(here.dsn) == before


def test_without_a_store_only_repairs_are_shown_and_it_says_so(here: Here) -> None:
    repaired = here.entry("prefixed", store=False).after
    assert repaired is not None
    assert (repaired.replacement.how, repaired.replacement.proved) == ("true_pointers", True)
    unread = here.entry("truncated", store=False).after
    assert unread is not None
    assert unread.replacement.reason is Reason.NEEDS_FILE
    assert "no object store is named" in unread.replacement.sentence


def test_a_store_that_is_not_to_be_asked_gets_no_request_and_what_it_would_be_asked_for_stays_open(here: Here) -> None:
    requests: list[int] = []

    async def of(lake: Lake, path: str) -> Inspection:
        found = await inspect_entry(lake, path, ask_store=False)
        requests.append(lake.need_store().counts.requests)
        return found

    open_question = here.with_lake(lambda lake: of(lake, here.kept["truncated"].path))
    assert open_question.after is not None
    replacement = open_question.after.replacement
    assert (replacement.outcome, replacement.reason, replacement.how) == (None, None, "refetch")
    assert (replacement.value, open_question.after.footer) == (None, None)
    assert replacement.sentence == NOT_ASKED
    assert json_of(open_question)["after"]["outcome"] is None
    proved = here.with_lake(lambda lake: of(lake, here.kept["prefixed"].path)).after
    assert proved is not None
    assert proved == here.entry("prefixed").after
    assert requests == [0, 0]


def test_a_repair_that_nothing_proves_is_at_hand_where_the_store_is_not_to_be_asked(here: Here) -> None:
    kept = here.kept["prefixed"]
    execute(here.dsn, "UPDATE lakehouse_partitions SET file_size = NULL WHERE file_path = %s", kept.path)
    try:
        after = here.entry("prefixed", ask_store=False).after
    finally:
        size = len(kept.file.data)
        execute(here.dsn, "UPDATE lakehouse_partitions SET file_size = %s WHERE file_path = %s", size, kept.path)
    assert after is not None
    assert (after.replacement.outcome, after.replacement.how, after.replacement.proved) == (
        None,
        "without_pointers",
        False,
    )
    assert after.replacement.sentence.startswith(NOT_ASKED)
    assert "which nothing proves" in after.replacement.sentence
    assert after.footer is not None


def test_a_stamp_leaves_the_bytes_and_says_so(here: Here) -> None:
    kept = here.kept["framed"]
    execute(here.dsn, "UPDATE partition_metadata SET partition_format_version = 1 WHERE file_path = %s", kept.path)
    try:
        after = here.entry("framed").after
        assert after is not None
        assert (after.replacement.how, after.replacement.value) == ("stamp", kept.value)
        assert after.differences is not None
        assert after.differences.total == 0
    finally:
        execute(here.dsn, "UPDATE partition_metadata SET partition_format_version = 2 WHERE file_path = %s", kept.path)


def test_a_missing_file_is_believed_only_where_others_can_be_read(here: Here) -> None:
    kept = here.kept["truncated"]
    file = here.root / kept.path
    aside = file.rename(file.with_suffix(".aside"))
    try:
        after = here.entry("truncated").after
        assert after is not None
        assert after.replacement.reason is Reason.FILE_MISSING

        async def nowhere(lake: Lake) -> Inspection:
            async with open_store((here.root / "nowhere").as_uri()) as store:
                return await inspect_entry(replace(lake, store=store), kept.path)

        lost = here.with_lake(nowhere).after
        assert lost is not None
        assert lost.replacement.reason is Reason.STORE_UNREACHABLE
        assert "nothing found under" in lost.replacement.sentence
    finally:
        aside.rename(file)


def test_what_may_not_be_written_is_shown_with_the_reason(here: Here, tmp_path: Path) -> None:
    kept = here.kept["prefixed"]
    found = here.blob(tmp_path, kept.value, num_rows=kept.file.num_rows)
    assert found.after is not None
    replacement = found.after.replacement
    assert (replacement.outcome, replacement.reason) == (Outcome.FAILED, Reason.UNPROVED)
    assert (replacement.how, replacement.proved) == ("without_pointers", False)
    assert replacement.value is not None
    assert found.after.differences is not None
    assert all(one.after is None for one in found.after.differences.kept)


def test_the_files_footer_is_shown_even_where_it_is_not_the_catalogs(here: Here) -> None:
    kept = here.kept["truncated"]
    path = "views/log_entries/global/2026-03-02/other_rows.parquet"
    (here.root / path).write_bytes(kept.file.data)
    with psycopg.connect(here.dsn) as connection:
        put_entry(connection, path, kept.value, kept.file.num_rows + 1, len(kept.file.data))
    found = here.entry("", path=path)
    assert found.after is not None
    assert found.after.replacement.reason is Reason.MISMATCH
    assert found.after.replacement.value == footer(kept.file.data)


def test_the_json_footer_agrees_with_pyarrows_reading(here: Here) -> None:
    kept = here.kept["raw"]
    told = json_of(here.entry("raw"))["footer"]
    theirs = pq.read_metadata(pa.BufferReader(kept.file.data))
    assert (told["created_by"], told["format_version"]) == (theirs.created_by, theirs.format_version)
    for name in ("num_rows", "num_columns", "num_row_groups"):
        assert told[name] == getattr(theirs, name)
    assert told["serialized_size"] == len(kept.value)
    assert [column["path"] for column in told["schema"]] == [
        theirs.schema.column(at).path for at in range(theirs.num_columns)
    ]
    for at, column in enumerate(told["schema"]):
        known = theirs.schema.column(at)
        assert column["physical_type"] == known.physical_type
        assert column["max_definition_level"] == known.max_definition_level
        assert column["max_repetition_level"] == known.max_repetition_level
    for group, known_group in zip(told["row_groups"], map(theirs.row_group, range(theirs.num_row_groups)), strict=True):
        assert group["total_byte_size"] == known_group.total_byte_size
        assert group["columns_total"] == group["num_columns"] == known_group.num_columns
        for at, chunk in enumerate(group["columns"]):
            stored = known_group.column(at)
            for name in (
                "num_values",
                "data_page_offset",
                "total_compressed_size",
                "total_uncompressed_size",
                "has_column_index",
                "has_offset_index",
            ):
                assert chunk[name] == getattr(stored, name)
            assert chunk["path"] == stored.path_in_schema
            assert set(chunk["encodings"]) == set(stored.encodings)
            assert stored.statistics is not None
            assert chunk["statistics"]["null_count"] == stored.statistics.null_count
    assert {pair["key"] for pair in told["key_value_metadata"]} == {"ARROW:schema"}
    assert told["arrow_schema"]["lines_total"] == theirs.num_columns
    assert told["findings"] == []


def test_statistics_say_values_of_the_columns_type(here: Here) -> None:
    chunks = json_of(here.entry("raw"))["footer"]["row_groups"][0]["columns"]
    said = {chunk["path"]: chunk["statistics"] for chunk in chunks}
    assert said["time"]["min"]["value"].startswith("2026-03-02T")
    assert said["time"]["max"]["value"].endswith("Z")
    assert said["time"]["deprecated"] is False


def test_a_footer_that_no_library_accepts_is_in_the_json_all_the_same(here: Here) -> None:
    told = json_of(here.entry("missing_num_rows"))["footer"]
    assert told["num_rows"] is None
    assert told["num_columns"] > 0
    assert [finding["kind"] for finding in told["findings"]] == ["missing"]
    cut = json_of(here.entry("truncated"))["footer"]
    assert cut["whole"] is False
    assert cut["schema_total"] > 0


def test_lists_hold_no_more_than_the_limit_and_say_how_many_there_are(here: Here, tmp_path: Path) -> None:
    out = pa.BufferOutputStream()
    names = [f"c{at}" for at in range(LIST_LIMIT + 5)]
    pq.write_table(pa.table({name: pa.array([1], pa.int8()) for name in names}), out)
    told = json_of(here.blob(tmp_path, footer(out.getvalue().to_pybytes())))["footer"]
    assert (len(told["schema"]), told["schema_total"]) == (LIST_LIMIT, LIST_LIMIT + 5)
    [group] = told["row_groups"]
    assert (len(group["columns"]), group["columns_total"]) == (LIST_LIMIT, LIST_LIMIT + 5)


@pytest.mark.parametrize("name", ["prefixed", "file_tail", "whole_file"])
def test_a_value_with_its_page_index_shows_every_page(here: Here, name: str) -> None:
    found = here.entry(name)
    told = json_of(found)["page_index"]
    assert told["at_hand"]
    assert found.footer is not None
    assert told["chunks_total"] == len(told["chunks"]) == sum(group.column_count for group in found.footer.row_groups)
    for chunk in told["chunks"]:
        rows = found.footer.row_groups[chunk["row_group"]].num_rows
        assert sum(page["rows"] for page in chunk["pages"]) == rows


def test_a_raw_footer_says_that_its_page_index_is_elsewhere(here: Here) -> None:
    told = json_of(here.entry("raw"))["page_index"]
    assert (told["at_hand"], told["chunks"]) == (False, [])
    assert "in the file" in told["where"]


def test_a_files_page_index_is_read_by_one_more_request(here: Here) -> None:
    kept = here.kept["raw"]
    found = here.file((here.root / kept.path).as_uri())
    assert found.diagnosis.status is Status.OK
    assert found.value == footer(kept.file.data)
    in_value = json_of(here.entry("file_tail"))["page_index"]["chunks"]
    assert json_of(found)["page_index"]["chunks"] == in_value


def test_a_file_without_a_page_index_says_so(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "bare.parquet"
    pq.write_table(pa.table({"a": [1, 2, 3]}), file)
    found = here.file(str(file))
    assert found.page_index.data is None
    assert found.page_index.sentence == "the footer points to no page index"


def test_of_a_page_index_far_from_the_footer_only_the_last_part_is_read(here: Here, tmp_path: Path) -> None:
    """The pointers of this file lead to its beginning, from where to its end is more than is read."""
    kept = here.kept["cut_out"]
    file = tmp_path / "far.parquet"
    value = kept.value
    file.write_bytes(b"PAR1" + bytes(MAX_INDEX_BYTES) + value + len(value).to_bytes(4, "little") + b"PAR1")
    found = here.file(str(file))
    assert found.page_index.data is not None
    assert len(found.page_index.data) == MAX_INDEX_BYTES
    assert "8 MiB" in found.page_index.sentence
    assert json_of(found)["page_index"]["chunks"][0]["findings"]


@pytest.mark.parametrize("driver", ["obstore", "fsspec"])
async def test_a_stores_tail_is_the_last_bytes_whatever_is_asked(driver: str, tmp_path: Path) -> None:
    (tmp_path / "object").write_bytes(bytes(range(100)))
    async with open_store(tmp_path.as_uri(), driver) as store:
        for length, expected in ((1, bytes((99,))), (40, bytes(range(60, 100))), (1000, bytes(range(100)))):
            read = await store.read_tail("object", 100, length)
            assert (read.data, read.file_size) == (expected, 100)
        assert (await store.read_tail("object", None, 3)).data == bytes((97, 98, 99))
        with pytest.raises(StoreFailure, match="100 bytes"):
            await store.read_tail("object", 90, 3)


def test_what_is_not_there_is_an_error_of_usage(here: Here, tmp_path: Path) -> None:
    with pytest.raises(NothingSelected):
        here.entry("", path="views/none")
    with pytest.raises(UsageError):
        asyncio.run(inspect_blob(here.session.judges, str(tmp_path / "none")))
    with pytest.raises(NothingSelected):
        here.file(str(tmp_path / "none.parquet"))


def test_a_value_too_large_to_be_read_is_told_without_its_bytes(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = here.kept["raw"]
    monkeypatch.setattr("refooter.catalog.pages.MAX_VALUE_BYTES", len(kept.value) - 1)
    found = here.entry("raw")
    assert (found.value, found.size, found.regions, found.footer) == (None, len(kept.value), (), None)
    assert found.after is not None
    assert found.after.replacement.reason is Reason.TOO_LARGE
    assert json_of(found)["sha256"] is None
