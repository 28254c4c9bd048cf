"""An object store for measuring: S3's HEAD and ranged GET over loopback, from a few templates, with a delay before each answer.

Every key that ends as the paths of `refooter.demo.bulk` do is an object: number N holds template N modulo their count, so that a
million objects cost no memory. Signatures are ignored. Run as a program it is the server: templates come in on standard input,
the port goes out, and the end of standard input ends it.
"""

from __future__ import annotations

import asyncio
import pickle
import re
import subprocess
import sys
from collections.abc import Sequence
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import psutil

_REQUEST = re.compile(rb"(GET|HEAD) \S*_([0-9a-f]{8})-0000-4000-8000-0{12}\.parquet(?:\?\S*)? HTTP/1\.1\r\n")
_RANGE = re.compile(rb"\r\nrange: *bytes=(\d+)-(\d*)\r\n", re.IGNORECASE)
_MODIFIED = formatdate(1_772_409_600, usegmt=True)
_EMPTY = b"HTTP/1.1 %d %s\r\nContent-Length: 0\r\n\r\n"


class Answers:
    """Whole responses by what is asked; all objects of a template give the same ones."""

    def __init__(self, templates: Sequence[bytes]) -> None:
        self._templates = templates
        self._made: dict[tuple[int, bytes, bytes], bytes] = {}

    def to(self, request: bytes) -> bytes:
        """The response to a request's head, which ends with an empty line."""
        found = _REQUEST.match(request)
        if found is None:
            return _EMPTY % (404, b"Not Found")
        span = _RANGE.search(request)
        key = (int(found[2], 16) % len(self._templates), found[1], b"" if span is None else span[0])
        if key not in self._made:
            self._made[key] = self._make(key[0], head=found[1] == b"HEAD", span=span)
        return self._made[key]

    def _make(self, template: int, *, head: bool, span: re.Match[bytes] | None) -> bytes:
        data = self._templates[template]
        size, status, extra = len(data), b"200 OK", b""
        if span is not None:
            start = int(span[1])
            end = min(int(span[2]) + 1 if span[2] else size, size)
            if start >= size:
                return _EMPTY % (416, b"Range Not Satisfiable")
            status, extra = b"206 Partial Content", b"Content-Range: bytes %d-%d/%d\r\n" % (start, end - 1, size)
            data = data[start:end]
        lines = (
            b"HTTP/1.1 %s\r\nContent-Type: binary/octet-stream\r\nAccept-Ranges: bytes\r\n" % status,
            b'Last-Modified: %s\r\nETag: "%032x"\r\n' % (_MODIFIED.encode(), template + 1),
            b"Content-Length: %d\r\n%s\r\n" % (len(data), extra),
        )
        return b"".join(lines) + (b"" if head else data)


class _Connection(asyncio.Protocol):
    def __init__(self, answers: Answers, delay: float) -> None:
        self._answers = answers
        self._delay = delay
        self._received = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            request, self._received = self._received[: end + 4], self._received[end + 4 :]
            answer = self._answers.to(request)
            if self._delay:
                self._loop.call_later(self._delay, self._transport.write, answer)
            else:
                self._transport.write(answer)


class LatencyStore:
    """The server in a process of its own. `delay`: seconds before each answer. `url` is its endpoint."""

    def __init__(self, templates: Sequence[bytes], delay: float) -> None:
        self._set_up = pickle.dumps((list(templates), delay))

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(self._set_up)
        self._process.stdin.flush()
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self.process = psutil.Process(self._process.pid)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()

    def environment(self) -> dict[str, str]:
        """What a deployment would set to have `s3://` mean this server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }


async def _serve(commands: BinaryIO) -> None:
    templates, delay = pickle.load(commands)
    answers = Answers(templates)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(answers, delay), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    over = asyncio.Event()
    loop.add_reader(commands.fileno(), over.set)
    await over.wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.stdin.buffer))
