"""`refooter`, `refooter tui`: the app."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from refooter.errors import UsageError
from refooter_tui.cli import options
from refooter_tui.cli.profile import Profile, checked_colour, load_profile
from refooter_tui.cli.shell import Interrupted, Shell

if TYPE_CHECKING:
    from refooter.settings import Settings
    from refooter_tui.app.command import Where

# Python's own is 5 ms: some of them in a row are longer than a key may take.
_TURN_SECONDS: Final = 0.001


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser("tui", help="open the app (as `refooter` alone does)")
    options.add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shell: Shell) -> int:
    if shell.json:
        raise UsageError("the app has nothing to say in JSON: use `refooter scan --json` and the other commands")
    profile = load_profile(args.profile)
    settings = options.settings_of(args, profile)
    # A label that vouches for the profile's database must not stand over, or be typed for, another one.
    elsewhere = settings.dsn != options.usual_settings(profile).dsn and profile.dsn is not None
    return open_app(
        settings,
        label="" if elsewhere else profile.label,
        colour="" if elsewhere else checked_colour(profile),
        keys=profile.keys,
        where=_where(settings, profile),
    )


def _where(settings: Settings, profile: Profile) -> Where:
    """What the commands that the app shows have to say to mean this lake."""
    from refooter_tui.app.command import Where

    return Where.of(settings, options.usual_settings(profile), profile.name or None)


def open_app(
    settings: Settings,
    *,
    label: str = "",
    colour: str = "",
    keys: Mapping[str, str] | None = None,
    where: Where | None = None,
) -> int:
    """Runs the app until it is left; its exit code. `keys` maps ids of bindings to keys; `where` is for the commands that it shows.

    Raises `UsageError` where there is no terminal or for keys that do not go, `Interrupted` for a signal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the app needs a terminal: `refooter --help` lists the commands that do not")
    from refooter.loop import collect_rarely

    # What is imported stays: looking it over again and again is a tenth of the time until the first entries are painted.
    collect_rarely()
    from refooter.jobs.lake import Session

    # The workers come first: inside a running app none could be started; and they load while the app does.
    session = Session(settings)
    try:
        session.spawn()
        from refooter_tui.app.app import RefooterApp
        from refooter_tui.app.keymap import checked
        from refooter_tui.app.state import open_log, state_directory

        directory = state_directory()
        keymap = checked(keys or {})
        with session:
            app = RefooterApp(
                session, directory, open_log(directory), label=label, colour=colour, keys=keymap, where=where
            )
            # The engine's thread computes too, and whatever the app reads or writes it has to wait for its turn again.
            sys.setswitchinterval(_TURN_SECONDS)
            code = app.run() or 0
            app.engine.stop(30.0)
    finally:
        session.judges.close()
    if app.ended_by is not None:
        raise Interrupted(app.ended_by)
    if app.return_code:
        return int(app.return_code)
    return int(code)


def is_interactive() -> bool:
    """Whether there is a terminal to open the app on. `CI` says that nobody sits in front of it."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty() and not os.environ.get("CI")
