"""`refooter init --sql`: what a DBA runs before refooter is let in."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from refooter.errors import UsageError
from refooter_tui.cli import options
from refooter_tui.cli.shell import Shell

if TYPE_CHECKING:
    from refooter.catalog.grants import Ground
    from refooter.settings import Settings

_VERSIONS: Final = (4, 5)


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser(
        "init",
        help="the SQL that gives a role its rights, for a DBA",
        description="Prints the journal's tables and the exact grants as plain SQL, one transaction, for a DBA to run; itself it changes"
        " nothing. A database that is named is looked at; otherwise the SQL is for a usual one.",
    )
    group = parser.add_argument_group("grants")
    group.add_argument("--sql", action="store_true", help="print the SQL; it has to be said")
    group.add_argument("--role", metavar="ROLE", help="who migrates and goes back (refooter)")
    group.add_argument("--reader", metavar="ROLE", help="who looks, and changes nothing")
    group.add_argument(
        "--catalog-version",
        type=int,
        choices=_VERSIONS,
        metavar="4|5",
        help="of a catalog that is not looked at, even if a database is named (5)",
    )
    options.add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shell: Shell) -> int:
    from refooter.jobs.init import init_sql

    shell.answer.put(sql=None)
    if not args.sql:
        raise UsageError("init changes nothing by itself: say --sql, and have a DBA run what it prints")
    settings = options.settings_of(args)
    ground = _ground(args, shell, settings)
    text = init_sql(ground, role=args.role, reader=args.reader, journal_schema=settings.journal_schema)
    shell.answer.put(
        sql=text,
        catalog_version=5 if ground.versioned else 4,
        looked_at=ground.database is not None,
        journal_schema=settings.journal_schema,
    )
    if not shell.json:
        # not through the console: it is to be run, and holds no character that a terminal acts on
        sys.stdout.write(text)
    return 0


def _ground(args: argparse.Namespace, shell: Shell, settings: Settings) -> Ground:
    from refooter.catalog.grants import Ground

    if args.catalog_version is not None or settings.dsn is None:
        return Ground(versioned=args.catalog_version != _VERSIONS[0])
    return _looked_at(shell, settings)


def _looked_at(shell: Shell, settings: Settings) -> Ground:
    from refooter.jobs.init import ground_of

    found: list[Ground] = []

    async def look() -> int:
        found.append(await ground_of(settings))
        return 0

    shell.run(look())
    return found[0]
