"""How many values of the seeded corpus are named rightly, cause by cause; and the few that are not, with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from forensics.corpus import Seeded
from refooter.values import Cause, Diagnosis

# A chunk said to lie elsewhere ends elsewhere, and page-index pointers are measured by where the last chunk ends.
CONSEQUENCES = {Cause.CHUNK_OUT_OF_BOUNDS: {Cause.DANGLING_PAGE_INDEX}}


@dataclass(slots=True)
class Tally:
    """Values of one cause: made, named rightly, and otherwise, by the explanation (see `explained`)."""

    made: int = 0
    right: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[Seeded, Diagnosis]] = field(default_factory=list)


def tallied(seeded: Sequence[Seeded], diagnoses: Sequence[Diagnosis]) -> dict[Cause, Tally]:
    """One for each cause, in the order of `Cause`."""
    tallies = {cause: Tally() for cause in Cause}
    for value, found in zip(seeded, diagnoses, strict=True):
        tally = tallies[value.cause]
        tally.made += 1
        why = explained(value, found)
        if named_rightly(value, found):
            tally.right += 1
        elif why is not None:
            tally.explained[why] += 1
        else:
            tally.wrong.append((value, found))
    return tallies


def named_rightly(value: Seeded, found: Diagnosis) -> bool:
    """The cause is the one that it was made for, all others that it was made for stand beside it, and nothing else does."""
    extra = set(found.causes) - set(value.causes)
    return (
        found.cause is value.cause
        and set(value.causes) <= set(found.causes)
        and extra <= CONSEQUENCES.get(value.cause, set())
        and (value.layout is None or found.layout is value.layout)
    )


LONGER_FOOTER = "a footer that damage has made longer than the file's own: it overlaps what lies in front of it"


def explained(value: Seeded, found: Diagnosis) -> str | None:
    """Why a value is named otherwise than it was made, where that is understood.

    `LONGER_FOOTER`: the facts measure by the parsed length of FileMetaData, for the file's own is not known; what ends
    where that one begins then seems to end inside of this one. The true cause stands beside, and the status is the same.
    """
    grown = len(value.question.value) - len(value.file.footer)
    if value.kind == "num_rows_huge" and grown > 0:
        measured = {Cause.DANGLING_PAGE_INDEX, Cause.CHUNK_OUT_OF_BOUNDS}
        if found.cause in measured and set(found.causes) <= measured | {Cause.ROW_COUNT_MISMATCH}:
            return LONGER_FOOTER if Cause.ROW_COUNT_MISMATCH in found.causes else None
    return None
