"""A small S3 endpoint on loopback that answers as badly as it is told to, and remembers what it was asked."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


@dataclass(frozen=True)
class Asked:
    method: str
    key: str
    range: str | None


@dataclass
class QuirkyServer:
    """`objects` by key; `quirks[key]` is what befalls its requests in turn, the last of them from then on.

    Quirks: `ok`, `range200`, `whole200`, `garbled` (206 without Content-Range), `elsewhere` (206 of another range),
    `unknown_size` (Content-Range ends in *), `too_long`, `cut`, `reset`, `eof`, `hang`, `noise`, or a status with an
    error code, such as `503 SlowDown`.
    """

    bucket: str = "lake"
    objects: dict[str, bytes] = field(default_factory=dict)
    quirks: dict[str, list[str]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    url: str = ""
    before_answer: Callable[[Asked], None] | None = None
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def quirk(self, key: str) -> str:
        left = self.quirks.get(key, ["ok"])
        return left.pop(0) if len(left) > 1 else left[0]

    def asked_for(self, key: str) -> list[Asked]:
        return [one for one in self.asked if one.key == key]


@contextmanager
def quirky_server() -> Iterator[QuirkyServer]:
    state = QuirkyServer()

    class Handler(_Handler):
        quirky = state

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # one segment an answer: otherwise Nagle and delayed acknowledgements add 40 ms to each
    wbufsize = -1
    disable_nagle_algorithm = True
    quirky: QuirkyServer

    def log_message(self, format: str, *args: object) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ValueError):
            self.close_connection = True

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        state = self.quirky
        key = unquote(self.path.split("?")[0]).removeprefix(f"/{state.bucket}/")
        asked = Asked(self.command, key, self.headers.get("Range"))
        with state.lock:
            state.asked.append(asked)
            state.at_once += 1
            state.most_at_once = max(state.most_at_once, state.at_once)
            quirk = state.quirk(key)
        try:
            if state.before_answer:
                state.before_answer(asked)
            self._answer(state, key, quirk)
        finally:
            with state.lock:
                state.at_once -= 1

    def _answer(self, state: QuirkyServer, key: str, quirk: str) -> None:
        if match := re.match(r"(\d{3}) ?(\w*)", quirk):
            self._error(int(match[1]), match[2])
            return
        if quirk == "hang":
            state.released.wait()
            self.close_connection = True
            return
        if quirk == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        if quirk == "eof":
            self.close_connection = True
            return
        if quirk == "noise":
            self.wfile.write(b"SSH-2.0-what\r\n\r\n")
            self.close_connection = True
            return
        body = state.objects.get(key)
        if body is None:
            self._error(404, "NoSuchKey")
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
        if asked is None or quirk == "whole200":
            self._send(200, body)
            return
        first, last = int(asked[1]), min(int(asked[2]), len(body) - 1)
        if first >= len(body):
            self._error(416, "InvalidRange")
            return
        part = body[first : last + 1]
        where = f"bytes {first}-{last}/{len(body)}"
        match quirk:
            case "ok":
                self._send(206, part, where)
            case "range200":
                self._send(200, part)
            case "garbled":
                self._send(206, part)
            case "elsewhere":
                self._send(206, body[: len(part)], f"bytes 0-{len(part) - 1}/{len(body)}")
            case "unknown_size":
                self._send(206, part, f"bytes {first}-{last}/*")
            case "too_long":
                self._send(206, part + bytes(1_000_000), where)
            case "cut":
                self._send(206, part, where, cut=True)
            case _:
                raise AssertionError(quirk)

    def _send(self, status: int, body: bytes, content_range: str | None = None, *, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"0"')
        self.send_header("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True
        self.wfile.flush()

    def _error(self, status: int, code: str) -> None:
        words = (
            f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>no</Message>'
            f"<AWSAccessKeyId>{self.headers.get('Authorization', '')}</AWSAccessKeyId></Error>"
        )
        body = words.encode() if code else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()
