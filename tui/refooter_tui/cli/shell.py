"""What surrounds a command: the two streams, the JSON object, signals, and questions."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from refooter_tui.cli.output import Answer

if TYPE_CHECKING:
    from rich.console import Console

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A signal ended the command. Not an `Exception`: nothing that mends errors on the way may swallow it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        return 128 + self.number

    def __str__(self) -> str:
        return f"interrupted by {signal.Signals(self.number).name}; what was committed stays"


class Shell:
    """Results go to `out`, unless `--json` wants one object there; progress, messages and questions go to `err`."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self.answer = Answer()
        self._signal: int | None = None
        self._stop: Callable[[], None] | None = None

    @cached_property
    def out(self) -> Console:
        from refooter_tui.cli.render import make_console

        return make_console(sys.stdout)

    @cached_property
    def err(self) -> Console:
        from refooter_tui.cli.render import make_console

        return make_console(sys.stderr)

    @property
    def can_ask(self) -> bool:
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    async def ask(self, question: str) -> bool:
        """Only `y` and `yes` are a yes. Waits in the event loop, so that signals are heard meanwhile."""
        import asyncio

        sys.stdout.flush()
        self.err.print(question, end=" [y/N] ")
        self.err.file.flush()
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[bytes] = loop.create_future()
        descriptor = sys.stdin.fileno()

        def read() -> None:
            if not answered.done():
                answered.set_result(os.read(descriptor, 4096))

        loop.add_reader(descriptor, read)
        try:
            answer = await answered
        except asyncio.CancelledError:
            self.err.print()
            raise
        finally:
            loop.remove_reader(descriptor)
        return answer.decode(errors="replace").strip().lower() in ("y", "yes")

    def run(self, work: Coroutine[Any, Any, int]) -> int:
        """Runs a command's coroutine to its exit code. Raises `Interrupted` if a signal came meanwhile."""
        import asyncio

        from refooter.loop import run

        before = {number: signal.getsignal(number) for number in SIGNALS}
        try:
            code = run(self._listening(work))
        except (asyncio.CancelledError, KeyboardInterrupt):
            if self._signal is None:
                raise
            code = 0
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self._signal is not None:
            raise Interrupted(self._signal)
        return code

    async def _listening(self, work: Coroutine[Any, Any, int]) -> int:
        import asyncio

        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None

        def heard(number: int) -> None:
            first = self._signal is None
            self._signal = self._signal or number
            if first and self._stop is not None:
                self._stop()
            else:
                task.cancel()

        for number in SIGNALS:
            loop.add_signal_handler(number, heard, number)
        try:
            return await work
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)

    @contextmanager
    def stopping_with(self, stop: Callable[[], None]) -> Iterator[None]:
        """Within, the first signal calls `stop`, so that the work can come to a good end; only the second cancels it."""
        self._stop = stop
        try:
            yield
        finally:
            self._stop = None


@contextmanager
def signals_raise() -> Iterator[None]:
    """Outside an event loop too, both signals end the command by way of its clean-up."""

    def heard(number: int, frame: object) -> None:
        raise Interrupted(number)

    before = {number: signal.signal(number, heard) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
