"""Makes the pictures in `screenshots/` from the running app on a demo lake: `python tests/screenshots.py`."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from refooter.demo.session import demo_lake
from refooter.jobs.lake import Session
from refooter.settings import Settings
from refooter.values import Status
from refooter_tui.app.app import RefooterApp
from refooter_tui.app.screens.entry import EntryScreen
from refooter_tui.app.screens.plan import PlanScreen
from refooter_tui.model.codes import code_of

_TARGET = Path(__file__).parent.parent / "screenshots"


async def _until(holds: Callable[[], object]) -> None:
    while not holds():
        await asyncio.sleep(0.05)


async def _shoot(
    settings: Settings, state: Path, name: str, size: tuple[int, int], act: Callable[[RefooterApp], Awaitable[None]]
) -> None:
    with Session(settings) as session:
        app = RefooterApp(session, state, label="demo")
        try:
            async with app.run_test(size=size) as pilot:
                table = app.lake.table
                await _until(lambda: len(table) and not (table.status == code_of(Status.UNKNOWN)).any())
                await _until(lambda: app.doings.latest is None)
                await act(app)
                await asyncio.sleep(1.0)
                await pilot.pause()
                (_TARGET / name).write_text(app.export_screenshot(title="refooter"), "utf-8")
        finally:
            app.engine.stop(30)


async def _browse(app: RefooterApp) -> None:
    app.filter_by("status:legacy,harmful,corrupt")
    entries = app.query_one("EntriesTable")
    entries.focus()
    await app.run_action("move(6)", entries)
    await _until(lambda: app.query_one("DetailPane").found is not None)  # type: ignore[attr-defined]


async def _plan(app: RefooterApp) -> None:
    app.filter_by("view:blocks status:legacy")
    await app.run_action("all", app.query_one("EntriesTable"))
    app.action_migrate()
    await _until(lambda: isinstance(app.screen, PlanScreen) and app.screen.ready)


async def _entry(app: RefooterApp) -> None:
    app.filter_by("cause:page_index_prefix")
    await app.run_action("open", app.query_one("EntriesTable"))
    await _until(lambda: isinstance(app.screen, EntryScreen))
    await _until(lambda: app.screen.query_one("DetailPane").found is not None)  # type: ignore[attr-defined]


def main() -> None:
    _TARGET.mkdir(exist_ok=True)
    with demo_lake() as lake, tempfile.TemporaryDirectory() as state:
        settings = Settings(dsn=lake.dsn, store=lake.store)
        for name, size, act in (
            ("browse.svg", (160, 50), _browse),
            ("plan.svg", (160, 50), _plan),
            ("entry.svg", (100, 40), _entry),
        ):
            asyncio.run(_shoot(settings, Path(state), name, size, act))


if __name__ == "__main__":
    main()
