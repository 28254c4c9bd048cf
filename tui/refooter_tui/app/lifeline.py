"""The connection to the lake: opened as soon as that is possible, watched, and told of when it is lost and when it is back; and when
somebody else writes to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress

from refooter.catalog.activity import Activity, Changes
from refooter.errors import DatabaseUnreachable
from refooter.jobs.ending import Ending, ending_of, told_in_full
from refooter.jobs.lake import Lake, Session
from refooter.jobs.proof import StoreProof
from refooter_tui.app.messages import Back, CatalogChanged, Connected, LakeInfo, Lost, StoreBack, StoreLost
from refooter_tui.app.outbox import Outbox

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
# a request that fails has been tried again for a while already, and costs money where it does not
LONGEST_STORE_PAUSE = 30.0
# A server may count what a session wrote only ten seconds after the session fell idle (`Activity`).
OURS_SECONDS = 15.0
_log = logging.getLogger(__name__)


class Lifeline:
    """`lake()` waits for the first connection; after that the database pool mends itself, and this only watches."""

    def __init__(self, session: Session, outbox: Outbox, heartbeat: float) -> None:
        self._session = session
        self._outbox = outbox
        self._heartbeat = heartbeat
        self._at_hand: Lake | None = None
        self._lake: asyncio.Future[Lake] = asyncio.get_running_loop().create_future()
        self._nudged = asyncio.Event()
        self._released = asyncio.Event()
        self._released.set()
        self._opening: asyncio.Task[Lake] | None = None
        self._writers = 0
        self._store_trial: asyncio.Task[None] | None = None
        self._ours_until = 0.0

    async def lake(self) -> Lake:
        return await asyncio.shield(self._lake)

    @property
    def opened(self) -> Lake | None:
        return self._lake.result() if self._lake.done() and not self._lake.cancelled() else None

    def store_failed(self, sentence: str) -> None:
        """A job could not reach the object store: said once, and tried until a footer can be read from it again."""
        if self._store_trial is None or self._store_trial.done():
            self._outbox.now(StoreLost(sentence))
            self._store_trial = asyncio.create_task(self._try_store())

    async def _try_store(self) -> None:
        lake = await self.lake()
        pause = FIRST_PAUSE
        while lake.store is not None:
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_STORE_PAUSE)
            try:
                await StoreProof(lake.database, lake.store).ensure()
            except Exception as error:
                # whatever is wrong with it, or with the database, it is not back
                _log.info("the object store: %s", error)
            else:
                self._outbox.now(StoreBack())
                return

    def nudge(self) -> None:
        """Somebody has reason to think that the connection's state changed: look now."""
        self._nudged.set()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Around a run of ours: rows that change meanwhile are its own."""
        self._writers += 1
        try:
            yield
        finally:
            self._writers -= 1
            self._ours_until = asyncio.get_running_loop().time() + OURS_SECONDS

    async def hold(self) -> None:
        """No transaction begins until `release`; returns once none is open. An attempt to open the lake is given up, and made again."""
        self._released.clear()
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        if self._at_hand is not None:
            await self._at_hand.database.hold()

    def release(self) -> None:
        self._released.set()
        if self._at_hand is not None:
            self._at_hand.database.release()

    async def keep(self) -> None:
        """Until cancelled; then the lake is closed."""
        async with AsyncExitStack() as stack:
            lake = self._at_hand = await self._open(stack)
            await self._released.wait()
            activity = Activity(lake.database)
            # Before anything is read: what is written from now on is told of.
            lost = await self._look(lake, activity)
            self._lake.set_result(lake)
            self._outbox.now(Connected(self._info(lake)))
            await self._watch(lake, activity, lost)

    async def _open(self, stack: AsyncExitStack) -> Lake:
        said: Ending | None = None
        pause = FIRST_PAUSE
        while True:
            await self._released.wait()
            try:
                lake = await self._attempt(stack)
                if lake is not None:
                    return lake
                continue
            except Exception as error:
                ending = ending_of(error)
                if ending != said:
                    said = ending
                    self._outbox.now(Lost(ending.sentence, ending.code))
                    if not ending.foreseen:
                        _log.error("the lake could not be opened\n%s", told_in_full(error))
            await self._wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _attempt(self, stack: AsyncExitStack) -> Lake | None:
        """`None` where `hold` came between."""
        opening = self._opening = asyncio.create_task(stack.enter_async_context(self._session.open()))
        try:
            await asyncio.wait({opening})
        except asyncio.CancelledError:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            raise
        finally:
            self._opening = None
        return None if opening.cancelled() else opening.result()

    async def _watch(self, lake: Lake, activity: Activity, lost: Lost | None) -> None:
        said: str | None = None
        pause = FIRST_PAUSE
        while True:
            if lost is None:
                if said is not None:
                    self._outbox.now(Back())
                said, pause = None, FIRST_PAUSE
            elif said is None:
                # Each later failure may put the same thing in other words; once is enough.
                said = lost.sentence
                self._outbox.now(lost)
            else:
                pause = min(pause * 2, LONGEST_PAUSE)
            await self._wait(self._heartbeat if said is None else pause)
            lost = await self._look(lake, activity)

    async def _look(self, lake: Lake, activity: Activity) -> Lost | None:
        """Whether the database is there, and whether anybody wrote to it."""
        try:
            changes = await activity.look()
        except DatabaseUnreachable as error:
            return Lost(str(error), error.code)
        except Exception as error:
            ending = ending_of(error, lake.database)
            return Lost(ending.sentence, ending.code)
        self._tell(changes)
        return None

    def _tell(self, changes: Changes) -> None:
        # Of rows that were updated nobody can tell by whom; rows that come and go are never a run's.
        maybe_ours = self._writers > 0 or asyncio.get_running_loop().time() < self._ours_until
        if changes.inserted or changes.deleted or (changes.updated and not maybe_ours):
            self._outbox.now(CatalogChanged(changes.inserted, changes.deleted, changes.updated))

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
