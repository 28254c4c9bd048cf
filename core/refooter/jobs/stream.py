"""A job's stages as a stream of events: what happens when the listener leaves, when the job is cancelled, when a stage fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine

from refooter.errors import RefooterError
from refooter.events import Event


async def stream(
    work: Coroutine[None, None, None], events: asyncio.Queue[Event], cancelled: asyncio.Event
) -> AsyncGenerator[Event, None]:
    """Runs `work` and yields what it puts into `events`, to the last one; then raises what the work ended with.

    When `cancelled` is set, the work is cancelled once and its last events are still yielded. A listener that goes away cancels it
    too. Either way this returns only when the work is over, the batch in flight with it.
    """
    task = asyncio.create_task(work)
    stop = asyncio.create_task(cancelled.wait())
    told = False
    try:
        while not task.done():
            if stop.done() and not told:
                task.cancel()
                told = True
            getting = asyncio.create_task(events.get())
            waiting = {getting, task} if told else {getting, task, stop}
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not getting.done():
                    getting.cancel()
            if getting.done() and not getting.cancelled():
                yield getting.result()
        while not events.empty():
            yield events.get_nowait()
        if not task.cancelled() and (error := task.exception()) is not None:
            raise first_cause(error)
    finally:
        stop.cancel()
        task.cancel()
        while not task.done():
            # Nobody listens any more, but the batch in flight must not wait for a full queue.
            while not events.empty():
                events.get_nowait()
            await asyncio.wait({task}, timeout=0.05)


def first_cause(error: BaseException) -> BaseException:
    """What a group of stages ended with: first of all one of our own sentences."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    inner = [first_cause(one) for one in error.exceptions]
    return next((one for one in inner if isinstance(one, RefooterError)), inner[0])
