"""Where the catalog's three tables are: which schemas hold them, and which of them a role finds without naming a schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection

from refooter.errors import MissingRights, UnsupportedCatalog

VERSION, ENTRIES, PARTITIONS = TABLES = ("lakehouse_migration", "partition_metadata", "lakehouse_partitions")
_SHOWN_SCHEMAS: Final = 3


@dataclass(frozen=True, slots=True)
class Place:
    """One table of that name. `found`: it is the one that its bare name means to this connection; `usable`: the role may look into
    its schema, without which no search path leads there."""

    schema: str
    table: str
    found: bool
    usable: bool


async def find_places(connection: AsyncConnection[Any]) -> list[Place]:
    """Everything in the database that is called like one of the three, in the order of the schemas. Needs no right."""
    rows = await (
        await connection.execute(
            "SELECT n.nspname::text, c.relname::text, pg_table_is_visible(c.oid), has_schema_privilege(n.oid, 'USAGE')"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relname = ANY(%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1, 2",
            (list(TABLES),),
        )
    ).fetchall()
    return [Place(*row) for row in rows]


async def found_tables(connection: AsyncConnection[Any], shown: str) -> frozenset[str]:
    """Which of the three tables their bare names lead to.

    Raises `MissingRights` where they are in a schema that the role may not use, `UnsupportedCatalog` where they are in none that its
    search path names, or in several.
    """
    places = await find_places(connection)
    schemas = {place.schema for place in places if place.found}
    if len(schemas) > 1:
        raise UnsupportedCatalog(
            f"the tables of the catalog in {shown} are found in different schemas ({_listed(schemas)}): name one of them alone with"
            " options=-csearch_path=... in the connection string"
        )
    if places and not schemas:
        barred = {place.schema for place in places if not place.usable}
        if barred:
            row = await (await connection.execute("SELECT current_user::text")).fetchone()
            assert row is not None
            raise MissingRights(
                f"missing right: USAGE on the schema {_listed(barred)}, which holds the tables of the catalog in {shown}, for the role"
                f" {row[0]}"
            )
        raise UnsupportedCatalog(
            f"the tables of the catalog in {shown} are in the schema {_listed({place.schema for place in places})}, which the role's"
            " search_path does not name: put options=-csearch_path=... into the connection string, or have it set for the role"
        )
    return frozenset(place.table for place in places if place.found)


def _listed(schemas: set[str]) -> str:
    names = sorted(schemas)
    more = len(names) - _SHOWN_SCHEMAS
    return ", ".join(names[:_SHOWN_SCHEMAS]) + (f" and {more} more" if more > 0 else "")
