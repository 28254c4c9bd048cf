"""The command line in a process of its own: what it answers, how it ends, and a hook for what is to befall it at a chosen moment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from faults.world import World

_MAIN = "import sys; from refooter_tui.cli.main import main; sys.exit(main())"


@dataclass
class Program:
    """One command under way."""

    process: subprocess.Popen[str]

    @property
    def pid(self) -> int:
        return self.process.pid

    def ended(self) -> tuple[int, dict[str, Any]]:
        """Waits for its end: the exit code and the one JSON object."""
        out, err = self.process.communicate(timeout=120)
        assert out.count("\n") == 1, err
        assert "Traceback" not in err
        answer: dict[str, Any] = json.loads(out)
        return self.process.returncode, answer

    def frozen(self) -> None:
        """Returns once the process is stopped, whoever stopped it."""
        process = psutil.Process(self.pid)
        while process.status() != psutil.STATUS_STOPPED:
            assert self.process.poll() is None, self.process.communicate()
            # its state is all there is to look at: nothing tells when it changes
            psutil.wait_procs([process], timeout=0.01)


@contextmanager
def program(world: World, *words: str, store: str | None = None, hook: str = "pass") -> Iterator[Program]:
    """`refooter WORDS --json` on this world. `hook`: Python that is executed first, in the same process."""
    where = ["--dsn", world.dsn, "--store", store or world.root, "--json"]
    process = subprocess.Popen(
        [sys.executable, "-c", f"{hook}\n{_MAIN}", *words, *where],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Program(process)
    finally:
        process.kill()
        process.communicate()


def answered(world: World, *words: str, **how: Any) -> tuple[int, dict[str, Any]]:
    """The same, run to its end."""
    with program(world, *words, **how) as running:
        return running.ended()
