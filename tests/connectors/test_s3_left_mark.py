"""A sweep of S3 that was killed leaves a mark, which is heeded for five minutes: puts wait."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from connectors.s3.blobs import S3Blobs
from connectors.s3.client import Head, S3Client
from connectors.s3.meaning import Present
from topologies.errors import Retryable


@pytest.mark.long
async def test_a_put_that_waits_for_a_sweep_uses_up_no_attempt() -> None:
    blobs = S3Blobs(cast("S3Client", Marked()))
    with pytest.raises(Retryable, match="a sweep is just where a blob was put") as found:
        await blobs.put([b"x"])
    assert found.value.outage


class Marked:
    """A bucket that holds each blob since a moment ago, and the mark of a sweep."""

    async def put(self, key: str, content: bytes, **_: Any) -> None:
        raise Present(key)

    async def head(self, key: str) -> Head:
        return Head(size_bytes=1, modified_at=datetime.now(UTC), age=timedelta(seconds=5))
