"""The `refooter ...` command that does what the app is about to do, for a shell, a script or a ticket. Never with a secret in it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from refooter.jobs.decide import MigrateOptions, Strategy

# So few paths stand on the command line itself; more go into a file.
_MOST_PATHS = 3


def scope_words(paths: Sequence[str], directory: Path) -> list[str]:
    """The selection as options; many paths are written to a file that `--paths-from` names."""
    if len(paths) <= _MOST_PATHS:
        return [word for path in paths for word in ("--path", path)]
    name = directory / "paths.txt"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        name.write_text("".join(f"{path}\n" for path in paths), "utf-8", "surrogateescape")
    except OSError:
        return ["--paths-from", "FILE"]
    return ["--paths-from", str(name)]


def migrate_command(scope: Sequence[str], options: MigrateOptions) -> str:
    words = ["refooter", "migrate", *scope]
    if options.strategy is not Strategy.AUTO:
        words += ["--strategy", options.strategy.value]
    words += ["--accept-unproved"] if options.accept_unproved else []
    words += ["--force"] if options.force else []
    words += ["--orphans"] if options.orphans else []
    return shlex.join(words)


def export_command(scope: Sequence[str], run_id: int | None) -> str:
    """Without the file's name."""
    return shlex.join(["refooter", "export", *scope, *(["--run", str(run_id)] if run_id is not None else [])])
