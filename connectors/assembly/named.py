"""What the settings name in the engines of the cluster: a bucket, and topics."""

from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from connectors.access import access_of
from connectors.kafka.topics import WantedTopic, wanted
from connectors.s3.client import S3Client, open_client
from connectors.settings import Settings


def open_s3(settings: Settings, url: str) -> AbstractAsyncContextManager[S3Client]:
    """Open a client of the bucket that *settings* name, at *url*."""
    return open_client(
        url=url,
        region=settings.s3_region,
        bucket=settings.s3_bucket,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        access=access_of(settings, "s3"),
    )


def wanted_topics(settings: Settings) -> list[WantedTopic]:
    """Return the topics that *settings* ask for."""
    return wanted(
        prefix=settings.topic_prefix,
        partitions=settings.partitions,
        replication=settings.kafka_replication,
        retention=timedelta(hours=settings.log_retention_hours),
    )
