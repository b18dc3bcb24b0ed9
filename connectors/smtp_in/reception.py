"""What all connections of a port share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.settings import Settings
    from connectors.sign_in import SignIns
    from connectors.smtp_in.certificates import Certificates
    from connectors.smtp_in.connection import Connection
    from connectors.smtp_in.places import Places
    from topologies.acceptance import Acceptance
    from topologies.mail.networks import Network
    from topologies.ports.blobs import Blobs
    from topologies.ports.clock import Clock
    from topologies.ports.log import EventLog
    from topologies.ports.seen import Seen
    from topologies.ports.tracer import Tracer


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What they work with, and who they are."""

    log: EventLog
    blobs: Blobs
    acceptance: Acceptance
    clock: Clock
    seen: Seen  # which mails came lately
    settings: Settings
    hostname: str
    certificates: Certificates | None
    trusted: Sequence[Network]
    places: Places
    sign_ins: SignIns | None = None  # who may send; None: nobody
    connections: set[Connection] = field(default_factory=set["Connection"])
    answers: Counter[str] = field(default_factory=Counter[str])  # by codes: "250 2.1.5"
    tracer: Tracer | None = None  # told of spans; None: nobody asks for them
