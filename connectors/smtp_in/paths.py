"""Arguments of MAIL and RCPT: a path and ESMTP parameters (RFC 5321 §4.1.1, §4.1.2).

Decides what is a path; whether the address in it exists is ``policy``'s work.
"""

import re
from dataclasses import dataclass

from topologies.mail import mailbox_address

# In brackets, where a quoted local part may hold ">"; or bare, as old clients write it.
_ARGUMENT = re.compile(
    r"(?:<(?P<path>(?:[^<>\"\\]|\"(?:[^\"\\]|\\.)*\")*)>|(?P<bare>[^<>\s]+))(?:\s+(?P<rest>.*))?"
)
_PARAMETER = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9-]*)(?:=(?P<value>[!-<>-~]+))?")
# A sender is only answered to: host names that are none, as with "_", are taken.
_SENDER = re.compile(r"[^\s@<>\"\x00-\x1f\x7f]{1,64}@[^\s@<>\"\x00-\x1f\x7f]{1,189}")


@dataclass(frozen=True, slots=True)
class Argument:
    """What stood after ``FROM:`` or ``TO:``.

    Attributes:
        path: Without ``<>`` and without a source route; empty for ``<>``.
        parameters: By name in upper case; an empty value where none was given.
        is_repeated: A parameter was given twice.
    """

    path: str
    parameters: dict[str, str]
    is_repeated: bool = False


def read(keyword: str, text: str | None) -> Argument | None:
    """Return the argument in *text*, which begins with *keyword* (``FROM:``); None if it doesn't.

    A space after the colon is no error: many clients write one.
    """
    if text is None or text[: len(keyword)].upper() != keyword:
        return None
    found = _ARGUMENT.fullmatch(text[len(keyword) :].strip(" "))
    if found is None:
        return None
    parameters: dict[str, str] = {}
    names = 0
    for word in (found["rest"] or "").split():
        parameter = _PARAMETER.fullmatch(word)
        if parameter is None:
            return None
        parameters[parameter["name"].upper()] = parameter["value"] or ""
        names += 1
    path = found["bare"] if found["path"] is None else found["path"]
    return Argument(_without_route(path), parameters, is_repeated=names != len(parameters))


def is_sender(path: str) -> bool:
    """Tell whether *path*, not empty, can be a reverse-path."""
    if _SENDER.fullmatch(path):
        return True
    try:
        mailbox_address.parse(path)
    except ValueError:
        return False
    return True


def _without_route(path: str) -> str:
    # RFC 5321 §4.1.1.3 and appendix C: a source route is accepted and ignored.
    if path.startswith("@") and ":" in path:
        return path.partition(":")[2]
    return path
