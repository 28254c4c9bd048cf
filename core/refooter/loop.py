"""Which event loop the jobs run on: uvloop where there is one, since a third of a store request's cost is the loop's."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`."""
    try:
        from uvloop import new_event_loop
    except ImportError:  # no wheel for this system, such as Windows
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)
