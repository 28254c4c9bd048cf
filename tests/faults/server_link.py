"""A way to PostgreSQL that breaks off exactly at a COMMIT: the one fault that leaves it open what became of a batch."""

from __future__ import annotations

import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit


class Cut(Enum):
    """When the link breaks: before the server got the COMMIT, after it committed (its answer is lost), or as soon as the COMMIT is on
    its way (nobody knows)."""

    BEFORE = auto()
    AFTER = auto()
    DURING = auto()


@dataclass
class Link:
    """`dsn` goes through it. `cuts`: for the n-th transaction (from 1) that did what `of` looks for in its statements, how it is cut off.

    `seen` counts these transactions, `cut` those that were cut off. While `down`, nobody gets through.
    """

    of: bytes
    cuts: dict[int, Cut]
    dsn: str = ""
    seen: int = 0
    cut: int = 0
    down: bool = False
    down_after_cut: bool = False
    sessions: list[_Session] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def at_commit(self) -> Cut | None:
        with self.lock:
            self.seen += 1
            found = self.cuts.get(self.seen)
            self.cut += found is not None
            if found is not None and self.down_after_cut:
                self.down = True
                for session in self.sessions:
                    session.hang_up()
            return found


@contextmanager
def server_link(dsn: str, of: bytes, cuts: dict[int, Cut]) -> Iterator[Link]:
    """A Unix socket of its own in front of the server's."""
    parts = urlsplit(dsn)
    server = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
    with tempfile.TemporaryDirectory(prefix="refooter-link-") as directory, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(Path(directory) / ".s.PGSQL.5432"))
        listening.listen()
        link = Link(of, cuts, f"{dsn.partition('?')[0]}?host={quote(directory, safe='')}")
        ended = threading.Event()
        threads: list[threading.Thread] = []

        def accept() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                if ended.is_set():
                    client.close()
                    return
                with link.lock:
                    if link.down:
                        client.close()
                        continue
                    session = _Session(link, client, server)
                    link.sessions.append(session)
                thread = threading.Thread(target=session.run, daemon=True)
                thread.start()
                threads.append(thread)

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield link
        finally:
            ended.set()
            with suppress(OSError), socket.socket(socket.AF_UNIX) as waking:
                waking.connect(str(Path(directory) / ".s.PGSQL.5432"))
            accepting.join()
            for thread in threads:
                thread.join(10)


class _Session:
    """One connection: what the client says is looked at message by message, what the server says passes as it is."""

    def __init__(self, link: Link, client: socket.socket, path: str) -> None:
        self._link = link
        self._client = client
        self._server = socket.socket(socket.AF_UNIX)
        self._server.connect(path)
        self._deaf = threading.Event()

    def run(self) -> None:
        answering = threading.Thread(target=self._answers, daemon=True)
        answering.start()
        try:
            self._questions()
        except OSError:
            pass
        finally:
            with suppress(OSError):
                self._server.shutdown(socket.SHUT_WR)
            answering.join()
            self._client.close()
            self._server.close()

    def _questions(self) -> None:
        # The start-up message has no type byte.
        self._server.sendall(self._exactly(4, lambda head: struct.unpack("!I", head)[0] - 4))
        of_interest = False
        while True:
            message = self._exactly(5, lambda head: struct.unpack("!I", head[1:])[0] - 4)
            if not message:
                return
            of_interest = of_interest or self._link.of in message
            cut = None
            if b"COMMIT" in message[:40] or b"ROLLBACK" in message[:40]:
                cut = self._link.at_commit() if of_interest and b"COMMIT" in message[:40] else None
                of_interest = False
            if cut is Cut.BEFORE:
                self.hang_up()
                return
            if cut is not None:
                self._deaf.set()
            self._server.sendall(message)
            if cut is Cut.DURING:
                self.hang_up()
                return

    def _exactly(self, head: int, rest: Callable[[bytes], int]) -> bytes:
        """One message, or nothing at the end."""
        begun = self._receive(head)
        return begun + self._receive(rest(begun)) if begun else b""

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._client.recv(size - len(data))
            if not more:
                return b""
            data += more
        return data

    def _answers(self) -> None:
        with suppress(OSError):
            while data := self._server.recv(1 << 16):
                if self._deaf.is_set():
                    # The server has committed, and said so to nobody.
                    self.hang_up()
                    return
                self._client.sendall(data)
        self.hang_up()

    def hang_up(self) -> None:
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)
