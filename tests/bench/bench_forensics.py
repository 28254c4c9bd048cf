"""What the forensics are worth, in counts: causes named, repairs proved, verdicts held against two parsers, and how long it took."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' packages, as pytest finds them

from forensics.bare_parser import CRASHED, UNFINISHED, BareParser
from forensics.corpus import seeded
from forensics.examined import examine
from forensics.mutate import mutants
from forensics.naming import tallied
from forensics.old_engine import install
from forensics.writers import all_written
from refooter.values import Cause, Diagnosis, Wanted

_LIMIT = 0.5


def corpus_tables(console: Console) -> None:
    values = seeded()
    begun = time.perf_counter()
    diagnoses = examine([replace(value.question, wanted=Wanted.MENDED) for value in values])
    seconds = time.perf_counter() - begun
    writers = Counter(file.writer for file in all_written())
    console.print(f"{len(all_written())} files: " + ", ".join(f"{count} by {name}" for name, count in writers.items()))
    console.print(
        f"{len(values):,} values of {len({value.kind for value in values})} kinds, diagnosed in {seconds:.1f} s"
    )
    table = Table("cause", "seeded", "named rightly", "otherwise, explained", "wrong")
    for cause, tally in tallied(values, diagnoses).items():
        explained = "; ".join(f"{count}: {why}" for why, count in tally.explained.items())
        table.add_row(cause.value, f"{tally.made:,}", f"{tally.right:,}", explained or "0", str(len(tally.wrong)))
    console.print(table)

    repairs = Table(
        "cause", "proved, equal", "proved, different", "unproved, equal", "unproved, different", "no repair"
    )
    fates: dict[Cause, Counter[tuple[bool, bool] | None]] = {}
    for value, found in zip(values, diagnoses, strict=True):
        mended = found.repair
        fate = None if mended is None else (mended.proved, mended.value == value.file.footer)
        fates.setdefault(found.cause, Counter())[fate] += 1
    for cause in Cause:
        fate = fates.get(cause, Counter())
        if fate.total() > fate[None]:
            keys = ((True, True), (True, False), (False, True), (False, False), None)
            repairs.add_row(cause.value, *(f"{fate[key]:,}" for key in keys))
    console.print(repairs)


def differential_tables(console: Console, seed: int, count: int) -> None:
    damaged = list(mutants(seed, count))
    values = [mutant.question.value for mutant in damaged]
    begun = time.perf_counter()
    diagnoses = examine([mutant.question for mutant in damaged], deadline=_LIMIT, last_deadline=_LIMIT)
    seconds = time.perf_counter() - begun
    new = BareParser(limit=_LIMIT).ask(values)
    with tempfile.TemporaryDirectory() as directory:
        old = BareParser(install(Path(directory)).directory, limit=_LIMIT).ask(values)
    console.print(f"{len(values):,} damaged values ({len(set(values)):,} different), diagnosed in {seconds:.1f} s")
    console.print(f"accepted by the target parser: {new.count(None):,}; messages: {len(set(new)) - 1:,}")
    console.print(f"it crashed over {new.count(CRASHED)} and did not finish {new.count(UNFINISHED)} of them")
    table = Table("writer", "values", "accepted", "verdict disagrees")
    for writer in sorted({mutant.file.writer for mutant in damaged}):
        rows = [(d, n) for m, d, n in zip(damaged, diagnoses, new, strict=True) if m.file.writer == writer]
        accepted = sum(said is None for _, said in rows)
        table.add_row(writer, f"{len(rows):,}", f"{accepted:,}", str(_disagreements(rows)))
    console.print(table)
    causes = Table("found", "values")
    for cause, number in Counter(found.cause for found in diagnoses).most_common():
        causes.add_row(cause.value, f"{number:,}")
    console.print(causes)
    parsers = Table("", "Arrow 57.1 accepts", "Arrow 57.1 rejects")
    both = Counter((was is None, now is None) for was, now in zip(old, new, strict=True))
    parsers.add_row("Arrow 56.2 accepts", f"{both[True, True]:,}", f"{both[True, False]:,}")
    parsers.add_row("Arrow 56.2 rejects", f"{both[False, True]:,}", f"{both[False, False]:,}")
    console.print(parsers)


def _disagreements(rows: list[tuple[Diagnosis, str | None]]) -> int:
    return sum(found.accepted != (said is None) for found, said in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--mutants", type=int, default=21_000)
    asked = parser.parse_args()
    console = Console(width=160)
    corpus_tables(console)
    differential_tables(console, asked.seed, asked.mutants)


if __name__ == "__main__":
    main()
