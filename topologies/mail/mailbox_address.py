"""A mailbox address as SMTP and people write it, and the one form in which two are compared.

Reads an addr-spec or forward-path (RFC 5321 §4.1.2, RFC 6531 §3.3), decides whether it is
valid and what it is equal to. Here the case of a local part does not matter, quoted local
parts equal unquoted ones, a domain in Unicode equals its A-labels (RFC 5891), and text that
looks alike because it is canonically equivalent is equal (NFC).
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# RFC 5321 §4.5.3.1: octets, which RFC 6531 §3.4 leaves as they are for UTF-8.
LOCAL_PART_BYTES = 64
DOMAIN_BYTES = 255
ADDRESS_BYTES = 254  # §4.5.3.1.3: a path has 256 with its < and >
LABEL_BYTES = 63  # RFC 1035 §2.3.4
FORWARD_PATH_CHARACTERS = 512  # with a source route; more is not looked at

_ATOM = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\U0010ffff]+"  # RFC 5322 §3.2.3, RFC 6531 §3.3
_DOT_STRING = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*)"')
_QUOTED_PAIR = re.compile(r"\\(.)")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_ROUTE = re.compile(r"@[^\s:\"<>]+:")  # Appendix C: accepted and ignored
_GENERAL_LITERAL = re.compile(r"[A-Za-z0-9-]*[A-Za-z0-9]:[!-Z^-~]+")  # §4.1.3


@dataclass(frozen=True, slots=True)
class MailboxAddress:
    """A valid address.

    Attributes:
        local: The local part without quotes and escapes, in NFC, its case as written.
        domain: In ASCII and lower case, or an address literal in its brackets.
    """

    local: str
    domain: str

    @property
    def key(self) -> str:
        """The form in which addresses are equal: what a directory looks up."""
        return f"{_quoted(_folded(self.local))}@{self.domain}"

    @property
    def without_tag(self) -> "MailboxAddress | None":
        """The address without ``+`` and what follows; None if nothing would be left."""
        base, plus, _ = self.local.partition("+")
        return MailboxAddress(base, self.domain) if base and plus else None

    @property
    def tag(self) -> str:
        """What stands behind the first ``+``, as written."""
        return self.local.partition("+")[2]

    @property
    def is_plain(self) -> bool:
        """Whether the local part needs no quotes and holds nothing that can't be seen."""
        return _DOT_STRING.fullmatch(self.local) is not None and not any(
            unicodedata.category(c)[0] in "CZ" for c in self.local
        )

    def __str__(self) -> str:
        return f"{_quoted(self.local)}@{self.domain}"


@lru_cache(maxsize=4_096)
def parse(text: str) -> MailboxAddress:
    """Return the address in *text*, which may stand in ``<>`` and have a source route.

    Raises:
        ValueError: It is no valid address; says why.
    """
    if len(text) > FORWARD_PATH_CHARACTERS:
        raise ValueError(f"a path has at most {FORWARD_PATH_CHARACTERS} characters")
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    if text.startswith("@") and (route := _ROUTE.match(text)):
        text = text[route.end() :]
    # A quoted local part may hold an "@", a domain none.
    written, at, domain = text.rpartition("@")
    if not at:
        raise ValueError(f"{_shown(text)} has no @")
    local = _local_part(written)
    ascii_domain = _literal(domain) if domain.startswith("[") else domain_in_ascii(domain)
    if _size(written) + 1 + len(ascii_domain) > ADDRESS_BYTES:
        raise ValueError(f"an address has at most {ADDRESS_BYTES} bytes")
    return MailboxAddress(local, ascii_domain)


@lru_cache(maxsize=4_096)
def domain_in_ascii(domain: str) -> str:
    """Return *domain* in lower case and A-labels, as it is compared and asked for in DNS.

    Raises:
        ValueError: It is no domain name; says why.
    """
    if len(domain) > DOMAIN_BYTES:
        raise ValueError(f"a domain has at most {DOMAIN_BYTES} bytes")
    # A-labels are taken as they are: what they decode to is not asked (RFC 5890 §2.3.2.1).
    name = domain.lower() if domain.isascii() else _a_labels(domain)
    labels = name.split(".")
    if len(name) > DOMAIN_BYTES or not all(
        len(label) <= LABEL_BYTES and _LABEL.fullmatch(label) for label in labels
    ):
        raise ValueError(f"{_shown(domain)} is no domain name")
    return name


def domain_in_unicode(domain: str) -> str:
    """Return *domain* with its A-labels as people read them; what can't be read stays."""
    import idna  # here, since most mail needs none of its tables

    labels: list[str] = []
    for label in domain.split("."):
        try:
            labels.append(idna.decode(label) if label.lower().startswith("xn--") else label)
        except (idna.IDNAError, UnicodeError):
            labels.append(label)
    return ".".join(labels)


def _local_part(written: str) -> str:
    if _size(written) > LOCAL_PART_BYTES:
        raise ValueError(f"the part before @ has at most {LOCAL_PART_BYTES} bytes")
    if _DOT_STRING.fullmatch(written):
        local = written
    elif quoted := _QUOTED.fullmatch(written):
        local = _QUOTED_PAIR.sub(r"\1", quoted[1])
    else:
        raise ValueError(f"{_shown(written)} can't stand before @")
    if not local.isascii():
        # RFC 6532 §3.1 asks for NFC; controls and line ends beyond ASCII have no place.
        local = unicodedata.normalize("NFC", local)
        if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in local):
            raise ValueError("the part before @ holds a control character")
        if _size(_quoted(_folded(local))) > LOCAL_PART_BYTES:  # some letters grow when folded
            raise ValueError(f"the part before @ has at most {LOCAL_PART_BYTES} bytes")
    return local


def _a_labels(domain: str) -> str:
    import idna  # here, since most mail needs none of its tables

    try:
        # UTS 46 without transitional mapping: ß and ς stay themselves, as IDNA2008 has it.
        return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError(f"{_shown(domain)} is no domain name") from error


def _literal(domain: str) -> str:
    """Return an address literal (RFC 5321 §4.1.3) in its shortest form."""
    inner = domain[1:-1] if domain.endswith("]") else ""
    try:
        if inner[:5].lower() == "ipv6:":
            return f"[IPv6:{ipaddress.IPv6Address(inner[5:])}]"
        if ":" in inner and _GENERAL_LITERAL.fullmatch(inner):
            return f"[{inner}]"
        return f"[{ipaddress.IPv4Address(inner)}]"
    except ValueError:
        raise ValueError(f"{_shown(domain)} is no address literal") from None


def _folded(local: str) -> str:
    # Lower, not casefold: that would make one person of "strasse" and "straße".
    if local.isascii():
        return local.lower()
    return unicodedata.normalize("NFC", local.lower())


def _quoted(local: str) -> str:
    if _DOT_STRING.fullmatch(local):
        return local
    return '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:79] + "…")
