"""A lake as one job may use it: at the job's own gate while it is paused, and in the background a little at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from refooter.values import Diagnosis, Question
from refooter_tui.app.turnstile import Turnstile

if TYPE_CHECKING:
    from refooter.jobs.lake import Lake
    from refooter.target.workers import Judges

# The judges take values in the order in which they come, and a page can be thousands of them. So many of each job are before
# them at a time: enough that they never wait, and done in some tens of milliseconds.
_PIECE = 64
_PIECES = 4


class PacedJudges:
    """For one job. `examine` is all that a job asks of judges. Values wait at the job's `gate`."""

    def __init__(self, judges: Judges[Diagnosis], turnstile: Turnstile, gate: Callable[[], Awaitable[None]]) -> None:
        self._judges = judges
        self._gate = gate
        self._turnstile = turnstile
        self._room = asyncio.Semaphore(_PIECES)

    async def examine(self, questions: Sequence[Question]) -> list[Diagnosis]:
        """As `Judges.examine`."""
        pieces = (questions[begin : begin + _PIECE] for begin in range(0, len(questions), _PIECE))
        lists = await asyncio.gather(*(self._examine_piece(piece) for piece in pieces))
        return [diagnosis for diagnoses in lists for diagnosis in diagnoses]

    async def _examine_piece(self, piece: Sequence[Question]) -> list[Diagnosis]:
        async with self._room:
            await self._gate()
            await self._turnstile.pass_by()
            return await self._judges.examine(piece)


def for_one_job(lake: Lake, turnstile: Turnstile, gate: Callable[[], Awaitable[None]], *, urgent: bool) -> Lake:
    """The same lake for a job that reads no further page while `gate` is closed; `urgent` ones have the judges to themselves.

    What a run journals goes another way (`Lake.journal`): it keeps its heartbeat while it is paused.
    """
    mine = replace(lake, database=lake.database.behind(gate))
    if urgent:
        return mine
    return replace(mine, judges=cast("Judges[Diagnosis]", PacedJudges(lake.judges, turnstile, gate)))
