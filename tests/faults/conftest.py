"""One lake built for all of these tests, and a copy of its database for each."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faults.world import World, build_template, database_copy
from refooter.demo.server import Server
from refooter.diagnosis import diagnose
from refooter.diagnosis.safely import undiagnosed
from refooter.target.target import ARROW_57
from refooter.target.workers import Judges
from stores.quirky import QuirkyServer, quirky_server

_TEMPLATE = "faults"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def judges() -> Iterator[Judges[Any]]:
    with Judges(ARROW_57, diagnose, undiagnosed, workers=2) as started:
        yield started


@pytest.fixture(scope="session")
def template(server: Server, judges: Judges[Any]) -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="refooter-faults-") as directory:
        yield build_template(server, Path(directory) / "lake", judges, _TEMPLATE)
        server.drop_database(_TEMPLATE)


@pytest.fixture
def world(server: Server, template: World) -> Iterator[World]:
    with database_copy(server, _TEMPLATE, f"{_TEMPLATE}_{next(_numbers)}") as dsn:
        yield replace(template, dsn=dsn)


@pytest.fixture(scope="module")
def shared_world(server: Server, template: World) -> Iterator[World]:
    """One copy for all tests of a module that look at the same run from several sides."""
    with database_copy(server, _TEMPLATE, f"{_TEMPLATE}_{next(_numbers)}") as dsn:
        yield replace(template, dsn=dsn)


@pytest.fixture
def s3(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[QuirkyServer]:
    """The lake's files behind a server that answers as it is told to."""
    with quirky_server() as server:
        for name in ("AWS_PROFILE", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        for path in world.directory.rglob("*.parquet"):
            server.objects[path.relative_to(world.directory).as_posix()] = path.read_bytes()
        yield server
