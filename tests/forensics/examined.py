"""Values through the real judges: the target parser in worker processes, and our diagnosis beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from refooter.diagnosis import diagnose
from refooter.diagnosis.safely import undiagnosed
from refooter.target import ARROW_57, Judges
from refooter.values import Diagnosis, Question


def examine(questions: Sequence[Question], *, deadline: float = 2.0, last_deadline: float = 10.0) -> list[Diagnosis]:
    """As a scan does it. The deadlines are seconds of processor time for one value, in company and alone."""
    with Judges(ARROW_57, diagnose, undiagnosed, workers=2, deadline=deadline, last_deadline=last_deadline) as judges:
        return asyncio.run(judges.examine(questions))
