"""The small interface behind which both client libraries stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from refooter.store.failures import CUT_SHORT, Fault, FaultKind


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes that came for a range, the object's whole size where the answer told it, and the bytes received."""

    data: bytes
    size: int | None
    received: int

    def checked(self, start: int, end: int) -> Answer:
        """Itself, if it is as long as the range and the size say; otherwise raises `Fault`, and may be asked again."""
        most = (end if self.size is None else min(end, self.size)) - start
        if len(self.data) > most:
            raise Fault(FaultKind.TRANSIENT, "the store sent more bytes than it was asked for")
        if self.size is not None and len(self.data) < most:
            raise Fault(FaultKind.TRANSIENT, CUT_SHORT)
        return self


class Driver(Protocol):
    """What is asked of a client library. Each call is one request, never repeated by the library itself.

    Keys are whole (the root's prefix included) and literal. All calls raise `Fault` and nothing else. Bodies are read
    no further than what was asked for, whatever the server sends.
    """

    async def read_range(self, key: str, start: int, end: int) -> Answer:
        """The object's bytes from `start` to before `end`, or to its end. An empty range is `BEYOND_END`."""
        ...

    async def read_whole(self, key: str, start: int, end: int) -> Answer:
        """The same by a request for the whole object, of which nothing but the range is kept."""
        ...

    async def size(self, key: str) -> int:
        """The object's size in bytes."""
        ...

    async def close(self) -> None:
        """Closes connections and threads."""
        ...
