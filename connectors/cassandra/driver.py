# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
"""The border to the driver, which has no types: connect, prepare, send, tell errors apart.

`scylla-driver` speaks to Cassandra and ScyllaDB alike; its requests go straight to a node
that has the row (and, on ScyllaDB, to the right shard of it).
"""

import re
import socket
import ssl
import struct
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from cassandra import (
    AuthenticationFailed,
    ConsistencyLevel,
    DriverException,
    OperationTimedOut,
    RequestValidationException,
    Timeout,
    Unauthorized,
    Unavailable,
    UnresolvableContactPoints,
)
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.connection import ConnectionException, DefaultEndPoint, EndPointFactory
from cassandra.policies import (
    ConstantReconnectionPolicy,
    DCAwareRoundRobinPolicy,
    TokenAwarePolicy,
)
from cassandra.protocol import (
    ErrorMessage,
    IsBootstrappingErrorMessage,
    OverloadedErrorMessage,
    SyntaxException,
)
from cassandra.query import BatchStatement, BatchType, SimpleStatement, tuple_factory

Prepared: TypeAlias = Any  # a PreparedStatement
Request: TypeAlias = Any  # a Statement of the driver
Kind = Literal["away", "unknown", "forbidden", "refused", "unfit", "other"]

# All that the driver raises when the world, not our code, is the cause.
FOREIGN = (
    DriverException,
    NoHostAvailable,
    ErrorMessage,
    ConnectionException,
    OSError,
    struct.error,  # a part of a key is longer than 64 KiB
)
# Whatever is asked next fares the same.
_AWAY = (
    Unavailable,
    # Names without an address: in a cluster that is how a service without any node looks.
    UnresolvableContactPoints,
    ConnectionException,
    OSError,
    # A node hangs, or has too much to do: counted as attempts, a minute of that would bury all
    # mail that is under way.
    OperationTimedOut,
    Timeout,
    OverloadedErrorMessage,
    IsBootstrappingErrorMessage,
)
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,47}")
RECONNECT_S = 1.0
HEARTBEAT_S = 10  # a node that does not answer one in this time is taken for dead
# The name of a table, where it has no keyspace before it yet.
_TABLE = re.compile(
    r"\b(FROM|INTO|UPDATE|TABLE IF NOT EXISTS|TABLE IF EXISTS|ALTER TABLE|TRUNCATE)"
    r" ([a-z_][a-z0-9_]*)(?![a-z0-9_]*\.)(?![a-z0-9_])"
)
_MISSING = re.compile(r"unconfigured|does(?: not|n't) exist|undefined column|unknown identifier")


class _Tunnel(EndPointFactory):
    """Finds every node at one address."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address

    def create(self, row: Any) -> DefaultEndPoint:  # noqa: ARG002
        return DefaultEndPoint(*self._address)


class NoKeyspace(Exception):
    """The keyspace is not there, and was not to be created."""


class Answer(NamedTuple):
    """What became of a request."""

    rows: list[tuple[Any, ...]]
    paging_state: bytes | None = None
    error: BaseException | None = None


class Connected:
    """A connection to the cluster. `send` calls back in another thread."""

    def __init__(self, cluster: Any, session: Any, keyspace: str) -> None:
        self._cluster = cluster
        self._session = session
        self.keyspace = keyspace
        self.prepared: dict[str, Prepared] = {}  # by text

    def prepare(self, statement: str) -> Prepared:
        """Prepare a text on the cluster. Blocks."""
        prepared = self._session.prepare(self._named(statement))
        prepared.is_idempotent = True
        self.prepared[statement] = prepared
        return prepared

    def bound(self, prepared: Prepared, parameters: Sequence[Any], page_rows: int) -> Request:
        """Return a request with its values."""
        request = prepared.bind(parameters)
        request.fetch_size = page_rows
        return request

    def batch(
        self, statements: Sequence[tuple[Prepared, Sequence[Any]]], *, is_logged: bool
    ) -> Request:
        """Return one request that writes all *statements*."""
        kind = BatchType.LOGGED if is_logged else BatchType.UNLOGGED
        batch = BatchStatement(batch_type=kind)
        batch.is_idempotent = True
        for prepared, parameters in statements:
            batch.add(prepared, parameters)
        return batch

    def plain(self, statement: str) -> Request:
        """Return a request of a text as it is."""
        return SimpleStatement(self._named(statement), is_idempotent=True)

    def send(
        self,
        request: Request,
        paging_state: bytes | None,
        timeout_s: float,
        settle: Callable[[Answer], None],
    ) -> None:
        """Send *request*; *settle* is called once, in whatever thread."""
        future = self._session.execute_async(request, timeout=timeout_s, paging_state=paging_state)

        def succeeded(rows: list[tuple[Any, ...]] | None) -> None:
            more = future._paging_state
            settle(Answer(rows if rows is not None else [], more))

        def failed(error: BaseException) -> None:
            settle(Answer([], None, error))

        future.add_callbacks(succeeded, failed)

    def _named(self, statement: str) -> str:
        # Rather than USE, which the server warns of: it makes prepared texts ambiguous.
        return _TABLE.sub(rf"\1 {self.keyspace}.\2", statement)

    def close(self) -> None:
        """Disconnect. Blocks."""
        self._cluster.shutdown()


def connect(
    addresses: Sequence[tuple[str, int]],
    keyspace: str,
    replication: int | None,
    timeout_s: int,
    is_tunnel: bool = False,
    tls: ssl.SSLContext | None = None,
    user: str = "",
    password: str = "",
) -> Connected:
    """Connect and use *keyspace*, created with *replication* copies if that is given. Blocks.

    With *is_tunnel*, the one node is reached at the address given, not at the one it tells.
    With *tls*, each node has to prove the address that it is reached at.

    Raises:
        NoKeyspace: It is not there.
    """
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy()),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        row_factory=tuple_factory,
    )
    cluster = Cluster(
        list(addresses),
        port=addresses[0][1],  # of the nodes that these tell of
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=ConstantReconnectionPolicy(RECONNECT_S, max_attempts=None),
        # Version 5 adds checksums, at 10 % more CPU of ours a request; ScyllaDB has none of it.
        protocol_version=4,
        endpoint_factory=_Tunnel(addresses[0]) if is_tunnel else None,
        ssl_context=tls,
        auth_provider=PlainTextAuthProvider(user, password) if user else None,
        compression=False,  # what is large is compressed by us
        connect_timeout=timeout_s,
        control_connection_timeout=timeout_s,
        # Whatever anybody defines in the cluster, each process would read the definitions anew;
        # ours are known by what was prepared, and where rows lie by the keyspace as it was.
        schema_event_refresh_window=-1,
        idle_heartbeat_interval=HEARTBEAT_S,
        idle_heartbeat_timeout=HEARTBEAT_S,
        # The driver sends a large request in pieces, of which the second would wait for the
        # acknowledgement of the first: 40 ms (RFC 896, RFC 1122 §4.2.3.2).
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )
    try:
        session = cluster.connect()
        is_there = session.execute(
            "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = %s",
            (keyspace,),
        )
        if not is_there and replication is None:
            raise NoKeyspace(keyspace)
        if not is_there:  # only then is the right to make one asked for
            session.execute(
                f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication ="
                f" {{'class': 'NetworkTopologyStrategy', 'replication_factor': {replication}}}"
            )
    except BaseException:
        cluster.shutdown()
        raise
    return Connected(cluster, session, keyspace)


def kind_of(error: BaseException) -> Kind:
    """Tell what an error is about: us, what we asked for, or that nobody answered."""
    if isinstance(error, NoHostAvailable):
        causes = list((getattr(error, "errors", None) or {}).values())
        if causes and all(isinstance(cause, AuthenticationFailed) for cause in causes):
            return "unknown"
        return "away"
    if isinstance(error, _AWAY):
        return "away"
    if isinstance(error, AuthenticationFailed):
        return "unknown"
    if isinstance(error, Unauthorized):
        return "forbidden"
    if isinstance(error, RequestValidationException | SyntaxException | struct.error):
        return "refused" if _MISSING.search(str(error).lower()) else "unfit"
    return "other"


def reason_of(error: BaseException) -> str:
    """Return what the first node said why it does not let us in."""
    causes = list((getattr(error, "errors", None) or {}).values())
    return " ".join(str(causes[0] if causes else error).split())[:300]


def words_of(error: BaseException) -> str:
    """Return what an error says, on one short line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
