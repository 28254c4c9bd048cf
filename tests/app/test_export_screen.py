"""Where an export goes: names that are none, files that are there, what it is told to overwrite, and the command for it."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from app.stage import Stage
from refooter_tui.app.command import export_command
from refooter_tui.app.screens import gate
from refooter_tui.app.screens.export import ExportScreen, Target, free_name, look_at


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and working directory of the test's own, and nothing but the terminal to copy to."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SSH_TTY", "1")
    for name in ("TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def no_key_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """However quick a test presses a key again."""
    monkeypatch.setattr(gate, "REPEAT_SECONDS", 0.0)


class Asked:
    """Somebody who was asked where to export to."""

    def __init__(self, pilot: Pilot[None], screen: ExportScreen) -> None:
        self.pilot, self.screen = pilot, screen
        self.answers: list[Target | None] = []

    async def name(self, text: str) -> None:
        self.screen.query_one("#name", Input).value = text
        await self.pilot.pause()

    def shown(self, part: str) -> str:
        return str(self.screen.query_one(f"#{part}", Static).render())

    async def enter(self) -> None:
        await self.pilot.press("enter")
        await self.pilot.pause()


@asynccontextmanager
async def asked(name: str = "entries.csv", size: tuple[int, int] = (80, 24)) -> AsyncIterator[Asked]:
    app = Stage()
    async with app.run_test(size=size) as pilot:
        screen = ExportScreen("12 entries", name, lambda target: export_command([], None, target), Path("state"))
        one = Asked(pilot, screen)
        app.push_screen(screen, one.answers.append)
        await pilot.pause()
        yield one


async def test_a_new_file_is_written_at_once_and_overwrites_nothing(at_home: Path) -> None:
    async with asked() as one:
        await one.enter()
        assert one.answers == [Target(str(at_home / "entries.csv"), False)]


@pytest.mark.usefixtures("no_key_is_held")
async def test_a_file_that_is_there_asks_for_enter_once_more(at_home: Path) -> None:
    (at_home / "mine.csv").write_text("of value")
    async with asked() as one:
        await one.name("mine.csv")
        await one.enter()
        assert one.answers == []
        assert "this file is there already (8 B, of " in one.shown("wrong")
        assert "enter once more overwrites it" in one.shown("wrong")
        await one.enter()
        assert one.answers == [Target(str(at_home / "mine.csv"), True)]


@pytest.mark.usefixtures("no_key_is_held")
async def test_what_was_confirmed_of_one_name_is_not_confirmed_of_another(at_home: Path) -> None:
    for name in ("one.csv", "two.csv"):
        (at_home / name).write_text("of value")
    async with asked() as one:
        await one.name("one.csv")
        await one.enter()
        await one.name("two.csv")
        assert one.shown("wrong") == ""
        await one.enter()
        await one.name("one.csv")
        await one.name("two.csv")
        await one.enter()
        await one.name("one.csv")
        await one.enter()
        assert one.answers == []
        await one.enter()
        assert one.answers == [Target(str(at_home / "one.csv"), True)]


async def test_an_enter_that_is_held_down_confirms_nothing(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "REPEAT_SECONDS", 600.0)
    (at_home / "mine.csv").write_text("of value")
    async with asked() as one:
        await one.name("mine.csv")
        for _ in range(5):
            await one.enter()
        assert one.answers == []
        assert "enter once more" in one.shown("wrong")


async def test_told_to_overwrite_it_asks_nothing_more(at_home: Path) -> None:
    (at_home / "mine.csv").write_text("of value")
    async with asked() as one:
        await one.name("mine.csv")
        assert one.shown("overwrite") == "[ ] overwrite what is there"
        await one.pilot.press("ctrl+o")
        assert one.shown("overwrite") == "[x] overwrite what is there"
        await one.enter()
        assert one.answers == [Target(str(at_home / "mine.csv"), True)]


async def test_a_click_on_the_line_tells_it_to_overwrite_and_another_takes_it_back() -> None:
    async with asked() as one:
        await one.pilot.click("#overwrite", offset=(2, 0))
        assert one.shown("overwrite").startswith("[x]")
        await one.pilot.click("#overwrite", offset=(2, 0))
        assert one.shown("overwrite").startswith("[ ]")


async def test_a_remote_name_is_overwritten_only_when_told() -> None:
    async with asked() as one:
        await one.name("s3://bucket/left.parquet")
        await one.enter()
        assert one.answers == [Target("s3://bucket/left.parquet", False)]
    async with asked() as one:
        await one.name("s3://bucket/left.parquet")
        await one.pilot.press("ctrl+o")
        await one.enter()
        assert one.answers == [Target("s3://bucket/left.parquet", True)]


async def test_escape_exports_nothing() -> None:
    async with asked() as one:
        await one.pilot.press("escape")
        assert one.answers == [None]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "type a name"),
        ("   ", "type a name"),
        ("entries", "the name has to end in .csv, .jsonl, .parquet, with something before it"),
        (".csv", "the name has to end in .csv, .jsonl, .parquet, with something before it"),
        ("nowhere/entries.csv", "there is no directory {home}/nowhere"),
        ("directory.csv", "that is a directory"),
        ("file.csv/entries.csv", "there is no directory {home}/file.csv"),
        ("~nobody-of-this-name/entries.csv", "there is no such home directory"),
        ("s3://bucket.csv", "the address has to name a bucket or host, and a file in it"),
        ("s3:///key.csv", "the address has to name a bucket or host, and a file in it"),
        ("s3://[bucket/key.csv", "that is not a valid URI"),
        ("ftp://me:secret@host/key.csv", "the address holds a password: take it out, and set it in the environment"),
        ("file://entries.csv", "write file:///directory/file"),
        ("a\x00b.csv", "no file has a NUL in its name"),
    ],
)
async def test_a_wrong_name_is_told_in_a_sentence(at_home: Path, name: str, said: str) -> None:
    (at_home / "directory.csv").mkdir()
    (at_home / "file.csv").write_text("")
    assert look_at(name.strip()).wrong == said.format(home=at_home)


async def test_a_wrong_name_stays_to_be_put_right(at_home: Path) -> None:
    async with asked() as one:
        await one.name("nowhere\x1b[31m/entries.csv")
        await one.enter()
        assert one.answers == []
        assert one.shown("wrong") == f"there is no directory {at_home}/nowhere\\x1b[31m"
        await one.name("entries.JSONL")
        assert one.shown("wrong") == ""
        await one.enter()
        assert one.answers == [Target(str(at_home / "entries.JSONL"), False)]


async def test_the_home_directory_stands_in_full_in_the_answer_and_in_the_command(at_home: Path) -> None:
    async with asked(size=(200, 60)) as one:
        await one.name("~/my entries.csv")
        assert one.shown("command") == f"$ refooter export -o '{at_home}/my entries.csv'"
        await one.enter()
        assert one.answers == [Target(str(at_home / "my entries.csv"), False)]


async def test_the_command_is_copied_as_it_is(at_home: Path) -> None:
    async with asked() as one:
        await one.name("a 'quoted' name.csv")
        await one.pilot.press("ctrl+y")
        await one.pilot.app.workers.wait_for_complete()
        copied = (at_home / "state" / "copied.txt").read_text()
        assert shlex.split(copied) == ["refooter", "export", "-o", str(at_home / "a 'quoted' name.csv")]
        assert one.answers == []


async def test_the_suggested_name_is_one_that_nothing_has_yet(at_home: Path) -> None:
    for name in ("entries.csv", "entries-2.csv"):
        (at_home / name).write_text("of value")
    assert free_name("entries.csv") == "entries-3.csv"
    assert free_name("s3://bucket/entries.csv") == "s3://bucket/entries.csv"
    async with asked() as one:
        assert one.screen.query_one("#name", Input).value == "entries-3.csv"
