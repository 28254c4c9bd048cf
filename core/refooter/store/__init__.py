"""All that is ever asked of an object store: the tails of Parquet files, and what became of them."""

from __future__ import annotations

from refooter.store.failures import StoreFailure
from refooter.store.retry import Patience
from refooter.store.root import DriverName
from refooter.store.store import MAX_FOOTER, FileCheck, FooterRead, Store, open_store
from refooter.store.tail import FIRST_TAIL

__all__ = [
    "FIRST_TAIL",
    "MAX_FOOTER",
    "DriverName",
    "FileCheck",
    "FooterRead",
    "Patience",
    "Store",
    "StoreFailure",
    "open_store",
]
