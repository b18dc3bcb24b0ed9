"""Announce: whoever wants to be told what became of their mail is told, by their webhooks.

Reads `delivery.outcomes`; writes one `WebhookDue` for each recipient and each webhook of the
sender, or of the domain in whose name they sent, that wants to know; and that they may send less
from now on. Tells of mail that users sent
alone: not of what was forwarded, nor of answers and reports. Posting is `post`'s work.
"""

from collections.abc import Sequence

from topologies.events import DeliveryAttempted, Event
from topologies.events.webhook import MailComplained, SenderRestrained, WebhookDue
from topologies.mail import webhook_messages as messages
from topologies.ports.webhooks import Webhooks
from topologies.stage import stage


@stage(reads=[DeliveryAttempted, MailComplained, SenderRestrained], writes=[WebhookDue])
async def announce(
    told: DeliveryAttempted | MailComplained | SenderRestrained, *, webhooks: Webhooks
) -> Sequence[Event]:
    """Return what is to be posted."""
    if not told.user_id:
        return []
    if isinstance(told, DeliveryAttempted) and told.kind != "sent":
        return []
    domain = told.mail_from.rpartition("@")[2].lower()
    found = [*await webhooks.told(told.user_id)]
    if domain:
        found += await webhooks.told(f"@{domain}")
    if not found:
        return []
    if isinstance(told, SenderRestrained):
        return list(messages.of_restraint(told, found))
    if isinstance(told, MailComplained):
        return list(messages.of_complaint(told, found))
    return list(messages.of_attempt(told, found))
