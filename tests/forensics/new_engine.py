"""DataFusion 51 asked in a process of its own: what a query says, or how it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# Reads jobs from standard input, a JSON list of [path, queries, settings]; writes a line for each: a list with, for each query, how
# many rows it has, and the row if it is one, or the text of what it raised. A Rust panic is no Exception.
_SCRIPT: Final = """
import json, signal, sys
import datafusion
out = sys.stdout
for path, queries, settings in json.load(sys.stdin):
    config = datafusion.SessionConfig(settings).with_target_partitions(1)
    answers = []
    signal.setitimer(signal.ITIMER_PROF, float(sys.argv[1]))
    for query in queries:
        try:
            context = datafusion.SessionContext(config)
            context.register_parquet("lake", path)
            batches = context.sql(query).collect()
            count = sum(batch.num_rows for batch in batches)
            first = [list(row.values()) for batch in batches for row in batch.to_pylist()] if count == 1 else None
            answers.append({"count": count, "batches": len(batches), "first": first and first[0]})
        except BaseException as error:
            answers.append({"error": str(error), "panic": type(error).__name__ == "PanicException"})
    signal.setitimer(signal.ITIMER_PROF, 0)
    out.write(json.dumps(answers) + "\\n")
    out.flush()
"""
_LIMIT: Final = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one query: how many rows in how many batches, and the row if it is one; or the engine's words of failure."""

    count: int = 0
    batches: int = 0
    row: tuple[Any, ...] | None = None
    error: str | None = None

    @property
    def failed(self) -> bool:
        return self.error is not None


@dataclass(frozen=True, slots=True)
class Job:
    """Queries over the table `lake`, which is the file. The page index is used unless told otherwise, as by default."""

    path: Path
    queries: tuple[str, ...]
    pushdown: bool = False
    page_index: bool = True

    @property
    def settings(self) -> dict[str, str]:
        reader = {"pushdown_filters": self.pushdown, "enable_page_index": self.page_index}
        return {f"datafusion.execution.parquet.{name}": str(value).lower() for name, value in reader.items()}


def ask(jobs: Sequence[Job]) -> list[list[Answer]]:
    """The answers to each job's queries. A job that the engine dies over is all failures."""
    answers: list[list[Answer]] = []
    while len(answers) < len(jobs):
        left = jobs[len(answers) :]
        ran = subprocess.run(
            [sys.executable, "-c", _SCRIPT, str(_LIMIT)],
            input=json.dumps([[str(job.path), job.queries, job.settings] for job in left]).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # where panics go
            env={**os.environ, "RUST_BACKTRACE": "0"},
            check=False,
        )
        for line in ran.stdout.splitlines():
            answers.append([_answer(said) for said in json.loads(line)])
        if len(answers) < len(jobs):
            if ran.returncode >= 0:
                raise RuntimeError(f"the engine's process ended with {ran.returncode}")
            died = "did not finish" if ran.returncode == -signal.SIGPROF else f"killed by signal {-ran.returncode}"
            answers.append([Answer(error=died)] * len(jobs[len(answers)].queries))
    return answers


def _answer(said: dict[str, Any]) -> Answer:
    if "error" in said:
        return Answer(error=("panic: " if said["panic"] else "") + said["error"])
    return Answer(said["count"], said["batches"], None if said["first"] is None else tuple(said["first"]))
