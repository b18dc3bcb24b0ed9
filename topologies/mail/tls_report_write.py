"""Reports on TLS, written (RFC 8460 §4): what connections to a domain's hosts came to. Pure.

What is gathered of a connection is a fact; equal ones are counted together.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from topologies.events import DeliveryAttempted, TlsSession
from topologies.mail.report_mail import Heading

MOST_DETAILS = 1_000  # of one policy: the kinds of failure with most sessions
_TYPES = {"none": "no-policy-found", "sts": "sts", "tlsa": "tlsa"}

_Policy = tuple[str, tuple[str, ...]]


def facts_of(attempted: DeliveryAttempted) -> Mapping[str, bytes]:
    """Return what is gathered of an attempt, by the name that each has in the world."""
    sessions = [each for result in attempted.results for each in result.tls_sessions]
    return {
        f"{attempted.delivery_id}/{attempted.attempt}/{number}": msgspec.json.encode(_fact(each))
        for number, each in enumerate(sessions)
    }


def write(heading: Heading, counts: Mapping[bytes, int]) -> bytes:
    """Return the report that tells *counts*, which has one fact at least."""
    by_policy: dict[_Policy, list[tuple[TlsSession, int]]] = {}
    for fact, count in counts.items():
        session = msgspec.json.decode(fact, type=TlsSession)
        by_policy.setdefault((session.policy, session.policy_text), []).append((session, count))
    report = {
        "organization-name": heading.submitter,
        "date-range": {
            "start-datetime": f"{heading.begin:%Y-%m-%dT%H:%M:%SZ}",
            "end-datetime": f"{heading.end:%Y-%m-%dT%H:%M:%SZ}",
        },
        "contact-info": heading.sender,
        "report-id": heading.report_id,
        "policies": [
            _told(policy, by_policy[policy], heading.domain) for policy in sorted(by_policy)
        ],
    }
    return msgspec.json.encode(report)


def _fact(session: TlsSession) -> TlsSession:
    if session.failure:
        return session
    # Where it went well is not told.
    return TlsSession(policy=session.policy, policy_text=session.policy_text)


def _told(policy: _Policy, seen: Sequence[tuple[TlsSession, int]], domain: str) -> dict[str, Any]:
    kind, text = policy
    failures = [(session, count) for session, count in seen if session.failure]
    failed = sum(count for _, count in failures)
    hosts = [line.partition(":")[2].strip() for line in text if line.startswith("mx:")]
    told: dict[str, Any] = {
        "policy": {
            "policy-type": _TYPES[kind],
            **({"policy-string": list(text)} if text else {}),
            "policy-domain": domain,
            **({"mx-host": hosts} if hosts else {}),
        },
        "summary": {
            "total-successful-session-count": sum(count for _, count in seen) - failed,
            "total-failure-session-count": failed,
        },
    }
    if failures:
        told["failure-details"] = [_detail(*each) for each in failures[:MOST_DETAILS]]
    return told


def _detail(session: TlsSession, count: int) -> dict[str, Any]:
    known = {
        "result-type": session.failure,
        "sending-mta-ip": session.source,
        "receiving-mx-hostname": session.mx_host,
        "receiving-ip": session.address,
        "failed-session-count": count,
        "additional-information": session.reason,
    }
    return {name: value for name, value in known.items() if value}
