"""Queues, overlapping work and pace, each alone. What a test waits for is a state, never a time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable

import pytest

from refooter.jobs import flow
from refooter.jobs.flow import ByteQueue, Pace, overlap


def queue(items: int = 100, size: int = 100) -> ByteQueue[bytes]:
    return ByteQueue(len, items=items, size=size)


async def settle() -> None:
    """Lets every task go on until all of them wait."""
    for _ in range(50):
        await asyncio.sleep(0)


async def put_all(where: ByteQueue[bytes], items: list[bytes]) -> tuple[asyncio.Task[None], list[bytes]]:
    """A task that puts them one by one, and what it has got rid of so far."""
    done: list[bytes] = []

    async def put() -> None:
        for item in items:
            await where.put(item)
            done.append(item)
        await where.close()

    task = asyncio.create_task(put())
    await settle()
    return task, done


async def drain(where: ByteQueue[bytes]) -> list[bytes]:
    found = []
    while (item := await where.get()) is not None:
        found.append(item)
    return found


@pytest.mark.parametrize(
    ("items", "size", "given", "taken"),
    [
        (3, 100, [b"a"] * 5, 3),
        (100, 10, [b"1234"] * 5, 2),
        (100, 12, [b"1234"] * 5, 3),
        (100, 10, [b"x" * 50, b"a"], 1),
        (100, 10, [b"a", b"x" * 50], 1),
        (100, 0, [b"", b"", b""], 3),
        (1, 100, [b"a", b"b"], 1),
    ],
)
async def test_a_queue_is_bounded_by_items_and_by_bytes(items: int, size: int, given: list[bytes], taken: int) -> None:
    where = queue(items, size)
    putting, done = await put_all(where, given)
    assert len(done) == taken
    assert await drain(where) == given
    await putting


async def test_what_is_taken_makes_room_for_as_much_again() -> None:
    where = queue(size=10)
    for _ in range(3):
        putting = [asyncio.create_task(where.put(b"1234")) for _ in range(3)]
        await settle()
        assert [task.done() for task in putting] == [True, True, False]
        assert await where.get_many(2, 0.0) == [b"1234"] * 2
        await settle()
        assert await where.get() == b"1234"
        await asyncio.gather(*putting)


async def test_an_item_larger_than_the_queue_passes_alone() -> None:
    where = queue(size=10)
    large = b"x" * 1000
    putting, done = await put_all(where, [large, b"a", large, b"b"])
    for expected in ([large], [large, b"a"], [large, b"a", large], [large, b"a", large, b"b"]):
        assert done == expected
        assert await where.get() == expected[-1]
        await settle()
    assert await where.get() is None
    await putting


async def test_getters_of_a_closed_queue_take_what_is_left_and_then_end() -> None:
    where = queue()
    await where.put(b"a")
    getting = [asyncio.create_task(drain(where)) for _ in range(3)]
    await settle()
    await where.close()
    found = await asyncio.gather(*getting)
    assert [item for some in found for item in some] == [b"a"]
    assert await where.get() is None
    assert await where.get_many(10, 0.0) == []
    assert await where.get_many(10, 60.0) == []


@pytest.mark.parametrize(
    ("given", "most", "most_bytes", "taken"),
    [
        ([b"aa", b"bb", b"cc"], 10, 100, 3),
        ([b"aa", b"bb", b"cc"], 2, 100, 2),
        ([b"aa", b"bb", b"cc"], 10, 4, 2),
        ([b"aa", b"bb", b"cc"], 10, 5, 2),
        ([b"aaaaaaaaaa", b"bb"], 10, 4, 1),
        ([b"aa", b"bbbbbbbbbb"], 10, 4, 1),
    ],
)
async def test_many_are_taken_up_to_a_number_and_a_size_but_one_at_least(
    given: list[bytes], most: int, most_bytes: int, taken: int
) -> None:
    where = queue()
    for item in given:
        await where.put(item)
    assert await where.get_many(most, 0.0, most_bytes) == given[:taken]
    await where.close()
    assert await drain(where) == given[taken:]


async def test_lingering_takes_what_comes_meanwhile_and_ends_as_soon_as_there_is_enough() -> None:
    where = queue()
    getting = asyncio.create_task(where.get_many(3, 60.0))
    for item in (b"a", b"b"):
        await where.put(item)
        await settle()
        assert not getting.done()
    await where.put(b"c")
    assert await getting == [b"a", b"b", b"c"]


async def test_lingering_ends_when_the_queue_is_closed() -> None:
    where = queue()
    getting = asyncio.create_task(where.get_many(3, 60.0))
    await where.put(b"a")
    await settle()
    await where.close()
    assert await getting == [b"a"]


async def test_lingering_ends_with_what_there_is_when_its_time_is_over() -> None:
    where = queue()
    await where.put(b"a")
    assert await where.get_many(3, 0.001) == [b"a"]


@pytest.mark.parametrize(("items", "size"), [(2, 100), (100, 4)])
async def test_nobody_lingers_over_a_full_queue(items: int, size: int) -> None:
    where = queue(items, size)
    putting, _ = await put_all(where, [b"aa", b"bb", b"cc"])
    found = await asyncio.wait_for(where.get_many(50, 3600.0), 30)
    assert found == [b"aa", b"bb"]
    assert await drain(where) == [b"cc"]
    await putting


async def test_a_cancelled_getter_takes_nothing_with_it() -> None:
    where = queue()
    for linger in (0.0, 60.0):
        getting = asyncio.create_task(where.get_many(5, linger))
        await settle()
        if linger:
            await where.put(b"a")
            await settle()
        getting.cancel()
        await asyncio.gather(getting, return_exceptions=True)
    await where.close()
    assert await drain(where) == [b"a"]


class Source:
    """Numbers as they are asked for; says how many were, and whether it was closed."""

    def __init__(self, count: int, fails_at: int | None = None) -> None:
        self.read = 0
        self.closed = False
        self._count, self._fails_at = count, fails_at

    async def __call__(self) -> AsyncIterator[int]:
        try:
            for number in range(self._count):
                if number == self._fails_at:
                    raise ValueError("the source is dry")
                self.read += 1
                yield number
        finally:
            self.closed = True


async def take_all(numbers: AsyncIterator[int], found: list[int]) -> None:
    async for number in numbers:
        found.append(number)
        await settle()


async def test_a_getter_cancelled_after_it_was_woken_hands_the_item_on() -> None:
    where = queue()
    first, second = asyncio.create_task(where.get()), asyncio.create_task(where.get())
    await settle()
    await where.put(b"a")
    first.cancel()
    assert await second == b"a"
    assert first.cancelled()


async def test_a_putter_cancelled_while_it_waits_makes_way_for_the_next() -> None:
    where = queue(items=1)
    await where.put(b"a")
    first, second = asyncio.create_task(where.put(b"b")), asyncio.create_task(where.put(b"c"))
    await settle()
    first.cancel()
    await settle()
    assert await where.get() == b"a"
    assert await where.get() == b"c"
    await second


async def test_nobody_lingers_while_an_item_waits_for_room() -> None:
    where = queue(size=10)
    await where.put(b"abcd")
    getting = asyncio.create_task(where.get_many(100, 3600, 100))
    putting = asyncio.create_task(where.put(b"abcdefgh"))
    assert await getting == [b"abcd"]
    await putting


@pytest.mark.parametrize("seed", range(20))
async def test_nothing_is_lost_or_doubled_whoever_comes_goes_and_is_cancelled(seed: int) -> None:
    chance = random.Random(seed)
    where = queue(items=chance.randint(1, 5), size=chance.randint(1, 30))
    items = [index.to_bytes(2, "big") * chance.randint(1, 4) for index in range(200)]
    found: list[bytes] = []

    async def put(some: list[bytes]) -> None:
        for item in some:
            await where.put(item)
            if chance.random() < 0.3:
                await asyncio.sleep(0)

    async def get() -> None:
        while taken := await where.get_many(chance.randint(1, 3), chance.choice((0, 0, 0.001))):
            found.extend(taken)
            await asyncio.sleep(0)

    putters = [asyncio.create_task(put(items[part::4])) for part in range(4)]
    getters = [asyncio.create_task(get()) for _ in range(3)]
    while not all(putter.done() for putter in putters):
        impatient = asyncio.create_task(where.get())
        for _ in range(chance.randint(0, 4)):
            await asyncio.sleep(0)
        if not impatient.cancel() or not await _was_cancelled(impatient):
            found.append(impatient.result() or b"")
    await where.close()
    await asyncio.gather(*getters)
    assert sorted(found) == sorted(items)


async def _was_cancelled(task: asyncio.Task[bytes | None]) -> bool:
    await asyncio.wait([task])
    return task.cancelled()


async def test_overlapping_work_keeps_the_order_whichever_is_done_first() -> None:
    waits = [3, 0, 2, 0, 1, 5, 0]

    async def work(number: int) -> int:
        for _ in range(waits[number]):
            await asyncio.sleep(0)
        return number * 10

    source = Source(len(waits))
    assert [found async for found in overlap(source(), work, 3)] == [number * 10 for number in range(len(waits))]
    assert source.closed


@pytest.mark.parametrize("depth", [1, 2, 5])
async def test_no_more_is_read_ahead_than_the_depth_one_being_read_and_one_being_looked_at(depth: int) -> None:
    source = Source(100)

    async def work(number: int) -> int:
        return number

    numbers = overlap(source(), work, depth)
    for taken in range(1, 20):
        await anext(numbers)
        await settle()
        assert source.read <= taken + depth + 1
    await numbers.aclose()
    assert source.closed


async def test_work_really_overlaps() -> None:
    going: set[int] = set()
    together = asyncio.Event()

    async def work(number: int) -> int:
        going.add(number)
        if len(going) == 2:
            together.set()
        await together.wait()
        return number

    assert [found async for found in overlap(Source(2)(), work, 2)] == [0, 1]


async def test_an_error_of_the_source_comes_after_all_that_it_gave_before() -> None:
    source = Source(10, fails_at=3)

    async def work(number: int) -> int:
        return number

    found: list[int] = []
    with pytest.raises(ValueError, match="the source is dry"):
        await take_all(overlap(source(), work, 2), found)
    assert found == [0, 1, 2]
    assert source.closed


async def test_an_error_of_the_work_comes_out_in_its_place_and_ends_the_rest() -> None:
    source = Source(50)
    cancelled: list[int] = []

    async def work(number: int) -> int:
        if number == 2:
            raise ValueError("no such work")
        if number > 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(number)
                raise
        return number

    found: list[int] = []
    with pytest.raises(ValueError, match="no such work"):
        await take_all(overlap(source(), work, 3), found)
    await settle()
    assert found == [0, 1]
    assert cancelled == list(range(3, source.read))
    assert source.closed


async def test_closing_early_cancels_what_is_under_way_and_closes_the_source() -> None:
    source = Source(50)
    left: list[int] = []

    async def work(number: int) -> int:
        if number:
            try:
                await asyncio.Event().wait()
            finally:
                left.append(number)
        return number

    numbers = overlap(source(), work, 3)
    assert await anext(numbers) == 0
    await settle()
    await numbers.aclose()
    await settle()
    assert source.closed
    assert left == list(range(1, source.read))


async def test_nothing_overlaps_over_an_empty_source() -> None:
    async def work(number: int) -> int:
        raise AssertionError

    assert [found async for found in overlap(Source(0)(), work, 2)] == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[float]]:
    """Sleeping takes no time but moves the clock; returns how long each was asked for."""
    slept: list[float] = []
    now = 100.0

    class Loop:
        def time(self) -> float:
            return now

    async def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(round(seconds, 6))
        now += seconds

    class Fake:
        get_running_loop = staticmethod(Loop)

    Fake.sleep = staticmethod(sleep)  # type: ignore[attr-defined]
    monkeypatch.setattr(flow, "asyncio", Fake)
    return lambda: slept


async def test_a_pace_lets_entries_pass_at_even_distances(clock: Callable[[], list[float]]) -> None:
    pace = Pace(10)
    for _ in range(5):
        await pace.pass_one()
    assert clock() == [0.1] * 4


async def test_a_high_rate_is_kept_without_a_timer_for_each_entry(clock: Callable[[], list[float]]) -> None:
    pace = Pace(3000)
    for _ in range(3001):
        await pace.pass_one()
    assert sum(clock()) == pytest.approx(1, abs=0.011)
    assert len(clock()) < 101


async def test_a_pace_saves_nothing_up_while_nobody_comes(clock: Callable[[], list[float]]) -> None:
    pace = Pace(10)
    await pace.pass_one()
    await flow.asyncio.sleep(5)
    for _ in range(3):
        await pace.pass_one()
    assert clock() == [5, 0.1, 0.1]


async def test_without_a_rate_nothing_waits(clock: Callable[[], list[float]]) -> None:
    pace = Pace(None)
    for _ in range(1000):
        await pace.pass_one()
    assert clock() == []
