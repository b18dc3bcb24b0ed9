"""How commands answer: a table or a sentence for people, JSON for programs."""

from collections.abc import Sequence
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPED_WIDTH = 500  # columns where no terminal says: nothing is cut off for a `grep`

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def examples(*lines: str) -> str:
    r"""Return the examples that stand at the end of a command's help; \b keeps their lines."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def print_json(value: Any) -> None:
    """Print *value* as JSON, indented."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], nothing: str) -> None:
    """Print *rows* under *columns*, or the sentence *nothing* if there are none."""
    if not rows:
        click.echo(nothing)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    with console.capture() as capture:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


def printable(text: str, *, keep: str = "") -> str:
    """Return *text* with what could steer a terminal escaped, except characters in *keep*.

    What mail holds is written by strangers.
    """
    return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in text)


def size(size_bytes: int | None) -> str:
    """Return a size for people; None is no limit."""
    if size_bytes is None:
        return "no limit"
    amount = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.4g} {unit}"
        amount /= 1024
    return f"{amount:.4g} TiB"
