"""Who posts messages to webhooks."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of posting.

    Attributes:
        status: By HTTP; 0: there was no answer.
        text: The beginning of the answer, or why there was none: in words its owner may read.
        took_ms: How long that took.
        after_s: How long to wait at least before the next one, if the answer said so.
    """

    status: int
    text: str = ""
    took_ms: int = 0
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class NotNow:
    """Nothing was posted, since it is not this message's turn.

    Attributes:
        reason: In words.
        for_s: How long that may last, in seconds.
    """

    reason: str
    for_s: float = 5.0


class Messenger(Protocol):
    """Posts messages. Never raises for what an endpoint, the network or the DNS does."""

    def turn(self, message_id: str) -> AbstractAsyncContextManager[None]:
        """Wait until nobody else in this process works on *message_id*; keep others waiting.

        A record may be there twice, and both may be worked on at the same time.
        """
        ...

    async def post(
        self, webhook_id: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Reply | NotNow:
        """Post *body* once, follow no redirect, and return what came of it.

        *headers* have names in lower case; without ``content-type`` it is JSON. *webhook_id* names
        the line that the message stands in.

        Takes some seconds at most once it has begun, and has few messages of one webhook under
        way: one that is slow or dead keeps no other waiting. What is put off counts as no attempt.
        """
        ...
