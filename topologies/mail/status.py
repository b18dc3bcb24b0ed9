"""What enhanced status codes mean, in words that a person understands (RFC 3463, RFC 7505).

Reads codes; what becomes of a mail is not decided here.
"""

import re

_CODE = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})")

# By subject and detail: one sentence for a failure, which is also true while it may pass.
_WORDS = {
    "1.0": "There is something wrong with the address.",
    "1.1": "The mailbox does not exist.",
    "1.2": "The domain of the address does not exist.",
    "1.3": "The address is not written as an address must be.",
    "1.4": "The address stands for more than one mailbox.",
    "1.6": "The mailbox has moved, and nobody says where to.",
    "1.7": "Your own address is not written as an address must be.",
    "1.8": "The domain of your own address could not be found.",
    "1.9": "The message can't be passed on to the system that the address leads to.",
    "1.10": "The domain takes no mail at all.",
    "2.0": "There is something wrong with the mailbox.",
    "2.1": "The mailbox is switched off.",
    "2.2": "The mailbox is full.",
    "2.3": "The message is larger than the mailbox takes.",
    "2.4": "The mailing list could not be expanded.",
    "3.0": "The other system has a problem.",
    "3.1": "The other system has no room left.",
    "3.2": "The other system takes no mail at the moment.",
    "3.3": "The other system can't do what this message needs.",
    "3.4": "The message is larger than the other system takes.",
    "3.5": "The other system is not set up to take this mail.",
    "4.0": "There is a problem with the network.",
    "4.1": "The other system does not answer.",
    "4.2": "The connection to the other system broke.",
    "4.3": "The directory that leads to the other system does not answer.",
    "4.4": "No way to the other system could be found.",
    "4.5": "There is too much mail on the way at the moment.",
    "4.6": "The mail goes round in a circle.",
    "4.7": "The mail could not be delivered for so long that it was given up.",
    "5.0": "The two systems do not understand each other.",
    "5.3": "There are more recipients than the other system takes at once.",
    "6.0": "The other system does not take the content of the message.",
    "6.1": "The other system does not take this kind of content.",
    "6.7": "The other system does not take addresses with letters beyond ASCII.",
    "7.0": "The other system does not take the message for reasons of security.",
    "7.1": "The other system does not take mail from you, or not this one.",
    "7.2": "Only members may write to this mailing list.",
    "7.4": "A secure connection is needed, and the other system offers none that fits.",
    "7.5": "A secure connection to the other system could not be made.",
    "7.8": "The other system does not accept how we sign in.",
    "7.10": "A secure connection is needed, and the other system offers none that fits.",
    "7.20": "The message has no signature that the other system accepts.",
    "7.23": "The other system does not take mail of your domain from us.",
    "7.25": "The other system does not accept the name of our system.",
    "7.26": "The other system could not prove that the message is from your domain.",
    "7.27": "Your own domain takes no mail, so the other system takes none from it.",
    "7.28": "The other system says that it gets too much mail.",
}
_BY_CLASS = {
    "2": "The message was delivered.",
    "4": "The message could not be delivered yet.",
    "5": "The message could not be delivered.",
}
# Addresses that lead to nobody, and will not tomorrow: nobody should write to them again.
_DEAD_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})


def in_words(enhanced: str, code: int = 0) -> str:
    """Return a sentence that says what *enhanced* means; *code* counts where it is none."""
    match = _CODE.fullmatch(enhanced)
    kind = match[1] if match else str(code)[:1]
    if kind == "2":
        return _BY_CLASS["2"]
    words = _WORDS.get(f"{int(match[2])}.{int(match[3])}") if match else None
    return words or _BY_CLASS.get(kind, "The other system does not answer.")


def status_of(enhanced: str, *, otherwise: str) -> str:
    """Return *enhanced* if it can stand in a report (RFC 3464 §2.3.4), else *otherwise*.

    A code of another class is none either: what failed for good is not "4.2.2".
    """
    match = _CODE.fullmatch(enhanced)
    return enhanced if match and match[1] == otherwise[0] else otherwise


def is_dead_address(enhanced: str) -> bool:
    """Tell whether *enhanced* says that the address leads to nobody."""
    return enhanced in _DEAD_ADDRESS
