"""The connection to the lake: opened as soon as that is possible, watched, and told of when it is lost and when it is back."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, suppress

from refooter.errors import DatabaseUnreachable
from refooter.jobs.ending import Ending, ending_of, told_in_full
from refooter.jobs.lake import Lake, Session
from refooter_tui.app.messages import Back, Connected, LakeInfo, Lost
from refooter_tui.app.outbox import Outbox

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
_log = logging.getLogger(__name__)


class Lifeline:
    """`lake()` waits for the first connection; after that the database pool mends itself, and this only watches."""

    def __init__(self, session: Session, outbox: Outbox, heartbeat: float) -> None:
        self._session = session
        self._outbox = outbox
        self._heartbeat = heartbeat
        self._lake: asyncio.Future[Lake] = asyncio.get_running_loop().create_future()
        self._nudged = asyncio.Event()

    async def lake(self) -> Lake:
        return await asyncio.shield(self._lake)

    @property
    def opened(self) -> Lake | None:
        return self._lake.result() if self._lake.done() and not self._lake.cancelled() else None

    def nudge(self) -> None:
        """Somebody has reason to think that the connection's state changed: look now."""
        self._nudged.set()

    async def hold(self) -> None:
        """Until cancelled; then the lake is closed."""
        async with AsyncExitStack() as stack:
            lake = await self._open(stack)
            self._lake.set_result(lake)
            self._outbox.now(Connected(self._info(lake)))
            await self._watch(lake)

    async def _open(self, stack: AsyncExitStack) -> Lake:
        said: Ending | None = None
        pause = FIRST_PAUSE
        while True:
            try:
                return await stack.enter_async_context(self._session.open())
            except Exception as error:
                ending = ending_of(error)
                if ending != said:
                    said = ending
                    self._outbox.now(Lost(ending.sentence, ending.code))
                    if not ending.foreseen:
                        _log.error("the lake could not be opened\n%s", told_in_full(error))
            await self._wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _watch(self, lake: Lake) -> None:
        said: str | None = None
        pause = FIRST_PAUSE
        while True:
            await self._wait(self._heartbeat if said is None else pause)
            lost = await self._look(lake)
            if lost is None:
                if said is not None:
                    self._outbox.now(Back())
                said, pause = None, FIRST_PAUSE
                continue
            if said is None:
                # Each later failure may put the same thing in other words; once is enough.
                said = lost.sentence
                self._outbox.now(lost)
            else:
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _look(self, lake: Lake) -> Lost | None:
        """A transaction of nothing."""
        try:
            async with lake.database.reading(seconds=10):
                return None
        except DatabaseUnreachable as error:
            return Lost(str(error), error.code)
        except Exception as error:
            ending = ending_of(error, lake.database)
            return Lost(ending.sentence, ending.code)

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        self._nudged.clear()

    def _info(self, lake: Lake) -> LakeInfo:
        return LakeInfo(
            lake.database.address.shown,
            lake.database.version.number,
            None if lake.store is None else lake.store.shown,
            lake.target,
            lake.database.read_only,
        )
