"""The whole program in a real terminal: a pty read by a terminal emulator, real keys, and the catalog afterwards."""

from __future__ import annotations

import os
import pty
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

import pyte
import pytest

from refooter.demo.lake import LakeSummary, build_lake
from support.tables import execute, rows, table_digests

_MAIN = "from refooter_tui.cli.main import main; raise SystemExit(main())"
COLUMNS, LINES = 140, 44


class Terminal:
    """The program on one side, what its screen shows on the other."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process, self._master = process, master
        self._screen = pyte.Screen(COLUMNS, LINES)
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

    def until(self, holds: Callable[[str], bool]) -> None:
        """Reads until the screen holds something; the limit only says what it never came to."""
        limit = time.monotonic() + 30
        while not holds(self.text):
            if time.monotonic() > limit or not self._read(0.2):
                raise AssertionError(f"it never came to it:\n{self.text}")

    def press_until(self, key: str, holds: Callable[[str], bool]) -> None:
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
        os.write(self._master, keys.encode())

    def ended(self) -> int:
        """The exit code, once the program has ended."""
        limit = time.monotonic() + 30
        while self.process.poll() is None:
            self._read(0.2)
            assert time.monotonic() < limit, f"it does not end:\n{self.text}"
        return self.process.returncode


@contextmanager
def terminal(*words: str, state: Path) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    ioctl(slave, TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    process = subprocess.Popen(
        [sys.executable, "-c", _MAIN, *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor", "XDG_STATE_HOME": str(state)},
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        os.close(master)


@pytest.fixture
def lake(dsn: str, tmp_path: Path) -> LakeSummary:
    return build_lake(dsn, tmp_path / "lake", entries=60)


@contextmanager
def opened(lake: LakeSummary, tmp_path: Path, *more: str) -> Iterator[Terminal]:
    assert lake.store is not None
    with terminal("tui", "--dsn", lake.dsn, "--store", lake.store, *more, state=tmp_path / "state") as there:
        there.until(lambda text: "60 of 60 shown" in text and "do not decode" in text)
        there.until(lambda text: "not scanned" not in text)
        yield there


def test_filter_select_rehearse_migrate_see_it_and_quit(lake: LakeSummary, tmp_path: Path) -> None:
    before = table_digests(lake.dsn)
    with opened(lake, tmp_path) as there:
        there.press("/cause:page_index_prefix\r")
        there.until(lambda text: "of 60 shown" in text and "60 of 60 shown" not in text)
        there.press("a")
        there.until(lambda text: "selected" in text)
        there.press("m")
        there.until(lambda text: "Plan: migrate" in text and "dry run" in text)
        there.press_until("d", lambda text: "would_migrate" in text and "esc close" in text)
        assert table_digests(lake.dsn) == before
        there.press("\x1b")
        there.until(lambda text: "esc close" not in text)
        there.press("m")
        there.until(lambda text: "y go" in text)
        there.press_until("y", lambda text: "Run 1 (migrate)" in text and "esc close" in text)
        changed = rows(lake.dsn, "SELECT count(*) FROM refooter.change")
        assert changed[0][0] > 0
        there.press("\x1b")
        there.until(lambda text: "esc close" not in text)
        there.press("q")
        assert there.ended() == 0
    assert rows(lake.dsn, "SELECT state FROM refooter.run") == [("finished",)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_leaves_in_order(lake: LakeSummary, tmp_path: Path, number: signal.Signals, code: int) -> None:
    with opened(lake, tmp_path) as there:
        there.process.send_signal(number)
        assert there.ended() == code
        assert b"\x1b[?1049l" in there.raw  # the terminal is given back
        assert b"Traceback" not in there.raw


def test_nothing_hostile_of_the_catalog_reaches_the_terminal(lake: LakeSummary, tmp_path: Path) -> None:
    hostile = "\x1b]0;owned\x07\x1b[31m\u202e\x9b2J"
    path = f"views/evil/{hostile}/2026-03-01/x.parquet"
    execute(
        lake.dsn,
        "UPDATE partition_metadata SET file_path = %s WHERE file_path = (SELECT min(file_path) FROM partition_metadata)",
        path,
    )
    with opened(lake, tmp_path) as there:
        there.press("/evil\r")
        there.until(lambda text: "1 of 60 shown" in text and "evil ✕" in text)
        there.press("m")
        there.until(lambda text: "y go" in text or "nothing to change" in text)
        there.press("\x1b")
        there.until(lambda text: "esc leave it" not in text)
        for _ in range(9):
            there.press("]")
        there.press("c")
        there.until(lambda text: "a key copies" in text)
        there.press("\x1b")
        there.until(lambda text: "a key copies" not in text)
        there.press("q")
        there.ended()
    for piece in (b"\x1b]0;owned", "\u202e".encode(), b"\xc2\x9b", b"\x1b[31m\xe2"):
        assert piece not in there.raw


def test_no_catalog_is_said_in_a_sentence_and_not_in_a_traceback(tmp_path: Path) -> None:
    dsn = "postgres://nobody:secret@127.0.0.1:1/none"
    with terminal("tui", "--dsn", dsn, state=tmp_path / "state") as there:
        there.until(lambda text: "cannot reach PostgreSQL" in text)
        there.press("q")
        there.ended()
    assert b"Traceback" not in there.raw
    assert b"secret" not in there.raw
