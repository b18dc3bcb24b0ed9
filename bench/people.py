"""The people whose mail it is: made by the product's own stores, before the service starts."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.mails import DOMAIN
from connectors.settings import Settings, load


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user of the service under test."""

    user_id: str
    address: str
    password: str


def settings_of(folder: Path) -> Settings:
    """Return the default settings, for the data in *folder*."""
    return load({"RILLMAIL_DATA_DIR": str(folder)})


def with_people(settings: Settings, names: Sequence[str]) -> list[Person]:
    """Make the domain, and a user of each name, where *settings* say."""
    return asyncio.run(_with_people(settings, names))


async def _with_people(settings: Settings, names: Sequence[str]) -> list[Person]:
    from connectors.assembly import open_stores  # here, as `--help` needs no stores

    people: list[Person] = []
    async with open_stores(settings) as stores:
        await stores.directory.add_domain(DOMAIN)
        for name in names:
            address, password = f"{name}@{DOMAIN}", secrets.token_urlsafe(9)
            user = await stores.directory.add_user(address, password)
            people.append(Person(user_id=user.user_id, address=address, password=password))
    return people
