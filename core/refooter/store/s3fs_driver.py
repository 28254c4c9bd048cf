"""s3:// by way of fsspec: s3fs, whose botocore client is asked directly so that its answers can be judged by bytes."""

from __future__ import annotations

import re
from typing import Any, Final

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
    TIMED_OUT,
    Fault,
    FaultKind,
    fault_of_errno,
    fault_of_status,
    scrubbed,
)
from refooter.store.root import Root
from refooter.store.tail import is_leading_magic

_CHUNK: Final = 1 << 18
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)\Z")
_PLAIN_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}\Z")
_NOT_PARTIAL: Final = "the store does not answer range requests"


class S3fsDriver:
    """Reads through s3fs. Retries and caches of s3fs and botocore are off.

    Keys go to `get_object` as they are: s3fs's own path functions would take `?versionId=` out of a key.
    """

    def __init__(self, filesystem: Any, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._extra: dict[str, str] = dict(filesystem.req_kw)

    @classmethod
    async def open(cls, root: Root, aws: AwsSettings, *, concurrency: int, timeout: float) -> S3fsDriver:
        """A driver with connections for `concurrency` requests; `timeout` in seconds bounds each wait for bytes."""
        import s3fs
        from botocore.exceptions import BotoCoreError

        endpoint = aws.endpoint
        if endpoint is not None and aws.virtual_hosted:
            # object_store wants the bucket in such an endpoint, botocore puts it there itself
            endpoint = endpoint.replace(f"//{root.bucket}.", "//", 1)
        try:
            filesystem = s3fs.S3FileSystem(
                asynchronous=True,
                skip_instance_cache=True,
                use_listings_cache=False,
                anon=aws.anonymous,
                endpoint_url=endpoint,
                requester_pays=aws.requester_pays,
                client_kwargs={"region_name": aws.region},
                config_kwargs={
                    "retries": {"total_max_attempts": 1, "mode": "standard"},
                    "max_pool_connections": concurrency,
                    "connect_timeout": min(5.0, timeout),
                    "read_timeout": timeout,
                    "response_checksum_validation": "when_required",
                    "http_session_cls": _session_class(),
                    "s3": {"addressing_style": "virtual" if aws.virtual_hosted else "path"},
                },
            )
            client = await filesystem.set_session()
        except (BotoCoreError, ValueError) as error:
            raise UsageError(
                f"s3fs cannot open {root.shown}: {scrubbed(str(error))}; check the address and the environment"
            ) from None
        return cls(filesystem, client, root.bucket)

    async def read_range(self, key: str, start: int, end: int) -> Answer:
        try:
            answer = await self._get(key, Range=f"bytes={start}-{end - 1}")
            async with answer["Body"] as body:
                return await _judge(answer, body, start, end)
        except Fault:
            raise
        except Exception as error:
            raise fault_of(error) from None

    async def read_whole(self, key: str, start: int, end: int) -> Answer:
        try:
            answer = await self._get(key)
            async with answer["Body"] as body:
                size = answer.get("ContentLength")
                if size is not None and size <= start:
                    raise Fault(FaultKind.BEYOND_END, "the object ends before the range")
                return await _take(body, start, end, size)
        except Fault:
            raise
        except Exception as error:
            raise fault_of(error) from None

    async def size(self, key: str) -> int:
        try:
            answer = await self._client.head_object(Bucket=self._bucket, Key=key, **self._extra)
        except Exception as error:
            raise fault_of(error) from None
        return int(answer["ContentLength"])

    async def close(self) -> None:
        await self._client.close()

    async def _get(self, key: str, **more: str) -> dict[str, Any]:
        answer: dict[str, Any] = await self._client.get_object(Bucket=self._bucket, Key=key, **more, **self._extra)
        return answer


def _session_class() -> type[Any]:
    """aiobotocore's HTTP session without aiohttp's own second try, which would be neither counted nor waited for.

    aiohttp offers no public way to say so; a request too many in the tests would show that this one is gone.
    """
    from aiobotocore.httpsession import AIOHTTPSession

    class AskOnce(AIOHTTPSession):  # type: ignore[misc]
        async def _get_session(self, proxy_url: str | None) -> Any:
            session = await super()._get_session(proxy_url)
            session._retry_connection = False
            return session

    return AskOnce


async def _judge(answer: dict[str, Any], body: Any, start: int, end: int) -> Answer:
    """What a body is that came for a range: the range, the whole object, or something to be asked for again."""
    found = _CONTENT_RANGE.match(answer.get("ContentRange") or "")
    if answer["ResponseMetadata"]["HTTPStatusCode"] == 206 and found and int(found[1]) == start:
        data = await _read(body, end - start + 1)
        # The size in Content-Range is left alone, as obstore does: the byte beyond the end says the same.
        return Answer(data, None, len(data))
    length = answer.get("ContentLength")
    if length is None:
        raise Fault(FaultKind.NOT_PARTIAL, _NOT_PARTIAL)
    wanted = end - start
    if start == 0:
        # the range and the object begin at the same byte; a body that fills the range may be a part of more
        data = await _read(body, wanted + 1)
        return Answer(data[:wanted], None if length == wanted else length, len(data))
    if length in (wanted, wanted - 1):
        data = await _read(body, wanted + 1)
        if not is_leading_magic(data):
            return Answer(data, None, len(data))
        raise Fault(FaultKind.NOT_PARTIAL, _NOT_PARTIAL)
    if length > wanted:
        if length <= start:
            raise Fault(FaultKind.BEYOND_END, "the object ends before the range")
        return await _take(body, start, end, length)
    raise Fault(FaultKind.NOT_PARTIAL, _NOT_PARTIAL)


async def _take(body: Any, start: int, end: int, size: int | None) -> Answer:
    """The range out of the body of a whole object, which is read no further than the range's end."""
    kept = bytearray()
    at = 0
    while at < end and (chunk := await body.read(min(_CHUNK, end - at))):
        if at + len(chunk) > start:
            kept += chunk[max(0, start - at) :]
        at += len(chunk)
    if at <= start:
        raise Fault(FaultKind.TRANSIENT, CUT_SHORT)
    # a body that ended before the range did has told the object's size
    return Answer(bytes(kept), size if size is not None or at >= end else at, at)


async def _read(body: Any, limit: int) -> bytes:
    kept = bytearray()
    while len(kept) < limit and (chunk := await body.read(limit - len(kept))):
        kept += chunk
    return bytes(kept)


def fault_of(error: Exception) -> Fault:
    """What an exception of botocore or aiohttp means."""
    import aiohttp
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError

    if isinstance(error, boto.ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        # without a body that names one, botocore puts the status or its phrase there
        code = str(error.response.get("Error", {}).get("Code", ""))
        return fault_of_status(status, code if _PLAIN_CODE.match(code) and " " not in code else None)
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError | boto.CredentialRetrievalError):
        return Fault(FaultKind.DENIED, NO_CREDENTIALS, "NoCredentials")
    chain = _chain(error)
    if any(isinstance(one, aiohttp.ClientConnectorDNSError) for one in chain):
        return Fault(FaultKind.TRANSIENT, NO_HOST)
    if any(isinstance(one, boto.SSLError | aiohttp.ClientSSLError) for one in chain):
        return Fault(FaultKind.PERMANENT, BAD_CERTIFICATE)
    if any(isinstance(one, TimeoutError | boto.ReadTimeoutError | boto.ConnectTimeoutError) for one in chain):
        return Fault(FaultKind.TRANSIENT, TIMED_OUT)
    for one in chain:
        if isinstance(one, OSError) and one.errno is not None and one.errno > 0:
            return fault_of_errno(one.errno)
    if any(isinstance(one, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError) for one in chain):
        return Fault(FaultKind.TRANSIENT, CUT_SHORT)
    if any(isinstance(one, aiohttp.ClientResponseError | ResponseParserError) for one in chain):
        return Fault(FaultKind.TRANSIENT, NOT_HTTP)
    if isinstance(error, boto.HTTPClientError | boto.EndpointConnectionError | aiohttp.ClientError):
        return Fault(FaultKind.TRANSIENT, NO_CONNECTION)
    return Fault(FaultKind.PERMANENT, f"s3fs failed: {type(error).__name__}: {scrubbed(str(error))}")


def _chain(error: BaseException) -> list[BaseException]:
    """An exception and all that it came from, outermost first; botocore keeps some of them as an attribute only."""
    found: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop(0)
        if one is None or one in found:
            continue
        found.append(one)
        inner = getattr(one, "kwargs", {})
        inner = inner.get("error") if isinstance(inner, dict) else None
        todo += [one.__cause__, one.__context__, inner if isinstance(inner, BaseException) else None]
    return found
