"""`refooter views`: the views, with their counts."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from refooter_tui.cli import options
from refooter_tui.cli.shell import Shell

if TYPE_CHECKING:
    from refooter.events import ViewCount
    from refooter.jobs.lake import Session


def add(commands: options.Subparsers) -> None:
    parser = commands.add_parser("views", help="the views, with their counts by status")
    options.add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shell: Shell) -> int:
    from refooter.jobs.lake import Session

    shell.answer.put_list("views", [])
    with Session(options.settings_of(args)) as session:
        return shell.run(_views(shell, session))


async def _views(shell: Shell, session: Session) -> int:
    from refooter.jobs.scan import views
    from refooter_tui.cli.follow import Tally, follow
    from refooter_tui.cli.reports import show_views

    def finished(found: list[ViewCount]) -> None:
        shell.answer.put_list("views", [view_fields(view) for view in found])
        if not shell.json:
            show_views(shell.out, found)

    async with session.open() as lake:
        await follow(views(lake), shell, "Looking", list, see=Tally().see, finished=finished)
    return 0


def view_fields(view: ViewCount) -> dict[str, object]:
    from refooter.values import Status

    return {
        "view": view.view,
        "entries": view.entries,
        "by_status": {status: view.by_status.get(status, 0) for status in Status},
    }
