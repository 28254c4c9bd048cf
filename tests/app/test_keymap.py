"""Keys of one's own: what can be said, what is refused and why, and that pane, footer and help go by it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import Input, Static

from app.stage import until
from refooter.errors import UsageError
from refooter.events import Severity
from refooter.jobs.lake import Session
from refooter.settings import Settings
from refooter_tui.app.app import RefooterApp
from refooter_tui.app.command import Where
from refooter_tui.app.keymap import (
    all_bindings,
    checked,
    key_for,
    keymap_of,
    meant,
    named_by_default,
    node_classes,
    own_bindings,
)
from refooter_tui.app.screens.dialog import Dialog
from refooter_tui.app.screens.export import ExportScreen
from refooter_tui.app.screens.help import HelpScreen
from refooter_tui.app.screens.palette import PaletteScreen
from refooter_tui.app.screens.reading import Reading
from refooter_tui.app.state_words import Situation, causes_words, table_words
from refooter_tui.app.widgets.counts import CountLine, Counts
from refooter_tui.app.widgets.entries import EntriesTable
from refooter_tui.app.widgets.log import LogRecord
from refooter_tui.app.widgets.timeline import TimelineBar
from refooter_tui.cli.profile import config_file

NOWHERE = "postgres://nobody@127.0.0.1:1/nowhere"


@asynccontextmanager
async def opened(
    directory: Path, keys: Mapping[str, str], size: tuple[int, int] = (160, 50)
) -> AsyncIterator[Pilot[int]]:
    """The app, with no lake to be reached."""
    with Session(Settings(dsn=NOWHERE), judging=False) as lake:
        app = RefooterApp(lake, directory / "state", keys=checked(keys), where=Where())
        try:
            async with app.run_test(size=size) as pilot:
                await pilot.pause()
                yield pilot
        finally:
            app.engine.stop(30)


def shown(app: App[int]) -> str:
    """What is on the screen."""
    return "\n".join("".join(part.text for part in line) for line in app.screen._compositor.render_strips())


def pairs(text: str) -> set[str]:
    """Each two words that stand beside each other."""
    words = text.split()
    return {f"{first} {second}" for first, second in pairwise(words)}


def test_every_binding_of_ours_has_an_id_that_means_one_thing() -> None:
    nameless = [(kind.__name__, one.key) for kind in node_classes() for one in own_bindings(kind) if one.id is None]
    assert nameless == []
    meanings = defaultdict(set)
    for kind in node_classes():
        for binding in own_bindings(kind):
            meanings[binding.id].add(binding.description.lower())
    assert {name: said for name, said in meanings.items() if len(said) > 1} == {}


def test_the_keys_that_there_are_clash_nowhere() -> None:
    assert checked({name: binding.key for name, binding in all_bindings().items()})


def test_panes_that_nobody_listed_are_found_too() -> None:
    assert {RefooterApp, EntriesTable, TimelineBar, HelpScreen, Dialog} <= set(node_classes())
    assert {"migrate", "entries.sort", "timeline.zoom_in", "dialog.leave", "plan.dry_run"} <= set(all_bindings())
    assert all_bindings()["move.down"].key == "down,j"


@pytest.mark.parametrize(
    ("written", "meaning"),
    [
        ("f6", "f6"),
        ("F6", "f6"),
        ("?", "question_mark"),
        ("/", "slash"),
        ("solidus", "slash"),
        ("+", "plus"),
        ("comma", "comma"),
        ("ö", "ö"),
        ("K", "K"),
        ("ctrl+t", "ctrl+t"),
        ("Ctrl+T", "ctrl+t"),
        ("ctrl++", "ctrl+plus"),
        ("ctrl+/", "ctrl+slash"),
        ("shift+ctrl+left", "ctrl+shift+left"),
        ("alt+x", "alt+x"),
        (" f6 , ctrl+t,f6", "f6,ctrl+t"),
    ],
)
def test_a_key_may_be_written_as_people_do(written: str, meaning: str) -> None:
    freed = {"help": "f1", "filter": "f2", "log.search": "f2", "timeline.zoom_in": "f3"}
    assert checked({**freed, "migrate": written})["migrate"] == meaning


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"migrat": "f6"}, r"\[keys\] knows no 'migrat'; did you mean 'migrate'"),
        ({"entries.srot": "f6"}, "did you mean 'entries.sort'"),
        ({"zzzz": "f6"}, "the app's help lists them"),
        ({"migrate": "ctrl+shift+foo"}, r"\[keys\] migrate: 'ctrl\+shift\+foo' is no key; keys are written as in"),
        ({"migrate": "foo+a"}, "is no key"),
        ({"migrate": "ctrl"}, "is no key"),
        ({"migrate": "shift+1"}, "is no key"),
        ({"migrate": "\x1b"}, "is no key"),
        ({"migrate": "\udcff"}, "is no key"),
        ({"migrate": "f6,,f7"}, "no key between two commas; the comma's own name is 'comma'"),
        ({"migrate": "shift+a"}, "'shift\\+a' is what 'A' is: write that"),
        ({"migrate": "ctrl+i"}, "sends the same for 'ctrl\\+i' and 'tab'"),
        ({"migrate": "ctrl+["}, "sends the same for 'ctrl\\+\\[' and 'escape'"),
        ({"migrate": "f6", "export": "f6"}, "'f6' would be both 'migrate' and 'export'"),
        ({"migrate": "e"}, "'e' would be both 'migrate' and 'export'"),
        ({"migrate": "?"}, r"'\?' would be both 'help' and 'migrate'"),
        ({"migrate": "s"}, "'s' would be both 'entries.sort' and 'migrate'"),
        ({"entries.sort": "m"}, "'m' would be both 'entries.sort' and 'migrate'"),
        ({"entries.sort": "j"}, "'j' would be both 'move.down' and 'entries.sort'"),
        ({"log.severity": "/", "filter": "f2"}, "'/' would be both 'log.severity' and 'log.search'"),
        ({"plan.copy": "escape"}, "'escape' would be both 'dialog.leave' and 'plan.copy'"),
        ({"migrate": "tab"}, "'tab' would be both 'migrate' and '(app.focus_next|pane.next)'"),
    ],
)
def test_what_cannot_be_is_one_sentence(keys: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        checked(keys)


def test_keys_may_be_swapped_and_a_dialog_may_use_what_the_app_uses() -> None:
    assert checked({"migrate": "e", "export": "m"}) == {"migrate": "e", "export": "m"}
    assert checked({"plan.copy": "m"}) == {"plan.copy": "m"}
    assert checked({"cancel": "x,X"}) == {"cancel": "x,X"}
    assert checked({}) == {}


async def test_a_remapped_key_does_the_thing_and_the_old_one_does_not(tmp_path: Path) -> None:
    async with opened(tmp_path, {"help": "f1,ctrl+t"}) as pilot:
        await pilot.press("?")
        assert not isinstance(pilot.app.screen, HelpScreen)
        for key in ("f1", "ctrl+t"):
            await pilot.press(key)
            assert isinstance(pilot.app.screen, HelpScreen)
            await pilot.press("escape")
            assert not isinstance(pilot.app.screen, HelpScreen)


async def test_a_pane_s_keys_are_remapped_those_it_has_inherited_too(tmp_path: Path) -> None:
    async with opened(tmp_path, {"entries.sort": "t", "move.down": "f9"}) as pilot:
        table = pilot.app.query_one(EntriesTable)
        assert pilot.app.focused is table
        assert (meant(pilot.app.screen, "t"), meant(pilot.app.screen, "f9")) == ("entries.sort", "move.down")
        for key in ("s", "down", "j"):
            assert meant(pilot.app.screen, key) is None


async def test_swapped_keys_are_swapped(tmp_path: Path) -> None:
    async with opened(tmp_path, {"migrate": "e", "export": "m"}) as pilot:
        assert (meant(pilot.app.screen, "e"), meant(pilot.app.screen, "m")) == ("migrate", "export")


async def test_what_is_typed_stays_typed_when_the_filter_has_another_key(tmp_path: Path) -> None:
    async with opened(tmp_path, {"filter": "f", "log.severity": "f2"}) as pilot:
        await pilot.press("f")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))  # type: ignore[arg-type]
        await pilot.press("f", "slash")
        assert isinstance(pilot.app.focused, Input)
        assert pilot.app.focused.value == "f/"


async def test_the_footer_shows_keys_as_remapped(tmp_path: Path) -> None:
    async with opened(tmp_path, {"migrate": "f6", "help": "ctrl+t"}) as pilot:
        await until(pilot, lambda: {"f6 migrate", "^t help"} <= pairs(shown(pilot.app).lower()))  # type: ignore[arg-type]
        assert not {"m migrate", "? help"} & pairs(shown(pilot.app).lower())


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_the_help_shows_every_key_as_remapped_and_where_the_file_is(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/etc/xdg")
    async with opened(tmp_path, {"migrate": "f6", "entries.sort": "t,f3"}, size) as pilot:
        await pilot.press("?")
        await until(pilot, lambda: "Everywhere" in shown(pilot.app))  # type: ignore[arg-type]
        said = shown(pilot.app)
        assert str(config_file()) in said
        assert "esc close" in said
        while not (body := pilot.app.screen.query_one("#body", VerticalScroll)).is_vertical_scroll_end:
            before = body.scroll_y
            await pilot.press("pagedown")
            await until(pilot, lambda before=before, body=body: body.scroll_y > before)  # type: ignore[arg-type]
            said += shown(pilot.app)
        words = " ".join(said.split())
        assert "f6 Migrate " in words
        assert "t f3 Sort " in words
        for binding in all_bindings().values():
            assert binding.description.lower() in words.lower()


async def test_the_help_scrolls_by_the_keys_of_every_list_and_tells_names(tmp_path: Path) -> None:
    async with opened(tmp_path, {"move.down": "w"}, (80, 24)) as pilot:
        await pilot.press("?")
        body = pilot.app.screen.query_one("#body", VerticalScroll)
        await until(pilot, lambda: body.max_scroll_y > 0)  # type: ignore[arg-type]
        for key, expected in (("w", 1), ("k", 0), ("G", body.max_scroll_y), ("g", 0)):
            await pilot.press(key)
            await until(pilot, lambda expected=expected: body.scroll_y == expected)  # type: ignore[arg-type]
        assert "migrate_view" not in shown(pilot.app)
        await pilot.press("i")
        await until(pilot, lambda: "migrate_view" in shown(pilot.app))  # type: ignore[arg-type]


class Answering(Dialog[str]):
    """Answers by keys that it looks at itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "nothing", "go", id="plan.go"),
        Binding("d,enter", "nothing", "dry run", id="plan.dry_run"),
    ]

    def __init__(self) -> None:
        super().__init__("", "")
        self.heard: list[str | None] = []

    def compose_body(self) -> ComposeResult:
        yield Static(key_for(self.app, "plan.go"), id="go")
        yield Static(key_for(self.app, "plan.dry_run"), id="dry")

    def action_nothing(self) -> None:
        self.heard.append("its action")

    def on_key(self, event: object) -> None:
        self.heard.append(meant(self, event.key))  # type: ignore[attr-defined]


async def test_keys_that_a_dialog_looks_at_itself_mean_what_they_are_remapped_to() -> None:
    app: App[None] = App()
    async with app.run_test() as pilot:
        app.set_keymap(checked({"plan.go": "G,f5"}))
        assert keymap_of(app) == {"plan.go": "G,f5"}
        screen = Answering()
        await app.push_screen(screen)
        await pilot.press("y", "G", "f5", "enter")
        assert [one for one in screen.heard if one != "its action"] == [None, "plan.go", "plan.go", "plan.dry_run"]
        assert str(screen.query_one("#go", Static).render()) == "G or f5"
        assert str(screen.query_one("#dry", Static).render()) == "d or ⏎"


async def test_sentences_name_keys_as_remapped(tmp_path: Path) -> None:
    keys = {"reapply": "f5", "scan_all": "ctrl+t", "reload": "f8", "filter": "f3", "move.last": "f9", "quit": "Q"}
    async with opened(tmp_path, keys, (200, 50)) as pilot:
        app = pilot.app
        assert isinstance(app, RefooterApp)
        app._log_pane.write([LogRecord(app.clock(), Severity.INFO, f"{n}") for n in range(50)])
        await pilot.press("6", "k")
        await until(pilot, lambda: "scrolled: f9 follows the end" in shown(app))  # type: ignore[arg-type]
        line = app.query_one(CountLine)
        line.counts = Counts(3, 10, changed=214)
        assert "214 rows changed: f5 applies the filter again" in line.render_line(0).text
        line.counts = Counts(3, 10, unscanned=7, unscanned_bytes=9_700)
        assert "7 not scanned: ctrl+t scans all" in line.render_line(0).text
        hidden = Situation(connected=True, known=10, filter="x", unscanned=7)
        words = table_words(hidden, app.key_named)
        assert "f3 changes the filter, f5 applies it again" in words
        assert "ctrl+t scans all" in words
        assert causes_words(replace(hidden, unscanned=10), app.key_named) == "not scanned: ctrl+t scans all"
        assert "f8 reads it again" in table_words(Situation(connected=True), app.key_named)
        lost = Situation(connected=True, failed=True, code="usage", sentence="no such store")
        assert "Quit with Q," in table_words(lost, app.key_named)


def test_a_sentence_names_the_first_key_as_people_write_it() -> None:
    named = {name: named_by_default(name) for name in ("scan_all", "reapply", "filter", "help", "quit", "dialog.leave")}
    assert list(named.values()) == ["ctrl+r", "=", "/", "?", "q", "escape"]


async def test_the_keys_that_dialogs_name_are_those_that_do_it(tmp_path: Path) -> None:
    keys = {"export.overwrite": "ctrl+t", "export.copy": "f7", "dialog.leave": "f4"}
    async with opened(tmp_path, keys) as pilot:
        app = pilot.app
        app.push_screen(ExportScreen("12 entries", "entries.csv", lambda name: name, tmp_path))
        await until(pilot, lambda: {"^t overwrite", "f7 copy", "f4 leave"} <= pairs(shown(app)))  # type: ignore[arg-type]
        await pilot.press("f4")
        app.push_screen(Reading("Read", Text("words")))
        await until(pilot, lambda: "f4 close" in pairs(shown(app)))  # type: ignore[arg-type]
        await pilot.press("f4")
        app.push_screen(PaletteScreen("Do what?", []))
        await until(pilot, lambda: "f4 leave" in pairs(shown(app)))  # type: ignore[arg-type]
