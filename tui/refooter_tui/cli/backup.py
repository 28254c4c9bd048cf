"""`refooter backup`: a copy of the footers and of both tables' stamps, as one file."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from refooter_tui.cli import options
from refooter_tui.cli.shell import Shell

if TYPE_CHECKING:
    from refooter.events import BackupSummary, Event
    from refooter.jobs.lake import Session


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser(
        "backup",
        help="copy all footers to one file",
        description="Copies every footer and the stamps of both tables, as they are at one moment, to one Parquet file, which appears when"
        " it is complete. Needs SELECT only.",
    )
    parser.add_argument(
        "-o", dest="output", metavar="URI", required=True, help="a new file, here or at a URI such as s3://bucket/name"
    )
    options.add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shell: Shell) -> int:
    from refooter.jobs.lake import Session
    from refooter.store.shown import shown

    shell.answer.put(path=shown(args.output), entries=0, bytes=0)
    with Session(options.settings_of(args), judging=False) as session:
        return shell.run(_backup(args, shell, session))


async def _backup(args: argparse.Namespace, shell: Shell, session: Session) -> int:
    from refooter.events import BackupSummary
    from refooter.jobs.backup import backup
    from refooter_tui.cli.follow import follow

    def see(event: Event) -> None:
        """Until it is complete nothing is there, so nothing is counted."""

    def finished(summary: BackupSummary) -> None:
        shell.answer.put(**backup_fields(summary))
        if not shell.json:
            _show(shell, summary)

    async with session.open() as lake:
        await follow(backup(lake, args.output), shell, "Backing up", BackupSummary, see=see, finished=finished)
    return 0


def backup_fields(summary: BackupSummary) -> dict[str, object]:
    from refooter.values import time_text

    return {
        "path": summary.path,
        "entries": summary.entries,
        "partitions": summary.partitions,
        "bytes": summary.bytes,
        "value_bytes": summary.value_bytes,
        "digest": summary.digest,
        "catalog_version": summary.catalog_version,
        "taken": time_text(summary.taken),
        "seconds": summary.seconds,
    }


def _show(shell: Shell, summary: BackupSummary) -> None:
    from refooter.values import time_text
    from refooter_tui.cli.render import duration, entries, facts, gap, line, plural, say, size

    say(shell.out, f"{entries(summary.entries)} and {plural(summary.partitions, 'partition row')} copied to", "bold")
    line(shell.out, summary.path)
    gap(shell.out)
    facts(
        shell.out,
        [
            ("as of", time_text(summary.taken) or ""),
            ("size", f"{size(summary.bytes)}, of {size(summary.value_bytes)} of values"),
            ("catalog", f"version {summary.catalog_version}"),
            ("digest", summary.digest),
            ("time", duration(summary.seconds)),
        ],
    )
    gap(shell.out)
    say(shell.out, "`refooter restore` goes back to it.")
