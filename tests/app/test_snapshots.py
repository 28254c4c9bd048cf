"""The app's main states as pictures, compared with those that somebody has looked at.

`pytest tests/app/test_snapshots.py --snapshot-update` takes them anew; look at each before it lands.
"""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pytest
from pytest_textual_snapshot import SVGImageExtension
from syrupy.assertion import SnapshotAssertion

from app.still import HOME, StillSeat, stilled
from refooter.demo.lake import LakeSummary, build_lake
from refooter.demo.server import Server
from refooter_tui.app.copying import CopyMenu
from refooter_tui.app.detail import DetailPane
from refooter_tui.app.screens.entry import EntryScreen
from refooter_tui.app.screens.export import ExportScreen
from refooter_tui.app.screens.help import HelpScreen

SMALL, LARGE = (80, 24), (160, 50)
# rich draws a cell so wide
_CELL = 12.2
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")


@pytest.fixture(scope="module")
def lake(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakeSummary]:
    """Nothing here writes to it, so that all share it."""
    dsn = server.create_database("pictures")
    yield build_lake(dsn, tmp_path_factory.mktemp("pictures") / "lake", entries=240, seed=7)
    server.drop_database("pictures")


@pytest.fixture(autouse=True)
def _the_same_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NO_COLOR", "COLORFGBG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    # the help names the configuration file
    monkeypatch.setenv("XDG_CONFIG_HOME", f"{HOME}/.config")
    # an export's name is one that nothing here has yet
    monkeypatch.chdir(tmp_path)


class Album:
    """Pictures by the names of the states; those that differ are told of together at the end."""

    def __init__(self, snapshot: SnapshotAssertion, directory: Path) -> None:
        self._snapshot = snapshot.use_extension(SVGImageExtension)
        self._directory = directory
        self._differ: list[str] = []

    async def add(self, seat: StillSeat, state: str) -> None:
        picture = await seat.picture()
        if self._snapshot(name=state) == picture:
            return
        last = self._snapshot.executions[self._snapshot.num_executions - 1]
        seen = self._directory / f"{state}.svg"
        seen.write_text(picture, "utf-8")
        known = None if last.recalled_data is None else str(last.recalled_data)
        self._differ.append(f"{state}: {_difference(known, picture)}\n  it is {seen}, it was {last.snapshot_location}")

    def __enter__(self) -> Album:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None and self._differ:
            pytest.fail("\n".join(["these states look different:", *self._differ]), pytrace=False)


def _difference(known: str | None, now: str) -> str:
    """In words where words differ."""
    if known is None:
        return "nobody has looked at it yet"
    changed = [line for line in difflib.ndiff(words_of(known), words_of(now)) if line[0] in "+-"]
    if not changed:
        return "the same words in other colours, or elsewhere"
    return "\n    ".join([f"{len(changed)} lines of text", *changed[:12]])


def words_of(svg: str) -> list[str]:
    """The lines on the screen, from the pieces of text at the same height."""
    lines: dict[float, list[tuple[float, str]]] = {}
    for x, y, text in re.findall(r'<text class="[^"]*-r\d+" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', svg):
        lines.setdefault(float(y), []).append((float(x), html.unescape(text).replace("\xa0", " ")))
    said = []
    for _, pieces in sorted(lines.items()):
        line = ""
        for x, text in sorted(pieces):
            line = line.ljust(round(x / _CELL)) + text
        said.append(line.rstrip())
    return said


async def _browse(seat: StillSeat, album: Album) -> None:
    seat.app.filter_by("status:legacy,harmful,corrupt")
    # to an entry of parquet-rs, whose version is pinned: what another writer makes changes with its version
    await seat.press(*"jjjjj")
    await album.add(seat, "browse")


async def _plan_and_result(seat: StillSeat, album: Album) -> None:
    seat.app.filter_by("status:legacy,harmful,corrupt")
    await seat.press("a", "m")
    await seat.plan()
    await album.add(seat, "plan")
    await seat.press("d")
    await seat.result()
    await album.add(seat, "result")
    await seat.press("escape")


async def _dialogs(seat: StillSeat, album: Album) -> None:
    await seat.press("e")
    await seat.on(ExportScreen)
    await album.add(seat, "export")
    await seat.press("escape", "c")
    menu = await seat.on(CopyMenu)
    await seat.until(lambda: next(item for item in menu._items if item.key == "h").text is not None)
    await album.add(seat, "copy")
    await seat.press("escape", "question_mark")
    await seat.on(HelpScreen)
    await album.add(seat, "help")
    await seat.press("escape")


async def _hidden_selection(seat: StillSeat, album: Album) -> None:
    seat.app.filter_by("view:blocks")
    await seat.press("m")
    await seat.question()
    await album.add(seat, "question")
    await seat.press("escape", "A")
    seat.app.filter_by("run:3")
    await album.add(seat, "nothing-matches")


async def _one_entry(seat: StillSeat, album: Album) -> None:
    seat.app.filter_by("cause:page_index_prefix")
    await seat.press("enter")
    screen = await seat.on(EntryScreen)
    await seat.until(lambda: screen.query_one(DetailPane).found is not None)
    await album.add(seat, "entry")
    await seat.press("escape")


async def _run(seat: StillSeat, album: Album) -> None:
    seat.app.filter_by("")
    seat.play_run()
    await seat.until(lambda: seat.app.doings.running is not None and seat.app.run_bar.progress is not None)
    await seat.press("p")
    await album.add(seat, "run")


@SIZES
async def test_every_main_state_looks_as_it_did(
    size: tuple[int, int], lake: LakeSummary, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    with Album(snapshot, tmp_path) as album:
        async with stilled(lake.dsn, lake.store, tmp_path / "state", size, label="staging") as seat:
            await _browse(seat, album)
            await _plan_and_result(seat, album)
            await _dialogs(seat, album)
            await _hidden_selection(seat, album)
            if size == SMALL:
                await _one_entry(seat, album)
            await _run(seat, album)


@SIZES
async def test_the_light_theme_looks_as_it_did(
    size: tuple[int, int], lake: LakeSummary, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    with Album(snapshot, tmp_path) as album:
        async with stilled(lake.dsn, lake.store, tmp_path / "state", size) as seat:
            seat.app.theme = "refooter-light"
            await _browse(seat, album)
            await _plan_and_result(seat, album)


@SIZES
async def test_the_app_without_colours_looks_as_it_did(
    size: tuple[int, int],
    lake: LakeSummary,
    tmp_path: Path,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with Album(snapshot, tmp_path) as album:
        async with stilled(lake.dsn, lake.store, tmp_path / "state", size) as seat:
            await _browse(seat, album)
            await _plan_and_result(seat, album)


@SIZES
async def test_a_database_without_a_catalog_looks_as_it_did(
    size: tuple[int, int], dsn: str, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    with Album(snapshot, tmp_path) as album:
        async with stilled(dsn, None, tmp_path / "state", size, judged=False) as seat:
            await seat.until(lambda: "not a lakehouse catalog" in seat.text)
            await album.add(seat, "no-catalog")


@SIZES
async def test_a_lake_that_was_not_scanned_looks_as_it_did(
    size: tuple[int, int], lake: LakeSummary, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    with Album(snapshot, tmp_path) as album:
        async with stilled(lake.dsn, lake.store, tmp_path / "state", size, judged=False, scan_up_to=0) as seat:
            await seat.until(lambda: seat.app.still.judged)
            await album.add(seat, "not-scanned")
