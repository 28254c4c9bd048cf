"""refooter: inspect, diagnose and safely migrate the Parquet footers that a lakehouse keeps in PostgreSQL."""

from importlib.metadata import version as _version

__version__ = _version("refooter")
