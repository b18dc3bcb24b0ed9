"""What the API takes and answers about the addresses that a user writes as."""

from typing import Annotated

from msgspec import Meta

from api.shapes import In, Out
from topologies.mail.identities import LONGEST_NAME, LONGEST_SIGNATURE


class IdentityIn(In, frozen=True, kw_only=True):
    """A name and a signature for an address."""

    name: Annotated[str, Meta(max_length=LONGEST_NAME)] = ""
    # Clients put it below what is written; the service adds it to nothing.
    signature: Annotated[str, Meta(max_length=LONGEST_SIGNATURE)] = ""


class IdentityOut(Out, frozen=True, kw_only=True):
    """An address that the user writes as."""

    address: str
    name: str  # in From, where a mail to be sent says none
    signature: str
    is_primary: bool  # the user's own, which is always there
