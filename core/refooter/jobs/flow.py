"""Bounded stages: what lets reading, judging, fetching and writing overlap without ever holding the whole lake."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class ByteQueue(Generic[A]):
    """A queue bounded by items and by bytes; one item larger than all of it passes alone. Closed by its one producer."""

    def __init__(self, size_of: Callable[[A], int], *, items: int, size: int) -> None:
        self._size_of = size_of
        self._most_items, self._most_bytes = items, size
        self._items: deque[A] = deque()
        self._bytes = 0
        self._closed = False
        # Two conditions over one lock, and one waiter woken at a time: a hundred fetchers told of every item would cost more than
        # the items do.
        lock = asyncio.Lock()
        self._not_empty = asyncio.Condition(lock)
        self._not_full = asyncio.Condition(lock)

    async def put(self, item: A) -> None:
        size = self._size_of(item)
        async with self._not_full:
            await self._not_full.wait_for(lambda: self._fits(size))
            self._items.append(item)
            self._bytes += size
            self._not_empty.notify()

    def _fits(self, size: int) -> bool:
        return not self._items or (len(self._items) < self._most_items and self._bytes + size <= self._most_bytes)

    async def close(self) -> None:
        """No more items will come: getters end once it is empty."""
        async with self._not_empty:
            self._closed = True
            self._not_empty.notify_all()

    async def get(self) -> A | None:
        """The next item, or `None` at the end."""
        found = await self.get_many(1, 0)
        return found[0] if found else None

    async def get_many(self, most: int, linger: float, most_bytes: int = 8 << 20) -> list[A]:
        """At least one item, more if they come within `linger` seconds or are there; empty at the end."""
        async with self._not_empty:
            while True:
                await self._not_empty.wait_for(lambda: bool(self._items) or self._closed)
                if linger and not self._enough(most, most_bytes):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(linger):
                            await self._not_empty.wait_for(lambda: self._enough(most, most_bytes))
                if self._items or self._closed:
                    # Otherwise another getter took them while this one lingered.
                    break
            taken: list[A] = []
            total = 0
            while self._items and len(taken) < most:
                size = self._size_of(self._items[0])
                if taken and total + size > most_bytes:
                    break
                taken.append(self._items.popleft())
                total += size
                self._bytes -= size
            self._not_full.notify(len(taken))
            if self._items:
                # Whoever was told of these before us may have been this getter itself.
                self._not_empty.notify()
            return taken

    def _enough(self, most: int, most_bytes: int) -> bool:
        # A full queue is enough too: waiting for more would wait for ourselves.
        full = len(self._items) >= self._most_items or self._bytes >= min(most_bytes, self._most_bytes // 2)
        return self._closed or full or len(self._items) >= most


async def overlap(source: AsyncIterator[A], work: Callable[[A], Awaitable[B]], depth: int) -> AsyncGenerator[B, None]:
    """`work` of every item, in order: `depth` of them wait to be taken, while one is taken and one more is begun."""
    waiting: asyncio.Queue[asyncio.Task[B] | BaseException | None] = asyncio.Queue(maxsize=depth)

    async def run(item: A) -> B:
        return await work(item)

    async def produce() -> None:
        try:
            async for item in source:
                task = asyncio.create_task(run(item))
                try:
                    await waiting.put(task)
                except asyncio.CancelledError:
                    task.cancel()
                    raise
        except Exception as error:
            await waiting.put(error)
        else:
            await waiting.put(None)

    producer = asyncio.create_task(produce())
    try:
        while True:
            task = await waiting.get()
            if task is None:
                return
            if isinstance(task, BaseException):
                raise task
            yield await task
    finally:
        producer.cancel()
        left = [producer]
        while not waiting.empty():
            task = waiting.get_nowait()
            if isinstance(task, asyncio.Task):
                task.cancel()
                left.append(task)  # type: ignore[arg-type]
        await asyncio.gather(*left, return_exceptions=True)
        closing = getattr(source, "aclose", None)
        if closing is not None:
            await closing()


class Pace:
    """Lets at most `rate` entries a second pass; without a rate, all."""

    def __init__(self, rate: float | None) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._next = 0.0

    async def pass_one(self) -> None:
        if not self._gap:
            return
        now = asyncio.get_running_loop().time()
        at = max(self._next, now)
        self._next = at + self._gap
        if at > now:
            await asyncio.sleep(at - now)
