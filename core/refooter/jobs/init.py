"""The SQL that a DBA runs before refooter is let in, for the database that is named, or for a usual one."""

from __future__ import annotations

from refooter.catalog.address import parse_address
from refooter.catalog.connection import Database
from refooter.catalog.grants import Ground, look_at
from refooter.catalog.grants import init_sql as init_sql
from refooter.catalog.journal_schema import JournalSchema
from refooter.settings import Settings


async def ground_of(settings: Settings) -> Ground:
    """The database as it is. Needs no right in it but to connect, and writes nothing. Raises `DatabaseUnreachable`,
    `UnsupportedCatalog`."""
    database = Database(parse_address(settings.dsn))
    schema = JournalSchema(settings.journal_schema).schema
    async with database.first() as connection:
        return await look_at(connection, database.address.shown, schema)
