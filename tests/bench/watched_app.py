"""The program, as `refooter` starts it, in a terminal that measures it: after every frame it says what that frame showed.

A word is an APC string, which terminals pass over: `ESC _ refooter;{...} ESC \\`. What a pane showed is noted while the compositor asks
the pane for its lines, and said behind the frame that they went into, so that no frame is taken for another one's. Nothing else of
the app is changed, and no class of it is imported earlier than the program itself does.

Arguments: those of `refooter`. With REFOOTER_BENCH_RATE in the environment the first migration is a made-up one, which says of so
many entries a second that they are migrated, in the events and by the way that a real one takes; later ones are real, and held to that
rate as by `--max-rate`. Plans are made up always.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import fields, replace
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

WORD: Final = "\x1b_refooter;{}\x1b\\"
RATE: Final = "REFOOTER_BENCH_RATE"
_BATCH_SECONDS: Final = 0.1
_PLANNED: Final = 200_000


class _After:
    """Does something with a module right after it was first imported."""

    def __init__(self, name: str, then: Callable[[ModuleType], None]) -> None:
        self._name, self._then = name, then

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        loader: Any = spec.loader
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            self._then(module)

        loader.exec_module = exec_module
        return spec


class Watch:
    """What was painted last, by pane, and what else the measuring side wants to know."""

    def __init__(self) -> None:
        self.painted: dict[str, Any] = {}
        self.judged = 0
        self._snapshot: object = None
        self._snapshots = 0
        self._watched: set[str] = set()
        self._gc_began = 0.0
        self.gc_most = self.gc_all = 0.0
        gc.callbacks.append(self._collected)

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._gc_began = time.perf_counter()
        else:
            took = time.perf_counter() - self._gc_began
            self.gc_all += took
            self.gc_most = max(self.gc_most, took)

    def look(self, app: Any) -> None:
        """From the first frame on which they are there."""
        if len(self._watched) == 3:
            return
        desk = app.screen_stack[0]
        for name, says in (("EntriesTable", self._entries), ("FilterInput", self._typed), ("TimelineBar", self._brush)):
            found = list(desk.query(name))
            if found and name not in self._watched:
                self._watched.add(name)
                self._hook(app, found[0], name, says)

    def _hook(self, app: Any, pane: Any, name: str, says: Callable[[Any, Any], object]) -> None:
        lines = pane.render_lines

        def render_lines(crop: Any) -> Any:
            # Asked first: what changes while the lines are made need not be in them.
            said = says(app, pane)
            made = lines(crop)
            self.painted[name] = said
            return made

        pane.render_lines = render_lines

    def _entries(self, app: Any, pane: Any) -> object:
        snapshot = app.lake.snapshot
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._snapshots += 1
        return {
            "cursor": pane.cursor,
            "lines": pane.line_count,
            "snapshot": self._snapshots,
            "filter": str(snapshot.filter),
            "order": [snapshot.sort.column, snapshot.sort.reverse],
            "sorted_by": [pane.sorted_by or None, pane.sorted_reverse],
            "column": pane._column,
        }

    def _typed(self, app: Any, pane: Any) -> object:
        return pane.value

    def _brush(self, app: Any, pane: Any) -> object:
        brushed = pane.brushed
        return None if brushed is None else [brushed.since, brushed.until]

    def word(self, app: Any) -> str:
        lake, screen = app.lake, app.screen
        said = {
            **self.painted,
            "screen": type(screen).__name__,
            "depth": len(app.screen_stack),
            "ready": bool(getattr(screen, "ready", False)),
            "listed": len(lake.table),
            "loading": lake.loading,
            "connected": app.info is not None,
            "judged": self.judged,
            "cpu": time.thread_time(),
            "gc": [round(1000 * self.gc_most, 1), round(self.gc_all, 3)],
        }
        return WORD.format(json.dumps(said))


def _watch_app(module: ModuleType) -> None:
    watch = Watch()
    app_class: Any = module.__dict__["RefooterApp"]
    display, news = app_class._display, app_class.on_engine_news

    def shown(self: Any, screen: Any, renderable: Any) -> None:
        watch.look(self)
        display(self, screen, renderable)
        if self._driver is not None and renderable is not None:
            self._driver.write(watch.word(self))

    async def heard(self: Any, message: Any) -> None:
        answer = news(self, message)
        if asyncio.iscoroutine(answer):
            await answer
        said = message.said
        if type(said).__name__ == "JobEvents" and said.kind == "migrate":
            watch.judged += len(said.results)

    app_class._display, app_class.on_engine_news = shown, heard


def _plan_at_once(module: ModuleType) -> None:
    """A plan judges all that it is about, a minute for 200,000 entries: not what is measured here, so that this one knows already."""

    async def plan(*scope: Any, **options: Any) -> AsyncGenerator[Any, None]:
        from refooter.events import Finished, Plan

        numbers: dict[str, Any] = {one.name: {} if "dict" in str(one.type) else 0 for one in fields(Plan)}
        yield Finished(Plan(**{**numbers, "selected": _PLANNED, "by_step": {"repair": _PLANNED}}))

    module.__dict__["plan"] = plan


def _make_up(module: ModuleType) -> None:
    """Puts the made-up migration before the real one."""
    real = module.__dict__["migrate"]
    rate = float(os.environ.get(RATE, "0"))
    turns = [rate] if rate else []

    def migrate(lake: Any, selection: Any, options: Any, control: Any = None) -> AsyncGenerator[Any, None]:
        if turns and not options.dry_run:
            return _made_up(lake, selection, turns.pop(), control)
        held = replace(options, max_rate=rate) if rate else options
        made: AsyncGenerator[Any, None] = real(lake, selection, held, control)
        return made

    module.__dict__["migrate"] = migrate


async def _made_up(lake: Any, selection: Any, rate: float, control: Any) -> AsyncGenerator[Any, None]:
    from refooter.events import EntriesDone, Progress, Started
    from refooter.jobs.listing import listing
    from refooter.values import Cause, Diagnosis, EntryResult, Layout, Outcome, Status

    cause = Cause.PAGE_INDEX_PREFIX
    diagnosis = Diagnosis(Status.LEGACY, cause, (cause,), Layout.PREFIXED, "Required field num_rows is missing")
    total, done, began = 10**6, 0, time.monotonic()
    yield Started("migrate", total, lake.target, 1)
    async for page in listing(lake):
        rows = page.batch.to_pylist()
        at = 0
        while at < len(rows):
            await asyncio.sleep(_BATCH_SECONDS)
            if control is not None and control.cancelled.is_set():
                return
            seconds = time.monotonic() - began
            count = int(seconds * rate) - done
            batch = tuple(
                EntryResult(
                    file_path=row["file_path"],
                    view_set=row["view_set"],
                    view_instance=row["view_instance"],
                    diagnosis=diagnosis,
                    blob_size=row["blob_size"],
                    catalog_num_rows=row["num_rows"],
                    file_size=row["file_size"],
                    format_version=row["version"],
                    insert_time=row["insert_time"],
                    orphan=False,
                    outcome=Outcome.MIGRATED,
                )
                for row in rows[at : at + count]
            )
            at, done = at + len(batch), done + len(batch)
            yield EntriesDone(batch)
            yield Progress(done, total, seconds, rate, (total - done) / rate, {"migrated": done})


def main() -> int:
    sys.meta_path[:0] = [
        _After("refooter_tui.app.app", _watch_app),
        _After("refooter.jobs.migrate", _make_up),
        _After("refooter.jobs.plan", _plan_at_once),
    ]
    os.write(2, WORD.format('{"main": true}').encode())
    from refooter_tui.cli.main import main

    return main()


if __name__ == "__main__":
    raise SystemExit(main())
