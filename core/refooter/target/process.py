"""A worker process seen from the program: started, asked one thing at a time, killed, its death explained."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection, Pipe
from typing import Any, Final

from refooter.errors import RefooterError
from refooter.target.tasks import Raised, Reply, SetUp, Task

# The worker finds modules where the program does (a caller's own `then` too), but never runs the program's main module
# again, as multiprocessing's spawn and forkserver would: that may be anything, unguarded scripts included. It steps back before it
# loads anything: the program is busy loading too, and somebody waits for that.
_BOOT: Final = (
    "import json, os, sys; os.nice(int(sys.argv[4])); sys.path[:] = json.loads(sys.argv[1]); "
    "from refooter.target.worker import main; main(int(sys.argv[2]), int(sys.argv[3]))"
)
_START_SECONDS: Final = 60.0


class End(Enum):
    """How a worker was lost; the value completes "the target parser ..."."""

    OVERDUE = "did not finish"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker died over a task, having begun `begun` of its values: the last of them is the suspect."""

    begun: int
    end: End


class WorkerProcess:
    """One worker. All methods are for one thread, but for `kill`, which is for any."""

    def __init__(self, set_up: SetUp) -> None:
        """Starts the process without waiting for it: see `wait_until_ready`. Raises `OSError`."""
        connection, theirs = Pipe()
        self._connection: Connection[Any, Any] = connection
        self._progress, their_progress = os.pipe()
        os.set_blocking(self._progress, False)
        try:
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter, our own code)
                [
                    sys.executable,
                    "-P",
                    "-c",
                    _BOOT,
                    json.dumps([str(path) for path in sys.path]),
                    str(theirs.fileno()),
                    str(their_progress),
                    str(set_up.nice),
                ],
                stdin=subprocess.PIPE,  # the lifeline: see worker.py
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # Rust's panic hook writes a line here for every rejection
                pass_fds=(theirs.fileno(), their_progress),
                process_group=0,  # out of reach of a terminal's ctrl-c, while it starts too
                # without backtraces a rejection costs 14 us
                env={**os.environ, "RUST_BACKTRACE": "0", "RUST_LIB_BACKTRACE": "0"},
            )
        except BaseException:
            connection.close()
            os.close(self._progress)
            raise
        finally:
            theirs.close()
            os.close(their_progress)
        # it loads what it needs while whoever started it does something else
        with suppress(OSError):
            self._connection.send_bytes(pickle.dumps(set_up, pickle.HIGHEST_PROTOCOL))

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Waits until judge and `then` are loaded. Raises `RefooterError` saying why they cannot be."""
        try:
            reply = self._receive() if self._connection.poll(_START_SECONDS) else None
        except (EOFError, OSError):
            reply = None
        if isinstance(reply, Raised):
            raise RefooterError(f"the target parser cannot be loaded: {reply.summary}; install refooter anew")
        if reply is None:
            raise RefooterError("the target parser's worker process does not start: is this Python environment whole?")

    def ask(self, task: Task, patience: float) -> Reply | Lost:
        """The task's reply. `patience`: seconds in which some value must be begun, or the worker is killed.

        The deadline proper is the worker's own (processor time); patience is for what sleeps instead of working.
        """
        begun = 0
        stalled = False
        try:
            self._connection.send_bytes(pickle.dumps(task, pickle.HIGHEST_PROTOCOL))
            while not stalled and not self._connection.poll(patience):
                lately = self._read_progress()
                begun += lately
                stalled = not lately
            if not stalled:
                reply = self._receive()
                self._read_progress()
                return reply
        except (EOFError, OSError):
            pass
        self.kill()
        overdue = stalled or self._process.wait() == -signal.SIGPROF
        return Lost(begun + self._read_progress(), End.OVERDUE if overdue else End.CRASHED)

    def idle_and_alive(self) -> bool:
        """Whether it can be given a task; false once something else (the kernel, short of memory) has ended it."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Ends the process if it still runs; returns at once."""
        self._process.kill()

    def dispose(self) -> None:
        """Ends the process, waits for that, and closes all that it held. Once only."""
        self.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._connection.close()
        os.close(self._progress)

    def _receive(self) -> Reply:
        reply: Reply = pickle.loads(self._connection.recv_bytes())  # noqa: S301 (our own worker's words)
        return reply

    def _read_progress(self) -> int:
        try:
            return len(os.read(self._progress, 1 << 16))
        except BlockingIOError:
            return 0
