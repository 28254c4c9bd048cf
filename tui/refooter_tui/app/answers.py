"""What somebody in front of the screen asks, answered before anything in the background goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

import pyarrow as pa

from refooter.catalog.history import HistoryRecord
from refooter.catalog.journal import ResultRecord
from refooter.jobs.inspect import inspect_entry
from refooter.jobs.runs import entry_history, run_changes, run_outcomes, runs
from refooter_tui.app.lifeline import Lifeline
from refooter_tui.app.messages import Detail, RunResults, Runs
from refooter_tui.app.outbox import Outbox
from refooter_tui.app.turnstile import Turnstile
from refooter_tui.app.workshop import said_of

RESULT_LIMIT = 50_000


class Answers:
    """For the engine's event loop only. Of each kind of question only the latest is answered."""

    def __init__(self, lifeline: Lifeline, outbox: Outbox, turnstile: Turnstile) -> None:
        self._lifeline = lifeline
        self._outbox = outbox
        self._turnstile = turnstile
        self._asked: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    def detail(self, request: int, path: str, with_file: bool) -> None:
        self._ask("detail", lambda: self._detail(request, path, with_file))

    def runs(self) -> None:
        self._ask("runs", self._runs)

    def run_results(self, run_id: int, changes: bool) -> None:
        self._ask("run results", lambda: self._run_results(run_id, changes))

    async def close(self) -> None:
        """Nobody waits for an answer any more."""
        self._closed = True
        going = list(self._asked.values())
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)

    def _ask(self, what: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._closed:
            return
        earlier = self._asked.get(what)
        if earlier is not None:
            earlier.cancel()
        task = self._asked[what] = asyncio.create_task(self._in_front(work))
        task.add_done_callback(lambda ended: self._asked.pop(what) if self._asked.get(what) is ended else None)

    async def _in_front(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        with self._turnstile.urgent():
            await work()

    async def _detail(self, request: int, path: str, with_file: bool) -> None:
        try:
            lake = await self._lifeline.lake()
            found = await inspect_entry(lake, path, ask_store=with_file)
        except Exception as error:
            sentence = said_of(error, self._lifeline, "the detail of an entry").sentence
            self._outbox.now(Detail(request, path, with_file, error=sentence))
            return
        history: list[HistoryRecord] = []
        unknown = None
        try:
            history = await entry_history(lake, path)
        except Exception as error:
            unknown = said_of(error, self._lifeline, "the history of an entry").sentence
        self._outbox.now(Detail(request, path, with_file, found, history=tuple(history), history_error=unknown))

    async def _runs(self) -> None:
        try:
            found = await runs(await self._lifeline.lake())
        except Exception as error:
            self._outbox.now(Runs(error=said_of(error, self._lifeline, "reading the journal").sentence))
        else:
            self._outbox.now(Runs(tuple(found)))

    async def _run_results(self, run_id: int, changes: bool) -> None:
        kept: list[ResultRecord] = []
        changed: list[pa.Array[Any]] = []
        total = 0
        try:
            lake = await self._lifeline.lake()
            async with aclosing(run_outcomes(lake, run_id)) as pages:
                async for page in pages:
                    total += len(page)
                    kept += page[: RESULT_LIMIT - len(kept)]
            if changes:
                async with aclosing(run_changes(lake, run_id)) as paths:
                    changed = [pa.array(some, pa.large_string()) async for some in paths]
        except Exception as error:
            sentence = said_of(error, self._lifeline, "reading a run's results").sentence
            self._outbox.now(RunResults(run_id, error=sentence))
        else:
            together = pa.chunked_array(changed, pa.large_string()) if changes else None
            self._outbox.now(RunResults(run_id, tuple(kept), total, together))
