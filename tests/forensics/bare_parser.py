"""A parser asked directly, in a process that knows nothing of this project: the witness that verdicts are held against."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Reads blobs (length as u32 LE, bytes) from standard input; writes a line for each: null, or the parser's whole panic as
# a JSON string. What takes too much processor time ends the process by SIGPROF.
_SCRIPT: Final = """
import io, json, signal, sys
sys.path[:0] = sys.argv[2:]
from arro3.io import read_parquet
source, out = sys.stdin.buffer, sys.stdout
while head := source.read(4):
    blob = source.read(int.from_bytes(head, "little"))
    signal.setitimer(signal.ITIMER_PROF, float(sys.argv[1]))
    try:
        read_parquet(io.BytesIO(b"PAR1" + blob + head + b"PAR1"))
        said = None
    except BaseException as panic:
        said = str(panic)
    signal.setitimer(signal.ITIMER_PROF, 0)
    out.write(json.dumps(said) + "\\n")
    out.flush()
"""
CRASHED: Final = "crashed"
UNFINISHED: Final = "did not finish"


@dataclass(frozen=True)
class BareParser:
    """arro3.io of whatever environment `directory` holds; of this interpreter's own without one.

    `limit` is seconds of processor time for one blob.
    """

    directory: Path | None = None
    limit: float = 10.0

    def ask(self, blobs: Sequence[bytes]) -> list[str | None]:
        """`None` for every blob that is accepted, else the panic's text, or `CRASHED` or `UNFINISHED`.

        A blob that kills the parser costs its own answer: a new process goes on behind it.
        """
        answers: list[str | None] = []
        with tempfile.TemporaryFile() as source:
            begins = []
            for blob in blobs:
                begins.append(source.tell())
                source.write(len(blob).to_bytes(4, "little") + blob)
            while len(answers) < len(blobs):
                source.flush()
                os.lseek(source.fileno(), begins[len(answers)], os.SEEK_SET)
                answers += self._run(source.fileno(), len(blobs) - len(answers))
        return answers

    def _run(self, source: int, wanted: int) -> list[str | None]:
        ran = subprocess.run(
            [sys.executable, *self._isolation(), "-c", _SCRIPT, str(self.limit), *self._paths()],
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # Rust's panic hook writes there
            env={**os.environ, "RUST_BACKTRACE": "0"},
            check=False,
        )
        answers: list[str | None] = [json.loads(line) for line in ran.stdout.splitlines()]
        if len(answers) < wanted:
            if ran.returncode >= 0:
                raise RuntimeError(
                    f"the bare parser ended with {ran.returncode} after {len(answers)} of {wanted} blobs"
                )
            answers.append(UNFINISHED if ran.returncode == -signal.SIGPROF else CRASHED)
        return answers

    def _isolation(self) -> list[str]:
        # without -S, the packages of this interpreter would be found as well
        return ["-I"] if self.directory is None else ["-I", "-S"]

    def _paths(self) -> list[str]:
        return [] if self.directory is None else [str(self.directory)]
