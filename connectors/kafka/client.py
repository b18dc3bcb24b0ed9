"""What all clients of Kafka here share: how they connect, and what its errors mean to us.

Nothing of Kafka's leaves this folder but as an error of ``topologies.errors``.
"""

import logging
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException

from connectors.access import Access, Place
from topologies.errors import MailError, Misconfigured, Poison, Retryable

# The largest mail is 25 MB; an event that has it inline has it in base64, and its envelope.
LARGEST_RECORD_BYTES = 33 * 1024 * 1024
REQUEST_TIMEOUT_S = 10.0  # of one question to the brokers
RECONNECT_EVERY_MS = 1_000  # while a broker is away

Config = dict[str, str | int | float | bool]

LOGGER = logging.getLogger("rillmail.kafka")  # what the library would print to standard error

_TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
_NO_TOPIC = frozenset(
    {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
)
_REFUSED = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)

# What a group answers to a stranger as long as it has members.
_OF_A_MEMBER = frozenset(
    {
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.REBALANCE_IN_PROGRESS,
    }
)

_MOMENTARY = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
    }
)


def connected(
    servers: Sequence[str],
    client_id: str,
    access: Access | None = None,
    **more: str | int | float | bool,
) -> Config:
    """Return how a client connects to *servers*, with *more* options (``_`` for each dot).

    Without *access* it does so in clear, and says who it is to nobody.

    Raises:
        Misconfigured: No server is named.
    """
    if not servers:
        raise Misconfigured("kafka_servers names no server")
    config: Config = {
        "bootstrap.servers": ",".join(servers),
        "client.id": client_id,
        # After an outage the next try is at most this old, so mail flows again at once. Each time
        # but the first: while all brokers are away the library begins anew, with the shorter of
        # the two, and makes and ends threads for each try.
        "reconnect.backoff.ms": RECONNECT_EVERY_MS,
        "reconnect.backoff.max.ms": RECONNECT_EVERY_MS,
        "log.connection.close": False,
        "socket.keepalive.enable": True,
    }
    config |= _secured(access)
    return config | {name.replace("_", "."): value for name, value in more.items()}


def places_of(servers: Sequence[str]) -> list[Place]:
    """Return host and port of each of *servers*, as the library reads them.

    Raises:
        Misconfigured: One is no such thing.
    """
    places: list[Place] = []
    for server in servers:
        host, colon, port = server.rpartition(":")
        if not colon:
            host, port = server, "9092"
        if not host or not port.isdecimal():
            raise Misconfigured(f"kafka_servers: {server!r} is not host:port")
        places.append((host.strip("[]"), int(port)))
    return places


def _secured(access: Access | None) -> Config:
    if access is None or not access.is_tls:
        return {}
    access.tls()  # a file that does not fit is told in our words
    config: Config = {"security.protocol": "SASL_SSL" if access.user else "SSL"}
    options = {
        "ssl.ca.location": access.ca_file,
        "ssl.certificate.location": access.certificate,
        "ssl.key.location": access.key,
        "sasl.username": access.user,
        "sasl.password": access.password,
        "sasl.mechanism": access.mechanism if access.user else "",
    }
    return config | {name: value for name, value in options.items() if value}


def translated(error: KafkaError | KafkaException, doing: str) -> MailError:
    """Return the error of ours that *error* is.

    Args:
        error: As the library raised or reported it.
        doing: What was tried, for people (``write to mail.received``).
    """
    if isinstance(error, KafkaException):
        if (inner := _inner(error)) is None:
            return Retryable(f"Kafka: can't {doing}: {error}", outage=True)
        error = inner
    code = error.code()
    if code in _TOO_LARGE:
        return Poison(f"Kafka: can't {doing}: larger than {LARGEST_RECORD_BYTES:,} bytes")
    if code in _NO_TOPIC:
        # Not Misconfigured: once the topic is made, whoever waits goes on.
        return Retryable(
            f"Kafka: can't {doing}: there is no such topic: rillmail topics apply", outage=True
        )
    if code in _REFUSED:
        return Retryable(f"Kafka: can't {doing}: refused: {error.str()}", outage=True)
    return Retryable(f"Kafka: can't {doing}: {error.str()}", outage=True)


def is_refusal(error: KafkaError) -> bool:
    """Tell whether a broker does not let in whom we say we are."""
    return error.code() in (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED)


def is_momentary(error: KafkaException) -> bool:
    """Tell whether the brokers are about to agree who leads: ask again in a moment."""
    inner = _inner(error)
    return inner is not None and inner.code() in _MOMENTARY


def is_of_a_member(error: KafkaException) -> bool:
    """Tell whether only the group's own members may do what was tried."""
    inner = _inner(error)
    return inner is not None and inner.code() in _OF_A_MEMBER


def _inner(error: KafkaException) -> KafkaError | None:
    first: object = error.args[0] if error.args else None
    return first if isinstance(first, KafkaError) else None
