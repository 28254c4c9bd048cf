"""Memory does not grow with the catalog: the program and its workers together, measured from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def _peaks(*arguments: str) -> list[dict[str, Any]]:
    program = Path(__file__).with_name("bench_memory.py")
    answer = subprocess.run([sys.executable, str(program), "--json", *arguments], stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in answer.stdout.splitlines()]


@pytest.mark.parametrize("job", ["scan", "migrate"])
def test_ten_times_the_entries_take_less_than_50_mb_more(job: str) -> None:
    few, many = _peaks("--job", job, "--entries", "20000", "200000")
    assert (few["entries"], many["entries"]) == (20_000, 200_000)
    assert abs(many["together"] - few["together"]) < 50_000_000, (few, many)


def test_a_million_entries_are_scanned_within_a_gibibyte() -> None:
    (million,) = _peaks("--job", "scan", "--entries", "1000000")
    assert million["entries"] == 1_000_000
    # every page counted for every process that has it: the strictest reading
    assert million["rss"] < 1 << 30, million
