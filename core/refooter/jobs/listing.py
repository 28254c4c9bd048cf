"""What the catalog holds, without its values: the rows that a list begins with, before anything is judged."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import pyarrow as pa

from refooter.catalog.listing import about_how_many, listing_pages, no_rows
from refooter.catalog.rights import check_may_read
from refooter.jobs.lake import Lake


@dataclass(frozen=True, slots=True)
class ListedPage:
    """A page of entries (`refooter.catalog.listing.SCHEMA`), how many have come with it, and about how many there are: 0 until that
    is known, which is after the first page."""

    batch: pa.RecordBatch
    done: int
    about: int


async def listing(lake: Lake) -> AsyncGenerator[ListedPage, None]:
    """Every entry of the catalog in columns, by pages of the primary key. Raises `MissingRights` before the first."""
    await check_may_read(lake.database)
    done = about = 0
    async with aclosing(listing_pages(lake.database)) as pages:
        async for batch in pages:
            done += batch.num_rows
            yield ListedPage(batch, done, max(about, done) if about else 0)
            if not about:
                about = await about_how_many(lake.database)


def nothing_listed() -> pa.RecordBatch:
    """A batch of a listing's columns without a row."""
    return no_rows()
