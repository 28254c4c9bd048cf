"""refooter: inspect, diagnose and safely migrate the Parquet footers that a lakehouse keeps in PostgreSQL."""

from __future__ import annotations


def __getattr__(name: str) -> str:
    # Looked up when it is asked for: reading the installed metadata takes longer than starting a worker process should.
    if name == "__version__":
        from importlib.metadata import version

        return version("refooter")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
