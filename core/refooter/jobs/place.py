"""Where one file goes to, or is read from: here, or wherever fsspec reaches. A new one is there whole or not at all.

Nothing here is asynchronous: jobs call it in a thread.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from refooter.errors import RefooterError, UsageError
from refooter.store.shown import shown, words_of

# What shows an object only when its upload is complete; the others get a temporary name first.
_WHOLE_OR_NOTHING: Final = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss"})
# Of an upload in parts; 10,000 of them, the most that S3 takes, are 160 GB.
_PART_BYTES: Final = 16 << 20
_READ_AHEAD: Final = 4 << 20
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class PlaceFailed(RefooterError):
    """A file could not be written where it was to go, or not be read."""

    code = "file_failed"
    exit_code = 3


def is_local(address: str) -> bool:
    return _SCHEME.match(address) is None or address.lower().startswith("file://")


def local_path(address: str) -> Path:
    return Path(address[len("file://") :] if address.lower().startswith("file://") else address)


class NewFile:
    """A file that is written from its beginning to its end. `commit` makes it appear, `discard` leaves nothing.

    Raises `UsageError` for a place where nothing can be written or where something is already, `PlaceFailed` for what goes wrong later.
    """

    def __init__(self, address: str) -> None:
        self.shown = shown(address)
        self.bytes = 0
        self._address = address
        self._filesystem: Any = None
        self._path = ""
        self._temporary: str | None = None
        self._file: Any = None

    def open(self) -> None:
        """Not done by the constructor, so that whoever gives up meanwhile has something to `discard`."""
        self._file = self._open_here(local_path(self._address)) if is_local(self._address) else self._open_there()

    def _open_here(self, path: Path) -> IO[bytes]:
        if not path.name or path.is_dir():
            raise UsageError(f"cannot write {self.shown}: it is a directory; name a file in it")
        if os.path.lexists(path):
            raise UsageError(_IS_THERE.format(self.shown))
        self._path = str(path)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            file = temporary.open("xb")
            self._temporary = str(temporary)
            return file
        except OSError as error:
            raise UsageError(f"cannot write {self.shown}: {error.strerror}; name a place that can be written") from None

    def _open_there(self) -> IO[bytes]:
        self._filesystem, self._path = _filesystem(self._address)
        protocols = self._filesystem.protocol
        names = {protocols} if isinstance(protocols, str) else set(protocols)
        self._temporary = None if names & _WHOLE_OR_NOTHING else f"{self._path}.{os.getpid()}.part"
        with _said("write", self._address):
            if self._filesystem.exists(self._path):
                raise UsageError(_IS_THERE.format(self.shown))
            opened: IO[bytes] = self._filesystem.open(self._temporary or self._path, "wb", block_size=_PART_BYTES)
            return opened

    def write(self, data: bytes) -> None:
        with _said("write", self._address):
            self._file.write(data)
        self.bytes += len(data)

    def commit(self) -> None:
        try:
            with _said("write", self._address):
                if self._filesystem is None:
                    self._file.flush()
                    os.fsync(self._file.fileno())
                self._file.close()
                if self._temporary is not None:
                    self._rename(self._temporary)
        except BaseException:
            self.discard()
            raise

    def _rename(self, temporary: str) -> None:
        if self._filesystem is not None:
            self._filesystem.mv(temporary, self._path)
            return
        try:
            # Unlike a rename, never over somebody else's file.
            os.link(temporary, self._path)
        except FileExistsError:
            raise UsageError(_IS_THERE.format(self.shown)) from None
        except OSError:
            # a file system without hard links
            Path(temporary).rename(self._path)
        else:
            Path(temporary).unlink()
        _sync_directory(Path(self._path).parent)

    def discard(self) -> None:
        """Whatever was written is gone. Never raises: there is an error to be told already."""
        with suppress(Exception):
            discard = getattr(self._file, "discard", None)
            if discard is not None:
                # told first that it is closed: closing an upload completes it
                self._file.closed = True
                discard()
            else:
                self._file.close()
        with suppress(Exception):
            if self._temporary is not None and self._filesystem is None:
                Path(self._temporary).unlink(missing_ok=True)
            elif self._temporary is not None:
                self._filesystem.rm(self._temporary)


_IS_THERE: Final = "{} is there already, and a backup is never written over: name another"


class _Source(io.RawIOBase):
    """A file that is read; what goes wrong on the way is told as `PlaceFailed`, also through a library that reads it."""

    def __init__(self, file: IO[bytes], address: str) -> None:
        self._file = file
        self._address = address

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        with _said("read", self._address):
            return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with _said("read", self._address):
            return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@contextmanager
def reading(address: str) -> Iterator[io.RawIOBase]:
    """The file, opened. Raises `UsageError` where there is none, `PlaceFailed`."""
    with _opened(address) as file:
        yield _Source(file, address)


def _opened(address: str) -> IO[bytes]:
    if is_local(address):
        try:
            return local_path(address).open("rb")
        except OSError as error:
            raise UsageError(f"cannot read {shown(address)}: {error.strerror}; name a backup that is there") from None
    filesystem, path = _filesystem(address)
    with _said("read", address):
        try:
            opened: IO[bytes] = filesystem.open(path, "rb", block_size=_READ_AHEAD, cache_type="readahead")
        except FileNotFoundError:
            raise UsageError(
                f"cannot read {shown(address)}: there is no such file; name a backup that is there"
            ) from None
    return opened


def _filesystem(address: str) -> tuple[Any, str]:
    import fsspec

    try:
        filesystem, path = fsspec.core.url_to_fs(address)
    except (ValueError, ImportError) as error:
        raise UsageError(f"cannot use {shown(address)}: {words_of(error, address)}; name another address") from None
    return filesystem, path


@contextmanager
def _said(doing: str, address: str) -> Iterator[None]:
    """Whatever a file system or a client library raises as one sentence."""
    try:
        yield
    except RefooterError:
        raise
    except Exception as error:
        raise PlaceFailed(
            f"cannot {doing} {shown(address)}: {words_of(error, address)}; see to it, then run again"
        ) from None


def _sync_directory(directory: Path) -> None:
    """So that the name is there after a power cut, too; not every system lets a directory be opened."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
