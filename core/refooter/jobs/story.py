"""How every run is told: its events with the progress between them, its row closed however it ended, its summary last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing

from refooter.catalog.journal import RunState
from refooter.errors import RefooterError
from refooter.events import EntriesDone, Event, Finished
from refooter.jobs.meter import Meter
from refooter.jobs.run import Control, Run
from refooter.jobs.stream import stream
from refooter.values import TargetName


async def story(
    kind: str,
    run: Run,
    work: Coroutine[None, None, None],
    events: asyncio.Queue[Event],
    control: Control,
    target: TargetName,
    total: int,
) -> AsyncGenerator[Event, None]:
    """Does `work`, which puts its events into `events`, and yields them all; then `Finished` with a `RunSummary`.

    A run that stopped itself says `Finished` too, and then raises why; at once, if it had not come to a single entry.
    """
    meter = Meter(total)
    state, error = RunState.INTERRUPTED, None
    try:
        async with aclosing(stream(work, events, control.cancelled)) as told:
            async for event in told:
                yield event
                if isinstance(event, EntriesDone):
                    delta = run.store_delta()
                    progress = meter.add(len(event.results), run.tally.counts(), delta.requests, delta.bytes)
                    if progress is not None:
                        yield progress
        if not control.cancelled.is_set():
            state = RunState.FINISHED
    except RefooterError as stopped:
        state, error = RunState.STOPPED, stopped
    finally:
        await run.finish(state, str(error) if error else None)
    if error is not None and run.tally.selected == 0:
        raise error
    said = str(error) if error else None
    yield Finished(run.tally.summary(kind, run.run_id, state, target, run.store_delta(), said))
    if error is not None:
        raise error
