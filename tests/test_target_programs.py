"""Whole programs that use the judges: what they print, and what is left when they end, however they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

TESTS = str(Path(__file__).parent)
# At module level and unguarded: a worker must not run its program's main module again.
BEGINNING = """
import asyncio, os, signal, sys
from refooter.target import ARROW_57, Judges
from refooter.values import Question
from test_target_arro3 import ABORTS, HANGS, footer
from test_target_thens import give_up, report
judges = Judges(ARROW_57, report, give_up, workers=2, deadline=DEADLINE, last_deadline=60)
judges.start()
print(*judges.pids, flush=True)
"""
HANG_FOR_EVER = BEGINNING.replace("DEADLINE", "60") + "input()\nasyncio.run(judges.examine([Question(HANGS)] * 8))\n"


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([TESTS, *sys.path]), "RUST_BACKTRACE": "1"}


def start(tmp_path: Path, program: str) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """The program, running, and its workers, which are ready."""
    script = tmp_path / "program.py"
    script.write_text(program)
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        process_group=0,
    )
    assert process.stdout is not None
    return process, [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]


def go_on_until_working(process: subprocess.Popen[str], workers: list[psutil.Process]) -> None:
    """Lets the program go on, and waits until each worker has been at work for a while since it was ready."""
    ready = [sum(worker.cpu_times()[:2]) for worker in workers]
    assert process.stdin is not None
    process.stdin.write("go on\n")
    process.stdin.flush()
    while not all(sum(w.cpu_times()[:2]) > before + 0.1 for w, before in zip(workers, ready, strict=True)):
        pass


def all_gone(workers: list[psutil.Process]) -> bool:
    """Waits for them; a process that nobody has buried yet is as gone as one can be."""
    _, left = psutil.wait_procs(workers, timeout=5)
    return all(worker.status() == psutil.STATUS_ZOMBIE for worker in left if worker.is_running())


def test_importing_the_target_imports_no_parser() -> None:
    heavy = "{'arro3', 'arro3.io', 'pyarrow', 'pebble', 'numpy', 'psycopg'}"
    program = f"import refooter.target, sys; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_program_prints_nothing_of_what_the_parser_says(tmp_path: Path) -> None:
    program = BEGINNING.replace("DEADLINE", "2") + (
        "values = [footer(), b'', ABORTS, footer()[:50]] * 4\n"
        "seen = asyncio.run(judges.examine([Question(value) for value in values]))\n"
        "assert [one.verdict.accepted for one in seen] == [True, False, False, False] * 4\n"
        "judges.close()\n"
        "print('done')\n"
    )
    process, workers = start(tmp_path, program)
    assert process.communicate(timeout=60) == ("done\n", "")
    assert process.returncode == 0
    assert all_gone(workers)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_workers_hanging_in_the_parser_go_when_their_program_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    process, workers = start(tmp_path, HANG_FOR_EVER)
    go_on_until_working(process, workers)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == -number
    assert all_gone(workers)


def test_idle_workers_go_when_their_program_is_killed(tmp_path: Path) -> None:
    process, workers = start(tmp_path, BEGINNING.replace("DEADLINE", "2") + "signal.pause()\n")
    process.kill()
    process.communicate(timeout=30)
    assert all_gone(workers)


def test_ctrl_c_ends_the_program_by_its_own_decision_and_the_workers_with_it(tmp_path: Path) -> None:
    program = HANG_FOR_EVER.replace("asyncio.run", "with judges_closed_after():\n    asyncio.run").replace(
        "judges.start()",
        "judges.start()\n"
        "import contextlib\n"
        "@contextlib.contextmanager\n"
        "def judges_closed_after():\n"
        "    try:\n        yield\n"
        "    except KeyboardInterrupt:\n        print('interrupted')\n"
        "    finally:\n        judges.close()\n        print('closed')\n",
    )
    process, workers = start(tmp_path, program)
    go_on_until_working(process, workers)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=30) == ("interrupted\nclosed\n", "")
    assert all_gone(workers)


def test_a_program_that_forgets_to_close_still_ends(tmp_path: Path) -> None:
    process, workers = start(tmp_path, BEGINNING.replace("DEADLINE", "2"))
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0
    assert all_gone(workers)
