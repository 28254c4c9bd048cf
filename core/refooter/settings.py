"""What a session is told: the catalog, the store, and how much it may take."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

DSN_VARIABLE = "MICROMEGAS_SQL_CONNECTION_STRING"
STORE_VARIABLE = "MICROMEGAS_OBJECT_STORE_URI"


@dataclass(frozen=True, slots=True)
class Settings:
    """`dsn` of `None` leaves everything to libpq's own variables. `concurrency` is store requests at once."""

    dsn: str | None = field(default=None, repr=False)
    store: str | None = field(default=None, repr=False)
    store_driver: str = "auto"
    read_only: bool = False
    journal_schema: str = "refooter"
    concurrency: int = 64
    workers: int | None = None

    @classmethod
    def of(
        cls,
        *,
        dsn: str | None = None,
        store: str | None = None,
        environ: Mapping[str, str] = os.environ,
        **others: object,
    ) -> Settings:
        """What was given, else what such a deployment already sets in its environment."""
        return cls(
            dsn=dsn or environ.get(DSN_VARIABLE) or None,
            store=store or environ.get(STORE_VARIABLE) or None,
            **others,  # type: ignore[arg-type]
        )
