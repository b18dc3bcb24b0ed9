"""What commands work on: the stores of this deployment, opened for one command."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar, cast

import click

from connectors.settings import Settings, load
from topologies.errors import MailError, Misconfigured, NoSpace
from topologies.ports.app_passwords import AppPasswords
from topologies.ports.blob_sweep import SweptBlobs
from topologies.ports.clock import Clock
from topologies.ports.contacts import Contacts
from topologies.ports.dead_letters import DeadLetters
from topologies.ports.deliveries import Deliveries
from topologies.ports.directory import Directory
from topologies.ports.dkim_keys import DkimKeys
from topologies.ports.domain_reports import DomainReports
from topologies.ports.generations import Generations
from topologies.ports.log import LogReader, WrittenLog
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.personal_spam import PersonalSpam
from topologies.ports.push_subscriptions import PushSubscriptions
from topologies.ports.request_keys import RequestKeys
from topologies.ports.restraints import Restraints
from topologies.ports.rules import Rules
from topologies.ports.scheduled import Scheduled
from topologies.ports.search import Search
from topologies.ports.second_factors import SecondFactors
from topologies.ports.snoozes import Snoozes
from topologies.ports.sts_policies import StsPolicies
from topologies.ports.suppressions import Suppressions
from topologies.ports.unsubscribes import Unsubscribes
from topologies.ports.webhooks import Webhooks

T = TypeVar("T")


class Stores(Protocol):
    """The stores that commands here use."""

    @property
    def directory(self) -> Directory:
        """Domains, users, aliases."""
        ...

    @property
    def dead_letters(self) -> DeadLetters:
        """What no stage could pass."""
        ...

    @property
    def deliveries(self) -> Deliveries:
        """What became of mail to other systems."""
        ...

    @property
    def suppressions(self) -> Suppressions:
        """Who is not written to."""
        ...

    @property
    def webhooks(self) -> Webhooks:
        """Who is told by HTTP what became of their mail."""
        ...

    @property
    def log(self) -> WrittenLog:
        """Where events are handed over."""
        ...

    @property
    def reader(self) -> LogReader:
        """The log, for whoever looks back."""
        ...

    @property
    def blobs(self) -> SweptBlobs:
        """Raw messages, attachments, large bodies."""
        ...

    @property
    def mailboxes(self) -> Mailboxes:
        """What people see."""
        ...

    @property
    def generations(self) -> Generations:
        """The mailboxes, for whoever makes them anew."""
        ...

    @property
    def search(self) -> Search:
        """The index."""
        ...

    @property
    def contacts(self) -> Contacts:
        """Whom users write to."""
        ...

    @property
    def snoozes(self) -> Snoozes:
        """Mail that users put off."""
        ...

    @property
    def scheduled(self) -> Scheduled:
        """Mail that users sent for later."""
        ...

    @property
    def request_keys(self) -> RequestKeys:
        """What was decided of it."""
        ...

    @property
    def unsubscribes(self) -> Unsubscribes:
        """What users want no more of."""
        ...

    @property
    def push_subscriptions(self) -> PushSubscriptions:
        """Browsers that are told of new mail."""
        ...

    @property
    def personal_spam(self) -> PersonalSpam:
        """What users taught about their mail."""
        ...

    @property
    def rules(self) -> Rules:
        """What users want done with their mail."""
        ...

    @property
    def dkim_keys(self) -> DkimKeys:
        """What mail is signed with."""
        ...

    @property
    def domain_reports(self) -> DomainReports:
        """What other systems saw of our domains."""
        ...

    @property
    def sts_policies(self) -> StsPolicies:
        """What our domains ask of other systems."""
        ...

    @property
    def app_passwords(self) -> AppPasswords:
        """What mail clients sign in with."""
        ...

    @property
    def second_factors(self) -> SecondFactors:
        """What is asked for besides a password."""
        ...

    @property
    def restraints(self) -> Restraints:
        """Who may send less."""
        ...

    @property
    def clock(self) -> Clock:
        """What time it is."""
        ...


Opener = Callable[[Settings], AbstractAsyncContextManager[Stores]]


def with_stores(work: Callable[[Stores], Awaitable[T]], *, is_first: bool = False) -> T:
    """Open the stores, do *work* with them, and return what it came to.

    The stores are those that the settings name, unless whoever runs the command passes
    another ``Opener`` as the context's object.

    Args:
        work: What to do.
        is_first: It may be what begins a deployment, so that there are no stores yet.

    Raises:
        click.ClickException: It could not be done; says why.
    """
    given = cast("Opener | None", click.get_current_context().obj)
    opener = given or _opener()

    async def run() -> T:
        settings = load()
        if not given and not is_first:
            _check_there(settings)
        async with opener(settings) as stores:
            return await work(stores)

    with errors_for_people():
        return asyncio.run(run())


def settings_of_a_cluster() -> Settings:
    """Return the settings, for commands that ask its engines alone.

    The addresses have defaults, and whoever listens there need not be ours.

    Raises:
        Misconfigured: The profile is the embedded one, or a setting does not fit.
    """
    settings = load()
    if settings.profile != "cluster":
        raise Misconfigured(
            "that is of the cluster: set RILLMAIL_PROFILE=cluster; the embedded service makes"
            " what it needs when it starts"
        )
    return settings


@contextmanager
def errors_for_people() -> Generator[None]:
    """Turn our errors into one sentence and a non-zero exit."""
    try:
        yield
    except Misconfigured as error:
        raise click.ClickException(str(error)) from error
    except NoSpace as error:
        raise click.ClickException(f"{error}: make room and try again") from error
    except MailError as error:
        raise click.ClickException(f"{error}; try again in a moment") from error


@contextmanager
def refusals() -> Generator[None]:
    """Turn a directory's no, which is a ValueError, into one sentence and a non-zero exit."""
    try:
        yield
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def _check_there(settings: Settings) -> None:
    """Make sure that the embedded profile's data are where they are looked for.

    Stores that are made for the question have lost no mail and know no user: whoever asks from
    another folder, or without the service's settings, would believe the answer.

    Raises:
        Misconfigured: There is none.
    """
    folder = Path(settings.data_dir)
    if settings.profile == "embedded" and not (folder / "directory.db").exists():
        raise Misconfigured(
            f"{folder.resolve()} holds no mail and no users: let RILLMAIL_DATA_DIR name the data"
            " folder; a new one is begun by `rillmail run`, or `rillmail domain add`"
        )


def _opener() -> Opener:
    # Here, since it knows every system, and `--help` needs none.
    from connectors.assembly import open_stores

    return open_stores
