"""How batch jobs answer: sentences for people, JSON for programs, and errors in one sentence."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
import msgspec

from topologies.errors import MailError, Misconfigured

F = TypeVar("F", bound=Callable[..., Any])
SHOWN = 50  # lines told to people; --json and the files tell all

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
for_beam = click.argument("for_beam", nargs=-1, metavar="[-- BEAM OPTIONS]")


class JobFailed(Exception):
    """A job came to no end; says why in one sentence."""


def examples(*lines: str) -> str:
    r"""Return the examples that stand at the end of a command's help; \b keeps their lines."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def print_json(value: Any) -> None:
    """Print *value* as JSON, indented."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def printable(text: str) -> str:
    """Return *text*, which strangers may have written, with what could steer a terminal escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


@contextmanager
def errors_for_people() -> Generator[None]:
    """Turn our errors, and a job's, into one sentence and a non-zero exit."""
    try:
        yield
    except Misconfigured as error:
        raise click.ClickException(str(error)) from error
    except MailError as error:
        raise click.ClickException(f"{error}; try again in a moment") from error
    except JobFailed as error:
        raise click.ClickException(str(error)) from error
