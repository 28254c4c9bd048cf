"""Textual's driver for a terminal that may vanish: what can no longer be shown to anybody must not keep a run from being closed."""

from __future__ import annotations

import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

from textual.drivers.linux_driver import LinuxDriver


class SteadyDriver(LinuxDriver):
    """Its writing thread would die of the first write to a terminal that is gone, and the app then wait for it for ever."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._file: Any = _Patient(self._file)


class _Patient:
    """A text file whose other end may be gone."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()


def when_hung_up(then: Callable[[], object]) -> None:
    """Calls it, in a thread of its own, once nobody is at the other end of the terminal: not every terminal that vanishes sends a
    signal."""
    try:
        descriptor = sys.__stdin__.fileno() if sys.__stdin__ is not None else -1
        hung_up = select.poll()
        hung_up.register(descriptor, select.POLLHUP | select.POLLERR)
    except (OSError, ValueError, AttributeError):
        return

    def wait() -> None:
        with suppress(OSError, RuntimeError):
            hung_up.poll()
            then()

    threading.Thread(target=wait, name="refooter-terminal", daemon=True).start()
