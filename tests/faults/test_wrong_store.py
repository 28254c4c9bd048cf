"""A store that is not the lake's, or that is not there (safety 16; issue 3): nothing is changed, nothing believed, exit 3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from faults.accounts import Books, read_books
from faults.network import closed_port
from faults.world import World
from refooter.catalog.selection import EVERYTHING, Selection
from refooter.errors import StoreUnreachable
from refooter.jobs.decide import MigrateOptions, Strategy
from refooter.jobs.migrate import migrate
from refooter.store import open_store
from refooter.store.retry import Patience
from refooter.values import Outcome
from stores.lakes import moto_server
from support.jobs import told

_LITTLE = Patience(budget=1.0, attempt=0.5, first_wait=0.01)


def _s3(patch: pytest.MonkeyPatch, url: str) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3"):
        patch.delenv(name, raising=False)
    patch.setenv("AWS_ENDPOINT_URL", url)
    patch.setenv("AWS_ACCESS_KEY_ID", "k")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "s")


async def _assert_nothing_happens(world: World, store: str, driver: str, selection: Selection = EVERYTHING) -> str:
    async with world.lake(store=None) as lake, open_store(store, driver, patience=_LITTLE) as opened:
        said = await told(migrate(replace(lake, store=opened), selection, MigrateOptions(Strategy.REFETCH)))
    assert isinstance(said.error, StoreUnreachable)
    assert said.error.exit_code == 3
    assert said.summary.error == str(said.error)
    assert said.results == {}
    assert world.tables() == world.original
    assert (said.summary.run_id, said.summary.state) == (None, "stopped")
    assert read_books(world.dsn) == Books({}, {}, {})
    return str(said.error)


@pytest.mark.parametrize("driver", ["obstore", "fsspec"])
@pytest.mark.parametrize("make", [Path.mkdir, lambda path: None], ids=["empty", "absent"])
async def test_a_directory_without_the_lakes_files_changes_nothing(
    world: World, tmp_path: Path, make: Callable[[Path], None], driver: str
) -> None:
    root = tmp_path / "elsewhere"
    make(root)
    sentence = await _assert_nothing_happens(world, root.as_uri(), driver)
    assert sentence.startswith(f"nothing found under {root.as_uri()}")
    assert "check --store" in sentence


@pytest.mark.parametrize("driver", ["obstore", "fsspec"])
async def test_a_bucket_that_does_not_exist_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    with moto_server() as (url, _):
        _s3(monkeypatch, url)
        sentence = await _assert_nothing_happens(world, "s3://no-such-bucket/lake", driver)
    assert "no-such-bucket" in sentence


@pytest.mark.parametrize("driver", ["obstore", "fsspec"])
async def test_an_endpoint_where_nobody_listens_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    with closed_port() as port:
        _s3(monkeypatch, f"http://127.0.0.1:{port}")
        sentence = await _assert_nothing_happens(world, "s3://lake", driver)
    assert "cannot be read" in sentence


async def test_stamps_wait_for_the_store_too_while_there_is_anything_to_fetch(world: World, tmp_path: Path) -> None:
    """Most of this selection needs nothing from the store; the one entry that does decides what is believed of it."""
    selection = Selection(paths=(*world.stamped, world.refetched[0]))
    await _assert_nothing_happens(world, tmp_path.as_uri(), "auto", selection)


async def test_what_needs_no_store_is_done_without_one(world: World, tmp_path: Path) -> None:
    async with world.lake(store=tmp_path.as_uri()) as lake:
        said = await told(migrate(lake, Selection(paths=world.stamped), MigrateOptions(Strategy.REFETCH)))
    assert said.error is None
    assert said.summary.outcomes == {Outcome.MIGRATED: len(world.stamped)}
    assert said.summary.store_requests == 0
