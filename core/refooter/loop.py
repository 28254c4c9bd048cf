"""What the jobs run on in a program of their own: uvloop where there is one, and a collector that looks less often."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`.

    A third of a store request's cost is the loop's.
    """
    collect_rarely()
    try:
        from uvloop import new_event_loop
    except ImportError:  # no wheel for this system, such as Windows
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)


def collect_rarely() -> None:
    """A job makes many short-lived values and hardly a cycle: collecting after every 700 of them finds nothing, and costs up to a
    tenth of a process's time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
