"""The `refooter ...` command that does what the app is about to do, for a shell, a script or a ticket. Never with a secret in it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from refooter.catalog.address import parse_address
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.settings import Settings
from refooter.store.root import parse_root
from refooter.store.shown import shown
from refooter_tui.app.clipboard import true_bytes, write_whole

# So few paths stand on the command line itself; more go into a file.
_MOST_PATHS: Final = 3
# Files of paths that are kept, so that a command copied a while ago still finds its own.
_MOST_FILES: Final = 20


@dataclass(frozen=True, slots=True)
class Where:
    """What a command has to say to reach the same lake from another shell. No part of a password is in it: that shell needs
    `PGPASSWORD` or a password file, where the database asks for one."""

    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings, usual: Settings | None = None, profile: str | None = None) -> Where:
        """`usual` is what a shell comes to that is told nothing but the profile, or nothing at all: by default what stands in this
        process's environment. Only what differs from it is said."""
        usual = Settings.of() if usual is None else usual
        options = [] if profile is None else option("--profile", profile)
        if settings.dsn is not None and settings.dsn != usual.dsn:
            options += option("--dsn", _without_password(settings.dsn))
        if settings.store is not None and settings.store != usual.store:
            options += option("--store", _without_userinfo(settings.store))
        if settings.store_driver != usual.store_driver:
            options += option("--store-driver", settings.store_driver)
        if settings.journal_schema != usual.journal_schema:
            options += option("--journal-schema", settings.journal_schema)
        return cls(tuple(options))


HERE: Final = Where()
"""The environment says it all."""


def migrate_command(scope: Sequence[str], options: MigrateOptions, where: Where = HERE) -> str:
    """Without `--dry-run` and `--yes`: it shows its plan and asks."""
    words = ["refooter", "migrate", *scope]
    if options.strategy is not Strategy.AUTO:
        words += ["--strategy", options.strategy.value]
    words += ["--accept-unproved"] if options.accept_unproved else []
    words += ["--force"] if options.force else []
    words += ["--orphans"] if options.orphans else []
    words += ["--max-rate", f"{options.max_rate:g}"] if options.max_rate is not None else []
    return shlex.join([*words, *where.options])


def rollback_command(run_ids: Sequence[int], scope: Sequence[str] = (), where: Where = HERE) -> str:
    return shlex.join(["refooter", "rollback", *map(str, run_ids), *scope, *where.options])


def export_command(scope: Sequence[str], run_id: int | None, target: str, where: Where = HERE) -> str:
    """`target` as it is to stand there, but for a secret in it. The command line writes over what is there already."""
    return shlex.join(["refooter", "export", *scope, *_run(run_id), *option("-o", shown(target)), *where.options])


def verify_command(scope: Sequence[str], run_id: int | None = None, where: Where = HERE) -> str:
    return shlex.join(["refooter", "verify", *scope, *_run(run_id), *where.options])


def inspect_command(path: str, where: Where = HERE) -> str:
    named = [*where.options, "--", path] if path.startswith("-") else [path, *where.options]
    return shlex.join(["refooter", "inspect", *named])


def _run(run_id: int | None) -> list[str]:
    return [] if run_id is None else ["--run", str(run_id)]


def option(name: str, value: str) -> list[str]:
    """An option with its value, in one word where argparse would take the value for another option."""
    if not value.startswith("-"):
        return [name, value]
    return [f"{name}={value}"] if name.startswith("--") else [f"{name}{value}"]


def scope_words(paths: Sequence[str], directory: Path) -> list[str]:
    """The selection as options; many paths are written to a file that `--paths-from` names.

    The file is named after what is in it, so that no later selection changes what an earlier command means; the latest are
    kept. Paths that no line of such a file can hold are named one by one.
    """
    if len(paths) <= _MOST_PATHS:
        return [word for path in paths for word in option("--path", path)]
    listed = [path for path in paths if _fits_a_line(path)]
    words = [word for path in paths if not _fits_a_line(path) for word in option("--path", path)]
    if listed:
        words += option("--paths-from", _listed_in("".join(f"{path}\n" for path in listed), directory))
    return words


def _fits_a_line(path: str) -> bool:
    """Whether the command line reads it back: it splits at newlines, drops a carriage return before one, empty lines, and a byte
    order mark at the beginning."""
    return bool(path) and "\n" not in path and not path.endswith("\r") and not path.startswith("\ufeff")


def _listed_in(text: str, directory: Path) -> str:
    """The name of a file with this text; `FILE` where none can be written."""
    content = true_bytes(text)
    name = directory / f"paths-{sha256(content).hexdigest()[:12]}.txt"
    if write_whole(content, name) is not None:
        return "FILE"
    _prune(directory, name)
    return str(name.absolute())


def _prune(directory: Path, newest: Path) -> None:
    with suppress(OSError):
        others = [(file.stat().st_mtime_ns, file) for file in directory.glob("paths-*.txt") if file != newest]
        for _, file in sorted(others)[: -(_MOST_FILES - 1)]:
            file.unlink(missing_ok=True)


def _without_password(dsn: str) -> str:
    """libpq's key=value pairs, whatever form they were given in."""
    return parse_address(dsn).without_secrets.conninfo


def _without_userinfo(store: str) -> str:
    """As it was given, which is what can be given again, unless somebody's name or password is in it."""
    return parse_root(store).shown if "@" in urlsplit(store).netloc else store
