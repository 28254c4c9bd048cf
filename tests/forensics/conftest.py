"""The old engine's parser, fetched once for all the tests that ask it."""

from __future__ import annotations

import pytest

from forensics.bare_parser import BareParser
from forensics.old_engine import install


@pytest.fixture(scope="session")
def arrow_56(tmp_path_factory: pytest.TempPathFactory) -> BareParser:
    return install(tmp_path_factory.mktemp("arrow-56"))


@pytest.fixture(scope="session")
def arrow_57() -> BareParser:
    return BareParser()
