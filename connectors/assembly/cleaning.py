"""Trash, spam and deleted mails are cleaned by age, whatever process comes to them first."""

import asyncio

import structlog

from connectors.assembly.stores import Stores
from connectors.settings import Settings
from topologies.cleaning import clean_all, kept
from topologies.errors import Retryable

CLEAN_EVERY_S = 3_600.0

_logger = structlog.get_logger("cleaning")


async def clean(stores: Stores, settings: Settings) -> None:
    """Clean all mailboxes, each about once a day, until it is cancelled."""
    ages = kept(
        trash_days=settings.trash_days,
        spam_days=settings.spam_days,
        restorable_days=settings.restorable_days,
    )
    while True:
        try:
            written = await clean_all(
                stores.directory, stores.mailboxes, stores.log, stores.limits, stores.clock, ages
            )
        except Retryable as error:
            _logger.warning("cleaning.later", reason=str(error))
        else:
            if written:
                _logger.info("cleaning.done", commands=written)
        await asyncio.sleep(CLEAN_EVERY_S)
