"""Work that blocks, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from refooter.jobs.whole import whole

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(call: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """In a thread; and over before anybody goes on, cancelled or not, since a file is no place for two threads."""
    return await whole(asyncio.to_thread(call, *args, **named))
