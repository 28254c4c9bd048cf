from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from refooter.catalog.address import Address, parse_address
from refooter.errors import UsageError


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "PGUSER",
        "PGHOST",
        "PGHOSTADDR",
        "PGPORT",
        "PGDATABASE",
        "PGPASSWORD",
        "PGOPTIONS",
        "PGCLIENTENCODING",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("USER", "somebody")


READ = [
    ("postgres://u:p@h:5433/lake", {"user": "u", "password": "p", "host": "h", "port": "5433", "dbname": "lake"}),
    ("postgresql://u@h/lake", {"user": "u", "host": "h", "dbname": "lake"}),
    ("postgresql://h", {"host": "h"}),
    ("postgres://u:@h/lake", {"user": "u", "password": "", "host": "h", "dbname": "lake"}),
    ("postgres://", {}),
    # sqlx takes the password up to the last @, and a colon in it as part of it
    ("postgres://u:p@ss@h/lake", {"user": "u", "password": "p@ss", "host": "h", "dbname": "lake"}),
    ("postgres://u:a:b@c@h/lake", {"user": "u", "password": "a:b@c", "host": "h", "dbname": "lake"}),
    # percent escapes, one that is none among them
    ("postgres://u%40x:p%2Fw%3F%23@h/my%20lake", {"user": "u@x", "password": "p/w?#", "host": "h", "dbname": "my lake"}),
    ("postgres://u:%zz@h/lake", {"user": "u", "password": "%zz", "host": "h", "dbname": "lake"}),
    # IPv6
    ("postgres://u@[::1]:5433/lake", {"user": "u", "host": "::1", "port": "5433", "dbname": "lake"}),
    ("postgres://u@[fe80::1]/lake", {"user": "u", "host": "fe80::1", "dbname": "lake"}),
    # several hosts, as libpq takes them
    ("postgres://a:5433,b:5434/lake", {"host": "a,b", "port": "5433,5434", "dbname": "lake"}),
    ("postgres://a,b:5434/lake", {"host": "a,b", "port": ",5434", "dbname": "lake"}),
    # a socket's directory, in either place
    ("postgresql://u@%2Frun%2Fpg/lake", {"user": "u", "host": "/run/pg", "dbname": "lake"}),
    ("postgresql://u@/lake?host=%2Frun%2Fpg", {"user": "u", "host": "/run/pg", "dbname": "lake"}),
    # sqlx's own parameters and spellings
    ("postgres://h/lake?statement-cache-capacity=0", {"host": "h", "dbname": "lake"}),
    ("postgres://h/lake?ssl-mode=require&statement-cache-capacity=100", {"host": "h", "dbname": "lake", "sslmode": "require"}),
    ("postgres://h/lake?ssl-mode=PREFER", {"host": "h", "dbname": "lake", "sslmode": "prefer"}),
    ("postgres://h/lake?sslmode=Verify-Full", {"host": "h", "dbname": "lake", "sslmode": "verify-full"}),
    # what neither knows, and is nobody's misspelling, sqlx passes over
    ("postgres://h/lake?pgbouncer=true&schema=public&fetchsize=1", {"host": "h", "dbname": "lake"}),
    # an @ in the user's name too
    ("postgres://u@x:p@ss@h:5433/lake", {"user": "u@x", "password": "p@ss", "host": "h", "port": "5433", "dbname": "lake"}),
    ("postgres://h/lake?sslmode=disable", {"host": "h", "dbname": "lake", "sslmode": "disable"}),
    ("postgres://h?ssl-root-cert=%2Fca.pem", {"host": "h", "sslrootcert": "/ca.pem"}),
    ("postgres://h?ssl-ca=ca.pem", {"host": "h", "sslrootcert": "ca.pem"}),
    ("postgres://h?ssl-cert=c.pem&ssl-key=k.pem", {"host": "h", "sslcert": "c.pem", "sslkey": "k.pem"}),
    ("postgres://h?application-name=engine", {"host": "h", "application_name": "engine"}),
    ("postgres://h?options[search_path]=lake", {"host": "h", "options": "-c search_path=lake"}),
    (
        "postgres://h?options=-c%20geqo%3Doff&options[search_path]=lake&options[jit]=off",
        {"host": "h", "options": "-c geqo=off -c search_path=lake -c jit=off"},
    ),
    ("postgres://h/lake?password=secret&user=u", {"host": "h", "dbname": "lake", "password": "secret", "user": "u"}),
    # libpq's own pairs
    ("host=h port=5433 dbname=lake user=u password=p@ss", {"host": "h", "port": "5433", "dbname": "lake", "user": "u", "password": "p@ss"}),
    ("host=/run/pg password='it''s'", None),
    ("dbname=lake password='a b'", {"dbname": "lake", "password": "a b"}),
    ("  \n", {}),
    ("", {}),
    (None, {}),
]  # fmt: skip


@pytest.mark.parametrize(("dsn", "params"), [row for row in READ if row[1] is not None])
def test_a_connection_string_is_read_as_its_owner_reads_it(dsn: str | None, params: dict[str, str]) -> None:
    address = parse_address(dsn)
    assert address.params == params
    # what libpq is handed holds the same, so that it parses nothing of ours anew
    assert {key: str(value) for key, value in conninfo_to_dict(address.conninfo).items()} == params


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("mysql://u:secret@h/lake", "has to begin with postgres://"),
        ("s3://u:secret@h/lake", "has to begin with postgres://"),
        ("host=h password=secret hots", "cannot be read"),
        ("host=h passwort=secret", "cannot be read"),
        ("u:secret@h/lake", "cannot be read"),
        ("postgres://u:se/cret@h/lake", "has an @ behind its host"),
        ("postgres://u:se?cret@h/lake", "has an @ behind its host"),
        ("postgres://u:secret#1@h/lake", "the connection string"),
        ("postgres://u@h:secret/lake", "port is not a number"),
        ("postgres://u:secret@h/lake?sslmod=require", "does not know: 'sslmod'; did you mean 'sslmode'?"),
        ("postgres://u:secret@h/lake?ssl_mode=require", "does not know: 'ssl_mode'; did you mean 'sslmode'?"),
        ("postgres://u:secret@h/lake?options[]=1", "does not know: 'options[]'; did you mean 'options'?"),
        ("postgres://u:secret@h/lake?ssl-mode=no-verify", "ssl-mode has to be one of disable, allow, prefer"),
    ],
)
def test_a_string_that_cannot_be_read_is_refused_without_being_quoted(dsn: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_address(dsn)
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)
    assert refused.value.exit_code == 2


# Each is a password that nobody escaped; what must not show is its every part between the characters that cut it.
ODD = [
    ("p@ssw0rd", ["p@ss", "ssw0rd"]),
    ("pwd1/wurst", ["pwd1", "wurst"]),
    ("pwd1?xylo", ["pwd1", "xylo"]),
    ("pwd1#yolk", ["pwd1", "yolk"]),
    ("alpha:beta@gamma", ["alpha", "beta", "gamma"]),
    ("%zzquux", ["quux"]),
    ("1234/wurst", ["1234", "wurst"]),
    ("1234?xylo=fonz", ["1234", "xylo", "fonz"]),
    ("1234#yolk", ["1234", "yolk"]),
    ("p@1234/wurst", ["p@", "wurst"]),
    ("zap@1234?xylo=fonz", ["zap", "1234", "xylo", "fonz"]),
    ("1234?xylo&fonz", ["1234", "xylo", "fonz"]),
    ("pass word", ["pass", "word"]),
    ("'quo\"te\\", ["quo", "te\\"]),
]


@pytest.mark.parametrize(("password", "parts"), ODD)
def test_no_part_of_an_unescaped_password_is_ever_shown(password: str, parts: list[str]) -> None:
    try:
        address = parse_address(f"postgres://user:{password}@host/lake")
    except UsageError as refused:
        texts = [str(refused), repr(refused)]
    else:
        texts = [repr(address), str(address), address.shown]
    for text in texts:
        for part in parts:
            assert part not in text


SHOWN = [
    ("postgres://u:p@h:5433/lake", {}, "u@h:5433/lake"),
    ("postgres://u:p@h", {}, "u@h:5432/u"),
    ("postgres://u@[::1]/lake", {}, "u@::1:5432/lake"),
    ("postgres://u@/lake?host=%2Frun%2Fpg", {}, "u@/run/pg:5432/lake"),
    ("", {}, "somebody@local socket:5432/somebody"),
    ("", {"PGUSER": "u", "PGHOST": "h", "PGPORT": "6432", "PGDATABASE": "lake"}, "u@h:6432/lake"),
    ("", {"PGUSER": "u", "PGHOSTADDR": "10.0.0.1"}, "u@10.0.0.1:5432/u"),
    ("postgres://u@h/lake", {"PGUSER": "other", "PGHOST": "elsewhere"}, "u@h:5432/lake"),
]


@pytest.mark.parametrize(("dsn", "environment", "shown"), SHOWN)
def test_an_address_is_shown_as_user_host_port_and_database(
    dsn: str, environment: dict[str, str], shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert parse_address(dsn).shown == shown


def test_the_representation_of_an_address_holds_nothing_of_it() -> None:
    assert repr(parse_address("postgres://u:secret@h/lake")) == "Address()"


@pytest.mark.parametrize(
    ("dsn", "environment", "encoding"),
    [
        ("postgres://h/lake", {}, None),
        ("postgres://h/lake?client_encoding=LATIN1", {}, "LATIN1"),
        ("postgres://h/lake", {"PGCLIENTENCODING": "SQL_ASCII"}, "SQL_ASCII"),
        ("postgres://h/lake?client_encoding=UTF8", {"PGCLIENTENCODING": "SQL_ASCII"}, "UTF8"),
    ],
)
def test_the_encoding_that_is_asked_for_is_known(
    dsn: str, environment: dict[str, str], encoding: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert parse_address(dsn).encoding == encoding


@pytest.mark.parametrize(
    ("dsn", "environment", "search_path"),
    [
        ("postgres://h/lake", {}, None),
        ("postgres://h/lake?options=-c%20geqo%3Doff", {}, None),
        ("postgres://h/lake?options=-csearch_path%3Da,b%20-c%20jit%3Doff", {}, "a,b"),
        ("postgres://h/lake?options=--search_path%3Da", {}, "a"),
        ("postgres://h/lake?options[search_path]=a,b", {}, "a,b"),
        ("host=h options='-c search_path=a\\\\ b'", {}, "a b"),
        ("", {"PGOPTIONS": "-c jit=off -c search_path=a -c search_path=b"}, "b"),
    ],
)
def test_the_search_path_that_is_asked_for_is_known(
    dsn: str, environment: dict[str, str], search_path: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert parse_address(dsn).search_path == search_path


def test_scrubbing_takes_every_secret_out_whoever_put_it_there(monkeypatch: pytest.MonkeyPatch) -> None:
    address = Address({"password": "p@ss", "sslpassword": "key!word"})
    monkeypatch.setenv("PGPASSWORD", "from-outside")
    said = address.scrub('could not translate "p@ss": key!word, from-outside, p@ss')
    assert said == 'could not translate "***": ***, ***, ***'
    assert Address({"password": ""}).scrub("nothing to hide") == "nothing to hide"


@pytest.mark.parametrize("name", ["password", "sslpassword", "scram_client_key", "scram_server_key"])
def test_an_address_without_its_secrets_is_the_same_in_everything_else(name: str) -> None:
    address = Address({"host": "db.example", "user": "me", "sslcert": "/c", name: "hunter2"})
    assert address.without_secrets.params == {"host": "db.example", "user": "me", "sslcert": "/c"}
    assert address.scrub("it said hunter2") == "it said ***"
