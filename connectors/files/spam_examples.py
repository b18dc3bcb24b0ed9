"""Made-up mail of today, added to whatever the spam model is trained on.

Reads `models/examples.txt`, which tells its own form. What a link's address is made of is left
out: all addresses in there are of reserved names, which real mail does not use.
"""

import html
import re
from collections.abc import Iterator
from importlib import resources

from connectors.files.spam_training import Labelled
from topologies.events import Address, Authentication, Message
from topologies.mail.features import features

EXAMPLES = "models/examples.txt"
COPIES = 3  # each counts as often: they are few, and all there is of today
_FIELDS = 5
_LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
_UNREAL = ("t:", "u:", "p:example")


def examples() -> Iterator[Labelled]:
    """Yield all examples, ``COPIES`` times, each in a group of its own."""
    text = (resources.files("connectors.files") / EXAMPLES).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            kind, name, address, subject, body = (p.strip() for p in line.split("|", _FIELDS - 1))
            found = features(_message(name, address, subject, body), Authentication())
            kept = [f for f in found if not f.startswith(_UNREAL)]
            example = Labelled(features=kept, is_spam=kind == "spam", group=subject)
            yield from [example] * COPIES


def _message(name: str, address: str, subject: str, body: str) -> Message:
    text = _LINK.sub(r"\1\n\2", body.replace(" § ", "\n\n"))
    marked = None
    if _LINK.search(body):
        escaped = html.escape(body, quote=False)
        linked = _LINK.sub(r'<a href="\2" style="padding:12px">\1</a>', escaped)
        paragraphs = "".join(f"<p>{part}</p>" for part in linked.split(" § "))
        marked = f"<html><body><table><tr><td>{paragraphs}</td></tr></table></body></html>"
    sender = (Address(address=address, name=name),)
    return Message(subject=subject, from_=sender, text=text, html=marked)
