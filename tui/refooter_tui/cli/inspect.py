"""`refooter inspect`: one entry, one raw value, or one Parquet file, decoded and diagnosed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from refooter.errors import UsageError
from refooter.values import Status, time_text, view_name
from refooter_tui.cli import options
from refooter_tui.cli.shell import Shell

if TYPE_CHECKING:
    from refooter.jobs.inspect import Inspection
    from refooter.jobs.lake import Session


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser(
        "inspect",
        help="one entry, one raw value or one Parquet file, diagnosed",
        description="Says what a value is, what is wrong with it, and what a migration would put in its place. Writes nothing.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("file_path", nargs="?", metavar="FILE_PATH", help="an entry of the catalog")
    what.add_argument("--blob", metavar="FILE", help="a value as it stands in partition_metadata.metadata")
    what.add_argument("--file", metavar="URI", help="a Parquet file, here or at a URI")
    catalog = parser.add_argument_group("with --blob, what the catalog would say of the value's file")
    catalog.add_argument("--rows", type=options.count, metavar="N", help="its row count")
    catalog.add_argument("--file-size", type=options.count, metavar="N", help="its size in bytes")
    parts = parser.add_argument_group(
        "parts", "Without any: a page with what matters most. Give them behind FILE_PATH."
    )
    parts.add_argument(
        "--tree",
        nargs="?",
        const="",
        metavar="PATH",
        help="the decoded footer with the bytes of everything in it; of one part, such as row_groups[0].columns[3]",
    )
    parts.add_argument("--columns", action="store_true", help="the column chunks with their statistics")
    parts.add_argument("--pages", action="store_true", help="the page index")
    parts.add_argument(
        "--hex",
        nargs="?",
        const="",
        metavar="RANGE",
        help="bytes around everything that is odd, or those of 0-552, 0x1f0+64 or 553",
    )
    parts.add_argument("--all", action="store_true", help="nothing shortened; without other parts, all of them")
    options.add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shell: Shell) -> int:
    from refooter.jobs.lake import Session

    if args.blob is None and (args.rows is not None or args.file_size is not None):
        raise UsageError("--rows and --file-size go with --blob: of anything else they are known")
    with Session(options.settings_of(args)) as session:
        return shell.run(_inspect(args, shell, session))


async def _inspect(args: argparse.Namespace, shell: Shell, session: Session) -> int:
    from refooter_tui.cli.footer_tree import Tree
    from refooter_tui.cli.hex_view import HexView
    from refooter_tui.cli.inspection import Parts, show_inspection

    found = await _found(args, session)
    shell.answer.put(**inspection_fields(found))
    everything = args.all and not (args.tree is not None or args.columns or args.pages or args.hex is not None)
    tree = Tree.of(found.footer, args.tree, whole=args.all) if args.tree is not None or everything else None
    hexadecimal = HexView.of(found, args.hex, whole=args.all) if args.hex is not None or everything else None
    parts = Parts(
        tree=tree, columns=args.columns or everything, pages=args.pages or everything, hex=hexadecimal, whole=args.all
    )
    if shell.json:
        if tree is not None:
            shell.answer.put_list("tree", tree.fields())
        if hexadecimal is not None:
            shell.answer.put_list("hex", hexadecimal.fields())
    else:
        show_inspection(shell.out, found, parts, summary=everything or not parts.any)
    orphan = found.result is not None and found.result.orphan
    return 0 if orphan or found.diagnosis.status is Status.OK else 1


async def _found(args: argparse.Namespace, session: Session) -> Inspection:
    from refooter.jobs.inspect import inspect_blob, inspect_entry, inspect_file

    if args.blob is not None:
        return await inspect_blob(session.judges, args.blob, num_rows=args.rows, file_size=args.file_size)
    if args.file is not None:
        return await inspect_file(session.judges, args.file, session.settings.store_driver)
    file_path = options.storable(args.file_path, "entry")
    async with session.open() as lake:
        return await inspect_entry(lake, file_path)


def inspection_fields(found: Inspection) -> dict[str, Any]:
    from refooter.jobs import inspected

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
        **inspected.inspection_fields(found),
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
