"""The other side of `watched_app`: a pty that is read all the time, keys into it, and when each frame had come out of it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ
from typing import Any, Final

import psutil

_WORD: Final = re.compile(rb"\x1b_refooter;(.*?)\x1b\\", re.DOTALL)
_PROGRAM: Final = Path(__file__).with_name("watched_app.py")

Word = dict[str, Any]
"""What `watched_app` said of one frame; with `at`, when its last byte had been read (`time.monotonic`)."""


class NeverCame(Exception):
    """The app ended, or what was waited for did not come in time."""


class WatchingTerminal:
    """`began`: when the program was started, `main`: when its `main` was. `last`: the newest frame's word."""

    def __init__(self, process: subprocess.Popen[bytes], master: int, began: float) -> None:
        self.process, self._master, self.began = process, master, began
        self.main = began
        self.last: Word = {}
        self._rest = b""
        self._came: list[Word] = []

    def read(self, until: float) -> list[Word]:
        """What came up to a moment, or up to the first word if that is earlier."""
        while True:
            ready, _, _ = select.select([self._master], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                return []
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:
                data = b""
            at = time.monotonic()
            if not data:
                raise NeverCame(f"the app has ended: {self._rest[-2000:].decode(errors='replace')}")
            words = self._words(data, at)
            if words:
                self.last = words[-1]
                return words

    def _words(self, data: bytes, at: float) -> list[Word]:
        self._rest += data
        words: list[Word] = []
        end = 0
        for found in _WORD.finditer(self._rest):
            said: Word = json.loads(found[1])
            end = found.end()
            if "main" in said:
                self.main = at
                continue
            words.append({**said, "at": at})
        self._rest = self._rest[end:][-(1 << 20) :]
        return words

    def pause(self, seconds: float) -> list[Word]:
        """Reads for a while, as the person thinks; the words that came."""
        until = time.monotonic() + seconds
        came: list[Word] = []
        while time.monotonic() < until:
            came += self.read(until)
        return came

    def until(self, holds: Callable[[Word], bool], seconds: float = 60.0) -> Word:
        """The first frame from now on of which something holds."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            for word in self.read(limit):
                if holds(word):
                    return word
        raise NeverCame(f"it never came to it in {seconds:.0f} s; the last frame: {self.last}")

    def press(self, keys: str) -> float:
        """When the keys were written."""
        at = time.monotonic()
        os.write(self._master, keys.encode())
        return at

    def resident(self) -> tuple[float, float, float]:
        """MB: the most that the app's process ever held (VmHWM), the same summed over its workers, which counts the pages that these
        share each time, and what the workers hold now with shared pages once (PSS)."""
        workers = psutil.Process(self.process.pid).children(recursive=True)
        most = pss = 0.0
        for worker in workers:
            with suppress(psutil.NoSuchProcess, OSError):
                most += _most_held(worker.pid)
                pss += worker.memory_full_info().pss / 1e6
        return _most_held(self.process.pid), most, pss


def _most_held(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 / 1e6 if found else 0.0


@contextmanager
def watching_terminal(
    words: list[str], columns: int, lines: int, state: Path, environment: dict[str, str]
) -> Iterator[WatchingTerminal]:
    """The app in a terminal of that size; ended by SIGTERM, as a terminal that closes would end it.

    Its modules are compiled but once, into `state`, as those of an installed program are: also where the environment says otherwise.
    """
    master, slave = pty.openpty()
    ioctl(slave, TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    mine = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTHONDONTWRITEBYTECODE")}
    theirs = {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "XDG_STATE_HOME": str(state),
        "PYTHONPYCACHEPREFIX": str(state / "bytecode"),
    }
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, str(_PROGRAM), *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={**mine, **theirs, **environment},
    )
    os.close(slave)
    try:
        terminal = WatchingTerminal(process, master, began)
        yield terminal
        process.send_signal(signal.SIGTERM)
        with suppress(NeverCame):
            limit = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < limit:
                terminal.read(time.monotonic() + 0.2)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        os.close(master)
