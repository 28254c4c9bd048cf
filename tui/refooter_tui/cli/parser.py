"""How words are read, and what each `--help` ends with: examples, and what the exit codes mean there."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from refooter.errors import UsageError

# The terminals that this has to fit, whatever is wider.
_COLUMNS: Final = 80
_ALWAYS: Final = (
    "2: wrong usage or configuration, missing rights, an unsupported catalog",
    "3: the database or the store could not be reached, or a run stopped itself",
    "130, 143: SIGINT, SIGTERM",
)


@dataclass(frozen=True, slots=True)
class Ending:
    """`done` and `amiss`: what 0 and 1 stand for; `refuses`: a plan that was refused is 2, too."""

    examples: tuple[str, ...]
    done: str
    amiss: str | None = None
    refuses: bool = False

    def __str__(self) -> str:
        wrong, unreachable, signals = _ALWAYS
        codes = [f"0: {self.done}", *([f"1: {self.amiss}"] if self.amiss else [])]
        codes += [f"{wrong}, a plan refused" if self.refuses else wrong, unreachable, signals]
        lines = ["examples:", *(f"  refooter {example}" for example in self.examples), "", "exit codes:"]
        for code in codes:
            lines += _hung(code)
        return "\n".join(lines)


def _hung(text: str) -> list[str]:
    from textwrap import wrap

    return wrap(text, _COLUMNS - 2, initial_indent="  ", subsequent_indent=" " * (4 + text.index(":")))


ENDINGS: Final = {
    "refooter": Ending(
        ("demo", "scan --view blocks", "migrate --view blocks --dry-run", "verify --run 3"),
        "done, and nothing amiss",
        "done, but something is not ok, failed or is in conflict",
    ),
    "refooter tui": Ending(("tui --profile prod --read-only",), "the app was left"),
    "refooter demo": Ending(("demo", "demo --dir /tmp/lake --entries 5000", "demo --serve"), "done"),
    "refooter views": Ending(("views --profile prod", "views --json"), "done"),
    "refooter scan": Ending(
        ("scan --view blocks", "scan --deep -o entries.parquet", "scan --since 2025-06-14 --json"),
        "every selected entry is ok",
        "done, but a selected entry that is not an orphan is not ok",
    ),
    "refooter inspect": Ending(
        (
            "inspect views/blocks/global/2025-06-14/09-12-00_0.parquet",
            "inspect --file s3://bucket/lake/a.parquet --columns",
            "inspect --blob value.bin --rows 1000 --hex",
        ),
        "it is ok, or an orphan",
        "it is not ok",
    ),
    "refooter migrate": Ending(
        ("migrate --view blocks --dry-run", "migrate --view blocks --yes", "migrate --strategy refetch --max-rate 200"),
        "done, and nothing failed (a dry run: nothing would)",
        "done, but something failed or is in conflict (a dry run: would)",
        refuses=True,
    ),
    "refooter verify": Ending(
        ("verify --run 3", "verify --view blocks --against-store"), "no problem was found", "a problem was found"
    ),
    "refooter runs": Ending(("runs", "runs show 3 --json"), "done"),
    "refooter runs show": Ending(("runs show 3", "runs show 3 --json"), "done"),
    "refooter runs prune": Ending(("runs prune 3", "runs prune --before 2025-06-14 --yes"), "done", refuses=True),
    "refooter rollback": Ending(
        ("rollback 3", "rollback 3 4 --view blocks --yes"),
        "done, and nothing is in conflict",
        "done, but something failed or is in conflict",
        refuses=True,
    ),
    "refooter backup": Ending(
        ("backup -o before.parquet", "backup -o s3://bucket/backups/2025-06-14.parquet"), "the backup is there"
    ),
    "refooter restore": Ending(
        ("restore before.parquet --view blocks", "restore before.parquet --missing --yes"),
        "done, and nothing is in conflict",
        "done, but something failed or is in conflict",
        refuses=True,
    ),
    "refooter export": Ending(
        ("export --run 3 -o failures.csv", "export --status corrupt -o s3://bucket/corrupt.jsonl"), "the file is there"
    ),
    "refooter init": Ending(("init --sql", "init --sql | psql -d lake"), "done"),
}
"""By `prog`, the words that a parser is called with."""


class Formatter(argparse.HelpFormatter):
    """Keeps lines that were broken on purpose, and wraps the others."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" not in text:
            return super()._fill_text(text, width, indent)
        return "\n".join(f"{indent}{line}" for line in text.splitlines())


class Parser(argparse.ArgumentParser):
    """Says what is wrong by a `UsageError`, so that `--json` is answered in these cases too."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(_without_values(unknown))}")
        return found

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (`{self.prog} --help` tells more)")


def finish(parser: argparse.ArgumentParser) -> None:
    """Gives this parser, and all below it, an ending; and forbids abbreviations: one that a script uses today would be ambiguous
    with tomorrow's option."""
    parser.allow_abbrev = False
    parser.formatter_class = Formatter
    ending = ENDINGS.get(parser.prog)
    parser.epilog = None if ending is None else str(ending)
    for inner in inner_parsers(parser).values():
        finish(inner)


def inner_parsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return {
        name: inner
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, inner in action.choices.items()
    }


def _without_values(words: Sequence[str]) -> list[str]:
    """What follows an unknown option may be a password: neither that nor what stands behind its `=` is repeated."""
    said: list[str] = []
    for word in words:
        if word.startswith("-"):
            option, equals, _ = word.partition("=")
            said.append(f"{option}{equals}..." if equals else option)
        else:
            said.append("..." if said and said[-1].startswith("-") and not said[-1].endswith("=...") else word)
    return said
