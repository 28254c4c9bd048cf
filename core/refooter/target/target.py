"""What a target is: the parser whose word counts."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from refooter.errors import UsageError
from refooter.values import TargetName, Verdict

Judge = Callable[[bytes], Verdict]


@dataclass(frozen=True, slots=True)
class Target:
    """A parser by name and version, and the function that asks it.

    `judge` is `package.module:function`, a `Judge`; it is imported in worker processes only, for what it imports may
    be large, and may crash. `name.name` is the installed distribution that carries the parser.
    """

    name: TargetName
    judge: str

    def check(self) -> None:
        """Raises `UsageError` unless exactly this version is installed: another one is another judge."""
        from importlib import metadata  # not needed in a worker, and slow to import

        wanted, version = self.name.name, self.name.version
        try:
            found = metadata.version(wanted)
        except metadata.PackageNotFoundError:
            raise UsageError(
                f"the target parser {self.name} is not installed: install {wanted}=={version} where refooter runs"
            ) from None
        if found != version:
            raise UsageError(
                f"the target parser is {self.name}, but {wanted} {found} is installed, which may decide otherwise: "
                f"install {wanted}=={version}"
            )

    def load(self) -> Judge:
        """The judge itself; imports the parser."""
        module, _, function = self.judge.partition(":")
        return cast(Judge, getattr(importlib.import_module(module), function))


ARROW_57: Final = Target(TargetName("arro3-io", "0.8.0", "parquet 57.1.0"), "refooter.target.arro3:judge")
