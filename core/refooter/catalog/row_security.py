"""Row-level security: whether it may keep rows of the catalog from a role. What is hidden looks like what is not there, so nobody
may be told that it is gone."""

from __future__ import annotations

from typing import Any, Final

from psycopg import AsyncConnection

from refooter.catalog.places import ENTRIES, PARTITIONS

# As pg_policy.polcmd has them: PostgreSQL applies the policies for SELECT to whatever reads, those for UPDATE to row locks too.
READ: Final = "r"
WRITE: Final = "rw"

_APPLIES: Final = (
    "p.polrelid = c.oid AND p.polcmd::text IN ('*', command)"
    " AND EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE'))"
)
_OF_ALL: Final = (
    "pg_get_expr(p.polqual, p.polrelid) = 'true'"
    " AND (command = 'r' OR p.polwithcheck IS NULL OR pg_get_expr(p.polwithcheck, p.polrelid) = 'true')"
)


async def tables_with_hidden_rows(connection: AsyncConnection[Any], commands: str) -> list[str]:
    """The tables of the catalog in which rows may be hidden from the role that is connected.

    None where row-level security does not apply to it, or where a policy shows it every row (`USING (true)`) and no restrictive one
    takes any away again.
    """
    rows = await (
        await connection.execute(
            "SELECT t.name FROM unnest(%(tables)s::text[]) WITH ORDINALITY t(name, place)"
            " JOIN pg_class c ON c.oid = to_regclass(t.name)"
            " WHERE row_security_active(c.oid) AND EXISTS (SELECT FROM regexp_split_to_table(%(commands)s, '') command"
            f"  WHERE NOT EXISTS (SELECT FROM pg_policy p WHERE p.polpermissive AND {_APPLIES} AND {_OF_ALL})"
            f"  OR EXISTS (SELECT FROM pg_policy p WHERE NOT p.polpermissive AND {_APPLIES} AND NOT ({_OF_ALL})))"
            " ORDER BY t.place",
            {"tables": [ENTRIES, PARTITIONS], "commands": commands},
        )
    ).fetchall()
    return [name for (name,) in rows]
