"""Makes the pictures in `screenshots/` from the running app on a demo lake: `python tests/screenshots.py`.

No name of this machine is in them (`app.still`); how long things took is as it was.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.still import StillSeat, stilled
from refooter.demo.session import demo_lake
from refooter.jobs.decide import MigrateOptions
from refooter_tui.app.detail import DetailPane
from refooter_tui.app.scoped import of_rows
from refooter_tui.app.screens.entry import EntryScreen

DIRECTORY: Final = Path(__file__).parent.parent / "screenshots"
_BROKEN: Final = "status:legacy,harmful,corrupt"


async def _browse(seat: StillSeat) -> None:
    seat.app.filter_by(_BROKEN)
    await seat.press(*"jjjj")


async def _light(seat: StillSeat) -> None:
    seat.app.theme = "refooter-light"
    seat.app._left.face = "causes"
    seat.app.filter_by("cause:page_index_prefix")
    await seat.press("j", "j", "space", "j", "space", "j", "space", "j")


async def _entry(seat: StillSeat) -> None:
    seat.app.filter_by("cause:page_index_prefix view:blocks")
    await seat.press("enter")
    screen = await seat.on(EntryScreen)
    await seat.until(lambda: screen.query_one(DetailPane).found is not None)


async def _plan(seat: StillSeat) -> None:
    seat.app.filter_by(_BROKEN)
    await seat.press("a", "m")
    await seat.plan()


async def _log(seat: StillSeat) -> None:
    """A real run, slow enough to be paused half way."""
    app = seat.app
    app.filter_by(_BROKEN)
    await seat.press("a")
    app.doings.migrate(of_rows(app.lake, app.lake.selection.rows(), app.directory), MigrateOptions(max_rate=80.0))
    await seat.until(lambda: app.run_bar.progress is not None and app.run_bar.progress.done >= 150)
    await seat.press("p", "6", *[">"] * 8)


async def _result(seat: StillSeat) -> None:
    """Of a real run."""
    await _plan(seat)
    await seat.press("y")
    await seat.result()


@dataclass(frozen=True, slots=True)
class Picture:
    """What is done before it is taken, in a terminal of so many columns and lines. `writes`: on a lake of its own."""

    act: Callable[[StillSeat], Awaitable[None]]
    size: tuple[int, int] = (160, 50)
    writes: bool = False


PICTURES: Final = {
    "browse.svg": Picture(_browse),
    "light.svg": Picture(_light),
    "entry.svg": Picture(_entry, (100, 30)),
    "plan.svg": Picture(_plan),
    "log.svg": Picture(_log, writes=True),
    "result.svg": Picture(_result, writes=True),
}


async def _take(dsn: str, store: str, name: str, picture: Picture) -> None:
    with tempfile.TemporaryDirectory() as state:
        async with stilled(dsn, store, Path(state), picture.size, label="demo", live=True) as seat:
            await picture.act(seat)
            (DIRECTORY / name).write_text(await seat.picture(), "utf-8")


def main() -> None:
    os.environ.pop("NO_COLOR", None)
    # the app's log is in the picture
    logging.getLogger("refooter_tui").addHandler(logging.NullHandler())
    DIRECTORY.mkdir(exist_ok=True)
    with demo_lake() as shared:
        for name, picture in PICTURES.items():
            with demo_lake() if picture.writes else nullcontext(shared) as lake:
                asyncio.run(_take(lake.dsn, lake.store, name, picture))
            print(name)


if __name__ == "__main__":
    main()
