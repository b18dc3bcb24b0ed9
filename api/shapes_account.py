"""What the HTTP API takes and gives about signing in and one's own account."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta

from api.shapes import In, Out

MOST_CODE_CHARACTERS = 100

GivenPassword = Annotated[str, Meta(min_length=1, max_length=1_024)]
NewPassword = Annotated[str, Meta(min_length=8, max_length=1_024)]
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
