"""What the benchmarks stand on: real files of `blocks`, catalogs of very many entries, a server with default settings."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg
from psycopg import sql

from refooter.demo.bulk import Template, make_catalog_rows
from refooter.demo.files import Files, Writer
from refooter.demo.server import Server
from refooter.demo.values import footer, framed, prefixed

STORE = "s3://lake/prefix"


@dataclass(frozen=True)
class Ground:
    """Templates of catalog rows, and the file behind each."""

    templates: tuple[Template, ...]
    files: tuple[bytes, ...]

    @property
    def footers(self) -> list[bytes]:
        return [footer(file) for file in self.files]

    @property
    def described(self) -> str:
        values = [len(template.value) for template in self.templates]
        footers = [len(one) for one in self.footers]
        return (
            f"values of {sum(values) / len(values) / 1000:.1f} KB and footers of {sum(footers) / len(footers) / 1000:.1f} KB"
            f" on average, files of {', '.join(str(len(file) // 1000) for file in self.files)} KB"
        )


def _template(shape: int, kind: str) -> tuple[Template, bytes]:
    file = Files(7, date(2026, 3, 2)).get("blocks", shape, Writer.OLD)
    value = framed(file) if kind == "framed" else prefixed(file)
    # The healthy ones have been migrated already, and need nothing.
    return Template(value, file.num_rows, len(file.data), 2 if kind == "framed" else 1), file.data


def ground(*templates: tuple[int, str]) -> Ground:
    """Templates by shape (an index into `refooter.demo.files.SHAPES`) and kind, `framed` or `prefixed`."""
    made = [_template(shape, kind) for shape, kind in templates]
    return Ground(tuple(template for template, _ in made), tuple(file for _, file in made))


def broken_entries(*, small: bool = False) -> Ground:
    """All broken by a page-index prefix: footers of 9 KB on average, half of them with two row groups, as the facts say of
    `blocks`; `small`: values of 9 KB instead, whose footers hold one row group and 7 KB."""
    return ground((2, "prefixed")) if small else ground((2, "prefixed"), (8, "prefixed"))


def broken_values() -> Ground:
    """All broken by a page-index prefix; the values of 9 KB on average."""
    return ground((0, "prefixed"), (2, "prefixed"), (10, "prefixed"))


def mixed_values() -> Ground:
    """Two healthy ones to a broken one, 9 KB on average."""
    return ground((2, "framed"), (8, "framed"), (2, "prefixed"))


@contextmanager
def server() -> Iterator[Server]:
    """PostgreSQL as it comes: durable, default settings."""
    with tempfile.TemporaryDirectory(prefix="refooter-bench-") as directory, Server() as running:
        running.start(Path(directory) / "pg")
        yield running


def make_catalog(running: Server, name: str, entries: int, templates: Sequence[Template]) -> str:
    dsn = running.create_database(name)
    make_catalog_rows(dsn, entries, templates)
    checkpoint(running)
    return dsn


def clone(running: Server, source: str, name: str) -> str:
    """A copy of a database, with all of it on disk: what follows pays for its own writes only."""
    with psycopg.connect(running.dsn("postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(source)
            )
        )
    checkpoint(running)
    return running.dsn(name)


def checkpoint(running: Server) -> None:
    with psycopg.connect(running.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
