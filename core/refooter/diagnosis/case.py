"""One value under examination: what is known of it, gathered once, for the causes to look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeAlias

from refooter.parquet import frame
from refooter.parquet.edit import splice
from refooter.parquet.facts import Details
from refooter.parquet.frame import Found
from refooter.parquet.restore import true_footer
from refooter.parquet.row_count import with_num_rows
from refooter.values import Layout, Question, Verdict

Ask: TypeAlias = Callable[[bytes], Verdict]


@dataclass(slots=True)
class Case:
    """A question, the target's verdict on it, and the FileMetaData that was found in the value.

    `inner` is what the target says of the footer once it has been freed of everything that the layout shows to be
    wrong; `arrow_schema` whether it then minds the embedded Arrow schema and nothing else. `own` is the footer that was
    judged so where it is proved to be the file's own, `foreseen` its SHA-256 if the target accepted it.
    """

    question: Question
    verdict: Verdict
    found: Found
    inner: Verdict = field(default=Verdict(True))
    arrow_schema: bool = False
    own: bytes | None = None
    foreseen: bytes | None = None

    @property
    def value(self) -> bytes:
        return self.question.value

    @property
    def details(self) -> Details:
        return self.found.details

    @property
    def file_size(self) -> int | None:
        """The size of the file that the footer's offsets are into: for a whole file, the value's own."""
        return len(self.value) if self.found.layout is Layout.FILE else self.question.file_size

    @property
    def rows(self) -> int | None:
        """The row groups' sum, `None` where it cannot be known."""
        return self.found.facts.row_group_sum

    @property
    def data_limit(self) -> int | None:
        """Where the file's own footer begins, by the file's size and L: all data and indexes end there or before."""
        size = self.file_size
        return None if size is None else size - frame.TRAILER - self.details.length

    @property
    def chunk_range(self) -> tuple[int, int | None]:
        """What a column chunk may occupy: from behind the opening magic to the file's footer."""
        return len(frame.MAGIC), self.data_limit


def examine(question: Question, verdict: Verdict, ask: Ask) -> Case:
    """Finds the FileMetaData and, if the target rejected the value, has it judged by itself: at most two questions."""
    if verdict.accepted:
        return Case(question, verdict, frame.at_start(question.value))
    case = Case(question, verdict, frame.anywhere(question.value, question.file_size))
    if case.details.whole:
        _judge_footer(case, ask)
    elif case.details.start == 0 and case.details.arrow_schema_keys:
        case.arrow_schema = ask(without_arrow_schema(case.value, case.details)).accepted
    return case


def _judge_footer(case: Case, ask: Ask) -> None:
    """Tells what is wrong with the footer itself from what is wrong with its surroundings."""
    details = case.details
    footer = case.value[details.start : details.end]
    own = case.own = _own_footer(case)
    if own is not None:
        # The same footer but for its pointers: what the target says of this one serves the diagnosis and the migration both.
        case.inner = ask(own)
        if case.inner.accepted:
            case.foreseen = sha256(own).digest()
            return
    mend = details.lacks_num_rows and case.rows is not None and abs(case.rows) < 2**63
    mended = with_num_rows(footer, details, case.rows or 0) if mend else footer
    if own is None:
        case.inner = ask(mended) if mend or details.start else case.verdict
    if not case.inner.accepted and details.arrow_schema_keys:
        renamed = without_arrow_schema(case.value, details)[details.start :]
        if mend:
            renamed = with_num_rows(renamed[: details.length], details, case.rows or 0)
        case.arrow_schema = ask(renamed).accepted


def _own_footer(case: Case) -> bytes | None:
    """The file's own footer, where a prefix in front of FileMetaData and the file's size prove what it is."""
    if case.found.layout is not Layout.PREFIXED or case.file_size is None or case.details.lacks_num_rows:
        return None
    if frame.tiling(case.details.chunks) != case.details.start:
        return None
    return true_footer(case.value, case.details, case.file_size)


def without_arrow_schema(value: bytes, details: Details) -> bytes:
    """The value with the key `ARROW:schema` renamed: readers look it up by name, and no other byte moves."""
    return splice(value, ((at, at + 1, b"-") for at in details.arrow_schema_keys))
