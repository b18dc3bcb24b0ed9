"""Which deliveries a command is about: options that several commands have."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any, Literal, TypeVar

import click

from api.cli.stores import Stores
from topologies.ports.deliveries import QueueFilter

F = TypeVar("F", bound=Callable[..., Any])
State = Literal["open", "deferred", "held", "pending", "failed"]

_SPAN = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the options say."""

    destination: str = ""
    sender: str = ""
    user: str = ""  # an address
    state: State = "open"
    older_than: timedelta | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves out anything that waits."""
        return self != Choice()


def filters(command: F) -> F:
    """Give *command* the options, and the argument ``choice``."""

    @click.option("--to", "destination", default="", help="Only those to this domain.")
    @click.option("--from", "sender", default="", help="Only those with this sender's address.")
    @click.option("--user", default="", help="Only those of this user (an address).")
    @click.option(
        "--state",
        type=click.Choice(["open", "deferred", "held", "pending", "failed"]),
        default="open",
        show_default=True,
        help="open: all that wait.",
    )
    @click.option("--older-than", "older", default="", help="Only those that wait longer: 4h, 2d.")
    @wraps(command)
    def with_choice(
        destination: str, sender: str, user: str, state: State, older: str, **others: Any
    ) -> Any:
        choice = Choice(
            destination=destination.lower(),
            sender=sender,
            user=user,
            state=state,
            older_than=span(older) if older else None,
        )
        return command(choice=choice, **others)

    return with_choice  # type: ignore[return-value]


def span(text: str) -> timedelta:
    """Return the time that ``90s``, ``15m``, ``4h`` or ``2d`` stand for.

    Raises:
        click.UsageError: It is none.
    """
    match = _SPAN.fullmatch(text.strip().lower())
    if match is None:
        raise click.UsageError(f"{text!r} is no time: write 90s, 15m, 4h or 2d")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


async def wanted_by(choice: Choice, stores: Stores) -> QueueFilter:
    """Return the filter that *choice* stands for.

    Raises:
        click.ClickException: There is no such user.
    """
    user_id = ""
    if choice.user:
        user = await stores.directory.user_by_address(choice.user)
        if user is None:
            raise click.ClickException(f"there is no user {choice.user}")
        user_id = user.user_id
    before = stores.clock.now() - choice.older_than if choice.older_than else None
    return QueueFilter(
        destination=choice.destination,
        sender=choice.sender,
        user_id=user_id,
        state=choice.state,
        submitted_before=before,
    )
