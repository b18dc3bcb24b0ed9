"""Progress of long commands, on a terminal's standard error: nothing where there is none."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)


def counting(*, is_quiet: bool) -> Progress:
    """Return a progress display for work whose end is not known."""
    return _progress(SpinnerColumn(), is_quiet=is_quiet)


def nearing(*, is_quiet: bool) -> Progress:
    """Return a progress display for work whose end is known."""
    return _progress(BarColumn(), is_quiet=is_quiet)


def _progress(column: ProgressColumn, *, is_quiet: bool) -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        column,
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=is_quiet or not console.is_terminal,
        transient=True,
    )
