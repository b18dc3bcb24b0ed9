"""Code of others, which may not be finished yet: why it can't be loaded is told in a sentence."""

import traceback
from collections.abc import Generator
from contextlib import contextmanager

from topologies.errors import MailError, Misconfigured


@contextmanager
def loading(what: str) -> Generator[None]:
    """Tell in a sentence why *what* can't be loaded: it is code that others are just writing.

    Raises:
        Misconfigured: What went wrong, and where.
    """
    try:
        yield
    except MailError:
        raise
    except Exception as error:
        raise Misconfigured(f"{what} can't be loaded: {_told(error)}") from error


def _told(error: Exception) -> str:
    kind = type(error).__name__
    if isinstance(error, SyntaxError):
        return f"{kind}: {error.msg} ({error.filename}, line {error.lineno})"
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{kind}: {error} ({place.filename}, line {place.lineno})"
