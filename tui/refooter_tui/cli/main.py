"""The entry point: words in, exit code out. Nothing that takes long to import is imported before a command needs it."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any

from refooter.errors import RefooterError
from refooter_tui.cli import (
    backup,
    demo,
    export,
    init,
    inspect,
    migrate,
    options,
    restore,
    rollback,
    runs,
    scan,
    tui,
    verify,
    views,
)
from refooter_tui.cli.hidden import hidden
from refooter_tui.cli.parser import Parser, finish
from refooter_tui.cli.shell import Interrupted, Shell, signals_raise
from refooter_tui.text import UNWRITABLE, visible

_COMMANDS = (tui, demo, views, scan, inspect, migrate, verify, runs, rollback, backup, restore, export, init)


class _Version(argparse.Action):
    """Prints what decides an entry's fate: this program, and the parser that judges for it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from refooter import __version__
        from refooter.target.target import ARROW_57

        sys.stdout.write(f"refooter {__version__}, judging by {ARROW_57.name}\n")
        parser.exit()


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="refooter",
        description="Inspect, diagnose and safely migrate the Parquet footers that a lakehouse keeps in PostgreSQL.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="this program's version and the target parser's")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    finish(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. Never raises: whatever happens is one sentence on standard error and an exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    # Started with a closed stream (`>&-`), Python has none at all.
    sys.stdout = sys.stdout or io.StringIO()
    sys.stderr = sys.stderr or io.StringIO()
    for stream in (sys.stdout, sys.stderr):
        # A terminal or pipe that cannot write some character of a path shows its escape instead.
        with suppress(AttributeError, ValueError):
            stream.reconfigure(errors=UNWRITABLE)  # type: ignore[union-attr]
    shell = Shell(json="--json" in words)
    with signals_raise():
        try:
            code = _attempt(words, shell)
            _finish(shell)
        except BrokenPipeError:
            # Whoever read our output has seen enough. Not 0: that would say that nothing is amiss.
            code = 128 + signal.SIGPIPE
            _silence(sys.stdout)
    return code


def _attempt(words: list[str], shell: Shell) -> int:
    try:
        return _run(words, shell)
    except RefooterError as error:
        return _failed(shell, error.code, hidden(str(error), words), error.exit_code)
    except Interrupted as interrupted:
        return _failed(shell, "interrupted", str(interrupted), interrupted.exit_code)
    except BrokenPipeError:
        raise
    except Exception as error:
        from refooter.jobs.ending import ending_of

        ending = ending_of(error)
        return _failed(shell, ending.code, ending.sentence, 3)


def _run(words: list[str], shell: Shell) -> int:
    parser = make_parser()
    try:
        args = parser.parse_args(words, argparse.Namespace(**options.DEFAULTS))
    except SystemExit:
        # Only --help and --version end so, with their text on standard output already.
        shell.json = False
        return 0
    if not hasattr(args, "run"):
        if not words and tui.is_interactive():
            return tui.run(args, shell)
        parser.print_help(sys.stderr)
        return 2
    code: int = args.run(args, shell)
    return code


def _failed(shell: Shell, code: str, message: str, exit_code: int) -> int:
    shell.answer.fail(code, message)
    with suppress(OSError):
        sys.stderr.write(f"refooter: {visible(message)}\n")
        sys.stderr.flush()
    return exit_code


def _finish(shell: Shell) -> None:
    if shell.json:
        sys.stdout.write(shell.answer.text() + "\n")
    sys.stdout.flush()


def _silence(stream: IO[str]) -> None:
    """Lets the interpreter's own last flush succeed."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
