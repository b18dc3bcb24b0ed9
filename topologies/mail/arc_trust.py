"""Whom of a chain's sealers to believe (RFC 8617 §7.2 leaves it to the receiver).

Pure. A seal only proves who said something. So a chain helps a message whose DMARC failed here
if every host in it is one that the deployment trusts, and one of them says that DMARC passed
when the message came to it.
"""

from collections.abc import Collection

from topologies.events.inbound import ArcVerdict
from topologies.mail import arc_chain, dkim_canonical
from topologies.mail.authres_reader import AuthResultsSyntaxError, parse

_FROM = ("header", "from")


def voucher(raw: bytes, verdict: ArcVerdict, *, from_domain: str, trusted: Collection[str]) -> str:
    """Return the first sealer that says that DMARC passed; empty if there is none to believe.

    Args:
        raw: The message.
        verdict: Of its chain.
        from_domain: Of From, which DMARC is about.
        trusted: Domains whose seals, and those of names below them, are believed.
    """
    if verdict.result != "pass" or not all(_lies_in(name, trusted) for name in verdict.sealers):
        return ""
    chain = arc_chain.read(dkim_canonical.fields(dkim_canonical.split(raw)[0]))
    for one in chain:
        value = arc_chain.value_of_results(one.results).decode("utf-8", "replace")
        try:
            said = parse(value)
        except AuthResultsSyntaxError:
            continue
        for result in said.results:
            about = {p.value.lower() for p in result.properties if (p.kind, p.name) == _FROM}
            if result.method == "dmarc" and result.result == "pass" and from_domain in about:
                return one.sealed_by.domain
    return ""


def _lies_in(name: str, trusted: Collection[str]) -> bool:
    return any(name == one or name.endswith(f".{one}") for one in trusted)
