"""When a request is made again: full jitter between doubling bounds, within the time that an entry may take."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an entry may take, in seconds, and the clock by which; the clock, the sleep and chance are passed in.

    `budget` is for one entry in all, waits between attempts included, time spent queueing for a free slot not.
    `attempt` is for one request.
    """

    budget: float = 60.0
    attempt: float = 15.0
    first_wait: float = 0.1
    longest_wait: float = 10.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random

    def wait(self, failed: int) -> float:
        """Seconds to wait after so many failed attempts: anything up to a bound that doubles ("full jitter")."""
        bound = min(self.longest_wait, self.first_wait * 2.0 ** min(failed - 1, 60))
        return self.chance() * bound


class Deadline:
    """The moment by which one entry has to be done; waiting that is not the store's fault puts it off."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self._ends = patience.clock() + patience.budget

    def left(self) -> float:
        return self._ends - self.patience.clock()

    def put_off(self, seconds: float) -> None:
        self._ends += seconds
