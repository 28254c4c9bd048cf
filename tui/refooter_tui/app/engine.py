"""The only thing in the app that talks to core: a thread with an event loop of its own, and a facade that never blocks.

What is asked of it is answered by messages (`refooter_tui.app.messages`), which `deliver` gets in the engine's thread.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from refooter.catalog.selection import EVERYTHING, Selection
from refooter.events import Progress
from refooter.jobs.decide import MigrateOptions
from refooter.loop import run
from refooter.values import Wanted
from refooter_tui.app.answers import Answers
from refooter_tui.app.lifeline import Lifeline
from refooter_tui.app.messages import EngineMessage, JobKind
from refooter_tui.app.outbox import Outbox
from refooter_tui.app.turnstile import Turnstile
from refooter_tui.app.workshop import Begin, Order, Result, Taken, Workshop

if TYPE_CHECKING:
    from refooter.catalog.stamps import Stamps
    from refooter.jobs.lake import Lake, Session
    from refooter.jobs.run import Control

Scope = Selection | Sequence[str] | None
"""What a job is about: a selection, file paths, or everything. What of it is no longer in the catalog is passed over."""

HEARTBEAT_SECONDS = 5.0
# A scan of so few entries is of what somebody is looking at.
_IN_SIGHT = 500
# What closing the database, the store and the loop may take, after the jobs have ended.
_CLOSING_SECONDS = 15.0
# A terminal app leaves cycles behind all the time: the 50,000 that a job may gather take longer to collect than a key may.
_COLLECTING = (10_000, 10, 100)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Inside:
    """What lives in the engine's loop."""

    loop: asyncio.AbstractEventLoop
    lifeline: Lifeline
    workshop: Workshop
    answers: Answers
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


class Engine:
    """Every method returns at once (`stop` and `hold` excepted) and may be called from any thread; jobs are named by their number.

    `session` has been entered by the caller, before any terminal app runs. Jobs asked for before the lake is open wait for it. Each
    ends with exactly one `JobDone`, whatever happens to it, and nothing of it comes after that.
    """

    def __init__(
        self,
        session: Session,
        deliver: Callable[[EngineMessage], None],
        *,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._session = session
        self._deliver = deliver
        self._heartbeat = heartbeat
        self._numbers = itertools.count(1)
        self._thread = threading.Thread(target=self._serve, name="refooter-engine", daemon=True)
        self._up = threading.Event()
        self._inside: _Inside | None = None
        self._patience = 0.0
        self._stopped = False

    def start(self) -> None:
        """Begins to connect: `Connected` or `Lost` follows."""
        self._thread.start()
        self._up.wait()

    def stop(self, patience: float) -> bool:
        """Cancels everything, lets runs finish their batch and be recorded as interrupted, and waits: `patience` seconds for the
        jobs, and what closing takes. From the second call on nothing is waited for. False if the thread is not over."""
        if self._stopped:
            self._call(lambda inside: inside.workshop.hurry())
        else:
            self._stopped, self._patience = True, patience
            self.release()
            self._call(lambda inside: inside.stopping.set())
        self._thread.join(patience + _CLOSING_SECONDS)
        return not self._thread.is_alive()

    def hold(self, patience: float) -> bool:
        """Lets no transaction begin, a run's heartbeat neither, and waits until none is open: for `patience` seconds, and if that is
        not enough all goes on as before and this says False. After True nothing of ours is open in the database until `release`, so
        that this process may be stopped as a whole."""
        inside = self._inside
        if inside is None or not self._thread.is_alive():
            return True
        holding = asyncio.run_coroutine_threadsafe(inside.lifeline.hold(), inside.loop)
        try:
            holding.result(patience)
        except TimeoutError:
            holding.cancel()
            self.release()
            return False
        return True

    def release(self) -> None:
        """After `hold`: all goes on where it was. A run that was declared dead meanwhile stops."""
        self._call(lambda inside: inside.lifeline.release())

    def load(self, *, quiet: bool = False) -> int:
        """Lists the whole catalog: `Listed` messages, which say `quiet` again. One that is still coming is cancelled; a quiet one waits
        for it instead, and takes the place of a quiet one that waits."""
        number = next(self._numbers)
        self._call(lambda inside: inside.workshop.load(number, quiet=quiet))
        return number

    def scan(self, paths: Scope, deep: bool = False) -> int:
        """Judges entries; `deep` asks the store for each file. A few paths go before anything in the background."""

        def begin(lake: Lake, control: Control) -> AsyncGenerator[Any, None]:
            from refooter.jobs.scan import scan

            return scan(lake, selection_of(paths), deep=deep, wanted=Wanted.MENDABLE)

        in_sight = paths is not None and not isinstance(paths, Selection) and len(paths) <= _IN_SIGHT
        return self._begin(JobKind.SCAN, begin, urgent=in_sight and not deep)

    def plan(self, what: Scope, options: MigrateOptions) -> int:
        """What a migration would do; `JobDone.summary` is a `Plan`, `JobDone.stamps` what the entries were when it began to read. Named
        paths are named: an orphan among them is meant."""

        async def begin(lake: Lake, control: Control) -> AsyncGenerator[Any, None]:
            from refooter.jobs.drift import stamps
            from refooter.jobs.plan import plan

            selection = selection_of(what)
            async with aclosing(stamps(lake, selection)) as taking:
                async for said in taking:
                    yield said if isinstance(said, Progress) else Taken(said)
            async with aclosing(plan(lake, selection, _naming(options, selection))) as events:
                async for event in events:
                    yield event

        return self._begin(JobKind.PLAN, begin)

    def drift(self, what: Scope, stamps: Stamps) -> int:
        """What of a plan's entries is not as it was when their stamps were taken; `JobDone.summary` is a `Drift`."""

        async def begin(lake: Lake, control: Control) -> AsyncGenerator[Any, None]:
            from refooter.jobs.drift import drift

            async with aclosing(drift(lake, selection_of(what), stamps)) as telling:
                async for said in telling:
                    yield said if isinstance(said, Progress) else Result(said)

        return self._begin(JobKind.DRIFT, begin, urgent=True)

    def migrate(self, what: Scope, options: MigrateOptions) -> int:
        """A migration, or its dry run. While another run of this engine writes, it waits for its turn, and says so."""

        def begin(lake: Lake, control: Control) -> AsyncGenerator[Any, None]:
            from refooter.jobs.migrate import migrate

            selection = selection_of(what)
            return migrate(lake, selection, _naming(options, selection), control)

        if options.dry_run:
            return self._begin(JobKind.DRY_RUN, begin, own_control=True)
        return self._begin(JobKind.MIGRATE, begin, writes=True, own_control=True)

    def rollback(self, run_ids: Sequence[int], what: Scope = None) -> int:
        """Puts back what these runs found, all of it or the named entries."""

        def begin(lake: Lake, control: Control) -> AsyncGenerator[Any, None]:
            from refooter.jobs.rollback import rollback

            selection = EVERYTHING if what is None else selection_of(what)
            return rollback(lake, list(run_ids), selection, control)

        return self._begin(JobKind.ROLLBACK, begin, writes=True, own_control=True)

    def verify(self, what: Scope, *, run_id: int | None = None, against_store: bool = False) -> int:
        """Problems come in `JobEvents.problems`."""

        def begin(lake: Lake, control: Control) -> AsyncGenerator[Any, None]:
            from refooter.jobs.verify import verify

            return verify(lake, selection_of(what), run_id=run_id, against_store=against_store)

        return self._begin(JobKind.VERIFY, begin)

    def export(self, target: str, what: Scope, *, run_id: int | None = None, overwrite: bool = False) -> int:
        """Rows of a fresh scan, or with `run_id` of what that run could not do; `JobDone.summary` is a `Saved`."""

        async def begin(lake: Lake, control: Control) -> AsyncGenerator[Any, None]:
            from refooter.jobs.save import Saved, save

            async with aclosing(save(lake, target, selection_of(what), run_id=run_id, overwrite=overwrite)) as events:
                async for event in events:
                    yield Result(event) if isinstance(event, Saved) else event

        return self._begin(JobKind.EXPORT, begin)

    def pause(self, job: int) -> None:
        """Reads and writes stop; what is under way is finished. Nothing happens for a job that is over."""
        self._call(lambda inside: inside.workshop.pause(job))

    def resume(self, job: int) -> None:
        self._call(lambda inside: inside.workshop.resume(job))

    def cancel(self, job: int) -> None:
        """`JobDone` follows, with what had been done; a run's batch in flight is finished first."""
        self._call(lambda inside: inside.workshop.cancel(job))

    def detail(self, path: str, *, with_file: bool = False) -> int:
        """Decodes one entry: a `Detail` with this number follows, unless another is asked for before it comes.

        Without `with_file` not one request is made to the store, however often the cursor moves.
        """
        number = next(self._numbers)
        self._call(lambda inside: inside.answers.detail(number, path, with_file))
        return number

    def runs(self) -> None:
        """`Runs` follows."""
        self._call(lambda inside: inside.answers.runs())

    def run_results(self, run_id: int, *, changes: bool = True) -> None:
        """What a run of the journal could not do, and with `changes` what it changed: `RunResults` follows."""
        self._call(lambda inside: inside.answers.run_results(run_id, changes))

    def _begin(
        self,
        kind: JobKind,
        begin: Begin,
        *,
        writes: bool = False,
        urgent: bool = False,
        own_control: bool = False,
    ) -> int:
        order = Order(next(self._numbers), kind, begin, writes, urgent, own_control)
        self._call(lambda inside: inside.workshop.begin(order))
        return order.job

    def _call(self, what: Callable[[_Inside], None]) -> None:
        """In the engine's loop; nothing once the engine has ended."""
        inside = self._inside
        if inside is None:
            raise RuntimeError("start() the engine first")
        with suppress(RuntimeError):
            inside.loop.call_soon_threadsafe(what, inside)

    def _serve(self) -> None:
        try:
            run(self._live())
        except BaseException:
            _log.exception("the engine ended unexpectedly")
        finally:
            self._up.set()

    async def _live(self) -> None:
        gc.set_threshold(*_COLLECTING)
        outbox = Outbox(self._deliver)
        lifeline = Lifeline(self._session, outbox, self._heartbeat)
        turnstile = Turnstile()
        read_only = self._session.settings.read_only
        inside = self._inside = _Inside(
            asyncio.get_running_loop(),
            lifeline,
            Workshop(lifeline, outbox, turnstile, read_only=read_only),
            Answers(lifeline, outbox, turnstile),
        )
        keeping = asyncio.create_task(lifeline.keep())
        self._up.set()
        await inside.stopping.wait()
        await inside.answers.close()
        await inside.workshop.close(self._patience)
        outbox.flush()
        keeping.cancel()
        await asyncio.wait({keeping})


def selection_of(what: Scope) -> Selection:
    """As a job takes it: what is no longer there is no error, since a screen is always a little behind."""
    if what is None:
        return replace(EVERYTHING, allow_empty=True)
    if isinstance(what, Selection):
        return replace(what, allow_empty=True)
    return Selection(paths=tuple(what), allow_empty=True)


def _naming(options: MigrateOptions, selection: Selection) -> MigrateOptions:
    """As the command line has it: whoever names an orphan's path means it."""
    return replace(options, named=frozenset(selection.paths or ()))
