"""The app for pictures: on a real lake, by the real engine, and the same on every machine and at any speed.

Nothing is changed in what is painted. What differs between two runs is made the same where it comes in: the engine's messages on their
way to the app, the clock that the app is given, and the directories in the commands that it shows.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from textual.widget import Widget
from textual.widgets import Input

from app.seat import Seat
from refooter.catalog.address import parse_address
from refooter.events import Progress, Started
from refooter.jobs.decide import MigrateOptions
from refooter.values import EntryResult, Outcome, Reason, Status
from refooter_tui.app import frame
from refooter_tui.app.app import RefooterApp
from refooter_tui.app.command import HERE
from refooter_tui.app.detail import DetailPane
from refooter_tui.app.doings import Going
from refooter_tui.app.equivalents import Equivalents
from refooter_tui.app.messages import Connected, EngineMessage, JobDone, JobEvents, JobKind, Lost
from refooter_tui.app.news import EngineNews
from refooter_tui.app.scoped import Scoped, of_rows
from support.jobs import session

DATABASE: Final = "operator@db.example:5432/lake"
STORE: Final = "s3://telemetry/lake"
HOME: Final = "/home/operator"
STATE: Final = f"{HOME}/.local/state/refooter"
NOW: Final = datetime(2026, 3, 20, 14, 30, tzinfo=UTC)
SECONDS: Final = 0.8
RUN: Final = 7
_RUN_JOB: Final = 1_000_000
S = TypeVar("S")


@dataclass
class Still:
    """What the engine says, as it would be said on every machine. Each job's events are held back until its end and then said at once, in
    the order of the entries' paths: how they come in parts is a matter of speed."""

    database: str
    """The real one, as sentences name it."""
    live: bool = False
    """Runs are told of as they get on, and what took how long is told as it was: for pictures that nobody compares."""
    judged: dict[str, EntryResult] = field(default_factory=dict)
    _held: dict[int, list[JobEvents]] = field(default_factory=dict)

    def told(self, said: EngineMessage) -> list[EngineMessage]:
        match said:
            case Connected():
                store = None if said.info.store is None else STORE
                return [Connected(replace(said.info, database=DATABASE, store=store))]
            case Lost():
                return [replace(said, sentence=said.sentence.replace(self.database, DATABASE))]
            case JobEvents() if not (self.live and said.kind is JobKind.MIGRATE):
                self._held.setdefault(said.job, []).append(said)
                return []
            case JobDone():
                summary = said.summary if self.live else _still(said.summary)
                return [*self._together(said), replace(said, summary=summary)]
            case _:
                return [said]

    def _together(self, done: JobDone) -> list[EngineMessage]:
        held = self._held.pop(done.job, [])
        if not held:
            return []
        results = sorted((one for part in held for one in part.results), key=lambda one: one.file_path)
        if done.kind is JobKind.SCAN:
            self.judged |= {one.file_path: one for one in results}
        progress = next((part.progress for part in reversed(held) if part.progress is not None), None)
        return [
            JobEvents(
                done.job,
                done.kind,
                tuple(results),
                tuple(notice for part in held for notice in part.notices),
                tuple(sorted((one for part in held for one in part.problems), key=lambda one: one.file_path)),
                progress if self.live or progress is None else _still(progress),
                next((part.started for part in held if part.started is not None), None),
            )
        ]


def _still(summary: S) -> S:
    """The same numbers, but for how long it took; counts in one order."""
    if summary is None:
        return summary
    changed: dict[str, Any] = {}
    for one in fields(summary):  # type: ignore[arg-type]
        value = getattr(summary, one.name)
        if one.name == "seconds":
            changed["seconds"] = SECONDS
        elif isinstance(value, dict):
            changed[one.name] = dict(sorted(value.items()))
    return replace(summary, **changed)  # type: ignore[type-var]


class StillCommands(Equivalents):
    """Commands that name directories of nobody's."""

    def __init__(self, named: dict[str, str]) -> None:
        super().__init__(HERE)
        self._named = named

    def _still(self, command: str) -> str:
        for real, shown in self._named.items():
            command = command.replace(real, shown)
        return command

    def migrate(self, scoped: Scoped, options: MigrateOptions) -> str:
        return self._still(super().migrate(scoped, options))

    def export(self, scoped: Scoped, run_id: int | None, target: str) -> str:
        return self._still(super().export(scoped, run_id, target))

    def rollback(self, run_id: int, scoped: Scoped | None) -> str:
        return self._still(super().rollback(run_id, scoped))


class StillApp(RefooterApp):
    """`still` is what stands between the engine and the app. Its clock goes on by a second each time that it is looked at."""

    # Textual looks for it beside the class
    CSS_PATH = str(Path(frame.__file__).with_name("app.tcss"))

    def __init__(self, *args: Any, still: Still, **others: Any) -> None:
        seconds = itertools.count()
        super().__init__(*args, clock=lambda: NOW + timedelta(seconds=next(seconds)), where=HERE, **others)
        self.still = still
        self.commands = StillCommands({str(self.directory.absolute()): STATE, str(Path.cwd()): HOME})
        self.animation_level = "none"

    def _deliver(self, said: EngineMessage) -> None:
        for message in self.still.told(said):
            super()._deliver(message)


class StillSeat(Seat):
    """Somebody who waits until nothing moves before a picture is taken."""

    app: StillApp

    @property
    def quiet(self) -> bool:
        """Whether nothing is on its way to the screen: no job, no answer, no timer that would paint."""
        app = self.app
        row, found = app._entries.row, app._detail.found
        looked = (
            app.has_class("-narrow") or row is None or (found is not None and found.name == app.lake.table.path(row))
        )
        timers = (app.looking._rest, app.looking._late, app.sight._settling)
        panes = (pane for screen in app.screen_stack for pane in screen.query(DetailPane))
        return (
            looked
            and all(pane.made for pane in panes)
            and not app._dirty
            and not app._counting
            and not app.lake.loading
            and not app.lake.working
            and app.sight._job is None
            and not any(timer.waiting for timer in timers)
        )

    async def picture(self) -> str:
        """The screen as an SVG, once it stands still. What only passes by, toasts, is taken away."""
        await self.until(lambda: self.quiet)
        self.app.clear_notifications()
        for field_ in self.app.screen.query(Input):
            field_.cursor_blink = False
        # Textual tells a scrollbar where it stands only once it is shown: one that came with the scrolling may stand elsewhere
        for widget in (widget for screen in self.app.screen_stack for widget in screen.query(Widget)):
            if widget.show_vertical_scrollbar:
                widget.vertical_scrollbar.position = widget.scroll_y
        before = ""
        for _ in range(200):
            await self.pilot.pause()
            now = self.app.export_screenshot(title="refooter", simplify=True)
            if now == before:
                return now
            before = now
        raise AssertionError(f"the screen does not come to rest: {self.app.screen}")

    def play_run(self) -> None:
        """A run that has got some way and was paused there. The engine knows nothing of it: of a real one nobody could say how far it
        is."""
        app = self.app
        table = app.lake.table
        broken = [path for path, one in sorted(self.app.still.judged.items()) if one.diagnosis.status is Status.LEGACY]
        sound = next(one.diagnosis for one in app.still.judged.values() if one.diagnosis.status is Status.OK)
        done = broken[: math.ceil(len(broken) * 0.6)]
        results = [replace(app.still.judged[path].ended(Outcome.MIGRATED), diagnosis=sound) for path in done]
        for at in (3, 8):
            gone = app.still.judged[done[at]]
            results[at] = gone.ended(Outcome.FAILED, Reason.FILE_MISSING, "there is no such file in the store")
        counts = {Outcome.MIGRATED.value: len(done) - 2, Outcome.FAILED.value: 2}
        progress = Progress(len(done), len(broken), 3.0, len(done) / 3, 2.0, counts, len(done) // 3, 8_192 * len(done))
        assert app.info is not None
        started = Started("migrate", len(broken), app.info.target, RUN)
        scoped = of_rows(app.lake, table.rows_of(broken), app.directory)
        app.doings.begin(Going(_RUN_JOB, JobKind.MIGRATE, scoped))
        said = JobEvents(_RUN_JOB, JobKind.MIGRATE, tuple(results), progress=progress, started=started)
        app.post_message(EngineNews(said))


@asynccontextmanager
async def stilled(
    dsn: str,
    store: str | None,
    directory: Path,
    size: tuple[int, int],
    *,
    judged: bool = True,
    live: bool = False,
    **others: Any,
) -> AsyncIterator[StillSeat]:
    """Opens the app; `judged`: as a lake that can be opened, and waits until every entry is."""
    with session(dsn, store) as opened:
        app = StillApp(opened, directory, still=Still(parse_address(dsn).shown, live), **others)
        try:
            async with app.run_test(size=size) as pilot:
                seat = StillSeat(app, pilot)
                if judged:
                    await seat.settled()
                yield seat
        finally:
            app.engine.stop(30)
