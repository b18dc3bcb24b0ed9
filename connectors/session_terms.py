"""What a session begins with, and what a turn of it may give: the same wherever it is kept."""

from datetime import datetime, timedelta

from topologies.mail.ids import new_id
from topologies.ports.sessions import LONGEST_CLIENT, Scope, SignedIn


def begun(client: str, scopes: frozenset[Scope], now: datetime, lasting: timedelta) -> SignedIn:
    """Return a new session of *client* that ends after *lasting*, unless it is turned."""
    return SignedIn(
        session_id=new_id(now),
        client=client[:LONGEST_CLIENT],
        scopes=scopes,
        created_at=now,
        seen_on=now.date(),
        expires_at=now + lasting,
    )


def narrowed(asked: frozenset[Scope] | None, told: SignedIn) -> frozenset[Scope]:
    """Return the scopes that a turn of *told* gives: those *asked* for; None: all it has.

    Raises:
        ValueError: They are more than it has.
    """
    if asked is None:
        return told.scopes
    if not asked <= told.scopes:
        raise ValueError("those are more scopes than the session has")
    return asked
