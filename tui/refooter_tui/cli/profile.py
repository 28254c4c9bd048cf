"""The configuration file: a profile a lake, and keys of one's own.

```toml
[keys]                      # for every profile
"migrate" = "f6"

[prod]                      # refooter --profile prod ...
dsn = "postgres://operator@db.example/lake"
store = "s3://bucket/lake"
store_driver = "auto"
read_only = true
label = "PRODUCTION"        # else the profile's name
colour = "darkred"          # any CSS colour

[prod.keys]                 # for this one
"migrate" = "f7"
```

Nothing said about it quotes a value of the file: an address may hold a password.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from refooter.errors import UsageError

DRIVERS: Final = ("auto", "obstore", "fsspec")
_KEYS: Final = "keys"
_TEXTS: Final = ("dsn", "store", "store_driver", "label", "colour")
_KNOWN: Final = (*_TEXTS, "read_only", _KEYS)
_KINDS: Final = {
    bool: "true or false",
    str: "a text",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
}


@dataclass(frozen=True, slots=True)
class Profile:
    """What one is about to work on. `None` and empty texts: the file says nothing of it. `colour` and `keys` are as they were
    written; whoever shows them checks them (`checked_colour`, `refooter_tui.app.keymap.checked`)."""

    name: str = ""
    dsn: str | None = field(default=None, repr=False)
    store: str | None = field(default=None, repr=False)
    store_driver: str | None = None
    read_only: bool = False
    label: str = ""
    colour: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)


def config_file() -> Path:
    """`$XDG_CONFIG_HOME/refooter/config.toml`, which need not be there. As the XDG directory specification wants it, a base that
    is no absolute path counts as not set."""
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".config") / "refooter" / "config.toml"


def load_profile(name: str | None) -> Profile:
    """The profile of that name; for `None` one that holds no more than the keys that are for all.

    Raises `UsageError` for whatever is wrong with the file, or if there is no such profile in it.
    """
    file = config_file()
    content = _read(file)
    if content is None:
        if name is None:
            return Profile()
        raise UsageError(f"no profile {name!r}: there is no configuration file {file}; make it, or leave out --profile")
    found = _parsed(content, file)
    for key, value in found.items():
        if not isinstance(value, dict):
            raise UsageError(f"{file}: {key!r} stands outside of every profile: put it below a line such as [prod]")
    keys = _bindings(found.pop(_KEYS, {}), f"{file}: [{_KEYS}]")
    if name is None:
        return Profile(keys=keys)
    if name not in found:
        there = f"it has {', '.join(found)}" if found else "it has none"
        raise UsageError(f"no profile {name!r} in {file}; {there}")
    return _profile(name, found[name], keys, f"{file}: [{name}]")


def checked_colour(profile: Profile) -> str:
    """The profile's colour. Raises `UsageError` for one that the terminal library does not know, or that shines through."""
    from textual.color import Color, ColorParseError

    if not profile.colour:
        return ""
    try:
        opaque = Color.parse(profile.colour).a == 1.0
    except ColorParseError:
        opaque = False
    if not opaque:
        raise UsageError(
            f"profile {profile.name!r}: colour {profile.colour!r} is no colour: write one such as 'darkred' or '#8b0000'"
        )
    return profile.colour


def _read(file: Path) -> str | None:
    """`None` where there is no such file."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"cannot read the configuration file {file}: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"the configuration file {file} is not UTF-8 in line {line}") from None


def _parsed(content: str, file: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        # its sentence may quote the file; of that only the place is passed on, which before Python 3.14 stands nowhere else
        place = re.search(r"\(at (line \d+, column \d+|end of document)\)$", str(error))
        where = f" at {'its end' if place[1].startswith('end') else place[1]}" if place else ""
    except RecursionError:
        where = ": it is nested too deeply"
    raise UsageError(f"the configuration file {file} is not TOML{where}")


def _profile(name: str, table: Mapping[str, Any], keys: Mapping[str, str], where: str) -> Profile:
    for key, value in table.items():
        if key not in _KNOWN:
            close = get_close_matches(key, _KNOWN, 1)
            better = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(_KNOWN)}"
            raise UsageError(f"{where} knows no {key!r}; {better}")
        wanted = bool if key == "read_only" else dict if key == _KEYS else str
        if not isinstance(value, wanted):
            raise UsageError(f"{where} {key} has to be {_KINDS[wanted]}, and is {_kind(value)}")
        if value == "":
            raise UsageError(f"{where} {key} is empty: give it a value, or leave the line out")
    driver = table.get("store_driver")
    if driver is not None and driver not in DRIVERS:
        raise UsageError(f"{where} store_driver has to be one of {', '.join(DRIVERS)}")
    return Profile(
        name=name,
        dsn=table.get("dsn"),
        store=table.get("store"),
        store_driver=driver,
        read_only=table.get("read_only", False),
        label=table.get("label", name),
        colour=table.get("colour", ""),
        keys={**keys, **_bindings(table.get(_KEYS, {}), f"{where[:-1]}.{_KEYS}]")},
    )


def _bindings(table: Mapping[str, Any], where: str, prefix: str = "") -> dict[str, str]:
    """Ids of bindings to keys. `move.down = "j"` is a table within a table to TOML, and one id to everybody else."""
    found: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= _bindings(value, where, f"{prefix}{key}.")
        elif not isinstance(value, str) or not value.strip():
            written = "empty" if isinstance(value, str) else _kind(value)
            raise UsageError(f'{where} {prefix}{key} has to be keys such as "f6" or "j,down", and is {written}')
        else:
            found[f"{prefix}{key}"] = value
    return found


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a time")
