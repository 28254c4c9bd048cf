"""The engine's own client, Rust's object_store by way of obstore: s3, gs, az and local disks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from refooter.errors import UsageError
from refooter.store.aws import AwsSettings
from refooter.store.driver import Answer
from refooter.store.failures import (
    BAD_CERTIFICATE,
    CUT_SHORT,
    NO_CONNECTION,
    NO_CREDENTIALS,
    NO_HOST,
    NOT_HTTP,
    REFUSED,
    RESET,
    TIMED_OUT,
    Fault,
    FaultKind,
    fault_of_errno,
    fault_of_status,
    scrubbed,
)
from refooter.store.root import Root

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

_CHUNK: Final = 1 << 20
# How object_store 0.13 says that an answer to a range request was no proper 206 (client/get.rs, GetResultError). It
# drops the body with it, so the object has to be asked for again, as a whole.
_NOT_PARTIAL: Final = re.compile(
    r"Received non-partial response when range requested"
    r"|Content-Range header not present in partial response"
    r"|Failed to parse value for CONTENT_RANGE header"
    r"|Requested \d+\.\.\d+, got \d+\.\.\d+"
)
_STATUS: Final = re.compile(r"Server returned (?:non-2xx status code: |error response: |.*?)(\d{3})\b")
_CODE: Final = re.compile(r"<Code>\s*([A-Za-z0-9._-]{1,64})\s*</Code>")
_ERRNO: Final = re.compile(r"\(os error (\d+)\)")
# The kinds of reqwest, hyper and the resolver, as they stand in the error's debug text; the first that fits counts.
_TRANSPORT: Final = (
    (re.compile(r"ConnectionRefused"), FaultKind.TRANSIENT, REFUSED),
    (re.compile(r"ConnectionReset|BrokenPipe|ConnectionAborted"), FaultKind.TRANSIENT, RESET),
    (re.compile(r"dns error|failed to lookup address"), FaultKind.TRANSIENT, NO_HOST),
    (re.compile(r"InvalidCertificate|certificate"), FaultKind.PERMANENT, BAD_CERTIFICATE),
    (re.compile(r"TimedOut|kind: Timeout|timed out"), FaultKind.TRANSIENT, TIMED_OUT),
    (re.compile(r"Parse\("), FaultKind.TRANSIENT, NOT_HTTP),
    (re.compile(r"Incomplete|UnexpectedEof|Interrupted"), FaultKind.TRANSIENT, CUT_SHORT),
    (re.compile(r"HTTP error|HttpError|reqwest::Error"), FaultKind.TRANSIENT, NO_CONNECTION),
)
# Where credentials are looked for when the environment has none (AWS, GCP and Azure ask the same link-local host).
_METADATA_HOST: Final = re.compile(r"//(?:169\.254\.169\.254|\[fd00:ec2::254\]|metadata\.google\.internal)")


class ObstoreDriver:
    """Reads through obstore. Its own retries are off; `timeout` in seconds bounds a request with its whole body."""

    def __init__(self, root: Root, aws: AwsSettings, *, timeout: float) -> None:
        self._store: ObjectStore = _open(root, aws, timeout)

    async def read_range(self, key: str, start: int, end: int) -> Answer:
        try:
            # Costs two thirds of what `get_async` and its stream do, which would tell the object's size; the store asks for one
            # byte more than there should be instead.
            data = bytes(await self._store.get_range_async(key, start=start, end=end))
        except Exception as error:
            raise fault_of(error) from None
        return Answer(data, None, len(data))

    async def read_whole(self, key: str, start: int, end: int) -> Answer:
        try:
            result = await self._store.get_async(key)
            size = result.meta["size"]
            if size <= start:
                raise Fault(FaultKind.BEYOND_END, "the object ends before the range")
            data = await _read(result.stream(min_chunk_size=_CHUNK), start, end)
        except Fault:
            raise
        except Exception as error:
            raise fault_of(error) from None
        return Answer(data, size, start + len(data))

    async def size(self, key: str) -> int:
        try:
            meta = await self._store.head_async(key)
        except Exception as error:
            raise fault_of(error) from None
        return int(meta["size"])

    async def close(self) -> None:
        """Nothing to do: the Rust client closes its connections when it is dropped."""


async def _read(stream: AsyncIterator[bytes], start: int, end: int) -> bytes:
    """The bytes of a stream from `start` to before `end`; what follows is not read."""
    kept = bytearray()
    at = 0
    async for chunk in stream:
        if at + len(chunk) > start:
            kept += chunk[max(0, start - at) : end - at]
        at += len(chunk)
        if at >= end:
            break
    return bytes(kept)


def fault_of(error: Exception) -> Fault:
    """What an exception of obstore means. Its text is a dump of Rust's error, of which only known parts are used."""
    text = str(error)
    if _METADATA_HOST.search(text):
        return Fault(FaultKind.DENIED, NO_CREDENTIALS, "NoCredentials")
    if _NOT_PARTIAL.search(text):
        return Fault(FaultKind.NOT_PARTIAL, "the store does not answer range requests")
    if "StartTooLarge" in text or "Wanted range starting at" in text:
        return Fault(FaultKind.BEYOND_END, "the object ends before the range")
    if status := _STATUS.search(text):
        code = _CODE.search(text)
        return fault_of_status(int(status[1]), code[1] if code else None)
    if isinstance(error, FileNotFoundError):
        return Fault(FaultKind.MISSING, "there is no such object")
    for pattern, kind, words in _TRANSPORT:
        if pattern.search(text):
            return Fault(kind, words)
    if number := _ERRNO.search(text):
        return fault_of_errno(int(number[1]))
    if isinstance(error, PermissionError) or type(error).__name__ in ("PermissionDeniedError", "UnauthenticatedError"):
        return Fault(FaultKind.DENIED, "the store denied it")
    return Fault(FaultKind.PERMANENT, f"obstore failed: {scrubbed(text) or type(error).__name__}")


def _open(root: Root, aws: AwsSettings, timeout: float) -> ObjectStore:
    from obstore.store import LocalStore, S3Store, from_url

    client: ClientConfig = {
        "timeout": timedelta(seconds=timeout),
        "connect_timeout": timedelta(seconds=min(5.0, timeout)),
        "allow_http": root.is_s3 and aws.allow_http,
    }
    retry: RetryConfig = {"max_retries": 0, "retry_timeout": timedelta(seconds=timeout)}
    try:
        if root.is_file:
            # rooted at /: LocalStore(prefix=...) would refuse a lake that is not there before anything is asked of it
            return LocalStore()
        if root.is_s3:
            if aws.endpoint is None:
                return S3Store(root.bucket, region=aws.region, client_options=client, retry_config=retry)
            return S3Store(
                root.bucket, endpoint=aws.endpoint, region=aws.region, client_options=client, retry_config=retry
            )
        return from_url(f"{root.scheme}://{root.bucket}", client_options=client, retry_config=retry)
    except Exception as error:
        raise UsageError(
            f"obstore cannot open {root.shown}: {scrubbed(str(error))}; check the address and the environment"
        ) from None
