"""Bounded stages: what lets reading, judging, fetching and writing overlap without ever holding the whole lake."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")
_SHORTEST_SLEEP = 0.01


@dataclass(eq=False, slots=True)
class _Getter:
    """Who waits, and for how much."""

    most: int
    most_bytes: int
    woken: asyncio.Future[None]
    queued: bool = True

    def wake(self) -> None:
        if not self.woken.done():
            self.woken.set_result(None)


class ByteQueue(Generic[A]):
    """A queue bounded by items and by bytes; one item larger than all of it passes alone. Closed by its one producer.

    For one event loop. No lock and no condition: a getter is woken only when what it waits for is there, and only as
    many as there are items, since a hundred fetchers told of every item would cost more than the items do.
    """

    def __init__(self, size_of: Callable[[A], int], *, items: int, size: int) -> None:
        self._size_of = size_of
        self._most_items, self._most_bytes = items, size
        self._items: deque[tuple[A, int]] = deque()
        self._bytes = 0
        self._closed = False
        self._getters: deque[_Getter] = deque()
        self._putters: deque[asyncio.Future[None]] = deque()

    async def put(self, item: A) -> None:
        size = self._size_of(item)
        if self._putters or not self._fits(size):
            await self._room_for(size)
        self._items.append((item, size))
        self._bytes += size
        self._wake_getter()
        if self._putters:
            self._wake_putter()

    async def _room_for(self, size: int) -> None:
        waiting = asyncio.get_running_loop().create_future()
        self._putters.append(waiting)
        self._wake_getter()
        while True:
            try:
                await waiting
            except asyncio.CancelledError:
                if waiting in self._putters:
                    self._putters.remove(waiting)
                self._wake_putter()
                raise
            if self._fits(size):
                return
            waiting = asyncio.get_running_loop().create_future()
            self._putters.appendleft(waiting)

    def _fits(self, size: int) -> bool:
        return not self._items or (len(self._items) < self._most_items and self._bytes + size <= self._most_bytes)

    async def close(self) -> None:
        """No more items will come: getters end once it is empty."""
        self._closed = True
        for getter in self._getters:
            getter.wake()

    async def get(self) -> A | None:
        """The next item, or `None` at the end."""
        found = await self.get_many(1, 0)
        return found[0] if found else None

    async def get_many(self, most: int, linger: float, most_bytes: int = 8 << 20) -> list[A]:
        """At least one item, more if they come within `linger` seconds or are there; empty at the end."""
        while True:
            while not self._items and not self._closed:
                await self._until(1, 0)
            if linger and not self._enough(most, most_bytes):
                await self._until(most, most_bytes, linger)
            if self._items or self._closed:
                # Otherwise another getter took them while this one lingered.
                return self._taken(most, most_bytes)

    def _taken(self, most: int, most_bytes: int) -> list[A]:
        taken: list[A] = []
        total = 0
        while self._items and len(taken) < most:
            item, size = self._items[0]
            if taken and total + size > most_bytes:
                break
            self._items.popleft()
            taken.append(item)
            total += size
        self._bytes -= total
        if self._putters:
            self._wake_putter()
        if self._items:
            self._wake_getter()
        return taken

    def _enough(self, most: int, most_bytes: int) -> bool:
        # A full queue is enough too: waiting for more would wait for ourselves.
        full = len(self._items) >= self._most_items or self._bytes >= min(most_bytes, self._most_bytes // 2)
        return self._closed or full or bool(self._putters) or len(self._items) >= most

    async def _until(self, most: int, most_bytes: int, linger: float | None = None) -> None:
        """Waits to be woken for `most` items or `most_bytes`, for `linger` seconds at most."""
        loop = asyncio.get_running_loop()
        getter = _Getter(most, most_bytes, loop.create_future())
        self._getters.append(getter)
        timer = None if linger is None else loop.call_later(linger, getter.wake)
        try:
            await getter.woken
        except asyncio.CancelledError:
            if self._items:
                self._wake_getter()
            raise
        finally:
            if timer is not None:
                timer.cancel()
            if getter.queued:
                self._getters.remove(getter)

    def _wake_getter(self) -> None:
        """Wakes the first getter that has waited for this, if any has."""
        for position, getter in enumerate(self._getters):
            if getter.most == 1 or self._enough(getter.most, getter.most_bytes):
                del self._getters[position]
                getter.queued = False
                getter.wake()
                return

    def _wake_putter(self) -> None:
        """Wakes the first putter, to look whether there is room now; it wakes the next one."""
        while self._putters:
            waiting = self._putters.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return


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
        # a timer for each of some thousand entries a second would cost more than the entries
        if at - now > _SHORTEST_SLEEP:
            await asyncio.sleep(at - now)
