"""A monkey at the keyboard and the mouse of the app, on a real lake, and who watches it: what it confirmed, what was written, what
was logged as an error.

Which seed it plays is printed when a test fails; `REFOOTER_MONKEY_SEED` names another, `REFOOTER_MONKEY_EVENTS` how many events a
monkey is good for. The seed decides what the monkey does, not how fast the engine answers, so two runs of one seed need not go the
same way.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.geometry import Size
from textual.message_pump import MessagePump
from textual.screen import Screen

from refooter.catalog.selection import Selection
from refooter.demo.lake import LakeSummary, build_lake
from refooter.jobs.lake import Session
from refooter_tui.app.app import RefooterApp
from refooter_tui.app.engine import Engine
from refooter_tui.app.screens.plan import Chosen, PlanScreen
from refooter_tui.app.screens.question import Question
from support.jobs import session

SEED = int(os.environ.get("REFOOTER_MONKEY_SEED", "20260302"))
EVENTS = int(os.environ.get("REFOOTER_MONKEY_EVENTS", "10000"))
# What an app that is not stuck needs by far: it only bounds how long a failing test takes.
PATIENCE_SECONDS = 60.0

CONTRACT = [
    "up", "down", "left", "right", "j", "k", "g", "G", "ctrl+d", "ctrl+u", "pageup", "pagedown", "home", "end", "tab",
    "shift+tab", "1", "2", "3", "4", "5", "6", "[", "]", "enter", "escape", "/", "=", "s", "S", "n", "N", "space", "V",
    "shift+up", "shift+down", "shift+pageup", "shift+pagedown", "shift+left", "shift+right", "a", "i", "A", "m", "M", "d", "p",
    "x", "o", "u", "v", "r", "R", "e", "c", "z", "?", ":", "ctrl+p", "+", "-", "h", "l", "H", "L", "f", "backspace", "delete",
]  # fmt: skip
OTHERS = [
    *"bdqtwyBCDEFJKOPQTUWXYZ0789.,;'\"!@#$%^&*()_{}|<>`~é漢",
    *(f"f{number}" for number in range(1, 13)),
    *(f"ctrl+{letter}" for letter in "abefgklnorstvwxyz"),
    *(f"shift+f{number}" for number in range(1, 5)),
    *("ctrl+up", "ctrl+down", "ctrl+left", "ctrl+right", "ctrl+home", "ctrl+end", "insert", "alt+enter", "ctrl+space"),
    *("ctrl+c", "ctrl+q", "q"),
]
NAMES = {
    "/": "slash", "=": "equals_sign", "?": "question_mark", ":": "colon", "[": "left_square_bracket", "]": "right_square_bracket",
    "+": "plus", "-": "minus",
}  # fmt: skip
CHARACTERS = {"space": " ", "enter": "\r", "tab": "\t"}
FILTERS = [
    "status:legacy",
    "status:corrupt",
    "cause:trunc",
    "view:blocks",
    "is:selected",
    "-status:ok",
    "since:2026-03-03",
    "size:>9KiB",
]
PASTES = [
    "\x1b[31m\x1b]0;owned\x07\x9b2J", "\u202e\u2066evil\u2069\u200b\ufeff", "status:", 'path:"un', "since:2025-13-", "size:>", ",,,--",
    "a" * 20_000, "one\ntwo\r\nthree\x00\x7f", "\ud800", "[red]x[/]", "[@click=app.quit]x[/]", "[/", "", "\U0001f469\u200d\U0001f4bb" * 40,
    *FILTERS,
]  # fmt: skip
# Quitting ends the game for a second, so it is rare; what opens, plans and goes is not.
BUSY = ["m", "M", "o", "e", "enter", "a", "escape", "n", "space"]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What somebody agreed to: `migrate` of a scope, or `rollback` of runs."""

    kind: str
    what: object


@dataclass
class Witness:
    """Hears of every plan, every confirmation and every call that writes; `faults` are calls that nobody had confirmed."""

    directory: Path
    planned: dict[int, object] = field(default_factory=dict)
    last_planned: object = None
    open: list[Confirmed] = field(default_factory=list)
    asked_again: dict[int, Confirmed] = field(default_factory=dict)
    wrote: list[Confirmed] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    screens: Counter[str] = field(default_factory=Counter)

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        self._watch_engine(patch)
        self._watch_screens(patch)

    def _watch_engine(self, patch: pytest.MonkeyPatch) -> None:
        plan, migrate, rollback, export = Engine.plan, Engine.migrate, Engine.rollback, Engine.export

        def planned(engine: Engine, what: Any, *more: Any, **options: Any) -> int:
            self.last_planned = what
            return plan(engine, what, *more, **options)

        def migrated(engine: Engine, what: Any, options: Any, *more: Any, **named: Any) -> int:
            if not options.dry_run:
                self._writes(Confirmed("migrate", what))
            return migrate(engine, what, options, *more, **named)

        def rolled_back(engine: Engine, run_ids: Any, *more: Any, **named: Any) -> int:
            self._writes(Confirmed("rollback", tuple(run_ids)))
            return rollback(engine, run_ids, *more, **named)

        def exported(engine: Engine, target: str, *more: Any, **named: Any) -> int:
            # A monkey types file names too: all of them are below the test's directory.
            return export(engine, str(self.directory / Path(target).name), *more, **named)

        patch.setattr(Engine, "plan", planned)
        patch.setattr(Engine, "migrate", migrated)
        patch.setattr(Engine, "rollback", rolled_back)
        patch.setattr(Engine, "export", exported)
        assert not hasattr(Engine, "restore"), "a restore writes too: it has to be watched here"

    def _watch_screens(self, patch: pytest.MonkeyPatch) -> None:
        dismiss, push = Screen.dismiss, RefooterApp.push_screen

        def pushed(app: RefooterApp, screen: Any, *more: Any, **named: Any) -> Any:
            self.screens[type(screen).__name__] += 1
            if isinstance(screen, PlanScreen):
                self.planned[id(screen)] = self.last_planned
            elif isinstance(screen, Question) and self.open and "y" in screen._answers:
                # a plan that asks once more before it goes: nothing is confirmed until that is answered
                self.asked_again[id(screen)] = self.open.pop()
            return push(app, screen, *more, **named)

        def dismissed(screen: Screen[Any], result: Any = None) -> Any:
            if isinstance(screen, PlanScreen) and result is Chosen.GO:
                assert screen.plan is not None
                self.open.append(Confirmed("migrate", self.planned[id(screen)]))
            elif isinstance(screen, Question) and result == "y":
                again = self.asked_again.pop(id(screen), None)
                runs = tuple(int(number) for number in re.findall(r"[Rr]un (\d+)", screen._heading))
                self.open.append(again or Confirmed("rollback", runs))
            return dismiss(screen, result)

        patch.setattr(RefooterApp, "push_screen", pushed)
        patch.setattr(Screen, "dismiss", dismissed)
        # A picture of the traceback with all locals would take a minute; pytest shows it too.
        patch.setattr(RefooterApp, "_fatal_error", RefooterApp._close_messages_no_wait)

    def _writes(self, call: Confirmed) -> None:
        if call in self.open:
            self.open.remove(call)
        else:
            self.faults.append(f"{call} was not confirmed; what was: {self.open}")
        self.wrote.append(call)


class Errors(logging.Handler):
    """What was logged as an error, but for the log on the screen, which tells of entries that could not be mended."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "refooter_tui.app" or record.exc_info:
            self.heard.append(self.format(record))


class Monkey:
    """Decides from its seed alone. `says_yes`: whether it ever presses `y`, or types anything that holds one."""

    def __init__(self, seed: int, *, says_yes: bool) -> None:
        self._random = random.Random(seed)
        self._says_yes = says_yes
        self.did: deque[str] = deque(maxlen=50)
        self.size = (160, 50)

    def burst(self) -> list[events.Event]:
        return [event for _ in range(self._random.randint(1, 40)) for event in self._some()]

    def answers_dialog(self) -> bool:
        """Whether it waits until a dialog takes keys, as a person would, and then presses what goes."""
        return self._says_yes and self._random.random() < 0.6

    def key(self, name: str) -> events.Key:
        self.did.append(name)
        key = NAMES.get(name, name)
        character = CHARACTERS.get(name, name if len(name) == 1 else None)
        return events.Key(key, character)

    def _some(self) -> list[events.Event]:
        choose = self._random.random
        which = choose()
        if which < 0.55:
            return [self.key(self._random.choice(CONTRACT))]
        if which < 0.68:
            return [self.key(self._random.choice(BUSY))]
        if which < 0.80:
            name = self._random.choice(OTHERS)
            quits = name in ("q", "ctrl+q") and choose() > 0.15
            return [] if quits or (name in "yY" and not self._says_yes) else [self.key(name)]
        if which < 0.83:
            text = self._random.choice(PASTES)
            if not self._says_yes and "y" in text.lower():
                return []
            self.did.append(f"paste {text[:40]!r}")
            return [events.Paste(text)]
        if which < 0.85:
            return [self.key("/"), *(self.key(letter) for letter in self._typed()), self.key("enter")]
        if which < 0.87:
            self.size = (self._random.randint(20, 220), self._random.randint(5, 70))
            self.did.append(f"resize {self.size}")
            return [events.Resize(Size(*self.size), Size(*self.size))]
        if which < 0.88:
            # on purpose, what a monkey would seldom come to: out of everything, a filter that hides nothing, and a plan
            return [self.key(name) for name in (*["escape"] * 3, "/", "end", "ctrl+u", "enter", "3", "n", "m")]
        return self._mouse()

    def _typed(self) -> str:
        text = self._random.choice(FILTERS)
        return text if self._says_yes else text.replace("y", "")

    def _mouse(self) -> list[events.Event]:
        width, height = self.size
        x, y = self._random.randrange(width), self._random.randrange(height)
        kind = self._random.choice(["click", "click", "click", "double", "drag", "wheel", "move"])
        self.did.append(f"{kind} {x},{y}")
        modifiers = {name: self._random.random() < 0.1 for name in ("shift", "meta", "ctrl")}

        def at(kind: type[events.MouseEvent], x: int, y: int, button: int = 0) -> events.MouseEvent:
            return kind(None, x, y, 0, 0, button, **modifiers, screen_x=x, screen_y=y)

        button = self._random.choice([1, 1, 1, 2, 3])
        press = [at(events.MouseDown, x, y, button), at(events.MouseUp, x, y, button)]
        if kind == "click":
            return [at(events.MouseMove, x, y), *press]
        if kind == "double":
            return press * 2
        if kind == "wheel":
            return [at(self._random.choice([events.MouseScrollDown, events.MouseScrollUp]), x, y)]
        if kind == "move":
            return [at(events.MouseMove, x, y)]
        to = (self._random.randrange(width), self._random.randrange(height))
        return [
            at(events.MouseDown, x, y, button),
            at(events.MouseMove, *to, button),
            at(events.MouseUp, *to, button),
        ]


@dataclass
class Game:
    """One monkey with one lake, over as many starts of the app as it takes."""

    monkey: Monkey
    witness: Witness
    errors: Errors
    events: int = 0
    starts: int = 0
    quits: int = 0

    async def play(self, opened: Session, directory: Path, many: int) -> None:
        while self.events < many:
            app = RefooterApp(opened, directory / "state")
            self.starts += 1
            try:
                async with app.run_test(size=self.monkey.size, tooltips=True, notifications=True):
                    try:
                        await self._sit(app, many)
                    finally:
                        # What is still on its way up from a widget must not come to an app without a screen.
                        app.exit(0)
                        await until(lambda app=app: not app.is_running)
            finally:
                app.engine.stop(30)
            self._look(app)

    async def _sit(self, app: RefooterApp, many: int) -> None:
        painted = 0
        while self.events < many and app.is_running and app.return_value is None:
            for event in self.monkey.burst():
                self.events += 1
                if isinstance(event, events.Resize) and app._driver is not None:
                    app._driver._size = event.size
                app.post_message(event)
            await self._handled(app)
            if app.return_value is None and self.monkey.answers_dialog():
                await self._answer(app)
            if self.events - painted >= 500 and app.is_running:
                painted = self.events
                assert "<svg" in app.export_screenshot()
        if app.return_value is not None or not app.is_running:
            self.quits += 1
        else:
            assert "<svg" in app.export_screenshot()

    async def _answer(self, app: RefooterApp) -> None:
        """Gives a dialog that goes on a `y` in the time that its gate wants, if there is one."""
        screen = app.screen
        if not isinstance(screen, PlanScreen | Question):
            return
        await until(lambda: screen._gate.is_open or app.screen is not screen or app._exception is not None)
        await asyncio.sleep(0)
        app.post_message(self.monkey.key("y"))
        self.events += 1
        await self._handled(app)

    async def _handled(self, app: RefooterApp) -> None:
        """Until every widget that is there has come to the end of what it was sent. (`Pilot.pause` waits for those that went, too.)"""
        if not app.screen_stack:
            return
        waited_for: set[MessagePump] = {app, *app.screen.walk_children(with_self=True)}
        for pump in list(waited_for):
            pump.call_later(lambda pump=pump: waited_for.discard(pump))
        await until(lambda: app._exception is not None or not any(pump.is_running for pump in waited_for))
        self._look(app)

    def _look(self, app: RefooterApp) -> None:
        if app._exception is not None:
            raise app._exception
        assert not self.errors.heard, "\n".join(self.errors.heard)
        assert not self.witness.faults, "\n".join(self.witness.faults)


async def until(holds: Callable[[], object]) -> None:
    limit = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not holds():
        assert asyncio.get_running_loop().time() < limit, "it never came to it"
        await asyncio.sleep(0.002)


@contextmanager
def hearing() -> Iterator[Errors]:
    """What is logged as an error meanwhile."""
    handler = Errors()
    heard = [logging.getLogger(name) for name in ("refooter", "refooter_tui", "asyncio")]
    for logger in heard:
        logger.addHandler(handler)
    try:
        yield handler
    finally:
        for logger in heard:
            logger.removeHandler(handler)


def lake_of_a_monkey(dsn: str, directory: Path, patch: pytest.MonkeyPatch) -> LakeSummary:
    """A lake of 120 entries. Whatever the app writes, copies or opens from now on is below `directory`, and no clipboard of the machine
    is touched."""
    home = directory / "home"
    home.mkdir()
    patch.chdir(home)
    for name in ("HOME", "XDG_STATE_HOME", "XDG_DOWNLOAD_DIR", "XDG_CONFIG_HOME"):
        patch.setenv(name, str(home))
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "TMUX"):
        patch.delenv(name, raising=False)
    return build_lake(dsn, directory / "lake", entries=120)


async def played(lake: LakeSummary, directory: Path, monkey: Monkey, patch: pytest.MonkeyPatch) -> Witness:
    """The game of one monkey, and what was seen of it. Raises whatever the app raised."""
    witness = Witness(directory / "home")
    witness.watch(patch)
    with hearing() as errors:
        game = Game(monkey, witness, errors)
        try:
            with session(lake.dsn, lake.store) as opened:
                await game.play(opened, directory, EVENTS)
        except BaseException:
            print(f"seed {SEED}, after {game.events} events, the last of them: {' · '.join(monkey.did)}")
            raise
    print(
        f"seed {SEED}: {game.events} events, {game.starts} starts, {game.quits} quits,"
        f" {len(witness.wrote)} confirmed, screens {dict(witness.screens)}"
    )
    return witness


def names(what: object, path: str) -> bool:
    """Whether a scope of the engine's holds the entry of that path."""
    if what is None:
        return True
    if isinstance(what, Selection):
        assert what.paths is None
        return not what.views or any(path.startswith(f"views/{view}/") for view in what.views)
    assert isinstance(what, list | tuple)
    return path in what
