"""What the tests share: one PostgreSQL for the session with a fresh database for each test, and the target parser."""

from __future__ import annotations

import io
import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import arro3.io
import pytest

from refooter.demo.server import FAST, Server
from safety_rules import RULES, rules_of

TESTS = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    for rule in RULES:
        config.addinivalue_line("markers", f"rule_{rule}: shows rule {rule} for what writes to a catalog")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        name = f"{item.path.relative_to(TESTS).as_posix()}::{item.name.partition('[')[0]}"
        for rule in rules_of(name):
            item.add_marker(f"rule_{rule}")


@pytest.fixture(autouse=True)
def _nobodys_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever runs the tests may have profiles and keys of their own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-configuration"))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    # Not under pytest's own directory: as root the server runs as another user, and pytest shuts others out of that.
    with tempfile.TemporaryDirectory(prefix="refooter-tests-") as directory, Server() as running:
        running.start(Path(directory) / "pg", FAST)
        yield running


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def dsn(server: Server, _numbers: Iterator[int]) -> Iterator[str]:
    """The address of a database of the test's own, empty."""
    name = f"test_{next(_numbers)}"
    yield server.create_database(name)
    server.drop_database(name)


@pytest.fixture(scope="session")
def target_error() -> Callable[[bytes], str | None]:
    """Asks the target parser itself, in this process: what it has against a value, `None` if nothing.

    Only for values that are known not to hang it.
    """

    def ask(value: bytes) -> str | None:
        try:
            arro3.io.read_parquet(io.BytesIO(b"PAR1" + value + len(value).to_bytes(4, "little") + b"PAR1"))
        except BaseException as problem:  # a Rust panic is no Exception
            if isinstance(problem, KeyboardInterrupt | SystemExit):
                raise
            return str(problem)
        return None

    return ask
