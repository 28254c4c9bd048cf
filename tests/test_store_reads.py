"""Reading footers: the same results, errors and counts from every driver over every kind of store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from refooter.store import FileCheck, StoreFailure, open_store
from refooter.values import FileState, Reason
from stores.files import footer_of, parquet_like
from stores.lakes import Lake, file_lake, memory_lake, moto_server, s3_lake

KIB = 1024
KINDS = ["file-obstore", "file-fsspec", "memory-fsspec", "s3-obstore", "s3-fsspec"]


@pytest.fixture(scope="module")
def moto() -> Iterator[tuple[str, Any]]:
    with moto_server() as server:
        yield server


@pytest.fixture(params=KINDS)
def lake(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    kind, driver = request.param.split("-")
    if kind == "file":
        return file_lake(tmp_path, driver)
    if kind == "memory":
        return memory_lake()
    url, client = request.getfixturevalue("moto")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE123456")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sekret")
    return s3_lake(client, driver)


async def failure_of(lake: Lake, path: str, size: int | None, **options: Any) -> tuple[StoreFailure, int, int]:
    async with open_store(lake.uri, lake.driver, **options) as store:
        with pytest.raises(StoreFailure) as caught:
            await store.read_footer(path, size)
        assert store.counts.by_reason == {caught.value.reason: 1}
        return caught.value, store.counts.requests, store.counts.bytes


async def test_a_footer_is_the_files_own_bytes_by_one_request(lake: Lake) -> None:
    file = parquet_like(200 * KIB, 9 * KIB)
    lake.fill({"views/a/b.parquet": file})
    async with open_store(lake.uri, lake.driver) as store:
        found = await store.read_footer("views/a/b.parquet", len(file))
        assert found.footer == footer_of(file)
        assert found.file_size == len(file)
        assert (store.counts.requests, store.counts.bytes) == (1, 64 * KIB)
        assert store.counts.retries == 0


@pytest.mark.parametrize("size", [13, 100, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1])
async def test_files_around_the_size_of_the_first_request_are_read_by_one(lake: Lake, size: int) -> None:
    file = parquet_like(size, 1)
    lake.fill({"f": file})
    async with open_store(lake.uri, lake.driver) as store:
        assert (await store.read_footer("f", size)).footer == footer_of(file)
        assert (store.counts.requests, store.counts.bytes) == (1, min(size, 64 * KIB))


@pytest.mark.parametrize(
    ("footer", "requests", "received"),
    [(64 * KIB - 8, 1, 64 * KIB), (64 * KIB - 7, 2, 128 * KIB + 1), (299_988, 2, 64 * KIB + 299_996)],
)
async def test_a_larger_footer_takes_the_whole_tail_once_more(
    lake: Lake, footer: int, requests: int, received: int
) -> None:
    file = parquet_like(300_000, footer)
    lake.fill({"f": file})
    async with open_store(lake.uri, lake.driver) as store:
        assert (await store.read_footer("f", 300_000)).footer == footer_of(file)
        assert (store.counts.requests, store.counts.bytes) == (requests, received)


async def test_an_unknown_size_is_asked_for(lake: Lake) -> None:
    file = parquet_like(1000, 100)
    lake.fill({"f": file})
    async with open_store(lake.uri, lake.driver) as store:
        found = await store.read_footer("f", None)
        assert (found.footer, found.file_size) == (footer_of(file), 1000)
        assert (store.counts.requests, store.counts.bytes) == (2, 1000)


@pytest.mark.parametrize("actual", [0, 12, 1000, 99_999, 100_001, 300_000])
async def test_another_size_than_the_catalogs_is_a_mismatch_that_names_both(lake: Lake, actual: int) -> None:
    lake.fill({"f": parquet_like(actual, 1) if actual else b""})
    failure, requests, _ = await failure_of(lake, "f", 100_000)
    assert failure.reason is Reason.MISMATCH
    assert failure.sentence == f"the object holds {actual} bytes, but the catalog says that the file holds 100000"
    # the second one asks how large the object really is, for the sentence
    assert requests == 2


@pytest.mark.parametrize("size", [-1, 2**63 - 1])
async def test_a_size_that_no_file_has_is_a_mismatch_without_a_request(lake: Lake, size: int) -> None:
    failure, requests, _ = await failure_of(lake, "f", size)
    assert (failure.reason, requests) == (Reason.MISMATCH, 0)


@pytest.mark.parametrize("size", [0, 1, 11])
async def test_a_file_below_twelve_bytes_is_not_parquet(lake: Lake, size: int) -> None:
    lake.fill({"f": b"PAR1PAR1PAR1"[:size]})
    failure, _, _ = await failure_of(lake, "f", size)
    assert failure.reason is Reason.NOT_PARQUET
    assert f"holds {size} bytes" in failure.sentence


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (parquet_like(1000, 100, magic=b"PAR2"), "ends with the bytes 50 41 52 32"),
        (parquet_like(1000, 0), "0 bytes long"),
        (parquet_like(1000, 0, says=989), "989 bytes long, but there is room for 988 only"),
        (parquet_like(1000, 0, says=0xFFFFFFFF), "4294967295 bytes long"),
    ],
)
async def test_what_does_not_end_like_parquet_is_not_parquet(lake: Lake, file: bytes, said: str) -> None:
    lake.fill({"f": file})
    failure, requests, _ = await failure_of(lake, "f", len(file))
    assert (failure.reason, requests) == (Reason.NOT_PARQUET, 1)
    assert said in failure.sentence


async def test_an_encrypted_footer_is_handed_over_for_the_target_parser_to_reject(lake: Lake) -> None:
    file = parquet_like(1000, 100, magic=b"PARE")
    lake.fill({"f": file})
    async with open_store(lake.uri, lake.driver) as store:
        assert (await store.read_footer("f", 1000)).footer == footer_of(file)


async def test_a_footer_above_the_bound_is_not_read(lake: Lake) -> None:
    lake.fill({"f": parquet_like(300_000, 200_000)})
    failure, requests, received = await failure_of(lake, "f", 300_000, max_footer=199_999)
    assert (failure.reason, requests, received) == (Reason.TOO_LARGE, 1, 64 * KIB)


@pytest.mark.parametrize("path", ["none", "views", "f/below", "x" * 200 + "/y"])
async def test_what_is_not_there_is_missing(lake: Lake, path: str) -> None:
    lake.fill({"f": parquet_like(100, 1), "views/a": b"x"})
    failure, requests, _ = await failure_of(lake, path, 100)
    assert (failure.reason, requests) == (Reason.FILE_MISSING, 1)
    assert failure.sentence == "there is no such object in the store"
    failure, requests, _ = await failure_of(lake, path, None)
    assert (failure.reason, requests) == (Reason.FILE_MISSING, 1)


NAMES = [
    "c d/x=1/y",
    "a%20b",
    "%2e%2e",
    "100%",
    "a#b",
    "a?b",
    "a?versionId=1",
    "a[b]",
    "a*",
    "{x,y}",
    "~",
    "~root/x",
    "a\\b",
    "a:b",
    "a&<\"'>",
    "a+b",
    "é/日本/e\u0301\u00a0",
    "a::b",
    "...",
    "$HOME",
]


async def test_a_path_names_its_object_literally(lake: Lake) -> None:
    files = {name: parquet_like(500 + index, 50, seed=index) for index, name in enumerate(NAMES)}
    # what a driver that decoded, globbed or cut a name would find instead
    decoys = {name: b"decoy" for name in ("a b", "..%2e", "a", "ab", "x", "aab") if name not in files}
    lake.fill(files | decoys)
    async with open_store(lake.uri, lake.driver) as store:
        for name, file in files.items():
            assert (await store.read_footer(name, len(file))).footer == footer_of(file), name
            assert (await store.read_footer(name, None)).file_size == len(file), name
            assert (await store.check(name, len(file))).state is FileState.PRESENT, name


UNSAFE = ["", "/etc/passwd", "../x", "a/../x", "a/./x", ".", "..", "a//b", "a/", "s3://b/x", "file:/x", "a\0b", "a\nb"]


@pytest.mark.parametrize("path", UNSAFE)
async def test_an_unsafe_path_is_refused_without_a_request(lake: Lake, path: str) -> None:
    failure, requests, _ = await failure_of(lake, path, 100)
    assert (failure.reason, requests) == (Reason.UNSAFE_PATH, 0)


async def test_a_check_reads_the_last_eight_bytes(lake: Lake) -> None:
    file = parquet_like(200 * KIB, 9 * KIB)
    lake.fill({"f": file, "g": b"x" * 1000})
    async with open_store(lake.uri, lake.driver) as store:
        assert await store.check("f", len(file)) == FileCheck(FileState.PRESENT)
        assert (store.counts.requests, store.counts.bytes) == (1, 8)
        states = {
            "another size": (await store.check("f", 77)).state,
            "no magic": (await store.check("g", 1000)).state,
            "not there": (await store.check("h", 77)).state,
            "unsafe": (await store.check("../f", 77)).state,
            "of unknown size": (await store.check("f", None)).state,
        }
    assert states == {
        "another size": FileState.MISMATCH,
        "no magic": FileState.MISMATCH,
        "not there": FileState.MISSING,
        "unsafe": FileState.MISSING,
        "of unknown size": FileState.PRESENT,
    }


async def test_many_reads_at_once_do_not_mix_up_their_bytes(lake: Lake) -> None:
    files = {f"f{index}": parquet_like(2000 + index, 300, seed=index) for index in range(40)}
    lake.fill(files)
    async with open_store(lake.uri, lake.driver, concurrency=8) as store:
        found = await asyncio.gather(
            *(store.read_footer(path, len(file)) for path, file in files.items() for _ in "xy")
        )
    assert [one.footer for one in found] == [footer_of(file) for file in files.values() for _ in "xy"]


@pytest.mark.parametrize("lake", ["s3-obstore", "s3-fsspec"], indirect=True)
async def test_a_missing_bucket_is_not_a_missing_file(lake: Lake) -> None:
    gone = Lake("s3://no-such-bucket-at-all/x", lake.driver, lake.put)
    failure, requests, _ = await failure_of(gone, "f", 100)
    assert (failure.reason, failure.sentence) == (Reason.STORE_UNREACHABLE, "there is no such bucket")
    assert failure.whole_store
    assert requests == 1


@pytest.mark.parametrize("driver", ["obstore", "fsspec"])
async def test_on_disk_a_name_of_an_upload_in_progress_is_unsafe(tmp_path: Path, driver: str) -> None:
    lake = file_lake(tmp_path, driver)
    failure, _, _ = await failure_of(lake, "a#1", 100)
    assert failure.reason is Reason.UNSAFE_PATH


async def test_auto_takes_the_engines_own_client_where_it_serves(tmp_path: Path) -> None:
    expected: dict[str, str] = {
        str(tmp_path): "obstore",
        f"file://{tmp_path}": "obstore",
        "s3://bucket": "obstore",
        "memory://x": "fsspec",
    }
    found = {}
    for uri in expected:
        async with open_store(uri) as store:
            found[uri] = str(store.driver)
    assert found == expected
