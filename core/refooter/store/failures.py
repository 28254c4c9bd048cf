"""What can go wrong with a store, in the few words that both drivers share, and what an entry ends with."""

from __future__ import annotations

import errno
import http
import re
from enum import Enum, auto
from typing import Final

from refooter.values import Reason


class StoreFailure(Exception):
    """The file of one entry could not be had: the reason code, and a sentence without any secret (also `str()`).

    `whole_store` says that no other entry of this store will fare better (the bucket does not exist).
    `missing_or_denied` is set where the store's "denied" is also what S3 answers for a missing object to those who may
    not list: the sentence to show once other objects of the store could be read.
    """

    def __init__(
        self, reason: Reason, sentence: str, *, whole_store: bool = False, missing_or_denied: str | None = None
    ) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence
        self.whole_store = whole_store
        self.missing_or_denied = missing_or_denied


class FaultKind(Enum):
    """What a driver tells of one request that did not bring the bytes."""

    MISSING = auto()
    NO_BUCKET = auto()
    DENIED = auto()
    TRANSIENT = auto()
    PERMANENT = auto()
    BEYOND_END = auto()
    """The object exists, and the range begins at or after its end."""
    NOT_PARTIAL = auto()
    """The server does not answer range requests as it should: the object has to be asked for as a whole."""


class Fault(Exception):
    """One request that did not bring the bytes; `words` are for people and hold no secret.

    `code` is the store's own word for it, if it gave one. `attempts` is how often the request was made.
    """

    def __init__(self, kind: FaultKind, words: str, code: str | None = None) -> None:
        super().__init__(words)
        self.kind = kind
        self.words = words
        self.code = code
        self.attempts = 1


TIMED_OUT: Final = "the store did not answer in time"
CUT_SHORT: Final = "the connection was closed before the answer was whole"
REFUSED: Final = "the connection was refused"
RESET: Final = "the connection was reset"
NO_HOST: Final = "the store's host name could not be resolved"
NOT_HTTP: Final = "the store's answer was not HTTP"
NO_CONNECTION: Final = "the connection to the store failed"
BAD_CERTIFICATE: Final = "the store's TLS certificate is not trusted"
NO_CREDENTIALS: Final = (
    "no credentials for the store were found (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role)"
)

_TRANSIENT_STATUS: Final = frozenset({408, 429, 500, 502, 503, 504})
# S3 answers some of what concerns credentials and slow bodies with status 400 (S3 API reference, "Error responses").
_DENIED_CODES: Final = frozenset({"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId"})
_TRANSIENT_CODES: Final = frozenset({"RequestTimeout", "SlowDown"})
_NO_BUCKET_CODES: Final = frozenset({"NoSuchBucket", "ContainerNotFound"})

_MISSING_ERRNO: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO}
)
_ERRNO_WORDS: Final = {
    errno.ECONNREFUSED: REFUSED,
    errno.ECONNRESET: RESET,
    errno.EPIPE: RESET,
    errno.ECONNABORTED: RESET,
    errno.ETIMEDOUT: TIMED_OUT,
    errno.EHOSTUNREACH: "the store's host cannot be reached",
    errno.ENETUNREACH: "the store's network cannot be reached",
    errno.EIO: "the disk reported an input/output error",
    errno.ESTALE: "the network file system lost the file (stale handle)",
    errno.EMFILE: "this process has too many files open",
    errno.ENFILE: "this machine has too many files open",
    errno.EAGAIN: "the file system is busy",
}


def fault_of_status(status: int, code: str | None) -> Fault:
    """The fault that an HTTP status and the error code in its body stand for."""
    name = code or _phrase(status)
    words = f"the store answered {status} {name}".rstrip()
    if status == 404:
        return Fault(FaultKind.NO_BUCKET if code in _NO_BUCKET_CODES else FaultKind.MISSING, words, code)
    if status in (401, 403) or code in _DENIED_CODES:
        return Fault(FaultKind.DENIED, words, code)
    if status == 416:
        return Fault(FaultKind.BEYOND_END, words, code)
    if status in _TRANSIENT_STATUS or code in _TRANSIENT_CODES:
        return Fault(FaultKind.TRANSIENT, words, code)
    if status in (301, 307, 308):
        words += ": the bucket is in another region (set AWS_REGION) or at another endpoint"
    return Fault(FaultKind.PERMANENT, words, code)


def fault_of_errno(number: int) -> Fault:
    """The fault that an error number of the operating system stands for."""
    if number in _MISSING_ERRNO:
        return Fault(FaultKind.MISSING, "there is no such file")
    if number in (errno.EACCES, errno.EPERM):
        return Fault(FaultKind.DENIED, "the operating system denies reading the file")
    if number in _ERRNO_WORDS:
        return Fault(FaultKind.TRANSIENT, _ERRNO_WORDS[number])
    return Fault(FaultKind.PERMANENT, f"the operating system reported {errno.errorcode.get(number, number)}")


def failure_of(fault: Fault) -> StoreFailure:
    """What an entry ends with whose request failed for good."""
    match fault.kind:
        case FaultKind.MISSING:
            return StoreFailure(Reason.FILE_MISSING, "there is no such object in the store")
        case FaultKind.NO_BUCKET:
            return StoreFailure(Reason.STORE_UNREACHABLE, "there is no such bucket", whole_store=True)
        case FaultKind.DENIED:
            ambiguous = fault.code in (None, "AccessDenied")
            return StoreFailure(
                Reason.STORE_DENIED,
                f"reading the object was denied: {fault.words}",
                missing_or_denied="the object is missing, or denied (no right to list)" if ambiguous else None,
            )
        case FaultKind.TRANSIENT:
            tries = f" (last of {fault.attempts} attempts)" if fault.attempts > 1 else ""
            return StoreFailure(Reason.STORE_UNREACHABLE, f"{fault.words}{tries}")
        case _:
            return StoreFailure(Reason.STORE_UNREACHABLE, fault.words)


_SECRETS: Final = (
    (re.compile(r"(?<=://)[^/\s]*@"), ""),
    (re.compile(r"\?[^\s\"')>]*"), "?..."),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{8,}\b"), "..."),
    (
        re.compile(r"(?i)\b((?:password|passwd|secret|token|key|signature|credential)\w*[\"']?[=:]\s*)[^\s,;&]+"),
        r"\1...",
    ),
)


def scrubbed(text: str) -> str:
    """The first line of a foreign message, at most 200 characters, without what may be a secret."""
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    for pattern, instead in _SECRETS:
        line = pattern.sub(instead, line)
    return line if len(line) <= 200 else line[:197] + "..."


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""
