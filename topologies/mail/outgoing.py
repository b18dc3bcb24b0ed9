"""What of a message a server can take: its parameters, its changes, or why not at all.

Decides by what the server offered in EHLO: SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8
(RFC 6531), DSN (RFC 3461), REQUIRETLS (RFC 8689). Asks nothing.
"""

import base64
import binascii
import email
import email.policy
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.generator import BytesGenerator
from email.message import Message
from email.utils import encode_rfc2231

from topologies.events import BodyType, DeliveryWishes
from topologies.mail import require_tls
from topologies.mail.mailbox_address import parse
from topologies.mail.mx import Refusal

Features = Mapping[str, str]  # by keyword in upper case: what stood behind it

MOST_QUOTED = 2  # times as long as it was: else little of it is ASCII

_WITH_PARAMETERS = ("content-type", "content-disposition")
_EIGHT_BIT_PARAMETER = re.compile(r'([!#-+\--:<>-~]+)="([^"\\]*[^\x00-\x7f"\\][^"\\]*)"')
_LONE_LINE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n")


@dataclass(frozen=True, slots=True)
class Recipient:
    """One of them, and how it is written to this server."""

    address: str
    command: str


@dataclass(frozen=True, slots=True)
class Fitted:
    """A mail as one server can take it.

    Attributes:
        mail: The MAIL command.
        recipients: Each with its RCPT command.
        refused: Those who can't be named to this server, and why.
        raw: The message, with CRLF line ends, without stuffed dots.
        takes_wishes: The server was told who wants to be told of what.
    """

    mail: str
    recipients: tuple[Recipient, ...]
    refused: Mapping[str, Refusal]
    raw: bytes
    takes_wishes: bool


def fit(
    mail_from: str,
    recipients: Sequence[str],
    raw: bytes,
    *,
    features: Features,
    smtputf8: bool,
    body_type: BodyType,
    wishes: DeliveryWishes | None,
    requires_tls: bool = False,
) -> Fitted | Refusal:
    """Return *raw* as the server with *features* can take it, or why it can't."""
    if requires_tls and require_tls.KEYWORD not in features:
        return require_tls.NOT_OFFERED
    takes_utf8 = "SMTPUTF8" in features
    header = raw[: raw.find(b"\r\n\r\n")] if b"\r\n\r\n" in raw else raw
    if not takes_utf8 and smtputf8 and not header.isascii():
        return Refusal("5.6.7", "the server takes no header in UTF-8")
    is_eight_bit = not raw.isascii()
    if body_type == "BINARYMIME" or is_eight_bit:
        fitted = _body(raw, features, is_eight_bit=is_eight_bit)
        if fitted is None:
            return Refusal("5.6.3", "the message can't be written in a way that this server takes")
        is_eight_bit = not fitted.isascii()
        raw = fitted
    if _too_large(raw, features):
        return Refusal("5.3.4", f"the server takes {features['SIZE']} bytes, the message has more")
    try:
        sender = _address(mail_from, takes_utf8=takes_utf8)
    except ValueError:
        return Refusal("5.6.7", f"the server takes no address like {mail_from}")
    chosen: list[Recipient] = []
    refused: dict[str, Refusal] = {}
    options = _wishes_of_all(wishes) if "DSN" in features else ""
    for recipient in recipients:
        try:
            address = _address(recipient, takes_utf8=takes_utf8)
        except ValueError:
            refused[recipient] = Refusal("5.6.7", "the server takes no address in UTF-8")
            continue
        wish = _wishes_of(wishes, recipient) if "DSN" in features else ""
        chosen.append(Recipient(recipient, f"RCPT TO:<{address}>{wish}"))
    utf8 = takes_utf8 and (smtputf8 or not all(r.command.isascii() for r in chosen))
    command = f"MAIL FROM:<{sender}>"
    command += f" SIZE={len(raw)}" if "SIZE" in features else ""
    command += " BODY=8BITMIME" if is_eight_bit and "8BITMIME" in features else ""
    command += " SMTPUTF8" if utf8 or (takes_utf8 and not sender.isascii()) else ""
    command += f" {require_tls.KEYWORD}" if requires_tls else ""
    return Fitted(command + options, tuple(chosen), refused, raw, "DSN" in features)


def stuffed(raw: bytes) -> bytes:
    """Return *raw* as it stands after DATA, with its last dot (RFC 5321 §4.5.2)."""
    data = raw.replace(b"\r\n.", b"\r\n..")
    if data.startswith(b"."):
        data = b"." + data
    has_end = data.endswith(b"\r\n") or not data
    return data + (b".\r\n" if has_end else b"\r\n.\r\n")


def _body(raw: bytes, features: Features, *, is_eight_bit: bool) -> bytes | None:
    if not _LONE_LINE_END.search(raw) and b"\0" not in raw:
        if not is_eight_bit or "8BITMIME" in features:
            return raw
        if raw[: raw.find(b"\r\n\r\n")].isascii():
            return _seven_bit(raw)
        return raw if "SMTPUTF8" in features else None
    return None


def _seven_bit(raw: bytes) -> bytes | None:
    """Return *raw* with its parts encoded so that they are ASCII; None if that can't be done."""
    policy = email.policy.compat32.clone(cte_type="7bit", linesep="\r\n", max_line_length=0)
    written = io.BytesIO()
    try:
        message = email.message_from_bytes(raw, policy=policy)
        for part in message.walk():
            _encode(part)
            _name_in_ascii(part)
        BytesGenerator(written, mangle_from_=False, policy=policy).flatten(message)
    except (ValueError, LookupError, KeyError, IndexError, TypeError, AttributeError):
        return None
    except RecursionError:
        return None
    converted = written.getvalue()
    return converted if converted.isascii() and not _LONE_LINE_END.search(converted) else None


def _encode(part: Message) -> None:
    """Encode *part* by what it is of, whatever charset it says that it has, if any (RFC 2045 §6).

    A text is quoted-printable, so that most of it can be read as it is, if most of it is ASCII.
    """
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding not in ("", "7bit", "8bit", "binary"):
        return
    content = part.get_payload(decode=True)  # as it stands there; None: it holds others
    if isinstance(content, bytes) and not content.isascii():
        quoted = _quoted(content)
        is_text = part.get_content_maintype() == "text"
        is_quoted = is_text and len(quoted) <= MOST_QUOTED * len(content)
        encoding = "quoted-printable" if is_quoted else "base64"
        part.set_payload(quoted if is_quoted else _in_base64(content))
    elif encoding in ("", "7bit"):
        return
    else:
        encoding = "7bit"
    del part["Content-Transfer-Encoding"]
    part["Content-Transfer-Encoding"] = encoding


def _name_in_ascii(part: Message) -> None:
    """Write parameters of *part* that hold eight bits, as names of files do, in ASCII.

    Else the whole field would be encoded, and nobody could read of what type the part is.
    """
    for name, value in part.raw_items():
        written = str(value)
        if name.lower() in _WITH_PARAMETERS and not written.isascii():
            part.replace_header(name, _EIGHT_BIT_PARAMETER.sub(_extended, written))


def _extended(match: re.Match[str]) -> str:
    """Return a parameter in the form of RFC 2231 §4."""
    octets = match[2].encode("ascii", "surrogateescape")
    try:
        value = octets.decode("utf-8")
    except UnicodeDecodeError:
        value = octets.decode("latin-1")
    return f"{match[1]}*={encode_rfc2231(value, 'utf-8')}"


def _quoted(octets: bytes) -> str:
    return binascii.b2a_qp(octets, istext=True).decode("ascii")


def _in_base64(octets: bytes) -> str:
    return base64.encodebytes(octets).decode("ascii")


def _too_large(raw: bytes, features: Features) -> bool:
    size = features.get("SIZE", "")
    # RFC 1870 §4: 0 means that there is no limit.
    return size.isascii() and size.isdigit() and 0 < int(size[:18]) < len(raw)


def _address(address: str, *, takes_utf8: bool) -> str:
    """Return *address* as it is written to the server.

    Raises:
        ValueError: It can't be, without SMTPUTF8 (RFC 6531 §3.2).
    """
    if "\r" in address or "\n" in address:
        raise ValueError  # never: but it would be a command of its own
    if address.isascii() or takes_utf8:
        return address
    local, _, _ = address.rpartition("@")
    if not local.isascii():
        raise ValueError
    return f"{local}@{parse(address).domain}"


def _wishes_of_all(wishes: DeliveryWishes | None) -> str:
    if wishes is None:
        return ""
    returned = f" RET={wishes.returned}" if wishes.returned else ""
    envelope_id = f" ENVID={_xtext(wishes.envelope_id)}" if wishes.envelope_id else ""
    return returned + envelope_id


def _wishes_of(wishes: DeliveryWishes | None, recipient: str) -> str:
    for wish in wishes.recipients if wishes is not None else ():
        if wish.recipient == recipient:
            notify = f" NOTIFY={','.join(wish.notify)}" if wish.notify else ""
            kind, semicolon, original = wish.original.partition(";")
            is_plain = bool(semicolon) and original.isascii()
            return notify + (f" ORCPT={kind};{_xtext(original)}" if is_plain else "")
    return ""


def _xtext(text: str) -> str:
    """Return *text* so that it holds no space, ``+`` or ``=`` (RFC 3461 §4)."""
    return "".join(
        c if "!" <= c <= "~" and c not in "+=" else "".join(f"+{b:02X}" for b in c.encode())
        for c in text
    )
