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
    """Used until now. The postmaster has reaped the backends that have ended, and their time is its children's."""
    postgres = 0.0
    if postmaster is not None:
        main = psutil.Process(postmaster)
        times = main.cpu_times()
        postgres = times.user + times.system + times.children_user + times.children_system
        for backend in main.children(recursive=True):
            postgres += _used(backend)
    return ProcessorTime(
        parent=_used(psutil.Process(os.getpid())),
        workers=sum(_used(psutil.Process(pid)) for pid in workers),
        postgres=postgres,
        store=0.0 if store is None else _used(store),
    )


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
