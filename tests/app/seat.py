"""Somebody in front of the app: real keys on a real lake, and waiting for what they see, never for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from textual.pilot import Pilot
from textual.screen import Screen

from refooter.demo.lake import LakeSummary
from refooter.values import Status
from refooter_tui.app.app import RefooterApp
from refooter_tui.app.screens.plan import PlanScreen
from refooter_tui.app.screens.question import Question
from refooter_tui.app.screens.result import ResultScreen
from refooter_tui.model.codes import code_of
from support.jobs import session

Kind = TypeVar("Kind", bound=Screen[Any])


class Seat:
    """Somebody in front of the app."""

    def __init__(self, app: RefooterApp, pilot: Pilot[int]) -> None:
        self.app, self.pilot = app, pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def until(self, holds: Callable[[], object]) -> None:
        """Waits for a state; the bound is there to say what it was, not when it had to come."""
        for _ in range(1500):
            if holds():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"it never came to it; on the screen is {self.app.screen}")

    async def type(self, text: str) -> None:
        await self.pilot.press(*("space" if character == " " else character for character in text))

    async def settled(self) -> None:
        """The catalog is read, and every entry judged."""
        table = self.app.lake.table
        await self.until(
            lambda: len(table) and not self.app.lake.loading and not (table.status == code_of(Status.UNKNOWN)).any()
        )
        await self.until(lambda: self.app.doings.latest is None)

    async def on(self, kind: type[Kind]) -> Kind:
        """The screen of this kind, once it is in front."""
        await self.until(lambda: isinstance(self.app.screen, kind))
        screen = self.app.screen
        assert isinstance(screen, kind)
        return screen

    async def plan(self) -> PlanScreen:
        """The plan, complete and open for keys."""
        screen = await self.on(PlanScreen)
        await self.until(lambda: screen.ready)
        return screen

    async def question(self) -> Question:
        screen = await self.on(Question)
        await self.until(lambda: screen.ready)
        return screen

    async def result(self) -> ResultScreen:
        screen = await self.on(ResultScreen)
        await self.until(lambda: screen.ready)
        return screen

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    @property
    def shown(self) -> list[str]:
        return self.app.lake.paths(self.app.lake.snapshot.rows)


@asynccontextmanager
async def seated(
    lake: LakeSummary, directory: Path, size: tuple[int, int] = (160, 50), *, read_only: bool = False, **others: Any
) -> AsyncIterator[Seat]:
    with session(lake.dsn, lake.store, read_only=read_only) as opened:
        app = RefooterApp(opened, directory / "state", **others)
        try:
            async with app.run_test(size=size) as pilot:
                seat = Seat(app, pilot)
                await seat.settled()
                yield seat
        finally:
            app.engine.stop(30)
