"""`refooter inspect`: one entry, one raw value, or one Parquet file, decoded and diagnosed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from refooter.values import Status, time_text, view_name
from refooter_tui.cli import options
from refooter_tui.cli.shell import Shell

if TYPE_CHECKING:
    from refooter.jobs.inspect import Inspection
    from refooter.jobs.lake import Session


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser("inspect", help="one entry, one raw value or one Parquet file, diagnosed")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("file_path", nargs="?", metavar="FILE_PATH", help="an entry of the catalog")
    what.add_argument("--blob", metavar="FILE", help="a value as it stands in partition_metadata.metadata")
    what.add_argument("--file", metavar="URI", help="a Parquet file, here or at a URI")
    options.add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shell: Shell) -> int:
    from refooter.jobs.lake import Session

    with Session(options.settings_of(args)) as session:
        return shell.run(_inspect(args, shell, session))


async def _inspect(args: argparse.Namespace, shell: Shell, session: Session) -> int:
    from refooter_tui.cli.inspection import show_inspection

    found = await _found(args, session)
    shell.answer.put(**inspection_fields(found))
    if not shell.json:
        show_inspection(shell.out, found)
    orphan = found.result is not None and found.result.orphan
    return 0 if orphan or found.diagnosis.status is Status.OK else 1


async def _found(args: argparse.Namespace, session: Session) -> Inspection:
    from refooter.jobs.inspect import inspect_blob, inspect_entry, inspect_file

    if args.blob is not None:
        return await inspect_blob(session.judges, args.blob)
    if args.file is not None:
        return await inspect_file(session.judges, args.file, args.store_driver)
    file_path = options.storable(args.file_path, "entry")
    async with session.open() as lake:
        return await inspect_entry(lake, file_path)


def inspection_fields(found: Inspection) -> dict[str, Any]:
    diagnosis = found.diagnosis
    fields: dict[str, Any] = {
        "name": found.name,
        "size": found.size,
        "status": diagnosis.status,
        "cause": diagnosis.cause,
        "causes": diagnosis.causes,
        "error": diagnosis.error,
        "layout": diagnosis.layout,
        "evidence": diagnosis.evidence,
        "footer": found.footer,
    }
    if found.entry is not None:
        partitions = found.entry.partitions
        fields["entry"] = {
            "file_path": found.entry.file_path,
            "view": view_name(*found.entry.view),
            "format_version": found.entry.version,
            "insert_time": time_text(found.entry.insert_time),
            "orphan": found.entry.orphan,
            "partitions": partitions.count,
            "num_rows": partitions.num_rows,
            "file_sizes": partitions.file_sizes,
            "partition_versions": partitions.versions,
        }
    return fields
