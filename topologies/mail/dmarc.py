"""DMARC: whether the domain that people see in From stands behind a message (RFC 7489).

Asks the DNS for the policy, compares domains, and says what the owner wants done with what
fails. Whether that is done is not decided here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from topologies.errors import Retryable
from topologies.events.inbound import DkimVerdict, DmarcResult
from topologies.mail.domains import is_aligned, organizational
from topologies.mail.spf import SpfVerdict
from topologies.ports.dns import Resolver

Wish = Literal["none", "quarantine", "reject"]
LONGEST_RECORD = 4_096  # characters

_WISHES: dict[str, Wish] = {"none": "none", "quarantine": "quarantine", "reject": "reject"}
_WEAKER: dict[Wish, Wish] = {"reject": "quarantine", "quarantine": "none", "none": "none"}


@dataclass(frozen=True, slots=True)
class Policy:
    """What a domain's owner publishes."""

    domain: str  # where it was found
    wish: Wish  # p=
    wish_below: Wish  # sp=, else as p=
    percent: int = 100  # pct=
    is_dkim_strict: bool = False  # adkim=
    is_spf_strict: bool = False  # aspf=
    # Of the successor, RFC 9989 §4.7, and only followed there:
    wish_absent: Wish | None = None  # np=, for names below that do not exist
    psd: Literal["y", "n", "u"] = "u"  # psd=, whether the domain is a public suffix
    is_test: bool = False  # t=
    rua: str = ""  # where its owner wants reports to be sent

    def wish_for(self, from_domain: str, sample: int) -> Wish:
        """Return what is wanted for a message that fails.

        Args:
            from_domain: Of From.
            sample: 0 to 99, evenly spread over messages and the same at each replay.
        """
        wish = self.wish if from_domain == self.domain else self.wish_below
        return wish if sample < self.percent else _WEAKER[wish]  # RFC 7489 §6.6.4


@dataclass(frozen=True, slots=True)
class DmarcVerdict:
    """Whether From is proved, and whose policy said what if not."""

    result: DmarcResult
    policy: Policy | None = None


class DmarcSyntaxError(ValueError):
    """The record is meant to be one of DMARC, and wishes nothing that can be read."""


def parse(text: str, domain: str) -> Policy:
    """Return the policy in *text*, found at *domain*.

    Raises:
        DmarcSyntaxError: It has no valid p= and no address for reports.
    """
    found: dict[str, str] = {}
    for spec in text[:LONGEST_RECORD].split(";"):
        name, equals, value = spec.partition("=")
        if equals:
            found.setdefault(name.strip().lower(), value.strip())
    wish = _WISHES.get(found.get("p", "").lower())
    below = _WISHES.get(found["sp"].lower()) if "sp" in found else wish
    if wish is None or below is None:
        # RFC 7489 §6.6.3, step 6: who wants reports is taken to be watching.
        if "rua" not in found:
            raise DmarcSyntaxError(f"{domain}: p= or sp= is no policy")
        wish = below = "none"
    percent = found.get("pct", "100")
    psd = found.get("psd", "").lower()
    return Policy(
        domain=domain,
        wish=wish,
        wish_below=below,
        percent=min(100, int(percent[:4])) if percent.isascii() and percent.isdigit() else 100,
        is_dkim_strict=found.get("adkim", "").lower() == "s",
        is_spf_strict=found.get("aspf", "").lower() == "s",
        wish_absent=_WISHES.get(found.get("np", "").lower()),
        psd="y" if psd == "y" else "n" if psd == "n" else "u",
        is_test=found.get("t", "").lower() == "y",
        rua=found.get("rua", ""),
    )


async def discover(dns: Resolver, from_domain: str) -> Policy | DmarcVerdict:
    """Return the policy for *from_domain*, or the verdict if there is none to apply.

    Asks the domain itself, then the organizational one (RFC 7489 §6.6.3).
    """
    try:
        for domain in dict.fromkeys((from_domain, organizational(from_domain))):
            records = [r for r in await dns.txt(f"_dmarc.{domain}") if is_record(r)]
            if len(records) > 1:
                break  # step 5: as if there were none
            if records:
                return parse(records[0], domain)
    except Retryable:
        return DmarcVerdict("temperror")
    except DmarcSyntaxError:
        return DmarcVerdict("permerror")
    return DmarcVerdict("none")


def evaluate(
    policy: Policy | DmarcVerdict,
    from_domain: str,
    spf: SpfVerdict,
    dkim: Sequence[DkimVerdict],
    *,
    organization: Callable[[str], str] = organizational,
) -> DmarcVerdict:
    """Return whether one proof is of a domain aligned with *from_domain* (RFC 7489 §4.2).

    Args:
        policy: As ``discover`` returned it.
        from_domain: Of From.
        spf: One proof.
        dkim: Others.
        organization: Returns the organizational domain of a name.
    """
    if not isinstance(policy, Policy):
        return policy
    proofs: list[tuple[str, str, bool]] = [
        (verdict.result, verdict.domain, policy.is_dkim_strict) for verdict in dkim
    ]
    proofs.append((spf.result, spf.domain, policy.is_spf_strict))
    results = {
        result
        for result, domain, is_strict in proofs
        if is_aligned(domain, from_domain, is_strict=is_strict, organization=organization)
    }
    if "pass" in results:
        return DmarcVerdict("pass", policy)
    # §6.6.2: what could not be asked could have been the proof.
    return DmarcVerdict("temperror" if "temperror" in results else "fail", policy)


def is_record(text: str) -> bool:
    """Return whether a TXT record is meant to be one of DMARC."""
    name, equals, rest = text.partition("=")
    version = rest.partition(";")[0]
    # §6.4: the version comes first, and its case matters.
    return bool(equals) and name.strip() == "v" and version.strip() == "DMARC1"
