"""The judges, as work in the background may use them: a little at a time, so that whoever is in a hurry is never far behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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
    """For one job. `examine` is all that a job asks of judges."""

    def __init__(self, judges: Judges[Diagnosis], turnstile: Turnstile) -> None:
        self._judges = judges
        self._turnstile = turnstile
        self._room = asyncio.Semaphore(_PIECES)

    async def examine(self, questions: Sequence[Question]) -> list[Diagnosis]:
        """As `Judges.examine`."""
        pieces = (questions[begin : begin + _PIECE] for begin in range(0, len(questions), _PIECE))
        lists = await asyncio.gather(*(self._examine_piece(piece) for piece in pieces))
        return [diagnosis for diagnoses in lists for diagnosis in diagnoses]

    async def _examine_piece(self, piece: Sequence[Question]) -> list[Diagnosis]:
        async with self._room:
            await self._turnstile.pass_by()
            return await self._judges.examine(piece)


def in_the_background(lake: Lake, turnstile: Turnstile) -> Lake:
    """The same lake, for one job that nobody waits for."""
    return replace(lake, judges=cast("Judges[Diagnosis]", PacedJudges(lake.judges, turnstile)))
