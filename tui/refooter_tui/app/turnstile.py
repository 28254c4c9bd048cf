"""Who goes first: work in the background stands aside while somebody in front of the screen waits for something."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# However busy the keys are, the background gets a step in so often.
PATIENCE_SECONDS = 1.0


class Turnstile:
    def __init__(self) -> None:
        self._urgent = 0
        self._free = asyncio.Event()
        self._free.set()

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """Around what somebody waits for."""
        self._urgent += 1
        self._free.clear()
        try:
            yield
        finally:
            self._urgent -= 1
            if not self._urgent:
                self._free.set()

    async def pass_by(self) -> None:
        """Between two small steps of work in the background."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._free.wait()
