# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What the errors of an S3 service and of its library mean to us."""

from collections.abc import Generator
from contextlib import contextmanager

import aiohttp
from botocore.exceptions import (
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from topologies.errors import Misconfigured, NoSpace, Retryable

SLOW_DOWN_S = 1.0

_FULL = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "XMinioStorageQuotaExceeded"}
_SLOWER = {"SlowDown", "SlowDownRead", "SlowDownWrite", "Throttling", "RequestLimitExceeded"}
# Whoever asks is known and late: the clock, or keys that are being changed.
_PASSING = {"RequestTimeTooSkewed", "ExpiredToken", "RequestTimeout", "TokenRefreshRequired"}
_WRONG = {
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    "BucketAlreadyExists",
    "InvalidAccessKeyId",
    "InvalidBucketName",
    "NoSuchBucket",
    "PermanentRedirect",
    "SignatureDoesNotMatch",
}

_AWAY = (
    BotoConnectionError,
    HTTPClientError,
    IncompleteReadError,
    aiohttp.ClientError,
    TimeoutError,
    OSError,
)


class Absent(Exception):
    """There is no object of that key."""


class Present(Exception):
    """There is an object of that key already."""


class OutOfRange(Exception):
    """The object ends before the range begins."""


@contextmanager
def translated(what: str) -> Generator[None]:
    """Tell the library's errors in our own words."""
    try:
        yield
    except ClientError as error:
        raise _meaning(error, what) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise Misconfigured(f"S3: {error}") from error
    except _AWAY as error:
        why = str(error) or "no answer in time"
        raise Retryable(f"S3 is out of reach: {why}", outage=True) from error


def _meaning(error: ClientError, what: str) -> Exception:
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code: str = error.response.get("Error", {}).get("Code", "")
    words = f"S3 answered {status} {code} ({what})"
    if code in _FULL or status == 507:
        return NoSpace(words)
    if code in _WRONG or (status in (401, 403) and code not in _PASSING):
        return Misconfigured(words)
    if status == 404 and code != "NoSuchUpload":
        return Absent(words)
    # 409: two put it at once, or one deletes it; whoever asked looks what came of it.
    if status in (409, 412):
        return Present(words)
    if status == 416:
        return OutOfRange(words)
    slower = code in _SLOWER or status == 429
    is_away = slower or status >= 500 or code in _PASSING
    return Retryable(words, after_s=SLOW_DOWN_S if slower else None, outage=is_away)
