"""What is asked before a mail is accepted, whatever the profile and whichever process takes it."""

from typing import Protocol

from connectors.settings import Settings
from topologies.acceptance import Acceptance, collect
from topologies.ports.clock import Clock
from topologies.ports.directory import Directory
from topologies.ports.dns import Resolver
from topologies.ports.limits import Limits
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.policy import (
    DmarcRefusal,
    DnsLists,
    Greylisting,
    MailRates,
    NameLookups,
    SendRates,
)
from topologies.ports.restraints import Restraints
from topologies.ports.seen import Seen
from topologies.ports.url_key import UrlKey


class EdgeStores(Protocol):
    """What the checks look into; ``Stores`` have it."""

    @property
    def clock(self) -> Clock:
        """What time it is."""
        ...

    @property
    def directory(self) -> Directory:
        """Who is here."""
        ...

    @property
    def mailboxes(self) -> Mailboxes:
        """How full they are."""
        ...

    @property
    def limits(self) -> Limits:
        """How often they came."""
        ...

    @property
    def restraints(self) -> Restraints:
        """Who may send less."""
        ...

    @property
    def url_key(self) -> UrlKey:
        """By which reverse-paths of ours are known."""
        ...


def acceptance_of(
    settings: Settings, stores: EdgeStores, resolver: Resolver, seen: Seen
) -> Acceptance:
    """Return what is asked before a mail is accepted.

    Raises:
        Misconfigured: A check needs what is not there, or has another's place.
    """
    return Acceptance(
        collect(),
        {
            Clock: stores.clock,
            Directory: stores.directory,
            DmarcRefusal: DmarcRefusal(
                is_on=settings.refuse_by_dmarc,
                discovery=settings.dmarc_discovery,
                tells_owners=settings.dmarc_reports,
            ),
            DnsLists: DnsLists(block=settings.dns_block_lists, allow=settings.dns_allow_lists),
            Greylisting: Greylisting(is_on=settings.greylist, wait_s=settings.greylist_wait_s),
            Limits: stores.limits,
            MailRates: MailRates(
                per_client=settings.client_mails_per_hour,
                per_network=settings.network_mails_per_hour,
                per_sender=settings.sender_mails_per_hour,
                per_recipient=settings.recipient_mails_per_hour,
            ),
            Mailboxes: stores.mailboxes,
            NameLookups: NameLookups(is_on=settings.name_lookups),
            Resolver: resolver,
            Restraints: stores.restraints,
            SendRates: SendRates(
                user_per_hour=settings.user_sends_per_hour,
                user_per_day=settings.user_sends_per_day,
                domain_per_hour=settings.domain_sends_per_hour,
            ),
            Seen: seen,
            UrlKey: stores.url_key,
        },
    )
