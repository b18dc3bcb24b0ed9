"""Webhooks as stores keep them: what their owner says of them as one JSON text."""

from collections.abc import Callable
from dataclasses import fields, replace

import msgspec

from topologies.ports.webhooks import Webhook, WebhookAttempt, WebhookSecret

# What changes without their owner has columns of its own.
BESIDE = frozenset({"disabled_at", "disabled_why", "failing_since", "failures"})

_OWN = {field.name: field.default for field in fields(Webhook) if field.name in BESIDE}
Change = Callable[[str], str]  # of a secret's text


def _same(text: str) -> str:
    return text


def kept(webhook: Webhook, sealed: Change = _same) -> bytes:
    """Return what is kept of *webhook*, its secrets *sealed*."""
    secrets = tuple(replace(each, text=sealed(each.text)) for each in webhook.secrets)
    return msgspec.json.encode(replace(webhook, secrets=secrets, **_OWN))


def read(text: bytes, opened: Change = _same) -> Webhook:
    """Return the webhook that is kept as *text*; what stands beside it is left as new."""
    webhook = msgspec.json.decode(text, type=Webhook)
    secrets = tuple(
        WebhookSecret(text=opened(each.text), until=each.until) for each in webhook.secrets
    )
    return replace(webhook, secrets=secrets)


def attempt_kept(attempt: WebhookAttempt) -> bytes:
    """Return what is kept of *attempt*."""
    return msgspec.json.encode(attempt)


def attempt_read(text: bytes) -> WebhookAttempt:
    """Return the attempt that is kept as *text*."""
    return msgspec.json.decode(text, type=WebhookAttempt)
