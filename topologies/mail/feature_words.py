"""What features mean, in words that a person can read: why a mail was taken for spam.

Pure. Words of the mail itself are quoted, cut short, and without what could steer a screen,
since strangers wrote them. The features are those of ``topologies.mail.features``.
"""

import unicodedata
from collections.abc import Iterable

LONGEST_QUOTE = 40  # characters

_SIGNS = {
    "attaches-program": "a program is attached",
    "automatic": "it was sent by a machine",
    "has-form": "it holds a form to fill in",
    "has-signature": "it is signed off like a letter",
    "hides-text": "it hides text",
    "holds-patch": "it holds a patch",
    "image-only": "it is little but an image",
    "invisible-characters": "there are invisible characters in it",
    "link-in-other-script": "a link's address is in foreign letters",
    "link-long": "a link is unusually long",
    "link-names-address": "a link carries a mail address",
    "link-runs-code": "a link runs code",
    "link-shows-another-place": "a link leads elsewhere than it says",
    "link-to-deep-host": "a link leads to a host with many names",
    "link-to-ip": "a link leads to a bare IP address",
    "link-with-port": "a link names a port",
    "link-with-user": "a link holds a user name",
    "links-only-elsewhere": "no link leads to the sender's own domain",
    "links-to-sender": "links lead to the sender's own domain",
    "mixes-scripts": "Latin letters are mixed with ones that look alike",
    "plain-text": "it is plain text",
    "reply-elsewhere": "answers go to another domain than the sender's",
    "reply-to-sender": "answers go to the sender's domain",
    "sender-has-digits": "the sender's address is full of digits",
    "sender-has-no-address": "there is no sender's address",
    "sender-has-no-name": "the sender has no name",
    "sender-mixes-scripts": "the sender's name mixes letters that look alike",
    "sender-name-fits-address": "the sender's name fits the address",
    "sender-name-fits-not": "the sender's name does not fit the address",
    "sender-name-is-another-address": "the sender's name is somebody else's address",
    "subject-empty": "the subject is empty",
    "subject-forwards": "the subject is that of a forwarded mail",
    "subject-has-symbols": "there are pictures in the subject",
    "subject-mixes-scripts": "the subject mixes letters that look alike",
    "subject-replies": "the subject is that of a reply",
    "subject-shouts": "the subject is all in capitals",
}
_VERDICTS = {
    "dkim=fail": "no DKIM signature holds",
    "dkim=pass": "a DKIM signature holds",
    "dmarc=fail": "the sender's domain is not proved",
    "dmarc=fail:none": "the sender's domain is not proved",
    "dmarc=fail:quarantine": "the sender's domain is not proved, and asks to be careful then",
    "dmarc=fail:reject": "the sender's domain is not proved, and asks to refuse such mail",
    "dmarc=pass": "the sender's domain is proved",
    "signed-in": "its sender was signed in here",
    "spf=fail": "the sender's domain does not send from that host",
    "spf=softfail": "the sender's domain probably does not send from that host",
}
# What is counted, and whether the count is given by its length in bits.
_COUNTS = {
    "attachments": ("attachments", True),
    "exclamations": ("exclamation marks", True),
    "images": ("images from elsewhere", True),
    "link-domains": ("domains that links lead to", False),
    "links": ("links", True),
    "quoted-lines": ("quoted lines", True),
    "subject-characters": ("characters in the subject", True),
    "tags": ("HTML tags", True),
    "words": ("words", True),
}
_QUOTED = {
    "w": "the text says {}",
    "s": "the subject says {}",
    "f": "the sender's name says {}",
    "u": "a link leads to {}",
    "p": "a link's address says {}",
    "h": "there is <{}> in the HTML",
    "a": "a file of kind {} is attached",
    "r": "answers go to an address with {} in it",
    "m": "the program that wrote it is called {}",
    "c": "its HTML is dressed in {}",
}
_MARKS = {
    "mailer": "the program that wrote it is called {}",
    "priority": "it is marked as of priority {}",
    "type": "it is {} as a whole",
    "boundary": "its parts are parted by {}",
}


def described(features: Iterable[str], limit: int = 5) -> tuple[str, ...]:
    """Return what the first *limit* of *features* mean, each sentence once.

    Those that nobody would understand are left out.
    """
    found: dict[str, None] = {}
    for feature in features:
        if words := meaning(feature):
            found[words] = None
        if len(found) >= limit:
            break
    return tuple(found)


def meaning(feature: str) -> str:
    """Return what one feature means; empty if there are no words for it."""
    kind, _, rest = feature.partition(":")
    match kind:
        case "x":
            return _SIGNS.get(rest, "")
        case "v":
            return _VERDICTS.get(rest, "")
        case "n":
            return _count(rest)
        case "t":
            is_sender, _, label = rest.rpartition(":")
            whose = "the sender's address" if is_sender else "a link's domain"
            return f"{whose} ends in .{_clean(label)}" if label else ""
        case "k":
            mark, _, said = rest.partition(":")
            return _MARKS[mark].format(f"“{_clean(said)}”") if said and mark in _MARKS else ""
        case "l":
            what = "is of the form" if rest.endswith("@") else "says"
            said = _clean(rest.removesuffix("@"))
            return f"the sender's address {what} “{said}”" if said else ""
        case "h" | "a":
            return _QUOTED[kind].format(_clean(rest)) if rest else ""
        case _ if kind in _QUOTED and rest:
            return _QUOTED[kind].format(f"“{_clean(rest)}”")
        case _:
            return ""


def _count(rest: str) -> str:
    name, _, digits = rest.rpartition(":")
    if name == "shouted":
        return "much of it is in capitals" if digits not in ("", "0") else ""
    if name not in _COUNTS or not digits.isdecimal():
        return ""
    noun, is_length = _COUNTS[name]
    number = int(digits)
    if number == 0:
        return f"no {noun}"
    if not is_length:
        return f"{number} {noun}"
    if number == 1:
        return f"one of {noun}"
    return f"{2 ** (number - 1)} to {2**number - 1} {noun}"


def _clean(text: str) -> str:
    shown = "".join(c for c in text[:LONGEST_QUOTE] if unicodedata.category(c)[0] != "C")
    return shown + "…" if len(text) > LONGEST_QUOTE else shown
