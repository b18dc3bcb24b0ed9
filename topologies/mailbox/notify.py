"""Notify: whoever listens to a mailbox is told what changed in it.

Reads `mailbox.changes`; writes nothing, and publishes each fact to ``Notices``: open
WebSockets and requests that wait for what they asked for. Nobody listening is no error,
and a notice told twice or lost does no harm: every listener goes by the number in it.
"""

from collections.abc import Sequence

from topologies.events import CommandAnswered, Event, MailboxChanged
from topologies.ports.notices import Notices
from topologies.stage import stage


@stage(reads=[MailboxChanged, CommandAnswered], writes=[], is_early=True)
async def notify(fact: MailboxChanged | CommandAnswered, *, notices: Notices) -> Sequence[Event]:
    """Tell *fact* to all who listen to its mailbox now."""
    await notices.publish(fact)
    return []
