"""Series of keys on the app, and how long each took to be painted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from watching_terminal import NeverCame, WatchingTerminal, Word

DOWN: Final = "\x1b[B"
RIGHT: Final = "\x1b[C"
LEFT: Final = "\x1b[D"
PAGE_DOWN: Final = "\x1b[6~"
BRUSH_RIGHT: Final = "\x1b[1;2C"
ESCAPE: Final = "\x1b"
ENTRIES_PANE: Final = "3"
TIMELINE_PANE: Final = "4"
DELETE_ALL: Final = "\x15"

_PATIENCE: Final = 20.0
# Between two keys of a person who is looking for something.
_PACE: Final = 0.12
_REPEATS: Final = 1 / 30


class Interrupted(Exception):
    """Something came over the desk: a dialog, the result of a run that has ended."""


@dataclass
class Series:
    """Milliseconds from key to paint; and of processor time that the app's thread took for it."""

    taken: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)

    def add(self, pressed: float, before: Word, painted: Word) -> None:
        """When the key was pressed, the frame before it, the frame that shows it."""
        self.taken.append(1000 * (painted["at"] - pressed))
        self.worked.append(1000 * (painted["cpu"] - before["cpu"]))


@dataclass(frozen=True)
class Amounts:
    """How many keys of each kind."""

    moves: int = 100
    pages: int = 60
    repeats: int = 90
    sorts: int = 8
    words: int = 5
    brushes: int = 60


QUICK: Final = Amounts(moves=30, pages=15, repeats=30, sorts=3, words=2, brushes=15)

Told = dict[str, Series]


class Person:
    """Presses one key, waits until it is painted, thinks, presses the next."""

    def __init__(self, terminal: WatchingTerminal, amounts: Amounts) -> None:
        self._terminal, self._amounts = terminal, amounts
        self._words = 0

    def everything(self) -> Iterator[tuple[str, Series]]:
        """All series, each with its name, as far as they came where something came over the desk."""
        self.go_to(ENTRIES_PANE)
        yield "moving (down)", self.moving(DOWN, self._amounts.moves)
        yield "paging (pagedown)", self.moving(PAGE_DOWN, self._amounts.pages)
        yield "moving, held down (30/s)", self.held(DOWN, self._amounts.repeats)
        signs, orders = self.sorting(self._amounts.sorts)
        yield "sorting: sign of life", signs
        yield "sorting: new order", orders
        keys, results = self.filtering(self._amounts.words)
        yield "filtering: typed key", keys
        yield "filtering: result", results
        yield "brushing (shift+right)", self.brushing(self._amounts.brushes)

    def go_to(self, pane: str) -> None:
        self._terminal.press(pane)
        self._terminal.pause(0.5)

    def _until(self, holds: Callable[[Word], bool]) -> Word:
        """The first frame from now on of which something holds, as long as nothing lies over the desk."""

        def seen(word: Word) -> bool:
            if word["depth"] > 1:
                raise Interrupted
            return holds(word)

        if self._terminal.last["depth"] > 1:
            raise Interrupted
        return self._terminal.until(seen, _PATIENCE)

    def _pressed(self, key: str, holds: Callable[[Word], bool], series: Series) -> None:
        """Waits for a frame of which something holds."""
        before = self._terminal.last
        at = self._terminal.press(key)
        series.add(at, before, self._until(holds))

    def _now(self, pane: str) -> Any:
        return self._terminal.last[pane]

    def moving(self, key: str, times: int) -> Series:
        series = Series()
        for _ in range(times):
            before = self._now("EntriesTable")["cursor"]
            self._pressed(key, lambda word, before=before: word["EntriesTable"]["cursor"] != before, series)  # type: ignore[misc]
            self._terminal.pause(_PACE)
        return series

    def moving_until(self, holds: Callable[[Word], bool]) -> Series:
        """Down, and at last up, for as long as something does not hold yet."""
        series = Series()
        while not holds(self._terminal.last):
            key = DOWN if len(series.taken) % 20 < 10 else "\x1b[A"
            moved = self.moving(key, 1)
            series.taken += moved.taken
            series.worked += moved.worked
        return series

    def held(self, key: str, times: int) -> Series:
        """A key that repeats, however far the screen is behind: each is painted with the first frame that is as far as it, or farther."""
        begin = self._now("EntriesTable")["cursor"]
        pressed: list[float] = []
        series = Series()
        began = monotonic()
        limit = began + times * _REPEATS + _PATIENCE
        while len(series.taken) < times:
            due = began + len(pressed) * _REPEATS
            if len(pressed) < times and monotonic() >= due:
                pressed.append(self._terminal.press(key))
                continue
            for word in self._terminal.read(due if len(pressed) < times else limit):
                for at in pressed[len(series.taken) : word["EntriesTable"]["cursor"] - begin]:
                    series.taken.append(1000 * (word["at"] - at))  # what was worked for each is not to be told apart
            if self._terminal.last["depth"] > 1:
                raise Interrupted
            if monotonic() > limit:
                raise NeverCame("the repeated key was not painted")
        return series

    def sorting(self, times: int) -> tuple[Series, Series]:
        """Each time by another column: until the header says so, until the rows are in their new order."""
        signs, orders = Series(), Series()
        step = RIGHT
        for _ in range(times):
            if not self._turn_to(step):
                step = LEFT if step == RIGHT else RIGHT
                self._turn_to(step)
            self._sort(signs, orders)
        # back to where the others begin
        self._choose("path")
        self._sort(Series(), Series())
        return signs, orders

    def _turn_to(self, step: str) -> bool:
        """The next column; `False` at the last one."""
        before = self._now("EntriesTable")["column"]
        self._terminal.press(step)
        self._terminal.pause(0.4)
        return bool(self._now("EntriesTable")["column"] != before)

    def _choose(self, column: str) -> None:
        for step in (LEFT, RIGHT):
            while self._now("EntriesTable")["column"] != column and self._turn_to(step):
                pass

    def _sort(self, signs: Series, orders: Series) -> None:
        last = self._terminal.last
        before = last["EntriesTable"]
        at = self._terminal.press("s")

        def sign(word: Word) -> bool:
            return bool(word["EntriesTable"]["sorted_by"] != before["sorted_by"])

        def order(word: Word) -> bool:
            table = word["EntriesTable"]
            return bool(table["snapshot"] != before["snapshot"] and table["order"] == table["sorted_by"])

        first = self._until(sign)
        signs.add(at, last, first)
        orders.add(at, last, first if order(first) else self._until(order))
        self._terminal.pause(0.6)

    def filtering(self, times: int) -> tuple[Series, Series]:
        """Words that were not searched for before, a character at a time: until each is painted, and until the rows are."""
        keys, results = Series(), Series()
        self._terminal.press("/")
        self._terminal.pause(0.5)
        for _ in range(times):
            word = self._next_word()
            for at in range(len(word)):
                wanted = word[: at + 1]
                last = self._terminal.last
                before = last["EntriesTable"]["snapshot"]
                pressed = self._terminal.press(word[at])

                def typed(said: Word, wanted: str = wanted) -> bool:
                    return bool(said["FilterInput"] == wanted)

                first = self._until(typed)
                keys.add(pressed, last, first)
                if at < len(word) - 1:
                    self._terminal.pause(_PACE)

            def found(said: Word, word: str = word, before: int = before) -> bool:
                table = said["EntriesTable"]
                return bool(table["filter"] == word and table["snapshot"] != before)

            results.add(pressed, last, first if found(first) else self._until(found))
            self._terminal.pause(0.4)
            self._terminal.press(DELETE_ALL)
            self._until(lambda said: bool(said["EntriesTable"]["filter"] == ""))
            self._terminal.pause(0.4)
        self._terminal.press("\r")
        self._terminal.pause(0.5)
        return keys, results

    def _next_word(self) -> str:
        self._words += 1
        return hashlib.sha256(str(self._words).encode()).hexdigest()[:5]

    def brushing(self, times: int) -> Series:
        series = Series()
        self.go_to(TIMELINE_PANE)
        for at in range(times):
            if at % 20 == 0:
                self._terminal.press("g")
                self._terminal.pause(0.5)
            before = self._now("TimelineBar")
            self._pressed(BRUSH_RIGHT, lambda word, before=before: word["TimelineBar"] != before, series)  # type: ignore[misc]
            self._terminal.pause(_PACE)
        self._terminal.press(ESCAPE)
        self._terminal.pause(0.3)
        self.go_to(ENTRIES_PANE)
        return series
