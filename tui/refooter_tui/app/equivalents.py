"""What the app is about to do, as the `refooter ...` command that does the same: for every plan, export and rollback."""

from __future__ import annotations

from refooter.jobs.decide import MigrateOptions
from refooter_tui.app.command import HERE, Where, export_command, migrate_command, rollback_command
from refooter_tui.app.scoped import Scoped


class Equivalents:
    """For one session: the commands reach the same lake."""

    def __init__(self, where: Where = HERE) -> None:
        self.where = where

    def migrate(self, scoped: Scoped, options: MigrateOptions) -> str:
        return migrate_command(scoped.command, options, self.where)

    def export(self, scoped: Scoped, run_id: int | None, target: str) -> str:
        return export_command(scoped.command, run_id, target, self.where)

    def rollback(self, run_id: int, scoped: Scoped | None) -> str:
        return rollback_command([run_id], () if scoped is None else scoped.command, self.where)
