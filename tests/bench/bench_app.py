"""How fast the app is at a million entries, in a real terminal: from a key to what it changes on the screen; until the first entries are
painted, and all are there; memory.

The app is the program itself in a pty of its own; another process is its terminal, and its person. A key's time begins when its
bytes are written to the pty, and ends when the last byte of the frame that shows what it did has been read from it: both by the
terminal's process, by one clock. So it holds the terminal driver's threads and queues, the app's, and the pty; not the drawing
of a terminal program. Which frame shows what is said by the app behind each frame (`watched_app`): the cursor's line, the text
in the filter, the snapshot and its order, the brushed range, as they were when the frame's lines were made.

Keys come one at a time, 0.12 s after the last one was painted; held down, 30 a second whatever is painted. Sorting and filtering
have two times: until the app answers (the header's arrow, the character), and until the rows are painted as they were asked for,
counted from `s` and from the word's last character.

On a busy machine all of that says little. So there is a second table: the processor time that the app's own thread took from the
frame before the key to the one that shows what it did, whatever else it did in between.

Three states: idle; with a migration that writes, begun by hand in the app (repairs and version stamps, no store), at 3,000 entries a
second at most, which is what `--max-rate` says; and with a made-up one, whose events come at that rate through the engine, so that the
app has its share to bear also where the machine is too slow for it. The rate that the app was told of stands beside each.

While all entries are loaded, the cursor moves: the maximum is the longest that the app stood still. First paint: from the start of the
process, and from `main`, to the first frame with entries; the median of some starts with compiled modules, and the slowest.
Memory: VmHWM of the app's process once everything is loaded, and at the end; of its workers the sum.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Final

from app_series import DELETE_ALL, ENTRIES_PANE, ESCAPE, QUICK, Amounts, Interrupted, Person, Series, Told
from ground import STORE
from latency_store import LatencyStore
from million import GLOBAL_SETS, files_behind, make_million
from rich.console import Console
from rich.table import Table
from watched_app import RATE
from watching_terminal import WatchingTerminal, Word, watching_terminal

from refooter.demo.server import FAST, Server

SIZES: Final = ((80, 24), (160, 50), (200, 60))
MADE_UP_RATE: Final = 3_000
_DATABASE: Final = "lake"
_STATES: Final = ("idle", "made-up migration", "real migration")


@dataclass
class State:
    """What was measured in one state. `rate`: entries a second that the app was told of as migrated."""

    told: Told = field(default_factory=dict)
    rate: float | None = None
    cut_short: bool = False


@dataclass
class Measured:
    """At one size of the terminal. Seconds and MB."""

    size: tuple[int, int]
    first: list[tuple[float, float]]
    loaded: float = 0.0
    loading: Series = field(default_factory=Series)
    states: dict[str, State] = field(default_factory=dict)
    memory_loaded: float = 0.0
    memory: float = 0.0
    workers: float = 0.0
    workers_now: float = 0.0
    collecting: tuple[float, float] = (0.0, 0.0)


def _has_entries(word: Word) -> bool:
    return bool(word.get("EntriesTable", {}).get("lines", 0))


def _all_listed(word: Word) -> bool:
    return bool(word["listed"] and not word["loading"])


class Bench:
    def __init__(
        self, dsn: str, store: dict[str, str], entries: int, amounts: Amounts, starts: int, scratch: Path
    ) -> None:
        self._dsn, self._store, self._entries = dsn, store, entries
        self._amounts, self._starts, self._scratch = amounts, starts, scratch
        self._views = iter(GLOBAL_SETS)

    @contextmanager
    def _open(self, size: tuple[int, int], environment: dict[str, str] | None = None) -> Iterator[WatchingTerminal]:
        words = ["tui", "--dsn", self._dsn, "--store", STORE]
        with watching_terminal(words, *size, self._scratch, {**self._store, **(environment or {})}) as terminal:
            yield terminal

    def first_paint(self, size: tuple[int, int]) -> tuple[float, float]:
        """Seconds from the start of the process, and from `main`, until entries were painted."""
        with self._open(size) as terminal:
            at = terminal.until(_has_entries)["at"]
            return at - terminal.began, at - terminal.main

    def measure(self, size: tuple[int, int]) -> Measured:
        self.first_paint(size)  # which compiles
        measured = Measured(size, [self.first_paint(size) for _ in range(self._starts)])
        with self._open(size, {RATE: str(MADE_UP_RATE)}) as terminal:
            terminal.until(_has_entries)
            person = Person(terminal, self._amounts)
            measured.loading = person.moving_until(_all_listed)
            measured.loaded = terminal.last["at"] - terminal.began
            assert terminal.last["listed"] == self._entries, terminal.last
            terminal.pause(1.0)
            measured.memory_loaded = terminal.resident()[0]
            view = next(self._views)
            for name in _STATES:
                state = measured.states[name] = State()
                if name != "idle":
                    self._migrate(terminal, person, view)
                began, judged = terminal.last["at"], terminal.last["judged"]
                self._carry_out(person, state)
                terminal.pause(0.5)
                if name != "idle":
                    state.rate = (terminal.last["judged"] - judged) / (terminal.last["at"] - began)
                    self._stop(terminal)
            measured.memory, measured.workers, measured.workers_now = terminal.resident()
            measured.collecting = terminal.last["gc"]
        return measured

    def _carry_out(self, person: Person, state: State) -> None:
        try:
            for name, series in person.everything():
                state.told[name] = series
        except Interrupted:
            state.cut_short = True

    def _migrate(self, terminal: WatchingTerminal, person: Person, view: str) -> None:
        """By hand: the view's first entry, `M`, the plan, `y`, the database's name."""
        _filter(terminal, f"view:{view}")
        terminal.press("M")
        terminal.until(lambda word: word["screen"] == "PlanScreen" and word["ready"], 120)
        judged = terminal.last["judged"]
        for keys in ("y", f"{_DATABASE}\r"):
            # A large run asks for the name, and a smaller one has begun by now.
            if terminal.last["screen"] == "PlanScreen":
                terminal.press(keys)
                terminal.pause(2.0)
        terminal.until(lambda word: bool(word["judged"] > judged), 120)
        _filter(terminal, "")
        person.go_to(ENTRIES_PANE)

    def _stop(self, terminal: WatchingTerminal) -> None:
        """Cancels what is going on, and closes the result that it opens."""
        if terminal.last["depth"] == 1:
            terminal.press("x")
        terminal.pause(3.0)
        while terminal.last["depth"] > 1:
            terminal.press(ESCAPE)
            terminal.pause(1.0)


def _filter(terminal: WatchingTerminal, text: str) -> None:
    terminal.press("/")
    terminal.pause(0.5)
    terminal.press(DELETE_ALL)
    terminal.pause(0.5)
    terminal.press(text)
    if terminal.last["EntriesTable"]["filter"] != text:
        terminal.until(lambda word: bool(word["EntriesTable"]["filter"] == text))
    terminal.press("\r")
    terminal.pause(1.0)


def _times(taken: list[float]) -> list[str]:
    """p50, p95, max."""
    if not taken:
        return ["-", "-", "-"]
    ordered = sorted(taken)
    return [f"{ordered[ceil(share * len(ordered)) - 1]:.0f}" for share in (0.5, 0.95, 1.0)]


def _latencies(measured: Measured, title: str, which: Callable[[Series], list[float]]) -> Table:
    table = Table("ms", title="{}x{}: {}".format(*measured.size, title), title_justify="left")
    for name in _STATES:
        rate = measured.states[name].rate
        for heading in (name if rate is None else f"{name}, {rate:,.0f}/s", "", ""):
            table.add_column(heading, justify="right")
    table.add_row("", *("p50", "p95", "max") * len(_STATES))
    table.add_row("moving, while loading", *_times(which(measured.loading)))
    names = dict.fromkeys(name for state in measured.states.values() for name in state.told)
    for name in names:
        told = [measured.states[state].told.get(name, Series()) for state in _STATES]
        table.add_row(name, *(cell for series in told for cell in _times(which(series))))
    return table


def _rest(all_measured: list[Measured]) -> Table:
    table = Table("", title="start and memory", title_justify="left")
    for measured in all_measured:
        table.add_column("{}x{}".format(*measured.size), justify="right")

    def row(name: str, says: Callable[[Measured], str]) -> None:
        table.add_row(name, *(says(measured) for measured in all_measured))

    row("first entries painted, s from process start: median", lambda one: f"{_middle(one, 0):.2f}")
    row("  slowest", lambda one: f"{max(first[0] for first in one.first):.2f}")
    row("  s from main: median", lambda one: f"{_middle(one, 1):.2f}")
    row("all entries listed, s from process start", lambda one: f"{one.loaded:.1f}")
    row("app's process, peak MB, loaded", lambda one: f"{one.memory_loaded:.0f}")
    row("  at the end", lambda one: f"{one.memory:.0f}")
    row("its workers, peak MB, shared pages counted each time", lambda one: f"{one.workers:.0f}")
    row("  now, shared pages once", lambda one: f"{one.workers_now:.0f}")
    row("garbage collection: longest ms", lambda one: f"{one.collecting[0]:.0f}")
    row("  s in all", lambda one: f"{one.collecting[1]:.2f}")
    return table


def _middle(measured: Measured, which: int) -> float:
    return statistics.median(first[which] for first in measured.first)


@contextmanager
def _catalog(directory: Path | None, entries: int) -> Iterator[str]:
    """A server with its default settings over a directory that keeps the catalog, or over one that goes away."""
    with tempfile.TemporaryDirectory(prefix="refooter-bench-") as scratch:
        place = (directory or Path(scratch)) / f"pg-{entries}"
        if not place.exists():
            with Server() as making:
                making.start(place, FAST)
                make_million(making.create_database(_DATABASE), entries)
        with Server() as running:
            running.start(place)
            yield running.dsn(_DATABASE)


def main() -> None:
    parser = argparse.ArgumentParser(description="Key to painted, first paint and memory of the app.")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--size", metavar="COLUMNSxLINES", help="one size instead of the three")
    parser.add_argument("--quick", action="store_true", help="fewer keys of each kind")
    parser.add_argument("--dir", type=Path, help="keep the catalog here, for another time; a run migrates some of it")
    options = parser.parse_args()
    sizes = [tuple(int(side) for side in options.size.split("x"))] if options.size else list(SIZES)
    console = Console(width=150)
    console.print(f"{options.entries:,} entries, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    made: list[Measured] = []
    with (
        _catalog(options.dir, options.entries) as dsn,
        LatencyStore(files_behind(), 0.0) as store,
        tempfile.TemporaryDirectory() as scratch,
    ):
        amounts = QUICK if options.quick else Amounts()
        starts = 2 if options.quick else 5
        bench = Bench(dsn, store.environment(), options.entries, amounts, starts, Path(scratch))
        for columns, lines in sizes:
            measured = bench.measure((columns, lines))
            made.append(measured)
            console.print(_latencies(measured, "from key to painted", lambda series: series.taken))
            console.print(_latencies(measured, "the app's thread, processor time", lambda series: series.worked))
            for name, state in measured.states.items():
                if state.cut_short:
                    console.print(f"{name}: ended before the series did")
            console.print(f"load {', '.join(f'{load:.1f}' for load in os.getloadavg())}")
    console.print(_rest(made))


if __name__ == "__main__":
    main()
