"""Where the catalog is: connection strings read as their owner, sqlx, reads them, and shown without a password."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from urllib.parse import parse_qsl, unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo

from refooter.errors import UsageError

# sqlx-postgres `PgConnectOptions::parse_from_url` takes both spellings of each; libpq knows only its own.
_SQLX_NAMES = {
    "ssl-mode": "sslmode",
    "ssl-root-cert": "sslrootcert",
    "ssl-ca": "sslrootcert",
    "ssl-cert": "sslcert",
    "ssl-key": "sslkey",
    "application-name": "application_name",
}
# sqlx's own business: how many prepared statements a client keeps. We keep none (safety 5).
_SQLX_ONLY = {"statement-cache-capacity"}
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_LIBPQ_NAMES = frozenset(option.keyword.decode() for option in Conninfo.get_defaults())
# What libpq's own table of parameters calls a password, and the keys that it takes in place of one.
_SECRETS = {option.keyword.decode() for option in Conninfo.get_defaults() if option.dispchar == b"*"} | {
    "scram_client_key",
    "scram_server_key",
}


@dataclass(frozen=True, slots=True)
class Address:
    """A database to connect to. `repr` and `shown` never hold any part of a password."""

    params: dict[str, str] = field(repr=False)

    @property
    def conninfo(self) -> str:
        """For libpq: keyword/value pairs, the password in the clear."""
        return make_conninfo("", **self.params)

    @property
    def shown(self) -> str:
        """`user@host:port/database`, what was left out filled in as libpq would from its environment."""
        user = self._value("user", "PGUSER") or os.environ.get("USER") or "?"
        host = self._value("host", "PGHOST") or self._value("hostaddr", "PGHOSTADDR") or "local socket"
        port = self._value("port", "PGPORT") or "5432"
        return f"{user}@{host}:{port}/{self._value('dbname', 'PGDATABASE') or user}"

    @property
    def encoding(self) -> str | None:
        """The client's encoding that is asked for, if one is."""
        return self._value("client_encoding", "PGCLIENTENCODING")

    @property
    def search_path(self) -> str | None:
        """The one that is asked for in `options`, if one is."""
        said = re.findall(
            r"(?:^|\s)(?:-c\s*|--)search[_-]path=((?:\\.|\S)*)", self._value("options", "PGOPTIONS") or ""
        )
        return re.sub(r"\\(.)", r"\1", said[-1]) if said else None

    @property
    def without_secrets(self) -> Address:
        """The same database, for words that somebody else may read."""
        return Address({name: value for name, value in self.params.items() if name not in _SECRETS})

    def scrub(self, text: str) -> str:
        """`text` without this address's password, whoever put it there."""
        for secret in (os.environ.get("PGPASSWORD"), *(self.params.get(name) for name in _SECRETS)):
            if secret:
                text = text.replace(secret, "***")
        return text

    def _value(self, name: str, variable: str) -> str | None:
        return self.params.get(name) or os.environ.get(variable)


def parse_address(dsn: str | None) -> Address:
    """Reads a `postgres://` URI, libpq's `key=value` pairs, or nothing (libpq's environment decides).

    Raises `UsageError`, whose sentence never quotes the string: any part of it could be a password.
    """
    dsn = (dsn or "").strip()
    if not dsn:
        return Address({})
    if re.match(r"postgres(ql)?://", dsn):
        return Address(_from_uri(dsn))
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", dsn):
        raise UsageError("the connection string is not PostgreSQL's: it has to begin with postgres:// or postgresql://")
    try:
        params = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        raise UsageError(
            "the connection string cannot be read: give postgres://user:password@host:port/database, or key=value pairs"
        ) from None
    return Address({key: str(value) for key, value in params.items() if value is not None})


def _from_uri(uri: str) -> dict[str, str]:
    rest, _, fragment = uri.split("://", 1)[1].partition("#")
    plain = re.search(r"[/?]", rest)
    authority, tail = (rest[: plain.start()], rest[plain.start() :]) if plain else (rest, "")
    path, _, query = tail.partition("?")
    parameters = parse_qsl(query, keep_blank_values=True)
    unescaped = any("@" in part and not part.startswith(("user=", "password=")) for part in query.split("&"))
    if "@" in path or "@" in fragment or unescaped:
        # Most likely the password goes on here, so that no part of it may be shown as a host or database.
        raise UsageError("the connection string has an @ behind its host: write / ? # in a password as %2F %3F %23")
    params: dict[str, str] = {}
    # A password may hold an @ unescaped: the last one ends it, as the url crate has it.
    userinfo, _, hosts = authority.rpartition("@")
    if userinfo:
        user, colon, password = userinfo.partition(":")
        params["user"] = unquote(user)
        if colon:
            params["password"] = unquote(password)
    host, port = _host_and_port(hosts)
    if host:
        params["host"] = unquote(host)
    if port:
        params["port"] = port
    if path.lstrip("/"):
        params["dbname"] = unquote(path.lstrip("/"))
    for key, value in parameters:
        _take_parameter(params, key, value)
    return params


def _host_and_port(hosts: str) -> tuple[str, str]:
    """Host and port lists as libpq wants them; brackets around IPv6 addresses taken away."""
    names, ports = [], []
    for item in hosts.split(",") if hosts else []:
        bracketed = re.fullmatch(r"\[([^\]]*)\](?::(\d*))?", item)
        name, port = bracketed.groups() if bracketed else item.partition(":")[::2]
        if port and not port.isdigit():
            raise UsageError(
                "the connection string's port is not a number: write one, and a / or @ in the password as %2F, %40"
            )
        names.append(name)
        ports.append(port or "")
    return ",".join(names), ",".join(ports) if any(ports) else ""


def _take_parameter(params: dict[str, str], key: str, value: str) -> None:
    if key in _SQLX_ONLY:
        return
    option = re.fullmatch(r"options\[(.+)\]", key)
    if option:
        added = f"-c {option[1]}={value}"
        params["options"] = f"{params['options']} {added}" if params.get("options") else added
        return
    name = _SQLX_NAMES.get(key, key)
    if name not in _LIBPQ_NAMES:
        meant = get_close_matches(key, [*_LIBPQ_NAMES, *_SQLX_NAMES], 1, cutoff=0.75)
        if meant:
            raise UsageError(
                f"the connection string has a parameter that PostgreSQL does not know: {key!r}; did you mean {meant[0]!r}?"
            )
        # Other programs' own, such as pgbouncer=true: sqlx passes over whatever it does not know.
        return
    if name == "sslmode":
        value = value.lower()
        if value not in _SSL_MODES:
            raise UsageError(f"the connection string's {key} has to be one of {', '.join(_SSL_MODES)}")
    params[name] = value
