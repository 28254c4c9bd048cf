"""An object store as the jobs see it: the footer of a file, or what became of the file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from refooter.store.aws import aws_settings
from refooter.store.driver import Answer, Driver
from refooter.store.failures import TIMED_OUT, Fault, FaultKind, StoreFailure, failure_of
from refooter.store.paths import object_key
from refooter.store.retry import Deadline, Patience
from refooter.store.root import DriverName, Root, driver_for, parse_root
from refooter.store.tail import FIRST_TAIL, TRAILER, footer_length, tail_range
from refooter.values import FileState, Reason, StoreCounts

MAX_FOOTER: Final = 32 * 1024 * 1024
_LARGEST: Final = 2**62
_T = TypeVar("_T")

_STATES: Final = {
    Reason.FILE_MISSING: FileState.MISSING,
    Reason.UNSAFE_PATH: FileState.MISSING,
    Reason.STORE_DENIED: FileState.DENIED,
    Reason.STORE_UNREACHABLE: FileState.UNREACHABLE,
    Reason.MISMATCH: FileState.MISMATCH,
    Reason.NOT_PARQUET: FileState.MISMATCH,
}


@dataclass(frozen=True, slots=True)
class FooterRead:
    """A file's FileMetaData, byte for byte, and the file's actual size in bytes."""

    footer: bytes
    file_size: int


@dataclass(frozen=True, slots=True)
class TailRead:
    """The last bytes of a file, and the file's actual size in bytes."""

    data: bytes
    file_size: int


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What became of a file; unless it is present, why, and the failure that a read would end with."""

    state: FileState
    sentence: str | None = None
    failure: StoreFailure | None = None


class Store:
    """A lake's root in an object store. Safe to be used by many tasks of one event loop at a time.

    `uri` is the address as it was given and may hold a password; `shown` is for people. `counts` grows as it is used.
    """

    def __init__(
        self,
        root: Root,
        driver: Driver,
        name: DriverName,
        *,
        concurrency: int,
        patience: Patience,
        max_footer: int,
    ) -> None:
        self.uri = root.uri
        self.shown = root.shown
        self.driver = name
        self.counts = StoreCounts()
        self._root = root
        self._driver = driver
        self._slots = asyncio.Semaphore(concurrency)
        self._patience = patience
        self._max_footer = max_footer

    async def read_footer(self, file_path: str, file_size: int | None, first: int = FIRST_TAIL) -> FooterRead:
        """The footer of a file, whose size the catalog gives, or `None` where it does not know.

        Makes one request for the last `first` bytes, a second one if the footer is larger, one more if the size has to be found
        out. Raises `StoreFailure`; `mismatch` where the object has another size.
        """
        with self._counted():
            key = self._key(file_path)
            deadline = Deadline(self._patience)
            size = await self._sound_size(key, file_size, deadline)
            tail = await self._tail(key, size, first, deadline)
            length = footer_length(tail, size, self._max_footer)
            if length + TRAILER > len(tail):
                # the whole tail again, trailer included: what two answers say apart may belong to two files
                tail = await self._tail(key, size, length + TRAILER, deadline)
                if footer_length(tail, size, self._max_footer) != length:
                    raise StoreFailure(Reason.MISMATCH, "the object was replaced while it was being read")
            return FooterRead(tail[-TRAILER - length : -TRAILER], size)

    async def read_tail(self, file_path: str, file_size: int | None, length: int) -> TailRead:
        """The last `length` bytes of a file, all of a smaller one, by one request (two where its size is not known).

        Raises `StoreFailure`; `mismatch` where the object has another size.
        """
        with self._counted():
            key = self._key(file_path)
            deadline = Deadline(self._patience)
            size = await self._sound_size(key, file_size, deadline)
            return TailRead(await self._tail(key, size, length, deadline), size)

    async def check(self, file_path: str, file_size: int | None) -> FileCheck:
        """What became of a file, by one request for its last 8 bytes (two where the catalog does not know its size)."""
        try:
            with self._counted():
                key = self._key(file_path)
                deadline = Deadline(self._patience)
                size = await self._sound_size(key, file_size, deadline)
                tail = await self._tail(key, size, TRAILER, deadline)
                footer_length(tail, size, _LARGEST)
        except StoreFailure as failure:
            return FileCheck(_STATES[failure.reason], failure.sentence, failure)
        return FileCheck(FileState.PRESENT)

    async def close(self) -> None:
        await self._driver.close()

    def _key(self, file_path: str) -> str:
        return object_key(self._root.prefix, file_path, on_disk=self._root.is_file)

    async def _sound_size(self, key: str, file_size: int | None, deadline: Deadline) -> int:
        """The size to go by: the catalog's, or the store's where the catalog knows none."""
        if file_size is None:
            return await self._ask(deadline, lambda: self._driver.size(key))
        if not 0 <= file_size < _LARGEST:
            raise StoreFailure(Reason.MISMATCH, f"the catalog says that the file holds {file_size} bytes, as none can")
        return file_size

    async def _tail(self, key: str, file_size: int, length: int, deadline: Deadline) -> bytes:
        """The last `length` bytes of an object that has exactly `file_size`; all of a smaller one."""
        start, end = tail_range(file_size, length)

        async def partial() -> Answer:
            return self._received(await self._driver.read_range(key, start, end)).checked(start, end)

        async def whole() -> Answer:
            return self._received(await self._driver.read_whole(key, start, end)).checked(start, end)

        try:
            try:
                answer = await self._request(deadline, partial)
            except Fault as fault:
                if fault.kind is not FaultKind.NOT_PARTIAL:
                    raise
                answer = await self._request(deadline, whole, streaming=True)
        except Fault as fault:
            if fault.kind is not FaultKind.BEYOND_END:
                raise failure_of(fault) from None
            answer = Answer(b"", None, 0)
        fits = len(answer.data) == file_size - start
        if fits and answer.data and answer.size in (None, file_size):
            return answer.data
        size = answer.size
        if size is None:
            size = await self._ask(deadline, lambda: self._driver.size(key))
        if size == file_size:
            if fits:
                return answer.data
            raise StoreFailure(
                Reason.STORE_UNREACHABLE,
                f"the store says that the object holds {size} bytes, but answers as if its end were elsewhere",
            )
        raise StoreFailure(
            Reason.MISMATCH, f"the object holds {size} bytes, but the catalog says that the file holds {file_size}"
        )

    @contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except StoreFailure as failure:
            reasons = self.counts.by_reason
            reasons[failure.reason] = reasons.get(failure.reason, 0) + 1
            raise

    def _received(self, answer: Answer) -> Answer:
        self.counts.bytes += answer.received
        return answer

    async def _ask(self, deadline: Deadline, call: Callable[[], Awaitable[_T]]) -> _T:
        try:
            return await self._request(deadline, call)
        except Fault as fault:
            raise failure_of(fault) from None

    async def _request(self, deadline: Deadline, call: Callable[[], Awaitable[_T]], *, streaming: bool = False) -> _T:
        """One request, made again while what went wrong may pass and there is time. Raises the last `Fault`."""
        patience = self._patience
        attempts = 0
        fault = Fault(FaultKind.TRANSIENT, TIMED_OUT)
        while True:
            queued = patience.clock()
            async with self._slots:
                deadline.put_off(patience.clock() - queued)
                left = deadline.left()
                if left <= 0:
                    raise fault
                attempts += 1
                self.counts.requests += 1
                try:
                    async with asyncio.timeout(left if streaming else min(left, patience.attempt)):
                        return await call()
                except TimeoutError:
                    fault = Fault(FaultKind.TRANSIENT, TIMED_OUT)
                except Fault as raised:
                    if raised.kind is not FaultKind.TRANSIENT:
                        raise
                    fault = raised
            fault.attempts = attempts
            wait = patience.wait(attempts)
            if wait >= deadline.left():
                raise fault
            self.counts.retries += 1
            await patience.sleep(wait)


@asynccontextmanager
async def open_store(
    uri: str,
    driver: str = "auto",
    *,
    concurrency: int = 64,
    max_footer: int = MAX_FOOTER,
    patience: Patience | None = None,
) -> AsyncIterator[Store]:
    """A store for a lake's root, closed at the end: `s3://bucket/prefix`, `file:///lake`, `/lake`, any of fsspec's.

    At most `concurrency` requests are under way at a time; footers above `max_footer` bytes are `too_large`. Asks
    nothing of the store yet. Raises `UsageError` for an address or a driver that cannot serve.
    """
    patience = patience or Patience()
    root = parse_root(uri)
    name = driver_for(root, driver)
    opened = await _driver(root, name, concurrency, patience)
    store = Store(root, opened, name, concurrency=concurrency, patience=patience, max_footer=max_footer)
    try:
        yield store
    finally:
        await store.close()


async def _driver(root: Root, name: DriverName, concurrency: int, patience: Patience) -> Driver:
    """The driver by its name; each library is imported only when it is used, since that takes longer than a scan."""
    aws = aws_settings(os.environ)
    if name is DriverName.OBSTORE:
        from refooter.store.obstore_driver import ObstoreDriver

        return ObstoreDriver(root, aws, timeout=patience.budget)
    if root.is_s3:
        from refooter.store.s3fs_driver import S3fsDriver

        return await S3fsDriver.open(root, aws, concurrency=concurrency, timeout=patience.attempt)
    from refooter.store.fsspec_driver import FsspecDriver

    return FsspecDriver(root, concurrency=concurrency)
