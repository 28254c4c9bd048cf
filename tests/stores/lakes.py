"""One empty lake of each kind, with a way to put files into it that is not the code under test."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Lake:
    """A root's address with the driver to read it by. `put` writes a file by its path below the root."""

    uri: str
    driver: str
    put: Callable[[str, bytes], None]

    def fill(self, files: dict[str, bytes]) -> None:
        for path, data in files.items():
            self.put(path, data)


def file_lake(directory: Path, driver: str) -> Lake:
    root = directory / "my lake%20"

    def put(path: str, data: bytes) -> None:
        target = Path(f"{root}/{path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    return Lake(f"file://{directory}/my%20lake%2520/", driver, put)


def memory_lake() -> Lake:
    import fsspec

    name = uuid.uuid4().hex
    filesystem = fsspec.filesystem("memory")

    def put(path: str, data: bytes) -> None:
        filesystem.pipe_file(f"/{name}/my lake/{path}", data)

    return Lake(f"memory://{name}/my%20lake", "fsspec", put)


@contextmanager
def moto_server() -> Iterator[tuple[str, Any]]:
    """A real S3 endpoint: its address, and a boto3 client for it."""
    import logging

    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        client = boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
        )
        yield url, client
    finally:
        server.stop()


def s3_lake(client: Any, driver: str) -> Lake:
    bucket = f"lake-{uuid.uuid4().hex}"
    client.create_bucket(Bucket=bucket)

    def put(path: str, data: bytes) -> None:
        client.put_object(Bucket=bucket, Key=f"my prefix/{path}", Body=data)

    return Lake(f"s3://{bucket}/my%20prefix", driver, put)
