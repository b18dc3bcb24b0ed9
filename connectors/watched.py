"""What stages ask the world, seen by the tracer: a span for each call of a port.

Stands between a stage and the answer to its port while traces are asked for, and is not there
otherwise. Only what is awaited is seen; all else goes through as it is.
"""

import functools
import inspect
from collections.abc import Collection, Mapping
from typing import Any

from topologies.ports.answers import Answers
from topologies.ports.antivirus import Antivirus
from topologies.ports.blobs import Blobs
from topologies.ports.contacts import Contacts
from topologies.ports.deliveries import Deliveries
from topologies.ports.directory import Directory
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.messenger import Messenger
from topologies.ports.notices import Notices
from topologies.ports.personal_spam import PersonalSpam
from topologies.ports.relay import Relay
from topologies.ports.scheduled import Scheduled
from topologies.ports.search import Search
from topologies.ports.snoozes import Snoozes
from topologies.ports.suppressions import Suppressions
from topologies.ports.tracer import Tracer, current
from topologies.ports.unsubscribes import Unsubscribes
from topologies.ports.webhooks import Webhooks

PORTS: Collection[type] = (
    *(Answers, Antivirus, Blobs, Contacts, Deliveries, Directory, Mailboxes, Notices, PersonalSpam),
    *(Relay, Scheduled, Search, Snoozes, Suppressions, Messenger, Unsubscribes, Webhooks),
)


def watched(services: Mapping[type, Any], tracer: Tracer | None) -> Mapping[type, Any]:
    """Return *services*, those of ``PORTS`` watched; as they are, if nobody traces."""
    if tracer is None:
        return services
    return {
        port: _Watched(answer, port.__name__, tracer) if port in PORTS else answer
        for port, answer in services.items()
    }


class _Watched:
    """An answer to a port that is watched."""

    def __init__(self, answer: Any, port: str, tracer: Tracer) -> None:
        self._answer = answer
        self._port = port
        self._tracer = tracer

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._answer, name)
        if not inspect.iscoroutinefunction(found):
            return found
        tracer, title = self._tracer, f"{self._port}.{name}"

        @functools.wraps(found)
        async def call(*arguments: Any, **named: Any) -> Any:
            parent = current.get()
            if not parent:  # what is done is of no trace
                return await found(*arguments, **named)
            with tracer.span(title, parent=parent):
                return await found(*arguments, **named)

        self.__dict__[name] = call  # the next time nobody looks for it
        return call
