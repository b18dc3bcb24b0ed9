"""The words of Sieve: which commands and tests there are, and what each takes.

RFC 5228; extensions by their RFCs, see ``EXTENSIONS``. What is not here is no word of ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Kind = Literal["number", "string", "strings"]
Tests = Literal["none", "one", "some"]

# What `require` may name.
EXTENSIONS = (
    "body",  # RFC 5173
    "copy",  # RFC 3894
    "date",  # RFC 5260
    "encoded-character",  # RFC 5228 §2.4.2.4
    "envelope",  # RFC 5228 §5.4
    "ereject",  # RFC 5429
    "fileinto",  # RFC 5228 §4.1
    "imap4flags",  # RFC 5232
    "index",  # RFC 5260 §6
    "mailbox",  # RFC 5490
    "reject",  # RFC 5429
    "relational",  # RFC 5231
    "spamtest",  # RFC 5235
    "spamtestplus",  # RFC 5235 §2.2
    "subaddress",  # RFC 5233
    "vacation",  # RFC 5230
    "vacation-seconds",  # RFC 6131
    "variables",  # RFC 5229
    "comparator-i;ascii-casemap",
    "comparator-i;ascii-numeric",  # RFC 4790
    "comparator-i;octet",
)
COMPARATORS = ("i;ascii-casemap", "i;octet", "i;ascii-numeric")
RELATIONS = ("gt", "ge", "lt", "le", "eq", "ne")  # RFC 5231 §3


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged argument.

    Attributes:
        value: What follows it, if anything does.
        needs: The extension that it comes with.
        group: Of those in one group only one may stand.
    """

    value: Kind | None = None
    needs: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """What a command or test takes.

    Attributes:
        takes: What stands there without tags, in this order.
        needs: The extensions of which one must be required; none: it is always there.
        optional_first: The first of ``takes`` may be left out if this is required; empty: not.
        block: For commands: must have a block.
        after: For commands: what alone may stand before it.
    """

    takes: tuple[Kind, ...] = ()
    tags: Mapping[str, Tag] = field(default_factory=lambda: MappingProxyType({}))
    needs: tuple[str, ...] = ()
    optional_first: str = ""
    tests: Tests = "none"
    block: bool = False
    after: tuple[str, ...] = ()


_MATCH = {
    "is": Tag(group="match type"),
    "contains": Tag(group="match type"),
    "matches": Tag(group="match type"),
    "value": Tag("string", "relational", "match type"),
    "count": Tag("string", "relational", "match type"),
    "comparator": Tag("string"),
}
_PART = {
    "all": Tag(group="address part"),
    "localpart": Tag(group="address part"),
    "domain": Tag(group="address part"),
    "user": Tag(needs="subaddress", group="address part"),
    "detail": Tag(needs="subaddress", group="address part"),
}
_INDEX = {"index": Tag("number", "index"), "last": Tag(needs="index")}
_ZONE = {"zone": Tag("string", group="zone"), "originalzone": Tag(group="zone")}
_COPY = {"copy": Tag(needs="copy")}
_FLAGS = {"flags": Tag("strings", "imap4flags")}

COMMANDS: Mapping[str, Form] = MappingProxyType(
    {
        "require": Form(("strings",)),
        "if": Form(tests="one", block=True),
        "elsif": Form(tests="one", block=True, after=("if", "elsif")),
        "else": Form(block=True, after=("if", "elsif")),
        "stop": Form(),
        "keep": Form(tags=_FLAGS),
        "discard": Form(),
        "redirect": Form(("string",), _COPY),
        "fileinto": Form(
            ("string",), _COPY | _FLAGS | {"create": Tag(needs="mailbox")}, ("fileinto",)
        ),
        "reject": Form(("string",), needs=("reject",)),
        "ereject": Form(("string",), needs=("ereject",)),
        "vacation": Form(
            ("string",),
            {
                "days": Tag("number", group="period"),
                "seconds": Tag("number", "vacation-seconds", "period"),
                "subject": Tag("string"),
                "from": Tag("string"),
                "addresses": Tag("strings"),
                "mime": Tag(),
                "handle": Tag("string"),
            },
            ("vacation", "vacation-seconds"),  # RFC 6131 §2: which implies the other
        ),
        "set": Form(
            ("string", "string"),
            {
                "lower": Tag(group="case"),
                "upper": Tag(group="case"),
                "lowerfirst": Tag(group="first letter"),
                "upperfirst": Tag(group="first letter"),
                "quotewildcard": Tag(),
                "length": Tag(),
            },
            ("variables",),
        ),
        **{
            name: Form(("string", "strings"), needs=("imap4flags",), optional_first="variables")
            for name in ("setflag", "addflag", "removeflag")
        },
    }
)

TESTS: Mapping[str, Form] = MappingProxyType(
    {
        "true": Form(),
        "false": Form(),
        "not": Form(tests="one"),
        "allof": Form(tests="some"),
        "anyof": Form(tests="some"),
        "exists": Form(("strings",)),
        "size": Form(("number",), {"over": Tag(group="size"), "under": Tag(group="size")}),
        "header": Form(("strings", "strings"), _MATCH | _INDEX),
        "address": Form(("strings", "strings"), _MATCH | _PART | _INDEX),
        "envelope": Form(("strings", "strings"), _MATCH | _PART, ("envelope",)),
        "body": Form(
            ("strings",),
            _MATCH
            | {
                "raw": Tag(group="transform"),
                "text": Tag(group="transform"),
                "content": Tag("strings", group="transform"),
            },
            ("body",),
        ),
        "string": Form(("strings", "strings"), _MATCH, ("variables",)),
        "hasflag": Form(
            ("strings", "strings"), _MATCH, ("imap4flags",), optional_first="variables"
        ),
        "date": Form(("string", "string", "strings"), _MATCH | _ZONE | _INDEX, ("date",)),
        "currentdate": Form(("string", "strings"), _MATCH | {"zone": Tag("string")}, ("date",)),
        "mailboxexists": Form(("strings",), needs=("mailbox",)),
        "spamtest": Form(
            ("string",),
            _MATCH | {"percent": Tag(needs="spamtestplus")},
            ("spamtest", "spamtestplus"),  # RFC 5235 §2.2: which implies the other
        ),
    }
)
