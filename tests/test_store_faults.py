"""Stores that refuse, stall, lie or break off: judged by bytes, asked again in time, told in one clean sentence."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from refooter.store import Patience, StoreFailure, open_store
from refooter.store.failures import scrubbed
from refooter.values import FileState, Reason
from stores.files import footer_of, parquet_like
from stores.quirky import QuirkyServer, quirky_server

SIZE = 200_000
FILE = parquet_like(SIZE, 9_000)
TAIL = 64 * 1024
SECRET = "sekret0123456789"
KEY_ID = "AKIAEXAMPLE123456"


@dataclass
class Time:
    """A clock that only sleeping moves, and the longest wait every time."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def patience(self, **more: Any) -> Patience:
        return Patience(clock=lambda: self.now, sleep=self.sleep, chance=lambda: 1.0, **more)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[QuirkyServer]:
    with quirky_server() as server:
        for name in ("AWS_PROFILE", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        server.objects["f"] = FILE
        yield server


@pytest.fixture(params=["obstore", "fsspec"])
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def failure_of(driver: str, path: str = "f", size: int | None = SIZE, **more: Any) -> tuple[StoreFailure, Any]:
    more.setdefault("patience", Time().patience(budget=5.0))
    async with open_store("s3://lake", driver, **more) as store:
        with pytest.raises(StoreFailure) as caught:
            await store.read_footer(path, size)
        assert KEY_ID not in caught.value.sentence
        assert SECRET not in caught.value.sentence
        assert "\n" not in caught.value.sentence
        assert len(caught.value.sentence) < 200
        return caught.value, store.counts


# Servers with habits: the right footer all the same. Rust's client drops what is no proper 206 and has to ask again
# for the whole object; s3fs hands it over, to be judged by its bytes. (requests, bytes) for obstore and fsspec.
HABITS = {
    "ok": ((1, TAIL), (1, TAIL)),
    "range200": ((2, SIZE), (1, TAIL)),
    "whole200": ((2, SIZE), (1, SIZE)),
    "garbled": ((2, SIZE), (1, TAIL)),
    "elsewhere": ((2, SIZE), (2, SIZE)),
    "unknown_size": ((2, SIZE), (1, TAIL)),
}


@pytest.mark.parametrize("habit", HABITS)
async def test_a_footer_is_judged_by_bytes_and_not_by_status(server: QuirkyServer, driver: str, habit: str) -> None:
    server.quirks["f"] = [habit]
    async with open_store("s3://lake", driver) as store:
        found = await store.read_footer("f", SIZE)
        assert found.footer == footer_of(FILE)
        assert (store.counts.requests, store.counts.bytes) == HABITS[habit][driver == "fsspec"]
        assert len(server.asked) == store.counts.requests


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("actual", [500, TAIL, TAIL + 1, SIZE - 1, SIZE + 1, 3 * SIZE])
async def test_another_size_is_a_mismatch_whatever_the_servers_habits(
    server: QuirkyServer, driver: str, habit: str, actual: int
) -> None:
    server.objects["f"] = parquet_like(actual, 100)
    server.quirks["f"] = [habit]
    failure, counts = await failure_of(driver)
    assert failure.reason is Reason.MISMATCH
    assert failure.sentence == f"the object holds {actual} bytes, but the catalog says that the file holds {SIZE}"
    assert counts.bytes <= SIZE + 1


@pytest.mark.parametrize("habit", ["range200", "whole200", "garbled"])
async def test_a_small_file_and_a_large_footer_are_read_from_servers_with_habits(
    server: QuirkyServer, driver: str, habit: str
) -> None:
    small, large = parquet_like(900, 100), parquet_like(SIZE, 150_000)
    server.objects |= {"small": small, "large": large}
    server.quirks |= {"small": [habit], "large": [habit]}
    async with open_store("s3://lake", driver) as store:
        assert (await store.read_footer("small", 900)).footer == footer_of(small)
        assert (await store.read_footer("large", SIZE)).footer == footer_of(large)


async def test_range_bytes_that_begin_like_a_file_are_not_taken_for_one(server: QuirkyServer, driver: str) -> None:
    file = bytearray(FILE)
    file[SIZE - TAIL : SIZE - TAIL + 4] = b"PAR1"
    server.objects["f"] = bytes(file)
    server.quirks["f"] = ["range200"]
    async with open_store("s3://lake", driver) as store:
        assert (await store.read_footer("f", SIZE)).footer == footer_of(FILE)


@pytest.mark.parametrize(
    "passing",
    [
        "500 InternalError",
        "502",
        "503 SlowDown",
        "504",
        "429",
        "408",
        "400 RequestTimeout",
        "reset",
        "eof",
        "cut",
        "noise",
        "too_long",
    ],
)
async def test_what_may_pass_is_asked_again(server: QuirkyServer, driver: str, passing: str) -> None:
    server.quirks["f"] = [passing, passing, "ok"]
    time = Time()
    async with open_store("s3://lake", driver, patience=time.patience()) as store:
        assert (await store.read_footer("f", SIZE)).footer == footer_of(FILE)
        assert (store.counts.requests, store.counts.retries) == (3, 2)
    assert time.slept == [0.1, 0.2]
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("lasting", "words"),
    [
        ("503 SlowDown", "the store answered 503 SlowDown"),
        ("500", "the store answered 500 Internal Server Error"),
        ("reset", "the connection was reset"),
        ("eof", "the connection was closed before the answer was whole"),
        ("cut", "the connection was closed before the answer was whole"),
        ("noise", "the store's answer was not HTTP"),
        ("too_long", "the store sent more bytes than it was asked for"),
    ],
)
async def test_what_does_not_pass_within_the_budget_is_unreachable(
    server: QuirkyServer, driver: str, lasting: str, words: str
) -> None:
    server.quirks["f"] = [lasting]
    failure, counts = await failure_of(driver)
    assert failure.reason is Reason.STORE_UNREACHABLE
    # waits of 0.1, 0.2, 0.4, 0.8 and 1.6 s; another 3.2 s would end after the 5 s that an entry has
    assert failure.sentence == f"{words} (last of 6 attempts)"
    assert (counts.requests, counts.retries) == (6, 5)


async def test_a_store_that_hangs_is_given_up(server: QuirkyServer, driver: str) -> None:
    server.quirks["f"] = ["hang"]
    failure, counts = await failure_of(driver, patience=Time().patience(budget=0.5, attempt=0.2))
    assert (failure.reason, counts.requests) == (Reason.STORE_UNREACHABLE, 3)
    assert failure.sentence == "the store did not answer in time (last of 3 attempts)"


async def test_a_refused_connection_is_unreachable(server: QuirkyServer, driver: str, monkeypatch: Any) -> None:
    with quirky_server() as gone:
        monkeypatch.setenv("AWS_ENDPOINT_URL", gone.url)
    failure, _ = await failure_of(driver)
    assert failure.sentence == "the connection was refused (last of 6 attempts)"


async def test_waits_are_drawn_between_nothing_and_a_bound_that_doubles_up_to_ten_seconds() -> None:
    half = Patience(chance=lambda: 0.5)
    assert [half.wait(failed) for failed in (1, 2, 3, 10, 5000)] == [0.05, 0.1, 0.2, 5.0, 5.0]


@pytest.mark.parametrize(
    ("final", "reason", "sentence"),
    [
        ("404 NoSuchKey", Reason.FILE_MISSING, "there is no such object in the store"),
        ("404", Reason.FILE_MISSING, "there is no such object in the store"),
        ("404 NoSuchBucket", Reason.STORE_UNREACHABLE, "there is no such bucket"),
        ("403 AccessDenied", Reason.STORE_DENIED, "reading the object was denied: the store answered 403 AccessDenied"),
        ("403", Reason.STORE_DENIED, "reading the object was denied: the store answered 403 Forbidden"),
        ("401 Nope", Reason.STORE_DENIED, "reading the object was denied: the store answered 401 Nope"),
        (
            "403 SignatureDoesNotMatch",
            Reason.STORE_DENIED,
            "reading the object was denied: the store answered 403 SignatureDoesNotMatch",
        ),
        ("400 ExpiredToken", Reason.STORE_DENIED, "reading the object was denied: the store answered 400 ExpiredToken"),
        ("400 Bad", Reason.STORE_UNREACHABLE, "the store answered 400 Bad"),
        ("501", Reason.STORE_UNREACHABLE, "the store answered 501 Not Implemented"),
    ],
)
async def test_what_will_not_pass_is_asked_once(
    server: QuirkyServer, driver: str, final: str, reason: Reason, sentence: str
) -> None:
    server.quirks["f"] = [final]
    failure, counts = await failure_of(driver)
    assert (failure.reason, failure.sentence) == (reason, sentence)
    assert (counts.requests, counts.retries, len(server.asked)) == (1, 0, 1)


async def test_a_denial_that_may_mean_missing_says_so_and_a_bad_signature_does_not(
    server: QuirkyServer, driver: str
) -> None:
    server.quirks |= {"a": ["403 AccessDenied"], "b": ["403 SignatureDoesNotMatch"]}
    denied, _ = await failure_of(driver, "a")
    unsigned, _ = await failure_of(driver, "b")
    assert denied.missing_or_denied == "the object is missing, or denied (no right to list)"
    assert unsigned.missing_or_denied is None


async def test_an_object_replaced_between_two_requests_is_never_stitched(server: QuirkyServer, driver: str) -> None:
    server.objects["f"] = parquet_like(SIZE, 100_000, seed=1)

    def replace(asked: object) -> None:
        if len(server.asked) == 2:
            server.objects["f"] = parquet_like(SIZE, 90_000, seed=2)

    server.before_answer = replace
    failure, counts = await failure_of(driver)
    assert failure.reason is Reason.MISMATCH
    assert failure.sentence == "the object was replaced while it was being read"
    assert counts.requests == 2


async def test_a_replacement_of_the_same_shape_is_read_whole(server: QuirkyServer, driver: str) -> None:
    later = parquet_like(SIZE, 100_000, seed=2)
    server.objects["f"] = parquet_like(SIZE, 100_000, seed=1)

    def replace(asked: object) -> None:
        if len(server.asked) == 2:
            server.objects["f"] = later

    server.before_answer = replace
    async with open_store("s3://lake", driver) as store:
        assert (await store.read_footer("f", SIZE)).footer == footer_of(later)


async def test_no_more_requests_than_allowed_are_under_way_and_that_many_are(server: QuirkyServer, driver: str) -> None:
    together = threading.Barrier(5)
    server.before_answer = lambda asked: together.wait(timeout=30) and None
    async with open_store("s3://lake", driver, concurrency=5) as store:
        await asyncio.gather(*(store.read_footer("f", SIZE) for _ in range(20)))
    assert server.most_at_once == 5


async def test_waiting_for_a_free_slot_does_not_use_up_an_entrys_time(server: QuirkyServer, driver: str) -> None:
    time = Time()

    def an_hour_passes(asked: object) -> None:
        time.now += 40.0

    server.before_answer = an_hour_passes
    async with open_store("s3://lake", driver, concurrency=1, patience=time.patience(budget=60.0)) as store:
        found = await asyncio.gather(*(store.read_footer("f", SIZE) for _ in range(5)))
    assert {one.footer for one in found} == {footer_of(FILE)}


async def test_a_check_tells_the_states_apart(server: QuirkyServer, driver: str) -> None:
    server.quirks |= {"denied": ["403 AccessDenied"], "down": ["503 SlowDown"], "gone": ["404 NoSuchKey"]}
    async with open_store("s3://lake", driver, patience=Time().patience(budget=1.0)) as store:
        found = {path: (await store.check(path, SIZE)).state for path in ("f", "denied", "down", "gone")}
        assert (await store.check("f", SIZE - 1)).state is FileState.MISMATCH
    assert found == {
        "f": FileState.PRESENT,
        "denied": FileState.DENIED,
        "down": FileState.UNREACHABLE,
        "gone": FileState.MISSING,
    }


async def test_without_credentials_the_sentence_says_so(server: QuirkyServer, monkeypatch: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    failure, _ = await failure_of("fsspec")
    assert failure.reason is Reason.STORE_DENIED
    assert "no credentials for the store were found" in failure.sentence
    assert server.asked == []


async def test_an_anonymous_bucket_is_read_without_credentials(
    server: QuirkyServer, driver: str, monkeypatch: Any
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    async with open_store("s3://lake", driver) as store:
        assert (await store.read_footer("f", SIZE)).footer == footer_of(FILE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot reach sftp://me:pw@host/x", "cannot reach sftp://host/x"),
        ("GET https://h/x?X-Amz-Signature=abc&y=1 failed", "GET https://h/x?... failed"),
        ("bad key AKIAABCDEFGHIJKLMNOP", "bad key ..."),
        ("first\nsecond", "first"),
        ("", ""),
        ("password=hunter2 refused", "password=... refused"),
    ],
)
def test_foreign_words_lose_what_may_be_secret(text: str, expected: str) -> None:
    assert scrubbed(text) == expected


async def test_over_plain_http_paths_are_literal_too(server: QuirkyServer) -> None:
    names = ["a b", "a%20b", "a#b", "a?b", "é"]
    files = {name: parquet_like(1000 + index, 50, seed=index) for index, name in enumerate(names)}
    server.objects |= {f"my lake/{name}": file for name, file in files.items()}
    async with open_store(f"{server.url}/lake/my%20lake") as store:
        for name, file in files.items():
            assert (await store.read_footer(name, len(file))).footer == footer_of(file), name
        assert (await store.check("none", 1000)).state is FileState.MISSING
