"""Arrow 56.2, the old engine's parser, in an environment of its own: two versions of one wheel do not fit into one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from forensics.bare_parser import BareParser

OLD_WHEEL: Final = "arro3-io==0.6.5"  # carries parquet 56.2.0


def install(directory: Path) -> BareParser:
    """Puts the wheel into `directory`, by pip as it is configured here, and nothing into this environment.

    Raises `RuntimeError` where it cannot be had: that the old parser was asked is what its tests are for.
    """
    ran = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--target", str(directory), OLD_WHEEL],
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        why = ran.stderr.strip().splitlines()
        raise RuntimeError(
            f"the old engine's parser, {OLD_WHEEL}, cannot be installed into an environment of its own, and these tests "
            f"are about what it says: let pip reach a package index. pip says: {why[-1] if why else 'nothing'}"
        )
    return BareParser(directory)
