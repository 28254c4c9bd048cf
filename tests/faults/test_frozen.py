"""Real processes that are stopped in mid-run, declared dead, gone back on by others, and wake up again (safety 1, 2, 7, 9, 10)."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from faults.accounts import assert_before_images_match, assert_counts_are_right, read_books
from faults.program import Program, answered, program
from faults.world import World
from stores.quirky import Asked, QuirkyServer
from support.tables import execute, rows

_AGED = "UPDATE refooter.run SET heartbeat = heartbeat - interval '61 seconds' WHERE state = 'running'"
_GOOD = 40
_MIGRATE = ("migrate", "--strategy", "refetch", "--yes")

# Stops itself in its n-th write transaction, when rows are locked, written, and not committed.
_IN_TRANSACTION = """
import os, signal
import refooter.catalog.write as write
import refooter.jobs.run as run
run.BATCH_ENTRIES = 20
write_rows, batches = write.write_rows, 0
async def frozen(*args, **named):
    global batches
    done = await write_rows(*args, **named)
    batches += 1
    if batches == {batch}:
        os.kill(os.getpid(), signal.SIGSTOP)
    return done
write.write_rows = frozen
"""
# Stops itself between two write transactions.
_BETWEEN_BATCHES = """
import os, signal
import refooter.jobs.run as run
run.BATCH_ENTRIES = 20
apply, batches = run.Writer.apply, 0
async def frozen(*args, **named):
    global batches
    batches += 1
    if batches == 3:
        os.kill(os.getpid(), signal.SIGSTOP)
    return await apply(*args, **named)
run.Writer.apply = frozen
"""
_BRIEFLY_IDLE = """
import refooter.catalog.connection as connection
connection.IDLE_SECONDS = 0.5
"""
_BRIEFLY_LOCKED = """
import refooter.catalog.connection as connection
connection.LOCK_SECONDS = 1
"""
_IMPATIENT = """
import refooter.jobs.run as run
run.BUSY_SECONDS = 0.02
"""


@pytest.fixture
def held(s3: QuirkyServer) -> Iterator[threading.Event]:
    """A store that answers some requests, and the others once the event is set."""
    let_go = threading.Event()

    def hold(_: Asked) -> None:
        if len(s3.asked) > _GOOD:
            assert let_go.wait(60)

    s3.before_answer = hold
    yield let_go
    let_go.set()


def _committed(world: World, running: Program) -> int:
    """Returns a run's id once one of its batches is in the journal."""
    process = psutil.Process(running.pid)
    while not (found := rows(world.dsn, "SELECT run_id FROM refooter.change LIMIT 1") if _has_journal(world) else []):
        assert running.process.poll() is None, running.process.communicate()
        psutil.wait_procs([process], timeout=0.02)
    return int(found[0][0])


def _nobody_holds_a_row(world: World, running: Program) -> None:
    """Returns once the server has ended whatever transaction was open."""
    process = psutil.Process(running.pid)
    for _ in range(1000):
        if not rows(
            world.dsn,
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'",
        ):
            return
        psutil.wait_procs([process], timeout=0.02)
    raise AssertionError("the server never gave the transaction up")


def _has_journal(world: World) -> bool:
    return bool(rows(world.dsn, "SELECT 1 WHERE to_regclass('refooter.change') IS NOT NULL"))


def _woken(running: Program) -> tuple[int, dict[str, Any]]:
    os.kill(running.pid, signal.SIGCONT)
    return running.ended()


def test_a_frozen_migration_that_was_declared_dead_and_gone_back_on_wakes_up_and_writes_nothing(
    world: World, held: threading.Event
) -> None:
    with program(world, *_MIGRATE, store="s3://lake") as frozen:
        run_id = _committed(world, frozen)
        os.kill(frozen.pid, signal.SIGSTOP)
        frozen.frozen()
        written = len(read_books(world.dsn).changed)
        assert execute(world.dsn, _AGED) == 1

        code, back = answered(world, "rollback", str(run_id), "--yes")
        assert (code, back["restored"], back["conflict"], back["gone"]) == (0, written, 0, 0)
        assert world.tables() == world.original
        books = read_books(world.dsn)
        assert books.runs[run_id]["state"] == "dead"

        held.set()
        code, answer = _woken(frozen)
    assert code == 3
    assert answer["error"] == {
        "code": "run_closed",
        "message": f"run {run_id} was closed by another process: stopped without writing further",
    }
    assert answer["run_id"] == run_id
    assert answer["migrated"] == written
    assert world.tables() == world.original
    assert read_books(world.dsn) == books
    assert_counts_are_right(books)


def test_a_process_frozen_in_its_write_transaction_is_waited_for_by_nobody_and_finishes_rightly_when_it_wakes(
    world: World,
) -> None:
    with program(world, *_MIGRATE, hook=_IN_TRANSACTION.format(batch=2)) as frozen:
        frozen.frozen()
        early = read_books(world.dsn).changed
        code, other = answered(world, *_MIGRATE, hook=_IMPATIENT)
        assert code == 1
        locked = {one["file_path"] for one in other["failures"] if one["outcome"] == "conflict"}
        assert locked
        assert {one["sentence"] for one in other["failures"] if one["file_path"] in locked} == {
            "the row stayed locked by another session"
        }
        assert other["migrated"] == len(world.changed) - len(early) - len(locked)
        code, answer = _woken(frozen)
    # what the other did meanwhile is a conflict of ours; what we had locked is ours
    assert code == 1
    assert answer["migrated"] == len(early) + len(locked)
    assert answer["conflict"] == other["migrated"]
    assert world.tables() == world.migrated
    books = read_books(world.dsn)
    assert_counts_are_right(books)
    assert_before_images_match(world.original, world.tables(), books)
    assert [run["state"] for run in books.runs.values()] == ["finished", "finished"]


def test_going_back_on_a_run_that_is_frozen_in_its_write_transaction_waits_for_no_lock_and_writes_nothing(
    world: World,
) -> None:
    with program(world, *_MIGRATE, hook=_IN_TRANSACTION.format(batch=2)) as frozen:
        frozen.frozen()
        tables, books = world.tables(), read_books(world.dsn)
        [run_id] = books.runs
        code, answer = answered(world, "rollback", str(run_id), "--yes", hook=_BRIEFLY_LOCKED)
        assert (code, answer["error"]["code"], answer["restored"]) == (3, "run_stopped", 0)
        assert f"run {run_id} cannot be closed" in answer["error"]["message"]
        assert world.tables() == tables
        assert read_books(world.dsn) == books
        code, answer = _woken(frozen)
    assert (code, answer["migrated"]) == (1, len(world.changed))
    assert world.tables() == world.migrated
    code, back = answered(world, "rollback", str(run_id), "--yes")
    assert (code, back["restored"]) == (0, len(world.changed))
    assert world.tables() == world.original
    assert_counts_are_right(read_books(world.dsn))


def test_the_locks_of_a_frozen_process_are_given_up_by_the_server_and_its_batch_was_never_there(world: World) -> None:
    hook = _BRIEFLY_IDLE + _IN_TRANSACTION.format(batch=2)
    with program(world, *_MIGRATE, hook=hook) as frozen:
        frozen.frozen()
        [run_id] = read_books(world.dsn).runs
        _nobody_holds_a_row(world, frozen)
        written = len(read_books(world.dsn).changed)
        assert 0 < written < len(world.changed)
        execute(world.dsn, _AGED)
        code, back = answered(world, "rollback", str(run_id), "--yes")
        assert (code, back["restored"]) == (0, written)
        assert world.tables() == world.original
        books = read_books(world.dsn)
        code, answer = _woken(frozen)
    assert (code, answer["error"]["code"]) == (3, "run_closed")
    assert answer["migrated"] == written
    assert world.tables() == world.original
    assert read_books(world.dsn) == books
    assert_counts_are_right(books)


def test_a_process_whose_transaction_the_server_gave_up_goes_on_with_the_same_batch(world: World) -> None:
    hook = _BRIEFLY_IDLE + _IN_TRANSACTION.format(batch=2)
    with program(world, *_MIGRATE, hook=hook) as frozen:
        frozen.frozen()
        _nobody_holds_a_row(world, frozen)
        code, answer = _woken(frozen)
    assert (code, answer["migrated"], answer["conflict"]) == (1, len(world.changed), 0)
    assert world.tables() == world.migrated
    books = read_books(world.dsn)
    assert_counts_are_right(books)
    assert_before_images_match(world.original, world.tables(), books)


@pytest.mark.parametrize("kind", ["rollback", "restore"])
def test_a_frozen_rollback_or_restore_is_a_run_like_any_other_and_fenced_like_one(
    world: World, tmp_path: Path, kind: str
) -> None:
    backup = str(tmp_path / "backup.parquet")
    if kind == "restore":
        assert answered(world, "backup", "-o", backup)[0] == 0
    code, first = answered(world, *_MIGRATE)
    assert (code, first["migrated"]) == (1, len(world.changed))
    undone = str(first["run_id"]) if kind == "rollback" else backup
    with program(world, kind, undone, "--yes", hook=_BETWEEN_BATCHES) as frozen:
        frozen.frozen()
        run_id = max(read_books(world.dsn).runs)
        assert read_books(world.dsn).runs[run_id]["kind"] == kind
        restored = read_books(world.dsn).runs[run_id]["restored"]
        assert 0 < restored < len(world.changed)
        execute(world.dsn, _AGED)
        code, forth = answered(world, "rollback", str(run_id), "--yes")
        assert (code, forth["restored"]) == (0, restored)
        assert world.tables() == world.migrated
        books = read_books(world.dsn)
        assert books.runs[run_id]["state"] == "dead"
        code, answer = _woken(frozen)
    assert (code, answer["error"]["code"]) == (3, "run_closed")
    assert world.tables() == world.migrated
    assert read_books(world.dsn) == books
    assert_counts_are_right(books)


def test_two_processes_with_overlapping_selections_change_each_entry_once_and_both_count_rightly(
    world: World, s3: QuirkyServer
) -> None:
    views = sorted({path.split("/")[1] for path in world.changed})
    of_one = [word for view in views[: len(views) // 2 + 1] for word in ("--view", view)]
    of_two = [word for view in views[len(views) // 2 :] for word in ("--view", view)]
    both = threading.Event()

    def meet(_: Asked) -> None:
        # each asks for one file before all others: both of them have come when two ask at once
        if s3.at_once >= 2:
            both.set()
        assert both.wait(60)

    s3.before_answer = meet
    with (
        program(world, *_MIGRATE, *of_one, store="s3://lake") as one,
        program(world, *_MIGRATE, *of_two, store="s3://lake") as two,
    ):
        answers = [one.ended(), two.ended()]
    assert world.tables() == world.migrated
    books = read_books(world.dsn)
    assert_counts_are_right(books)
    assert_before_images_match(world.original, world.tables(), books)
    assert books.changed == world.changed
    assert sum(answer["migrated"] for _, answer in answers) == len(world.changed)
    for code, answer in answers:
        assert code in (0, 1)
        run = books.runs[answer["run_id"]]
        for name in ("selected", "migrated", "skipped", "failed", "conflict", "gone", "proved"):
            assert run[name] == answer[name]
        assert answer["selected"] == sum(answer[name] for name in ("migrated", "skipped", "failed", "conflict", "gone"))
