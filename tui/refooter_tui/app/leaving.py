"""How the app ends, and how it is put to sleep: one way for keys, the palette and signals. No transaction is left open by any."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from refooter_tui.app.doings import WRITES
from refooter_tui.app.driver import when_hung_up
from refooter_tui.app.messages import JobKind
from refooter_tui.app.screens.question import Question

if TYPE_CHECKING:
    from refooter_tui.app.app import RefooterApp

# What runs may take to finish their batch and be recorded, before the app ends without them.
PATIENCE_SECONDS: Final = 30.0
_SLEEP_SECONDS: Final = 10.0


class Leaving:
    """`ended_by`: the signal that ended the app, if one did."""

    def __init__(self, app: RefooterApp) -> None:
        self._app = app
        self.ended_by: int | None = None
        self.begun = False
        """Whether the app is ending: nothing new is shown any more."""
        self._when_done = False
        self._asleep = False
        self._to_sleep: Callable[[int, Any], Any] | None = None

    def heed_signals(self) -> None:
        """Takes SIGTERM, SIGHUP, SIGINT and SIGTSTP over; the last from the terminal driver, which knows nothing of transactions."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self._heard, number)
        if not self._app.is_headless:
            when_hung_up(lambda: loop.call_soon_threadsafe(self._heard, signal.SIGHUP))
        before = signal.getsignal(signal.SIGTSTP)
        if callable(before):
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(signal.SIGTSTP, self.sleep)
                self._to_sleep = before

    def _heard(self, number: int) -> None:
        self.ended_by = self.ended_by or number
        self.now(128 + number)

    def ask(self) -> None:
        """As somebody in front of the screen wants it: at once, unless something would be cut short."""
        going = self._app.doings.unfinished
        if going is None:
            self.now(0)
            return

        def answered(key: str | None) -> None:
            if key == "f":
                self.now(0)
            elif key == "w":
                self._when_done = True
                self._app.log_line(f"the app quits when the {going.kind.value} has ended; q asks again")
                self.look()

        if going.kind in WRITES:
            said = (
                f"A {going.kind.value} is going on. Quitting now finishes the batch under way and records the run as interrupted:"
                " nothing is left half done, and another run does the rest."
            )
            answers = {"f": "finish the batch, then quit", "w": "let the run end, then quit"}
        elif going.kind is JobKind.EXPORT:
            said = "An export is going on. Quitting now leaves it, and no file is written."
            answers = {"f": "quit now", "w": "let the export end, then quit"}
        else:
            said = "A dry run is going on; it writes nothing."
            answers = {"f": "quit now", "w": "let it end, then quit"}
        self._app.push_screen(Question("Quit?", said, answers), answered)

    def look(self) -> None:
        """Whether what was waited for has ended."""
        if self._when_done and self._app.doings.unfinished is None:
            self.now(0)

    def now(self, code: int) -> None:
        """Ends everything in order, then the app."""
        if self.begun:
            return
        self.begun = True
        app = self._app
        app.keep_looks()
        app.run_bar.doing = "ending: the batch under way is finished first"

        def stop() -> None:
            app.engine.stop(PATIENCE_SECONDS)
            app.call_from_thread(app.exit, code)

        app.run_worker(stop, thread=True, group="leaving", exit_on_error=False)

    def sleep(self) -> None:
        """As ctrl+z and SIGTSTP ask: once no transaction is open; `wake` goes on."""
        app, to_sleep = self._app, self._to_sleep
        if self._asleep or to_sleep is None:
            return
        self._asleep = True

        def hold() -> None:
            held = app.engine.hold(_SLEEP_SECONDS)
            app.call_from_thread(fall_asleep, held)

        def fall_asleep(held: bool) -> None:
            self._asleep = False
            if not held:
                app.notify("a transaction is still open: try again in a moment", severity="warning")
                return
            app.app_suspend_signal.publish(app)
            # stops this process; what follows comes after SIGCONT
            to_sleep(signal.SIGTSTP, None)
            app.engine.release()

        app.run_worker(hold, thread=True, group="sleep")
