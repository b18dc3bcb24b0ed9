"""Users whose time of grace is over are deleted, whatever process comes to it first."""

import asyncio

import structlog

from connectors.assembly.stores import Stores
from topologies.administration import Administration
from topologies.errors import Retryable

PURGE_EVERY_S = 3_600.0

_logger = structlog.get_logger("audit")


async def purge(stores: Stores) -> None:
    """Delete who is due, again and again, until it is cancelled."""
    working = Administration(
        directory=stores.directory,
        dkim_keys=stores.dkim_keys,
        restraints=stores.restraints,
        app_passwords=stores.app_passwords,
        second_factors=stores.second_factors,
        webhooks=stores.webhooks,
        log=stores.log,
        clock=stores.clock,
        note=_note,
    )
    while True:
        try:
            await working.delete_due()
        except Retryable as error:
            _logger.warning("purge.later", reason=str(error))
        await asyncio.sleep(PURGE_EVERY_S)


def _note(action: str, on: str) -> None:
    _logger.info("admin", action=action, on=on, by="its time of grace")
