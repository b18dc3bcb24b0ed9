"""Versions of drafts in headers: ETag, If-Match, and what is told when they do not fit."""

import re
from collections.abc import Collection

from api.endpoint import Call
from api.problems import Problem, invalid_parameter
from topologies.events import ANY_VERSION, Draft

MOST_TAGS = 20  # of one If-Match
GONE = "there is no such draft in your mailbox"

_CHANGED = "the draft was saved again since: read it, and save what you wrote into that"
_TAG = re.compile(r'"([!#-~]{0,200})"')  # RFC 9110 §8.8.3; a weak one never matches


def etag(draft: Draft) -> str:
    """Return what names the version of *draft* in a header (RFC 9110 §8.8.3)."""
    return f'"{draft.version}"'


def tags_of(call: Call) -> list[str]:
    """Return the versions that If-Match names (RFC 9110 §13.1.1), ``ANY_VERSION`` for ``*``.

    Raises:
        Problem: It can't be read.
    """
    given = call.request.headers.get("if-match", "").strip()
    found: list[str] = []
    for each in given.split(",")[:MOST_TAGS] if given else ():
        tag = each.strip()
        if tag == ANY_VERSION:
            found.append(tag)
        elif match := _TAG.fullmatch(tag):
            found.append(match[1])
        else:
            raise invalid_parameter("If-Match", "write the ETag as it came, in quotes, or *")
    return found


def names(tags: Collection[str], draft: Draft) -> bool:
    """Tell whether *tags* name the version of *draft*."""
    return ANY_VERSION in tags or draft.version in tags


def changed() -> Problem:
    """Return the answer to whoever wrote on another version than the one that is there."""
    return Problem(412, _CHANGED, kind="draft-changed")
