"""`refooter demo`: a lake of its own, and the whole walk through it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from refooter.errors import UsageError
from refooter_tui.cli import options, tui
from refooter_tui.cli.profile import load_profile
from refooter_tui.cli.shell import Interrupted, Shell

if TYPE_CHECKING:
    from refooter.jobs.decide import MigrateOptions
    from refooter.jobs.lake import Lake, Session

# Of the label in the app's header: calm, since nothing can be lost here.
_COLOUR: Final = "seagreen"


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser(
        "demo",
        help="make a lake with every kind of trouble in it, and mend it",
        description="Starts a PostgreSQL of its own, makes a lake of real Parquet files, and opens the app on it; without a terminal"
        " it scans, rehearses, migrates and verifies instead.",
    )
    parser.add_argument(
        "--dir", type=Path, metavar="DIR", help="where it lives (a temporary directory, removed at the end)"
    )
    parser.add_argument("--entries", type=options.count, default=600, metavar="N", help="how many entries (600)")
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="the same lake for the same number (7)")
    parser.add_argument(
        "--serve", action="store_true", help="print where it is as one JSON line, and stay until SIGINT or SIGTERM"
    )
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shell: Shell) -> int:
    try:
        from refooter.demo.session import demo_lake
    except ImportError as error:
        raise UsageError(f"the demo needs the package {error.name}: pip install 'refooter[demo]'") from None
    from refooter.jobs.lake import Session
    from refooter.settings import Settings

    shell.json = shell.json or args.serve
    opens = not shell.json and tui.is_interactive()
    keys = load_profile(None).keys if opens else {}
    with demo_lake(args.dir, entries=args.entries, seed=args.seed) as made:
        shell.answer.put(dsn=made.dsn, store=made.store, dir=str(made.directory), entries=made.entries)
        if args.serve:
            return _serve(shell)
        settings = Settings(dsn=made.dsn, store=made.store)
        if opens:
            return tui.open_app(settings, label="demo", colour=_COLOUR, keys=keys)
        with Session(settings) as session:
            return shell.run(_walk(shell, session))


def _serve(shell: Shell) -> int:
    sys.stdout.write(shell.answer.text() + "\n")
    sys.stdout.flush()
    # The one object is out: what follows is on standard error only.
    shell.json = False
    try:
        return shell.run(_forever())
    except Interrupted as signal:
        sys.stderr.write("refooter: the demo ends\n")
        return signal.exit_code


async def _forever() -> int:
    import asyncio

    await asyncio.Event().wait()
    return 0


async def _walk(shell: Shell, session: Session) -> int:
    from refooter.jobs.decide import MigrateOptions

    async with session.open() as lake:
        await _scan(shell, lake)
        await _migrate(shell, lake, MigrateOptions(dry_run=True))
        await _migrate(shell, lake, MigrateOptions())
        await _verify(shell, lake)
    return 0


def _head(shell: Shell, command: str) -> None:
    from refooter_tui.cli.render import gap, say

    if not shell.json:
        gap(shell.out)
        say(shell.out, f"$ refooter {command}", "bold cyan")


async def _scan(shell: Shell, lake: Lake) -> None:
    from refooter.catalog.selection import Selection
    from refooter.events import ScanSummary
    from refooter.jobs.scan import scan
    from refooter_tui.cli.follow import Tally, follow
    from refooter_tui.cli.reports import show_scan
    from refooter_tui.cli.scan import scan_fields

    def finished(summary: ScanSummary) -> None:
        shell.answer.put(scan=scan_fields(summary))
        if not shell.json:
            show_scan(shell.out, summary, advise=False)

    _head(shell, "scan")
    await follow(scan(lake, Selection()), shell, "Judging", ScanSummary, see=Tally().see, finished=finished)


async def _migrate(shell: Shell, lake: Lake, wanted: MigrateOptions) -> None:
    from refooter.catalog.selection import Selection
    from refooter.jobs.migrate import migrate
    from refooter.jobs.run import Control
    from refooter_tui.cli.outcome import carry_out

    _head(shell, "migrate --dry-run" if wanted.dry_run else "migrate")
    stage = Shell(json=shell.json)
    control = Control()
    with shell.stopping_with(control.cancel):
        await carry_out(
            migrate(lake, Selection(), wanted, control),
            stage,
            "Rehearsing" if wanted.dry_run else "Migrating",
            advise=False,
        )
    shell.answer.put(**{"dry_run" if wanted.dry_run else "migrate": stage.answer.fields})


async def _verify(shell: Shell, lake: Lake) -> None:
    from refooter.catalog.selection import Selection
    from refooter.events import VerifySummary
    from refooter.jobs.verify import verify
    from refooter_tui.cli.follow import Tally, follow
    from refooter_tui.cli.output import LIST_LIMIT
    from refooter_tui.cli.reports import show_verification
    from refooter_tui.cli.verify import verify_fields

    tally = Tally()

    def finished(summary: VerifySummary) -> None:
        problems = {"problems": tally.problems[:LIST_LIMIT], "problems_total": tally.problems_total}
        shell.answer.put(verify={**verify_fields(summary), **problems})
        if not shell.json:
            show_verification(shell.out, summary, tally)

    _head(shell, "verify")
    await follow(verify(lake, Selection()), shell, "Verifying", VerifySummary, see=tally.see, finished=finished)
