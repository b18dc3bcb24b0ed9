"""Where users and domains want to be told what became of their mail, and how that fared."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

WebhookEventType = Literal[
    "email.delivered",
    "email.deferred",
    "email.bounced",
    "email.complained",
    "email.suppressed",
    "sender.throttled",
    "sender.suspended",
]
TEST = "webhook.test"  # the type of what is posted to try a webhook; counts neither way
MOST_OF_OWNER = 20
MAX_ATTEMPTS_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSecret:
    """What messages are signed with.

    Attributes:
        text: ``whsec_`` and base64.
        until: From then on it signs no more; None: it is the current one.
    """

    text: str = field(repr=False)
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One endpoint of somebody.

    Attributes:
        owner: A user's id, or ``@domain`` for all that is sent in the name of a domain.
        events: The types that it is told.
        secrets: The current one first, then those that sign beside it for a while.
        enabled_at: Since when it is told anything, made or switched on again.
        disabled_at: Since when it is told nothing; None: it is told.
        disabled_why: In words for its owner.
        failing_since: The first failure after the last success; None: it did not fail since.
        failures: How many there were since then, about.
    """

    webhook_id: str  # UUIDv7
    owner: str
    url: str
    events: tuple[WebhookEventType, ...]
    description: str = ""
    secrets: tuple[WebhookSecret, ...]
    created_at: datetime
    enabled_at: datetime
    disabled_at: datetime | None = None
    disabled_why: str = ""
    failing_since: datetime | None = None
    failures: int = 0

    @property
    def is_enabled(self) -> bool:
        """True while it is told what happens."""
        return self.disabled_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAttempt:
    """What posting a message came to, once.

    Attributes:
        status: Of the answer, by HTTP; 0: there was none.
        text: The beginning of the answer, or why there was none.
        next_try_at: When it is posted again; None: it is not.
    """

    webhook_id: str
    message_id: str
    type: str
    attempt: int
    attempted_at: datetime
    status: int
    text: str = ""
    took_ms: int = 0
    next_try_at: datetime | None = None

    @property
    def is_success(self) -> bool:
        """Whether the message was taken."""
        return 200 <= self.status < 300


class Webhooks(Protocol):
    """The webhooks of a deployment, a few of each owner, and what they answered lately.

    Every method may raise ``Retryable``.
    """

    async def add(self, webhook: Webhook) -> None:
        """Keep a new one.

        Raises:
            ValueError: Its owner has ``MOST_OF_OWNER``.
        """
        ...

    async def put(self, webhook: Webhook) -> bool:
        """Replace the one with its id by *webhook*; False if it is not there any more."""
        ...

    async def remove(self, owner: str, webhook_id: str) -> bool:
        """Forget one; False if the owner has none such."""
        ...

    async def of(self, owner: str) -> Sequence[Webhook]:
        """Return those of an owner, the oldest first."""
        ...

    async def told(self, owner: str) -> Sequence[Webhook]:
        """Return those of an owner that are enabled; may be a second old.

        Asked for each mail that is sent.
        """
        ...

    async def find(self, owner: str, webhook_id: str) -> Webhook | None:
        """Return one, or None if the owner has none such."""
        ...

    async def disable(self, owner: str, webhook_id: str, at: datetime, why: str) -> None:
        """Tell one nothing more, unless it was enabled after *at*, is disabled, or is gone."""
        ...

    async def attempt(self, message_id: str, attempt: int) -> WebhookAttempt | None:
        """Return what an attempt came to that was made already, or None.

        Asked before each attempt, since a record may be handed in twice.
        """
        ...

    async def note(self, webhook: Webhook, attempt: WebhookAttempt) -> None:
        """Keep what an attempt came to, and how *webhook* fares by it; return once durable.

        Kept for some days longer than messages are tried. How it fares is counted exactly where
        one process posts, else about.
        """
        ...

    async def attempts(self, webhook_id: str, *, limit: int = 50) -> Sequence[WebhookAttempt]:
        """Return the last attempts of a webhook, the newest first."""
        ...
