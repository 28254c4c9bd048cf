"""A whole demo, from nothing: server, catalog and files in one directory, gone again at the end unless a directory was named."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from refooter.demo.lake import build_lake
from refooter.demo.server import Server
from refooter.errors import UsageError

DEFAULT_ENTRIES = 600
DEFAULT_SEED = 7

_DATABASE = "lake"
_MARK = "refooter-demo.json"


@dataclass(frozen=True, slots=True)
class DemoLake:
    """Where the demo's catalog (`dsn`) and files (`store`, a file:// URI) are, and how many entries it was made with."""

    dsn: str
    store: str
    directory: Path
    entries: int


@contextmanager
def demo_lake(
    directory: Path | None = None, *, entries: int = DEFAULT_ENTRIES, seed: int = DEFAULT_SEED
) -> Iterator[DemoLake]:
    """Starts the server, makes the lake unless `directory` already holds one, and ends the server at the end.

    A demo of an earlier time is opened as it was left, if it was made with the same `entries` and `seed`; `UsageError` otherwise, or
    where the directory holds something else.
    """
    if entries < 1:
        raise UsageError("a demo needs one entry at least")
    with ExitStack() as stack:
        if directory is None:
            # ignore_cleanup_errors: a server that is still writing its last log line must not spoil the ending
            made = stack.enter_context(tempfile.TemporaryDirectory(prefix="refooter-demo-", ignore_cleanup_errors=True))
            directory = Path(made)
        made_with = {"entries": entries, "seed": seed}
        exists = _look(directory, made_with)
        server = stack.enter_context(Server())
        server.start(directory / "postgresql")
        if exists:
            dsn, store = server.dsn(_DATABASE), (directory / "lake").resolve().as_uri()
        else:
            dsn = server.create_database(_DATABASE)
            built = build_lake(dsn, directory / "lake", entries=entries, seed=seed).store
            assert built is not None
            store = built
            (directory / _MARK).write_text(json.dumps(made_with))
        yield DemoLake(dsn, store, directory.resolve(), entries)


def _look(directory: Path, wanted: dict[str, int]) -> bool:
    """Whether there is a finished demo in the directory already."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not any(directory.iterdir()):
            return False
        found = json.loads((directory / _MARK).read_text())
    except FileNotFoundError:
        raise UsageError(f"{directory} is neither empty nor a demo of an earlier time: name another --dir") from None
    except (OSError, ValueError) as error:
        said = (
            error.strerror if isinstance(error, OSError) else None
        ) or f"{_MARK} in it is not what a demo leaves there"
        raise UsageError(f"{directory} cannot be used for a demo: {said}; name another --dir") from None
    if found != wanted:
        raise UsageError(
            f"{directory} holds a demo made with {found}, not {wanted}: name another --dir, or leave out --entries and --seed"
        )
    return True
