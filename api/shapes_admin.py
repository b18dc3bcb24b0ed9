"""What the HTTP API takes and gives about domains, users and aliases, for administrators."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from api.shapes import In, ListQuery, Out
from api.shapes_account import NewPassword
from api.shapes_folders import MAX_NAME_CHARACTERS
from api.shapes_sending import MAX_ADDRESS_CHARACTERS
from topologies.mail.local_names import MOST_TARGETS

MOST_GRACE_DAYS = 3_650

GivenDomain = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)]
GivenAddress = Annotated[str, Meta(min_length=1, max_length=MAX_ADDRESS_CHARACTERS)]
Quota = Annotated[int, Meta(ge=0, le=2**63 - 1, description="bytes; 0: no limit")]


class DomainIn(In, frozen=True, kw_only=True):
    """A domain to take mail for."""

    domain: GivenDomain


class DomainOut(Out, frozen=True, kw_only=True):
    """A domain whose mail is taken here."""

    domain: str  # in ASCII form


class DomainPage(Out, frozen=True, kw_only=True):
    """A stretch of the domains."""

    domains: tuple[DomainOut, ...]
    has_more: bool
    next_cursor: str | None


class DomainQuery(ListQuery, frozen=True, kw_only=True):
    """Which stretch of a list, of one domain or of all."""

    domain: GivenDomain | None = None


class UserIn(In, frozen=True, kw_only=True):
    """A user to be added."""

    address: GivenAddress
    password: NewPassword
    name: Annotated[str, Meta(max_length=MAX_NAME_CHARACTERS)] = ""
    quota_bytes: Quota | None = None  # None: as is set for new users
    is_admin: bool = False


class UserPatch(In, frozen=True, kw_only=True):
    """What to change of a user (RFC 7396): what is absent stays."""

    password: NewPassword | UnsetType = UNSET
    quota_bytes: Quota | UnsetType = UNSET
    is_suspended: bool | UnsetType = UNSET  # false: is not to be deleted either


class UserOut(Out, frozen=True, kw_only=True):
    """A user."""

    user_id: str
    address: str
    name: str
    quota_bytes: int | None
    is_admin: bool
    is_suspended: bool
    created_at: datetime
    deletes_at: datetime | None  # suspended until then, and gone after


class UserList(Out, frozen=True, kw_only=True):
    """A stretch of the users, in an order that stays."""

    users: tuple[UserOut, ...]
    has_more: bool
    next_cursor: str | None


class RemoveQuery(In, frozen=True, kw_only=True):
    """How to delete a user."""

    grace_days: (
        Annotated[
            int, Meta(ge=0, le=MOST_GRACE_DAYS, description="kept suspended first; 0: gone at once")
        ]
        | None
    ) = None


class UsageLine(Out, frozen=True, kw_only=True):
    """How much a user has here."""

    user_id: str
    address: str
    used_bytes: int
    quota_bytes: int | None
    mails: int
    unread: int


class UsagePage(Out, frozen=True, kw_only=True):
    """A stretch of what users have here, in the order of the users."""

    users: tuple[UsageLine, ...]
    has_more: bool
    next_cursor: str | None


class AliasIn(In, frozen=True, kw_only=True):
    """Where an alias leads to."""

    targets: Annotated[tuple[GivenAddress, ...], Meta(min_length=1, max_length=MOST_TARGETS)]
    members_only: bool = False  # only those it leads to may write to it


class AliasOut(Out, frozen=True, kw_only=True):
    """An alias; the local part `*` stands for all that nobody else has."""

    alias: str
    targets: tuple[str, ...]
    members_only: bool


class AliasPage(Out, frozen=True, kw_only=True):
    """A stretch of the aliases, by address."""

    aliases: tuple[AliasOut, ...]
    has_more: bool
    next_cursor: str | None
