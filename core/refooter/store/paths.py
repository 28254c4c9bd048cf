"""A catalog's `file_path` is data: which of them name an object within the lake's root, and its key."""

from __future__ import annotations

import re
from typing import Final

from refooter.store.failures import StoreFailure
from refooter.values import Reason

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
# object_store's PathPart::parse refuses ASCII control characters, so the engine can have written none of them.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
# object_store's LocalFileSystem keeps `name#123` for uploads in progress, and neither writes nor reads such names.
_STAGED: Final = re.compile(r"#[0-9]+\Z")


def object_key(prefix: str, file_path: str, *, on_disk: bool = False) -> str:
    """The key of a `file_path` below a root's prefix ("" for none), character for character as the engine has it.

    Raises `StoreFailure(UNSAFE_PATH)` for every path that could leave the root or that the engine cannot have meant.
    Spaces, `=`, `%`, `#`, `?`, `*` and non-ASCII letters stand for themselves.
    """
    problem = unsafe(file_path, on_disk=on_disk)
    if problem is not None:
        raise StoreFailure(Reason.UNSAFE_PATH, problem)
    return f"{prefix}/{file_path}" if prefix else file_path


def unsafe(file_path: str, *, on_disk: bool = False) -> str | None:
    """Why a path names nothing within the root, in a sentence; `None` if it does."""
    if not file_path:
        return "the path is empty"
    if file_path.startswith("/"):
        return "the path is absolute"
    if _SCHEME.match(file_path):
        return "the path is an address of its own"
    if _CONTROL.search(file_path):
        return "the path holds a control character"
    parts = file_path.split("/")
    if "" in parts:
        return "the path has an empty part"
    if "." in parts or ".." in parts:
        return "the path has a part that is `.` or `..`"
    if _SURROGATE.search(file_path):
        return "the path is not valid Unicode"
    if on_disk and _STAGED.search(file_path):
        return "the path ends like the name of an upload in progress (#123)"
    return None
