"""Progress bars for whoever watches; nothing where nobody does."""

import contextlib
from collections.abc import Callable, Generator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars


class Progress:
    """Shows one bar a step."""

    Advance = Callable[..., None]

    def __init__(self, console: Console) -> None:
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
            refresh_per_second=4,
        )
        self._console = console

    @contextlib.contextmanager
    def step(self, name: str, total: int) -> Generator[Advance]:
        """Show a bar until left; yields what advances it, by one or by the number given."""
        if not self._console.is_terminal:
            self._console.print(f"{name} …", highlight=False)
        with self._bars:
            task = self._bars.add_task(name, total=total)

            def advance(count: int = 1) -> None:
                self._bars.advance(task, count)

            try:
                yield advance
            finally:
                self._bars.remove_task(task)
