"""The lake's address is read as the engine's client reads it, and shown without secrets."""

from __future__ import annotations

import pytest

from refooter.errors import UsageError
from refooter.store import open_store
from refooter.store.aws import aws_settings
from refooter.store.root import driver_for, parse_root


@pytest.mark.parametrize(
    ("uri", "scheme", "prefix", "shown"),
    [
        ("s3://bucket", "s3", "", "s3://bucket"),
        ("s3://bucket/", "s3", "", "s3://bucket/"),
        ("S3A://bucket/my%20prefix/x/", "s3a", "my prefix/x", "s3a://bucket/my%20prefix/x"),
        ("s3://bucket/%C3%A9%25", "s3", "é%", "s3://bucket/%C3%A9%25"),
        ("file:///lake/", "file", "lake", "file:///lake"),
        ("file:/lake", "file", "lake", "file:///lake"),
        ("file://localhost/lake", "file", "lake", "file:///lake"),
        ("/lake/100%25 #1?/", "file", "lake/100%25 #1?", "/lake/100%25 #1?/"),
        ("/", "file", "", "/"),
        ("memory://x/y", "memory", "y", "memory://x/y"),
        ("sftp://me:pw@host:22/lake", "sftp", "lake", "sftp://host:22/lake"),
        ("abfss://box@acc.dfs.core.windows.net/p", "abfss", "p", "abfss://box@acc.dfs.core.windows.net/p"),
    ],
)
def test_an_address_has_a_decoded_prefix_and_is_shown_without_user_info(
    uri: str, scheme: str, prefix: str, shown: str
) -> None:
    root = parse_root(uri)
    assert (root.scheme, root.prefix, root.shown) == (scheme, prefix, shown)
    assert "pw" not in repr(root)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        " ",
        "lake",
        "./lake",
        "s3://",
        "s3:///x",
        "s3://b/x?secret=pw",
        "s3://b/x#pw",
        "s3://me:pw@b/x",
        "file://lake/x",
        "s3://b/a//b",
        "s3://b/a/../b",
        "s3://b/%2e%2e/b",
        "s3://b/a%00b",
        "s3://b/%FF",
        "s3://[pw",
        "/a/../b",
        "abfs://me:pw@c/x",
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_without_repeating_secrets(uri: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_root(uri)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(("uri", "driver"), [("memory://x", "obstore"), ("s3://b", "boto"), ("sftp://h/x", "obstore")])
def test_a_driver_that_cannot_serve_is_refused(uri: str, driver: str) -> None:
    with pytest.raises(UsageError):
        driver_for(parse_root(uri), driver)


@pytest.mark.parametrize("uri", ["nosuch://x/y", "az://box/x"])
async def test_a_protocol_that_fsspec_cannot_open_is_refused(uri: str) -> None:
    with pytest.raises(UsageError):
        async with open_store(uri, "fsspec"):
            pass


def test_of_several_endpoints_the_one_for_s3_counts_and_plain_http_is_allowed_for_it() -> None:
    found = aws_settings({"AWS_ENDPOINT": "a", "AWS_ENDPOINT_URL": "https://b", "AWS_ENDPOINT_URL_S3": "http://c"})
    assert (found.endpoint, found.allow_http, found.region) == ("http://c", True, "us-east-1")
    assert not aws_settings({"AWS_ENDPOINT_URL": "https://b", "AWS_DEFAULT_REGION": "eu-west-1"}).allow_http
    assert aws_settings({"AWS_DEFAULT_REGION": "eu-west-1"}).region == "eu-west-1"
