"""MTA-STS: a domain says that its hosts have TLS with certificates that can be believed (RFC 8461).

Reads the TXT record and the policy file, and writes those of domains of ours; fetching and serving
them is done elsewhere.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

POLICY_BYTES = 64 * 1024  # §3.3
LONGEST_AGE_S = 31_557_600  # §3.2
SHORTEST_AGE_S = 86_400  # of ours: §3.2 advises weeks, and a policy of minutes protects nobody
USUAL_AGE_S = 604_800  # of ours
PATH = "/.well-known/mta-sts.txt"  # at HOST of the domain
HOST = "mta-sts."
_MOST_HOSTS = 100
_VERSION = re.compile(r"v=STSv1[ \t]*(?:;|$)")
_ID = re.compile(r"[ \t]*id=([A-Za-z0-9]{1,32})[ \t]*")
Mode = Literal["enforce", "testing", "none"]
_MODES: dict[str, Mode] = {"enforce": "enforce", "testing": "testing", "none": "none"}


@dataclass(frozen=True, slots=True)
class Policy:
    """What a domain asks of whoever brings it mail.

    Attributes:
        hosts: Names of its mail hosts; ``*.`` stands for one label.
        max_age_s: How long it may be kept.
    """

    mode: Mode
    hosts: tuple[str, ...]
    max_age_s: int

    def names(self, host: str) -> bool:
        """Return whether *host* is one of its mail hosts (§4.1)."""
        host = host.lower().rstrip(".")
        parent = host.partition(".")[2]
        return any(
            parent == name[2:] if name.startswith("*.") else host == name for name in self.hosts
        )


def policy_id(records: Sequence[str]) -> str | None:
    """Return the id that the TXT records of ``_mta-sts`` tell; None: there is no policy (§3.1)."""
    found = [record for record in records if _VERSION.match(record)]
    if len(found) != 1:  # none, or more than one: as if there was none
        return None
    _, *fields = found[0].split(";")
    return next((match[1] for each in fields if (match := _ID.fullmatch(each))), None)


def parse(text: str) -> Policy:
    """Return the policy in a policy file (§3.2).

    Raises:
        ValueError: It is none; says why.
    """
    values: dict[str, str] = {}
    hosts: list[str] = []
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if not colon:
            continue
        if name == "mx":
            hosts.append(value.lower().rstrip("."))
        else:
            values.setdefault(name, value)  # §3.2: the first one counts
    if values.get("version") != "STSv1":
        raise ValueError("a policy begins with version: STSv1")
    mode = _MODES.get(values.get("mode", ""))
    age = values.get("max_age", "")
    if mode is None or not age.isascii() or not age.isdigit() or len(age) > 10:
        raise ValueError("a policy has a mode and a max_age")
    if mode != "none" and not hosts:
        raise ValueError("a policy names mx hosts")
    return Policy(mode, tuple(hosts[:_MOST_HOSTS]), min(int(age), LONGEST_AGE_S))


def written(policy: Policy) -> str:
    """Return the policy file that says *policy* (§3.2)."""
    lines = (f"mode: {policy.mode}", *(f"mx: {host}" for host in policy.hosts))
    return "".join(
        f"{line}\r\n" for line in ("version: STSv1", *lines, f"max_age: {policy.max_age_s}")
    )


def record_of(text: str) -> str:
    """Return the TXT record that goes with the policy file *text*.

    Its id changes with the file, and only then (§3.1).
    """
    return f"v=STSv1; id={hashlib.sha256(text.encode()).hexdigest()[:32]}"
