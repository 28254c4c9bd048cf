"""Where processor time goes: this process, the judges' workers, PostgreSQL with all its backends, the store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class ProcessorTime:
    """Seconds of processor time."""

    parent: float
    workers: float
    postgres: float
    store: float

    def __sub__(self, other: ProcessorTime) -> ProcessorTime:
        return ProcessorTime(
            self.parent - other.parent,
            self.workers - other.workers,
            self.postgres - other.postgres,
            self.store - other.store,
        )


def processor_time(
    workers: Sequence[int], postmaster: int | None, store: psutil.Process | None = None
) -> ProcessorTime:
    """Used until now."""
    return ProcessorTime(
        parent=_used(psutil.Process(os.getpid())),
        workers=sum(_used(psutil.Process(pid)) for pid in workers),
        postgres=0.0 if postmaster is None else _server(psutil.Process(postmaster)),
        store=0.0 if store is None else _used(store),
    )


def _server(postmaster: psutil.Process) -> float:
    """The postmaster and its backends; it has reaped those that have ended, and their time is its children's."""
    reaped = _reaped(postmaster)
    while True:
        living = sum(_used(backend) for backend in postmaster.children(recursive=True))
        before, reaped = reaped, _reaped(postmaster)
        if reaped == before:  # or else a backend ended between the two, and may have been counted in neither or both
            return _used(postmaster) + living + reaped


def _reaped(postmaster: psutil.Process) -> float:
    times = postmaster.cpu_times()
    return float(times.children_user + times.children_system)


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
