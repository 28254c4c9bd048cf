"""`refooter`, `refooter tui`: the app."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from refooter.errors import UsageError
from refooter_tui.cli import options
from refooter_tui.cli.shell import Interrupted, Shell

if TYPE_CHECKING:
    from refooter.settings import Settings


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser("tui", help="open the app (as `refooter` alone does)")
    options.add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shell: Shell) -> int:
    if shell.json:
        raise UsageError("the app has nothing to say in JSON: use `refooter scan --json` and the other commands")
    return open_app(options.settings_of(args))


def open_app(settings: Settings, label: str = "") -> int:
    """Runs the app until it is left; its exit code. Raises `UsageError` where there is no terminal, `Interrupted` for a signal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the app needs a terminal: `refooter --help` lists the commands that do not")
    from refooter.jobs.lake import Session
    from refooter_tui.app.app import RefooterApp
    from refooter_tui.app.state import open_log, state_directory

    directory = state_directory()
    # The workers come first: inside a running app none could be started.
    with Session(settings) as session:
        app = RefooterApp(session, directory, open_log(directory), label=label)
        code = app.run() or 0
        app.engine.stop(30.0)
    if app.ended_by is not None:
        raise Interrupted(app.ended_by)
    if app.return_code:
        return int(app.return_code)
    return int(code)


def is_interactive() -> bool:
    """Whether there is a terminal to open the app on. `CI` says that nobody sits in front of it."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty() and not os.environ.get("CI")
