"""Steps of a job that need the stores of this deployment.

Each worker opens them as its own environment says (``RILLMAIL_…``, as for any role), so that no
secret stands in a job. Whose mailboxes there are is read page by page, the domains beside each
other.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# Beam types its transforms only in part.

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import apache_beam as beam

from connectors.assembly import open_stores
from connectors.assembly.stores import Stores
from connectors.settings import load
from pipelines.running import count
from topologies.errors import Misconfigured
from topologies.events import QUARANTINE_USER
from topologies.mail.mailbox_address import domain_in_ascii
from topologies.ports.directory import User

USERS_AT_ONCE = 500

Work = Callable[[Stores, Any], AsyncIterator[Any]]


class AtStores(beam.DoFn):
    """Do something with each element that needs the stores.

    Args:
        work: Yields what comes of an element. A function of a module, or a partial of one.
        is_counted: Whether an element is what the job's progress tells of.
    """

    def __init__(self, work: Work, *, is_counted: bool = False) -> None:
        super().__init__()
        self._work = work
        self._is_counted = is_counted
        self._opened: _Opened | None = None

    def setup(self) -> None:
        """Open the stores."""
        self._opened = _Opened()

    def process(self, element: Any) -> Iterator[Any]:
        """Yield what comes of *element*, a part at a time."""
        opened = self._opened
        if opened is None:
            raise Misconfigured("the runner did not call setup")
        found = self._work(opened.stores, element)
        nothing: Any = object()
        while (each := opened.wait(_next(found, nothing))) is not nothing:
            yield each
        if self._is_counted:
            count()

    def teardown(self) -> None:
        """Close them."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None


class Users(beam.PTransform[Any, Any]):
    """From the pipeline itself to (user_id, domain) of each user, and of the quarantine.

    Args:
        domain: Of this one alone, and without the quarantine; empty: all.
    """

    def __init__(self, domain: str = "", *, has_quarantine: bool = True) -> None:
        super().__init__()
        self._domain = domain
        self._has_quarantine = has_quarantine and not domain

    def expand(self, input_or_inputs: Any) -> Any:
        """Add the steps to the pipeline."""
        users = (
            input_or_inputs
            | "Begin" >> beam.Create([self._domain])
            | "Domains" >> beam.ParDo(AtStores(_domains))
            | "Spread domains" >> beam.Reshuffle()
            | "Users" >> beam.ParDo(AtStores(_users))
        )
        if self._has_quarantine:
            quarantine = input_or_inputs | "Quarantine" >> beam.Create([(QUARANTINE_USER, "")])
            users = (users, quarantine) | "With quarantine" >> beam.Flatten()
        return users | "Spread users" >> beam.Reshuffle()


async def user_named(stores: Stores, address: str) -> User:
    """Return the user with this *address*.

    Raises:
        Misconfigured: There is none.
    """
    user = await stores.directory.user_by_address(address)
    if user is None:
        raise Misconfigured(
            f"there is no user {address!r}; `rillmail user list` shows who there is"
        )
    return user


async def check_domain(stores: Stores, name: str) -> None:
    """See that the domain *name* is ours; empty: all are.

    Raises:
        Misconfigured: It is not, so a job would have nothing to do, and end as if all were done.
    """
    known = await stores.directory.domains()  # asked in any case: do the stores answer?
    try:
        is_known = not name or domain_in_ascii(name) in known
    except ValueError:
        is_known = False
    if not is_known:
        raise Misconfigured(
            f"there is no domain {name!r}; `rillmail domain list` shows which there are"
        )


def at_once(work: Callable[[Stores], Coroutine[Any, Any, Any]]) -> Any:
    """Open the stores, where the job is started, and return what *work* came to.

    Raises:
        MailError: They can't be used; says why.
    """

    async def done() -> Any:
        async with open_stores(load()) as stores:
            return await work(stores)

    return asyncio.run(done())


async def _domains(stores: Stores, domain: str) -> AsyncIterator[str]:
    for each in [domain] if domain else await stores.directory.domains():
        yield each


async def _users(stores: Stores, domain: str) -> AsyncIterator[tuple[str, str]]:
    after = ""
    while True:
        page = await stores.directory.users_page(domain=domain, after=after, limit=USERS_AT_ONCE)
        for user in page.users:
            yield user.user_id, user.address.rpartition("@")[2]
        after = page.after
        if not after:
            return


async def _next(found: AsyncIterator[Any], nothing: Any) -> Any:
    return await anext(found, nothing)


class _Opened:
    """The stores, on an event loop of their own: what they do beside each other goes on there."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._is_closing = asyncio.Event()
        ready: asyncio.Future[Stores] = self._loop.create_future()
        self._held = asyncio.run_coroutine_threadsafe(self._hold(ready), self._loop)
        try:
            self.stores = self.wait(_of(ready))
        except BaseException:
            self._end()
            raise

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Return what *work* comes to."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Close the stores, and end the loop."""
        self._loop.call_soon_threadsafe(self._is_closing.set)
        try:
            self._held.result()
        finally:
            self._end()

    async def _hold(self, ready: asyncio.Future[Stores]) -> None:
        # Opened and closed by one task, as whatever waits within expects.
        try:
            async with open_stores(load()) as stores:
                ready.set_result(stores)
                await self._is_closing.wait()
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _of(ready: asyncio.Future[Stores]) -> Stores:
    return await ready
