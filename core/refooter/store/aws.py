"""What a deployment's AWS_* variables say beyond the credentials, so that both drivers follow the same of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_TRUE: Final = frozenset({"1", "true", "yes", "y", "on", "t"})


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """Endpoint (`None`: the region's own), region, and how to ask. The names are those that object_store reads."""

    endpoint: str | None
    region: str
    virtual_hosted: bool
    anonymous: bool
    requester_pays: bool

    @property
    def allow_http(self) -> bool:
        return self.endpoint is not None and self.endpoint.lower().startswith("http://")


def aws_settings(environ: Mapping[str, str]) -> AwsSettings:
    """The settings in an environment. Of several endpoints the one for S3 alone counts, as in the AWS tools."""
    endpoints = (environ.get(name) for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"))
    return AwsSettings(
        endpoint=next((endpoint for endpoint in endpoints if endpoint), None),
        region=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        virtual_hosted=_true(environ.get("AWS_VIRTUAL_HOSTED_STYLE_REQUEST")),
        anonymous=_true(environ.get("AWS_SKIP_SIGNATURE")),
        requester_pays=_true(environ.get("AWS_REQUEST_PAYER")) or environ.get("AWS_REQUEST_PAYER") == "requester",
    )


def _true(text: str | None) -> bool:
    return text is not None and text.strip().lower() in _TRUE
