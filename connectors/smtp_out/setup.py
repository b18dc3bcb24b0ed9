"""The relay as the settings have it."""

from collections.abc import Mapping

from connectors.settings import DeliveryTls, Settings
from connectors.smtp_out.policies import HttpsFetch, Policies
from connectors.smtp_out.relay import SmtpRelay
from connectors.smtp_out.routes import Routes, Rules
from connectors.smtp_out.session import Patience
from connectors.smtp_out.sessions import Sessions, Terms
from connectors.smtp_out.sources import Sources, pools_of
from connectors.smtp_out.trust import Contexts, Need
from topologies.errors import Misconfigured
from topologies.mail import next_host
from topologies.ports.clock import Clock
from topologies.ports.dns import Resolver, SignedNames
from topologies.ports.limits import Limits

_NEEDS: Mapping[DeliveryTls, Need] = {"never": "none", "may": "may", "must": "must"}


def relay_of(
    settings: Settings,
    resolver: Resolver,
    limits: Limits,
    clock: Clock,
    *,
    name: str,
    signed: SignedNames | None = None,
) -> SmtpRelay:
    """Return who brings mail to other systems.

    Args:
        settings: What may be set about it.
        resolver: Tells who takes a domain's mail.
        limits: Counts what source addresses have sent.
        clock: Tells whether what is kept is too old.
        name: What we are called in EHLO.
        signed: The DNS as far as it is signed; asked if DANE is wanted.

    Raises:
        Misconfigured: A setting can't be used.
    """
    contexts = Contexts(settings.delivery_ca_file)
    smarthost, smarthost_port = _smarthost(settings)
    sign_in = (settings.relay_user, settings.relay_password)
    fetch = HttpsFetch(resolver, contexts.verified, is_private_allowed=settings.delivery_to_private)
    rules = Rules(
        ours=(name.lower(),),
        port=settings.delivery_port,
        smarthost=smarthost,
        smarthost_port=smarthost_port,
        need=_NEEDS[settings.delivery_tls],
        uses_ipv6=settings.delivery_ipv6,
        is_private_allowed=settings.delivery_to_private,
    )
    terms = Terms(
        name=name,
        patience=Patience(
            connect_s=settings.delivery_connect_timeout_s, step_s=settings.delivery_timeout_s
        ),
        idle_s=settings.delivery_idle_s,
        mails=settings.delivery_session_mails,
        sign_ins={smarthost: sign_in} if smarthost and settings.relay_user else {},
    )
    return SmtpRelay(
        Routes(
            resolver,
            rules,
            policies=Policies(resolver, clock, fetch) if settings.mta_sts else None,
            signed=signed if settings.dane else None,
        ),
        Sessions(terms, contexts, clock),
        Sources(pools_of(settings.source_addresses, settings.source_daily_caps), limits),
        most_at_once=settings.delivery_connections,
        ours=(name.lower(),),
        smarthost=smarthost,
    )


def policy_fetch_of(settings: Settings, resolver: Resolver) -> HttpsFetch:
    """Return what gets policy files as deliveries do.

    Raises:
        Misconfigured: A setting can't be used.
    """
    return HttpsFetch(
        resolver,
        Contexts(settings.delivery_ca_file).verified,
        is_private_allowed=settings.delivery_to_private,
    )


def _smarthost(settings: Settings) -> tuple[str, int]:
    """Return the host that takes all mail for others, empty if there is none, and its port."""
    if not settings.relay_host:
        return "", settings.delivery_port
    try:
        host, port = next_host.parse(settings.relay_host)
    except ValueError as error:
        raise Misconfigured(f"relay_host: {error}") from None
    return host, port or settings.delivery_port
