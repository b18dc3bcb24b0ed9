"""Setting a consumer group back, while none of its workers runs."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from connectors.access import Access
from connectors.kafka.admin import KafkaAdmin
from connectors.kafka.client import REQUEST_TIMEOUT_S, connected
from connectors.kafka.positions import GroupPositions
from topologies.ports.log import Rewound

CLIENT_ID = "rillmail-rewinder"


class KafkaRewinder:
    """Sets groups of one deployment back."""

    def __init__(
        self,
        servers: Sequence[str],
        *,
        access: Access | None = None,
        prefix: str = "",
        answer_within_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        """Connect when asked.

        Args:
            servers: host:port each.
            access: How they are spoken to; None: in clear.
            prefix: Before the names of topics and groups.
            answer_within_s: Without an answer for so long, the brokers are taken as away.

        Raises:
            Misconfigured: No server is named.
        """
        self._prefix = prefix
        self._admin = KafkaAdmin(
            servers, access=access, client_id=CLIENT_ID, answer_within_s=answer_within_s
        )
        self._positions = GroupPositions(
            connected(servers, CLIENT_ID, access), answer_within_s=answer_within_s
        )

    async def rewind(
        self,
        group: str,
        topic: str,
        *,
        since: datetime | None = None,
        offsets: Mapping[int, int] | None = None,
        only_look: bool = False,
    ) -> Sequence[Rewound]:
        group, topic = self._prefix + group, self._prefix + topic
        starts = (await self._admin.starts([topic]))[topic]
        if since is not None:
            wanted = await self._admin.offsets_at(topic, since)
        else:
            wanted = starts if offsets is None else offsets
        # Where it never was it reads from the oldest record on, whatever is asked for.
        was = await self._positions.of(group, [(topic, partition) for partition in starts])
        moves = [
            Rewound(partition, at, now)
            for (_, partition), at in sorted(was.items())
            if (now := max(wanted.get(partition, at), starts[partition])) < at
        ]
        if moves and not only_look:
            await self._positions.move(group, {(topic, each.partition): each.now for each in moves})
        return moves
