"""Webhooks for tests of what is told to them."""

from typing import Any

from tests.services import AT
from topologies.mail.webhook_messages import MEANINGS
from topologies.ports.webhooks import Webhook, WebhookSecret

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ALL = tuple(MEANINGS)


def a_webhook(owner: str, webhook_id: str, **more: Any) -> Webhook:
    known: dict[str, Any] = {
        "url": "https://shop.example/hook",
        "events": ALL,
        "secrets": (WebhookSecret(text=SECRET),),
        "created_at": AT,
        "enabled_at": AT,
    }
    return Webhook(owner=owner, webhook_id=webhook_id, **(known | more))
