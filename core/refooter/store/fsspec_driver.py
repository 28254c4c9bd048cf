"""Every other protocol that fsspec knows, and local disks on request: blocking calls in threads of their own."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import quote

from refooter.errors import UsageError
from refooter.store.driver import Answer
from refooter.store.failures import (
    CUT_SHORT,
    NO_CONNECTION,
    TIMED_OUT,
    Fault,
    FaultKind,
    fault_of_errno,
    fault_of_status,
    scrubbed,
)
from refooter.store.root import Root

_T = TypeVar("_T")


class FsspecDriver:
    """Reads through the blocking interface of an fsspec file system, whose listing cache is off."""

    def __init__(self, root: Root, *, concurrency: int) -> None:
        self._root = root
        self._fs, self._base = _open(root)
        self._local = root.is_file
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="refooter-store")

    async def read_range(self, key: str, start: int, end: int) -> Answer:
        return await self._run(lambda: self._read(self._path(key), start, end))

    async def read_whole(self, key: str, start: int, end: int) -> Answer:
        """As `read_range`: these file systems do not say how they were answered."""
        return await self.read_range(key, start, end)

    async def size(self, key: str) -> int:
        return await self._run(lambda: self._size(self._path(key)))

    async def close(self) -> None:
        # not waited for: a thread that hangs in a dead mount would keep the program from ending
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _path(self, key: str) -> str:
        """A key as this file system wants it: `self._base` stands where the root's prefix stood."""
        below = key[len(self._root.prefix) :].lstrip("/")
        if self._root.is_web:
            below = quote(below, safe="/")
        return f"{self._base}/{below}"

    def _read(self, path: str, start: int, end: int) -> Answer:
        size: int | None = None
        if self._local:
            with self._fs.open(path, "rb") as file:
                size = int(file.size)
                if start < size:
                    file.seek(start)
                data = file.read(end - start) if start < size else b""
        else:
            data = bytes(self._fs.cat_file(path, start=start, end=end))
        if not data:
            raise Fault(FaultKind.BEYOND_END, "the object ends before the range")
        return Answer(data, None, len(data))

    def _size(self, path: str) -> int:
        info = self._fs.info(path)
        if info.get("type") == "directory":
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        if info.get("size") is None:
            raise Fault(FaultKind.PERMANENT, "the store does not tell the object's size")
        return int(info["size"])

    async def _run(self, call: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except Fault:
            raise
        except Exception as error:
            raise fault_of(error) from None


def fault_of(error: Exception) -> Fault:
    """What an exception of some fsspec file system means; most raise the operating system's own."""
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and isinstance(cause, Exception) and not isinstance(cause, LookupError):
        # fsspec's HTTP says so of whatever kept it from the file
        error = cause
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return Fault(FaultKind.MISSING, "there is no such object")
    if isinstance(error, PermissionError):
        return Fault(FaultKind.DENIED, "reading the object is not allowed")
    if isinstance(error, TimeoutError):
        return Fault(FaultKind.TRANSIENT, TIMED_OUT)
    if isinstance(error, FileExistsError):
        # memory:// says so of a path below a file
        return Fault(FaultKind.MISSING, "there is no such object")
    for name in ("status", "code", "status_code"):
        status = getattr(error, name, None)
        if isinstance(status, int) and 300 <= status <= 599:
            return fault_of_status(status, None)
    if isinstance(error, OSError) and error.errno is not None:
        return fault_of_errno(error.errno)
    if isinstance(error, ConnectionError):
        return Fault(FaultKind.TRANSIENT, NO_CONNECTION)
    if isinstance(error, EOFError):
        return Fault(FaultKind.TRANSIENT, CUT_SHORT)
    return Fault(FaultKind.PERMANENT, f"fsspec failed: {type(error).__name__}: {scrubbed(str(error))}")


def _open(root: Root) -> tuple[Any, str]:
    """The file system, and the path in it that stands for the root."""
    import fsspec
    from fsspec.core import url_to_fs

    if root.is_file:
        # through the class: url_to_fs would take a decoded path for an address again
        local = fsspec.filesystem("file", skip_instance_cache=True, use_listings_cache=False)
        return local, f"/{root.prefix}" if root.prefix else ""
    address = root.uri.rstrip("/") if root.is_web else f"{root.scheme}://{root.bucket}"
    options = {"encoded": True} if root.is_web else {}
    try:
        found, path = url_to_fs(address, skip_instance_cache=True, **options)
    except ImportError as error:
        raise UsageError(f"{root.scheme}:// needs a package that is not installed: {scrubbed(str(error))}") from None
    except ValueError:
        raise UsageError(
            f"no store driver knows {root.scheme}:// addresses: give one such as s3://bucket/prefix or file:///lake"
        ) from None
    except Exception as error:
        raise UsageError(
            f"{root.shown} cannot be opened: {type(error).__name__}: {scrubbed(str(error))}; check the address"
        ) from None
    # set here and not passed on: some file systems hand unknown options to their own clients, which refuse them
    found.dircache.use_listings_cache = False
    base = str(path).rstrip("/")
    return found, base if root.is_web or not root.prefix else f"{base}/{root.prefix}"
