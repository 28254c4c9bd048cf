"""refooter: inspect, diagnose and safely migrate the Parquet footers that a lakehouse keeps in PostgreSQL.

A program opens a lake and runs jobs over it; each job is an async iterator of typed events that ends with `Finished`:

    with refooter.Session(refooter.Settings.of(dsn=..., store=...)) as session:   # before the event loop: starts the judges
        async with session.open() as lake:
            async for event in refooter.migrate(lake, refooter.Selection(), refooter.MigrateOptions(dry_run=True)):
                ...
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from refooter.catalog.selection import EVERYTHING, Selection, View, parse_time
    from refooter.diagnosis import diagnose
    from refooter.errors import RefooterError
    from refooter.events import (
        BackupSummary,
        EntriesDone,
        Event,
        Finished,
        Notice,
        Plan,
        ProblemsFound,
        Progress,
        RestorePlan,
        Started,
    )
    from refooter.jobs.backup import backup
    from refooter.jobs.decide import MigrateOptions, Strategy
    from refooter.jobs.heal import Healed, NotHealed, heal
    from refooter.jobs.inspect import inspect_blob, inspect_entry, inspect_file
    from refooter.jobs.lake import Lake, Session
    from refooter.jobs.migrate import migrate
    from refooter.jobs.plan import plan
    from refooter.jobs.restore import Backup, RestoreOptions, open_backup, restore, restore_plan
    from refooter.jobs.rollback import rollback
    from refooter.jobs.run import Control
    from refooter.jobs.runs import entry_history, run_outcomes, runs
    from refooter.jobs.scan import scan, views
    from refooter.jobs.verify import verify
    from refooter.settings import Settings
    from refooter.values import (
        Cause,
        Diagnosis,
        Entry,
        EntryResult,
        Layout,
        Outcome,
        Question,
        Reason,
        Status,
        Wanted,
    )

# Looked up when they are asked for: a worker process, or a program that decodes one value, should not load a database driver.
_WHERE = {
    "catalog.selection": ("EVERYTHING", "Selection", "View", "parse_time"),
    "diagnosis": ("diagnose",),
    "errors": ("RefooterError",),
    "events": (
        "BackupSummary",
        "EntriesDone",
        "Event",
        "Finished",
        "Notice",
        "Plan",
        "ProblemsFound",
        "Progress",
        "RestorePlan",
        "Started",
    ),
    "jobs.backup": ("backup",),
    "jobs.decide": ("MigrateOptions", "Strategy"),
    "jobs.heal": ("Healed", "NotHealed", "heal"),
    "jobs.inspect": ("inspect_blob", "inspect_entry", "inspect_file"),
    "jobs.lake": ("Lake", "Session"),
    "jobs.migrate": ("migrate",),
    "jobs.plan": ("plan",),
    "jobs.restore": ("Backup", "RestoreOptions", "open_backup", "restore", "restore_plan"),
    "jobs.rollback": ("rollback",),
    "jobs.run": ("Control",),
    "jobs.runs": ("entry_history", "run_outcomes", "runs"),
    "jobs.scan": ("scan", "views"),
    "jobs.verify": ("verify",),
    "settings": ("Settings",),
    "values": (
        "Cause",
        "Diagnosis",
        "Entry",
        "EntryResult",
        "Layout",
        "Outcome",
        "Question",
        "Reason",
        "Status",
        "Wanted",
    ),
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}

__all__ = [
    "EVERYTHING",
    "Backup",
    "BackupSummary",
    "Cause",
    "Control",
    "Diagnosis",
    "EntriesDone",
    "Entry",
    "EntryResult",
    "Event",
    "Finished",
    "Healed",
    "Lake",
    "Layout",
    "MigrateOptions",
    "NotHealed",
    "Notice",
    "Outcome",
    "Plan",
    "ProblemsFound",
    "Progress",
    "Question",
    "Reason",
    "RefooterError",
    "RestoreOptions",
    "RestorePlan",
    "Selection",
    "Session",
    "Settings",
    "Started",
    "Status",
    "Strategy",
    "View",
    "Wanted",
    "backup",
    "diagnose",
    "entry_history",
    "heal",
    "inspect_blob",
    "inspect_entry",
    "inspect_file",
    "migrate",
    "open_backup",
    "parse_time",
    "plan",
    "restore",
    "restore_plan",
    "rollback",
    "run_outcomes",
    "runs",
    "scan",
    "verify",
    "views",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("refooter")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"refooter.{_MODULE_OF[name]}"), name)
