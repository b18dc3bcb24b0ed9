"""Times as the tables of sending hold them: microseconds since 1970."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Return *at* as it is kept."""
    return (at - _EPOCH) // _MICROSECOND


def moment(micros: int) -> datetime:
    """Return what is kept as *micros*."""
    return _EPOCH + micros * _MICROSECOND
