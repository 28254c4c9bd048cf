"""SIGINT and SIGTERM at any moment of a real command: the batch in flight is finished or undone, the run is recorded as interrupted,
the exit code says which signal it was, and the books are right (safety 8)."""

from __future__ import annotations

import random
import signal
from typing import Any

import pytest

from faults.accounts import assert_before_images_match, assert_counts_are_right, read_books
from faults.program import answered
from faults.world import World
from support.tables import rows

# Sends itself a signal at some of its steps: every footer that is read, every statement that is sent.
_HOOK = """
import os
import psycopg
import refooter.jobs.run as run
from refooter.store import Store
run.BATCH_ENTRIES = 20
moments, number, steps = {moments}, {number}, 0

def counted(owner, name):
    original = getattr(owner, name)
    async def step(*args, **named):
        global steps
        steps += 1
        if steps in moments:
            os.kill(os.getpid(), number)
        return await original(*args, **named)
    setattr(owner, name, step)

counted(psycopg.AsyncConnection, "execute")
counted(psycopg.AsyncCursor, "execute")
counted(psycopg.AsyncConnection, "commit")
counted(Store, "read_footer")
"""
_IN_THIRD_BATCH = """
import os
import refooter.catalog.images as images
import refooter.jobs.prune as prune
images._BATCH, drop, batches = 10, prune.drop_images, 0

async def interrupted(*args):
    global batches
    batches += 1
    if batches == 3:
        os.kill(os.getpid(), {number})
    return await drop(*args)

prune.drop_images = interrupted
"""
_chance = random.Random(20261123)
_MIGRATE = ("migrate", "--strategy", "refetch", "--yes")
_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
_BOTH = list(_CODES)
# A whole migration takes about 310 steps on this lake, going back on it about 270.
_MIGRATING = sorted(_chance.sample(range(20, 300), 4))
_GOING_BACK = sorted(_chance.sample(range(25, 240), 3))


def _interrupted(world: World, *words: str, at: list[int], number: signal.Signals) -> dict[str, Any]:
    code, answer = answered(world, *words, hook=_HOOK.format(moments=at, number=int(number)))
    assert code == _CODES[number]
    assert answer["error"] == {
        "code": "interrupted",
        "message": f"interrupted by {number.name}; what was committed stays",
    }
    return answer


def _assert_told_rightly(world: World, answer: dict[str, Any]) -> None:
    """What the answer counts is what the journal counts."""
    books = read_books(world.dsn)
    assert_counts_are_right(books)
    if answer["run_id"] is None:
        return
    run = books.runs[answer["run_id"]]
    assert run["state"] == "interrupted"
    assert run["finished"] is not None
    for name in ("migrated", "restored", "skipped", "failed", "conflict", "gone"):
        assert answer[name] == run[name], name


@pytest.mark.parametrize(("moment", "number"), zip(_MIGRATING, _BOTH * 2, strict=True))
async def test_a_migration_that_is_interrupted_leaves_whole_batches_and_a_rerun_completes(
    world: World, moment: int, number: signal.Signals
) -> None:
    answer = _interrupted(world, *_MIGRATE, at=[moment], number=number)
    _assert_told_rightly(world, answer)
    books = read_books(world.dsn)
    assert_before_images_match(world.original, world.tables(), books)
    assert len(books.changed) == answer["migrated"] < len(world.changed)
    assert (await world.migrate()).error is None
    assert world.tables() == world.migrated
    assert read_books(world.dsn).changed == world.changed


@pytest.mark.parametrize(
    ("moment", "later", "number"), [(_MIGRATING[1], 1, signal.SIGINT), (_MIGRATING[2], 7, signal.SIGTERM)]
)
async def test_a_second_signal_ends_it_at_once_and_the_books_are_right_all_the_same(
    world: World, moment: int, later: int, number: signal.Signals
) -> None:
    answer = _interrupted(world, *_MIGRATE, at=[moment, moment + later], number=number)
    books = read_books(world.dsn)
    assert_counts_are_right(books)
    assert_before_images_match(world.original, world.tables(), books)
    assert {run["state"] for run in books.runs.values()} <= {"interrupted"}
    assert answer["run_id"] in (None, *books.runs)
    assert (await world.migrate()).error is None
    assert world.tables() == world.migrated


@pytest.mark.parametrize(("moment", "number"), zip(_GOING_BACK, [*_BOTH, signal.SIGTERM], strict=True))
async def test_a_rollback_that_is_interrupted_can_be_begun_again(
    world: World, moment: int, number: signal.Signals
) -> None:
    run_id = (await world.migrate()).summary.run_id
    answer = _interrupted(world, "rollback", str(run_id), "--yes", at=[moment], number=number)
    _assert_told_rightly(world, answer)
    code, again = answered(world, "rollback", str(run_id), "--yes")
    # what the first one brought back is changed by a later run, as the second one sees it
    assert again["restored"] + answer["restored"] == len(world.changed)
    assert (code, again["conflict"]) == (int(answer["restored"] > 0), answer["restored"])
    assert world.tables() == world.original
    assert_counts_are_right(read_books(world.dsn))


async def test_pruning_that_is_interrupted_has_dropped_what_it_says(world: World) -> None:
    run_id = (await world.migrate()).summary.run_id
    hook = _IN_THIRD_BATCH.format(number=int(signal.SIGINT))
    code, answer = answered(world, "runs", "prune", str(run_id), "--yes", hook=hook)
    assert (code, answer["error"]["code"]) == (130, "interrupted")
    [(dropped,)] = rows(
        world.dsn, "SELECT count(*) FROM refooter.change WHERE old_value = '' AND old_digest <> sha256('')"
    )
    [(said,)] = rows(world.dsn, "SELECT (selection->'images_dropped'->>'entries')::int FROM refooter.run")
    assert 0 < answer["entries"] == dropped == said < len(world.refetched)
    assert world.tables() == world.migrated


@pytest.mark.parametrize(
    ("words", "moment", "number"),
    [
        (("verify", "--against-store"), 30, signal.SIGTERM),
        (("scan", "--deep"), 12, signal.SIGINT),
        (("export", "-o", "rows.parquet"), 12, signal.SIGTERM),
        (("scan", "-o", "rows.jsonl"), 12, signal.SIGINT),
    ],
)
def test_what_only_reads_ends_too_and_leaves_no_file_behind(
    shared_world: World,
    tmp_path_factory: pytest.TempPathFactory,
    words: tuple[str, ...],
    moment: int,
    number: signal.Signals,
) -> None:
    directory = tmp_path_factory.mktemp("files")
    named = [str(directory / word) if word.startswith("rows.") else word for word in words]
    _interrupted(shared_world, *named, at=[moment], number=number)
    assert list(directory.iterdir()) == []
    assert read_books(shared_world.dsn).runs == {}
    assert shared_world.tables() == shared_world.original
