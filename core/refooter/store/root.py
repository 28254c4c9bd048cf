"""The address of a lake, read as the engine's own client reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import unquote, urlsplit

from refooter.errors import UsageError


class DriverName(StrEnum):
    """Which client library talks to the store."""

    OBSTORE = "obstore"
    FSSPEC = "fsspec"


# What Rust's object_store serves (ObjectStoreScheme::parse), without its in-memory store, which no one else can see.
_S3: Final = frozenset({"s3", "s3a"})
_OBSTORE: Final = _S3 | {"gs", "az", "azure", "adl", "abfs", "abfss", "file"}
_AZURE: Final = frozenset({"az", "azure", "adl", "abfs", "abfss"})
_WEB: Final = frozenset({"http", "https"})
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


@dataclass(frozen=True, slots=True)
class Root:
    """A lake's root: scheme, authority (bucket, container or host) and the decoded path below it.

    `prefix` has no slash at its ends. `shown` is what people may see: no user info, no query. `uri` is the address as
    it was given; where the scheme is one of fsspec's own it may hold a password, so it is kept out of `repr()`.
    """

    uri: str = field(repr=False)
    shown: str
    scheme: str
    bucket: str = field(repr=False)
    prefix: str

    @property
    def is_s3(self) -> bool:
        return self.scheme in _S3

    @property
    def is_file(self) -> bool:
        return self.scheme == "file"

    @property
    def is_web(self) -> bool:
        return self.scheme in _WEB


def parse_root(uri: str) -> Root:
    """A root from an address such as `s3://bucket/my%20prefix`, `file:///lake` or an absolute path.

    The path of an address is percent-decoded, as object_store does; an absolute path stands for itself. Raises
    `UsageError`, whose sentence never repeats what may be a secret.
    """
    if not uri.strip():
        raise UsageError("the store's address is empty: give one such as s3://bucket/prefix or file:///lake")
    if uri.startswith("/"):
        return Root(uri, uri, "file", "", _prefix(uri))
    found = _SCHEME.match(uri)
    if found is None:
        raise UsageError(
            "the store's address is neither a URI nor an absolute path: give one such as s3://bucket/prefix or /lake"
        )
    scheme = found[1].lower()
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        raise UsageError(
            f"the store's address ({scheme}:...) is not a valid URI: give one such as s3://bucket/prefix or file:///lake"
        ) from None
    _refuse_extras(scheme, parts.query, parts.fragment, uri)
    userinfo, _, authority = parts.netloc.rpartition("@")
    if scheme in _AZURE and ":" not in userinfo and userinfo:
        # abfss://container@account.dfs.core.windows.net: the container, not somebody's name
        authority = parts.netloc
    elif userinfo and scheme in _OBSTORE:
        raise UsageError(
            f"the store's address ({scheme}://...) holds credentials: take them out and set them in the environment"
        )
    if scheme == "file":
        if host not in ("", "localhost"):
            raise UsageError(
                f"the store's address names the host {host!r}: write file:///{host}/... for a directory on this one"
            )
        prefix = _decoded(parts.path)
        return Root(uri, f"file:///{prefix}", "file", "", prefix)
    if scheme in _OBSTORE and not authority:
        raise UsageError(
            f"the store's address ({scheme}://) names no bucket: give one such as {scheme}://bucket/prefix"
        )
    path = parts.path.strip("/") if scheme in _WEB else _decoded(parts.path)
    shown = f"{scheme}://{authority}{parts.path}"
    return Root(uri, shown.rstrip("/") if path else shown, scheme, parts.netloc, path)


def driver_for(root: Root, wanted: str) -> DriverName:
    """The driver that serves a root; `wanted` is `auto`, `obstore` or `fsspec`. Raises `UsageError`."""
    served = root.scheme in _OBSTORE
    if wanted == "auto":
        return DriverName.OBSTORE if served else DriverName.FSSPEC
    try:
        driver = DriverName(wanted)
    except ValueError:
        raise UsageError(f"there is no store driver {wanted!r}: choose auto, obstore or fsspec") from None
    if driver is DriverName.OBSTORE and not served:
        raise UsageError(f"obstore does not serve {root.scheme}:// addresses: choose the driver fsspec, or auto")
    return driver


def _refuse_extras(scheme: str, query: str, fragment: str, uri: str) -> None:
    if query or "?" in uri:
        raise UsageError(
            f"the store's address ({scheme}:...) has a query string, which nothing reads: "
            "put options into the environment, and write %3F for a ? in a name"
        )
    if fragment or "#" in uri:
        raise UsageError(f"the store's address ({scheme}:...) holds a #: write %23 for one in a name")


def _decoded(path: str) -> str:
    try:
        return _prefix(unquote(path, errors="strict"))
    except UnicodeDecodeError:
        raise UsageError(
            "the path of the store's address is not UTF-8 when its %XX are decoded: write the bytes of UTF-8"
        ) from None


def _prefix(path: str) -> str:
    """A decoded path without the slashes at its ends. Raises `UsageError` where object_store would refuse it."""
    prefix = path.strip("/")
    if not prefix:
        return ""
    parts = prefix.split("/")
    if "" in parts or "." in parts or ".." in parts or re.search(r"[\x00-\x1f\x7f]", prefix):
        raise UsageError(
            "the store's address has an empty part, a `.` or `..`, or a control character in its path: leave it out"
        )
    return prefix
