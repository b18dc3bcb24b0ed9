"""What the HTTP API takes and gives about signing in and one's own account."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from api.shapes import In, Out
from topologies.ports.directory import LEAST_PASSWORD_CHARACTERS

MOST_CODE_CHARACTERS = 100

GivenPassword = Annotated[str, Meta(min_length=1, max_length=1_024)]
NewPassword = Annotated[str, Meta(min_length=LEAST_PASSWORD_CHARACTERS, max_length=1_024)]
Code = Annotated[str, Meta(min_length=1, max_length=MOST_CODE_CHARACTERS)]


class RevokeForm(In, frozen=True, kw_only=True):
    """A token to be made worthless (RFC 7009 §2.1), as a form."""

    token: str  # an access or a refresh token
    token_type_hint: str = ""  # not needed: tokens tell themselves apart
    client_id: str = ""  # taken and ignored, since clients send them
    client_secret: str = ""


class SessionOut(Out, frozen=True, kw_only=True):
    """One program that is signed in."""

    session_id: str
    client: str  # what it calls itself (User-Agent), shortened
    scopes: tuple[str, ...]
    created_at: datetime
    seen_on: date  # the day (UTC) on which it last asked for something
    expires_at: datetime  # if it is not seen until then
    is_this: bool


class PasswordIn(In, frozen=True, kw_only=True):
    """Another password for oneself."""

    old_password: GivenPassword
    password: NewPassword


class TotpIn(In, frozen=True, kw_only=True):
    """The wish for a second factor."""

    password: GivenPassword


class CodeIn(In, frozen=True, kw_only=True):
    """A code that the app shows."""

    code: Code


class TotpOffIn(In, frozen=True, kw_only=True):
    """The wish for no second factor any more."""

    password: GivenPassword
    code: Code  # of the app, or a recovery code


class TotpOut(Out, frozen=True, kw_only=True):
    """How it stands with the second factor; ``proposed`` until a code of it was shown."""

    state: Literal["off", "proposed", "on"]
    recovery_codes_left: int


class NewTotp(Out, frozen=True, kw_only=True):
    """A second factor, told this once. It is asked for when a code of it was confirmed."""

    secret: str  # in base32, to be typed into an app
    uri: str  # the same to be read from a picture
    recovery_codes: tuple[str, ...]  # each good once, for whoever has lost the app


class TokenForm(In, frozen=True, kw_only=True):
    """Sign-in with a password (RFC 6749 §4.3) or a refresh token (§6), as a form."""

    grant_type: Literal["password", "refresh_token"]
    username: str = ""  # the mail address
    password: str = ""
    otp: str = ""  # a code of the second factor, or a recovery code, where one is asked for
    refresh_token: str = ""
    scope: str = ""  # some of: read send admin, of which none is all; and offline_access
    client_id: str = ""  # taken and ignored, since clients send them
    client_secret: str = ""


class Token(Out, frozen=True, kw_only=True):
    """What signs further requests: `Authorization: Bearer …`."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int  # seconds
    scope: str
    refresh_token: str | UnsetType = UNSET  # where offline_access was asked for; good for one turn


class Me(Out, frozen=True, kw_only=True):
    """Who is signed in, and how their mailbox stands."""

    user_id: str
    address: str
    name: str
    is_admin: bool
    used_bytes: int
    quota_bytes: int | None
    cursor: int  # number of the mailbox's last change


class AppPasswordIn(In, frozen=True, kw_only=True):
    """A program that shall be able to send mail."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]


class AppPasswordOut(Out, frozen=True, kw_only=True):
    """An app password, without its text."""

    password_id: str
    name: str
    created_at: datetime


class NewAppPassword(AppPasswordOut, frozen=True, kw_only=True):
    """The same with its text, which is told this once."""

    username: str
    password: str
