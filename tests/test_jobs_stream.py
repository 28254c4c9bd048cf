from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine

import pytest

from refooter.errors import RefooterError, RunStopped, UsageError
from refooter.events import Event, Notice, Severity
from refooter.jobs.stream import first_cause, stream

Events = asyncio.Queue[Event]
Work = Callable[[Events], Coroutine[None, None, None]]


def said(number: int) -> Notice:
    return Notice(Severity.INFO, str(number))


def open_stream(work: Work, size: int = 4) -> tuple[AsyncGenerator[Event, None], asyncio.Event]:
    events: Events = asyncio.Queue(maxsize=size)
    cancelled = asyncio.Event()
    return stream(work(events), events, cancelled), cancelled


async def take_all(events: AsyncGenerator[Event, None], found: list[Event]) -> None:
    async for event in events:
        found.append(event)


async def say_many(events: Events) -> None:
    for number in range(50):
        await events.put(said(number))


async def test_every_event_comes_in_order_to_the_last_one() -> None:
    events, _ = open_stream(say_many)
    assert [event async for event in events] == [said(number) for number in range(50)]


async def test_work_that_says_nothing_ends_the_stream() -> None:
    async def work(events: Events) -> None:
        await asyncio.sleep(0)

    events, _ = open_stream(work)
    assert [event async for event in events] == []


async def test_what_the_work_ends_with_comes_after_its_last_event() -> None:
    async def work(events: Events) -> None:
        await events.put(said(1))
        await events.put(said(2))
        raise RunStopped("the end")

    events, _ = open_stream(work)
    found: list[Event] = []
    with pytest.raises(RunStopped, match="the end"):
        await take_all(events, found)
    assert found == [said(1), said(2)]


@pytest.mark.parametrize("taken", [0, 1, 5])
async def test_a_listener_that_leaves_while_the_queue_is_full_ends_the_work(taken: int) -> None:
    ended = []

    async def work(events: Events) -> None:
        number = 0
        try:
            while True:
                await events.put(said(number))
                number += 1
        except asyncio.CancelledError:
            # as a batch in flight does: it says what it wrote, to a queue that is full
            for last in range(20):
                await events.put(said(1000 + last))
            ended.append(number)
            raise

    events, _ = open_stream(work, size=2)
    for number in range(taken):
        assert await anext(events) == said(number)
    if not taken:
        await anext(events)
    await asyncio.wait_for(events.aclose(), 30)
    assert len(ended) == 1


async def test_cancelled_work_still_has_its_last_events_heard() -> None:
    async def work(events: Events) -> None:
        await events.put(said(0))
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            for number in range(1, 20):
                await events.put(said(number))
            raise

    events, cancelled = open_stream(work, size=2)
    found = []
    async for event in events:
        found.append(event)
        cancelled.set()
    assert found == [said(number) for number in range(20)]


async def test_work_is_cancelled_once_however_long_it_takes_to_end() -> None:
    times = 0

    async def work(events: Events) -> None:
        nonlocal times
        await events.put(said(0))
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            times += 1
            for number in range(1, 10):
                try:
                    await asyncio.sleep(0)
                    await events.put(said(number))
                except asyncio.CancelledError:
                    times += 1
                    raise

    events, cancelled = open_stream(work)
    found = []
    async for event in events:
        found.append(event)
        cancelled.set()
    assert times == 1
    assert found == [said(number) for number in range(10)]


async def test_an_error_while_ending_is_not_swallowed() -> None:
    async def work(events: Events) -> None:
        await events.put(said(0))
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise RunStopped("could not end well") from None

    events, cancelled = open_stream(work)
    assert await anext(events) == said(0)
    cancelled.set()
    with pytest.raises(RunStopped, match="could not end well"):
        await take_all(events, [])


async def test_a_consumer_that_is_cancelled_ends_the_work_too() -> None:
    ended = asyncio.Event()

    async def work(events: Events) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def consume() -> None:
        events, _ = open_stream(work)
        async for _ in events:
            pass

    consumer = asyncio.create_task(consume())
    for _ in range(20):
        await asyncio.sleep(0)
    consumer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    assert ended.is_set()


OURS = UsageError("ours")
THEIRS = ValueError("theirs")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OURS, OURS),
        (THEIRS, THEIRS),
        (ExceptionGroup("", [THEIRS]), THEIRS),
        (ExceptionGroup("", [THEIRS, OURS]), OURS),
        (ExceptionGroup("", [THEIRS, ExceptionGroup("", [KeyError("x"), OURS])]), OURS),
        (ExceptionGroup("", [ExceptionGroup("", [THEIRS])]), THEIRS),
        (BaseExceptionGroup("", [KeyboardInterrupt(), OURS]), OURS),
    ],
)
def test_of_a_group_of_errors_one_of_our_own_sentences_comes_first(error: BaseException, cause: BaseException) -> None:
    assert first_cause(error) is cause


async def test_stages_that_fail_together_end_in_our_own_sentence() -> None:
    async def fail(error: Exception) -> None:
        raise error

    async def work(events: Events) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail(ValueError("first")))
            group.create_task(fail(RunStopped("ours")))

    events, _ = open_stream(work)
    with pytest.raises(RefooterError, match="ours"):
        await take_all(events, [])
