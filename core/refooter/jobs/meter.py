"""How far a job is, and how long it will take."""

from __future__ import annotations

import time

from refooter.events import Progress


class Meter:
    """How far a job is: says so at most four times a second."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.started = time.monotonic()
        self._said = self.started

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def add(self, entries: int, counts: dict[str, int], requests: int = 0, size: int = 0) -> Progress | None:
        self.done += entries
        now = time.monotonic()
        if now - self._said < 0.25:
            return None
        self._said = now
        return self.progress(counts, requests, size)

    def progress(self, counts: dict[str, int], requests: int = 0, size: int = 0) -> Progress:
        seconds = self.seconds
        rate = self.done / seconds if seconds else 0.0
        left = max(self.total - self.done, 0) / rate if rate else None
        return Progress(self.done, self.total, seconds, rate, left, counts, requests, size)
