"""Options that commands share, and what they come to: settings and a selection."""

from __future__ import annotations

import argparse
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from refooter.errors import NothingSelected, UsageError
from refooter.values import Cause, Status
from refooter_tui.cli.profile import DRIVERS, Profile, load_profile

if TYPE_CHECKING:
    from refooter.catalog.selection import Selection
    from refooter.settings import Settings

E = TypeVar("E", bound=StrEnum)
Subparsers = Any  # argparse has no public name for what add_subparsers() returns

# Given to parse_args() as the namespace to begin with; the options themselves suppress their defaults, so that a nested
# command (`runs show`) does not forget what was said before its name.
DEFAULTS: Final[dict[str, Any]] = {
    "profile": None,
    "dsn": None,
    "store": None,
    "store_driver": None,
    "read_only": False,
    "journal_schema": "refooter",
    "json": False,
    "concurrency": 64,
}


def add_connection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "connection",
        "What is given here counts more than the profile, and the profile more than the environment.",
        argument_default=argparse.SUPPRESS,
    )
    group.add_argument(
        "--profile", metavar="NAME", help="a section of $XDG_CONFIG_HOME/refooter/config.toml (~/.config/refooter/...)"
    )
    group.add_argument(
        "--dsn", help="the catalog's database (else MICROMEGAS_SQL_CONNECTION_STRING, else PGHOST and so on)"
    )
    group.add_argument("--store", metavar="URI", help="the lake's root (else MICROMEGAS_OBJECT_STORE_URI)")
    group.add_argument("--store-driver", choices=DRIVERS, help="who talks to the store (auto)")
    group.add_argument(
        "--read-only", action="store_true", help="refuse to write anything at all, as a profile's read_only does"
    )
    group.add_argument("--journal-schema", metavar="NAME", help="where the journal is (refooter)")
    add_json(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object on standard output"
    )


def add_selection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "selection", "Options of one kind are alternatives, different kinds must all hold. Nothing given: every entry."
    )
    group.add_argument(
        "--view", action="append", default=[], metavar="SET[/INSTANCE]", help="a view set, or one instance"
    )
    group.add_argument("--path", action="append", default=[], metavar="FILE_PATH", help="one entry")
    group.add_argument("--paths-from", metavar="FILE", help="entries, one path a line; - is standard input")
    group.add_argument("--status", action="append", default=[], help=f"one of {', '.join(Status)}")
    group.add_argument("--cause", action="append", default=[], help=f"one of {', '.join(Cause)}")
    group.add_argument(
        "--since", metavar="TIME", help="inserted at or after it, such as 2025-06-14 or 2025-06-14T09:12:00Z"
    )
    group.add_argument("--until", metavar="TIME", help="inserted before it")
    group.add_argument(
        "--allow-empty", action="store_true", help="finding nothing, or not all that is named, is no error"
    )


def count(text: str) -> int:
    """A positive whole number."""
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"not a number from 1 up: {text!r}")
    return number


def rate(text: str) -> float:
    """A positive number of entries per second."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"not a rate above 0: {text!r}")
    return number


def profile_of(args: argparse.Namespace) -> Profile:
    """The profile that was named, or one that says nothing: the configuration file is read for `--profile` only.

    Raises `UsageError` for what is wrong with it.
    """
    return Profile() if args.profile is None else load_profile(args.profile)


def settings_of(args: argparse.Namespace, profile: Profile | None = None) -> Settings:
    """An option that was given, else the profile, else the environment; read-only if any of them says so.

    `profile` saves reading it again. Raises `UsageError` for what is wrong with it.
    """
    from refooter.settings import Settings

    profile = profile_of(args) if profile is None else profile
    return Settings.of(
        dsn=args.dsn or profile.dsn,
        store=args.store or profile.store,
        store_driver=args.store_driver or profile.store_driver or "auto",
        read_only=args.read_only or profile.read_only,
        journal_schema=args.journal_schema,
        concurrency=args.concurrency,
    )


def usual_settings(profile: Profile) -> Settings:
    """What a shell comes to that is told the profile and nothing else."""
    return settings_of(argparse.Namespace(**DEFAULTS), profile)


def selection_of(args: argparse.Namespace) -> Selection:
    """Raises `UsageError` for what cannot be read. Reads standard input for `--paths-from -`."""
    from refooter.catalog.selection import Selection, View, parse_time

    listed = None if args.paths_from is None else _listed_paths(args.paths_from)
    paths = None if listed is None and not args.path else tuple(dict.fromkeys([*args.path, *(listed or [])]))
    return Selection(
        views=tuple(dict.fromkeys(View.parse(storable(text, "view")) for text in args.view)),
        paths=None if paths is None else tuple(storable(path, "entry") for path in paths),
        statuses=_members(Status, args.status, "status"),
        causes=_members(Cause, args.cause, "cause"),
        since=None if args.since is None else parse_time(args.since),
        until=None if args.until is None else parse_time(args.until),
        allow_empty=args.allow_empty,
    )


def _members(kind: type[E], texts: list[str], noun: str) -> tuple[E, ...]:
    found = []
    for text in texts:
        try:
            found.append(kind(text))
        except ValueError:
            raise UsageError(f"no {noun} {text!r}; there are {', '.join(kind)}") from None
    return tuple(dict.fromkeys(found))


def _listed_paths(name: str) -> list[str]:
    """One path a line, empty lines passed over; a path's own spaces are kept."""
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the list of paths {name!r}: {error.strerror}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"the list of paths {name!r} is not UTF-8 in line {line}") from None
    return [path for line in text.split("\n") if (path := line.removesuffix("\r"))]


def storable(text: str, noun: str) -> str:
    """Refuses what PostgreSQL's text cannot hold, and what therefore is not in any catalog."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"no {noun} has a name that is not UTF-8: {text!r}") from None
    if re.match("postgres(ql)?://", text, re.IGNORECASE):
        raise UsageError(f"no {noun} has the address of a database for a name: give that to --dsn")
    if "\x00" in text:
        raise UsageError(f"no {noun} has a name with a NUL in it: {text!r}")
    return text


def refuse_nothing(found: int, selection: Selection) -> None:
    """Raises `NothingSelected` where something was asked for and there is nothing of the kind."""
    if found == 0 and not selection.everything and not selection.allow_empty:
        raise NothingSelected("nothing is selected; --allow-empty makes that no error")
