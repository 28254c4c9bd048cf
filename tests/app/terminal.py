"""The program in a real terminal: a pty read by a terminal emulator, and the keys of somebody in front of it."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSCTTY, TIOCSWINSZ

import pyte

# The terminal is the session's own, as it is where somebody sits in front of it: closing it hangs the program up.
_MAIN = f"""
from fcntl import ioctl
ioctl(0, {TIOCSCTTY}, 0)
from refooter_tui.cli.main import main
raise SystemExit(main())
"""
SIZE = (140, 44)
# What somebody waits for at the most: it only bounds how long a failing test takes.
PATIENCE_SECONDS = 30.0
_NOT_PASTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# What speaks of another terminal than this one: the size, too, that a test runner's workers are told.
_NOT_KEPT = ("CI", "DISPLAY", "WAYLAND_DISPLAY", "TMUX", "COLUMNS", "LINES")
ENTER, ESCAPE = "\r", "\x1b"


class Terminal:
    """The program on one side, what its screen shows on the other. `raw` is every byte that it ever wrote."""

    def __init__(self, process: subprocess.Popen[bytes], master: int, size: tuple[int, int]) -> None:
        self.process, self._master = process, master
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = bytearray()

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)

    @property
    def text(self) -> str:
        return "\n".join(self._screen.display)

    def colours_of(self, text: str) -> set[str]:
        """The foreground colours of the first line that holds a text, where the text is."""
        for row, line in enumerate(self._screen.display):
            if (column := line.find(text)) >= 0:
                return {self._screen.buffer[row][at].fg for at in range(column, column + len(text))}
        raise AssertionError(f"{text!r} is not on the screen:\n{self.text}")

    def until(self, holds: Callable[[str], object]) -> None:
        """Reads until the screen holds something."""
        self.until_so(lambda: holds(self.text))

    def until_so(self, holds: Callable[[], object]) -> None:
        """Reads until something holds, on the screen or elsewhere."""
        limit = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            if time.monotonic() > limit or not self._read(0.1):
                if holds():
                    return
                raise AssertionError(f"it never came to it:\n{self.text}")

    def sees(self, *words: str) -> None:
        """Reads until all of these are on the screen."""
        self.until(lambda text: all(word in text for word in words))

    def press_until(self, key: str, holds: Callable[[str], object]) -> None:
        """As a person does: once more after a second, if nothing happened. What comes before a plan is painted counts for nothing."""
        for _ in range(10):
            self.press(key)
            limit = time.monotonic() + 1.0
            while time.monotonic() < limit:
                self._read(0.1)
                if holds(self.text):
                    return
        raise AssertionError(f"{key!r} did nothing:\n{self.text}")

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode("utf-8", "surrogateescape"))

    def leave(self, words: str) -> None:
        """Closes what lies on top, which these words are in. Once only: a key right behind a second escape would be another key."""
        self.press(ESCAPE)
        self.until(lambda text: words not in text)

    def in_the_table(self) -> None:
        """Until the table has the focus, as the keys at the bottom say: what is typed before that is for somebody else."""
        self.until(lambda text: "next broken" in text.lower())

    def filter_by(self, typed: str, *seen: str, pasted: bool = False) -> None:
        """Types into the filter, or pastes, until these are seen, and comes back to the table."""
        self.press("/")
        self.until(lambda text: "next broken" not in text.lower())
        (self.paste if pasted else self.press)(typed)
        self.sees(*seen)
        self.press(ENTER)
        self.in_the_table()

    def paste(self, text: str) -> None:
        """In bracketed-paste mode, without the control characters that terminals take out of what is pasted."""
        self.press(f"\x1b[200~{_NOT_PASTED.sub('', text)}\x1b[201~")

    def move_mouse(self, column: int, line: int) -> None:
        self.press(f"\x1b[<35;{column + 1};{line + 1}M")

    def vanish(self) -> None:
        """The window is closed, or the connection to it is lost."""
        os.close(self._master)
        self._master = -1

    def ended(self) -> int:
        """The exit code, once the program has ended."""
        limit = time.monotonic() + PATIENCE_SECONDS
        while self.process.poll() is None:
            if self._master < 0:
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.1)
            else:
                self._read(0.1)
            assert time.monotonic() < limit, f"it does not end:\n{self.text}"
        # what it said last may still be on its way
        while self._master >= 0 and select.select([self._master], [], [], 0)[0] and self._read(0):
            pass
        return self.process.returncode

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self._master >= 0:
            os.close(self._master)


@contextmanager
def terminal(
    *words: str, state: Path, size: tuple[int, int] = SIZE, environment: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """Runs `refooter` with these words. `state` is where it keeps what it remembers; `environment` is added to the test's own."""
    master, slave = pty.openpty()
    ioctl(slave, TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_KEPT}
    ours = {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "XDG_STATE_HOME": str(state),
        "XDG_CONFIG_HOME": str(state),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _MAIN, *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={**kept, **ours, **(environment or {})},
    )
    os.close(slave)
    there = Terminal(process, master, size)
    try:
        yield there
    finally:
        there.close()


def judged(there: Terminal, entries: int) -> None:
    """The whole lake has been listed and judged."""
    there.until(lambda text: re.search(rf"\b{entries} of {entries} shown", text) and "do not decode" in text)
    there.until(lambda text: "not scanned" not in text)
