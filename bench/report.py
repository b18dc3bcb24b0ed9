"""The report: a table for people, JSON for programs and for comparing two runs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.figures import Figure, Section
from bench.machine import Machine

DURABILITY = (
    "250 after fsync: SQLite in WAL mode with synchronous=FULL, one fsync for each group commit"
)
CLUSTER_DURABILITY = (
    "250 after acks=all of one Kafka broker; one Cassandra node, whose commit log is synced before"
    " it answers (groups of 5 ms)"
)


@dataclass(slots=True, kw_only=True)
class Report:
    """All that one run found."""

    machine: Machine
    settings: Mapping[str, object]
    durability: str = DURABILITY
    sections: list[Section] = field(default_factory=list[Section])

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "machine": self.machine.as_dict(),
            "settings": dict(self.settings),
            "durability": self.durability,
            "sections": {section.name: _section(section) for section in self.sections},
        }

    def write(self, path: Path) -> None:
        """Write it as JSON; a reader never sees half of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(self.as_dict(), indent=2, ensure_ascii=False) + "\n")
        part.replace(path)

    def show_conditions(self, console: Console) -> None:
        """Print under which conditions it is measured."""
        grid = Table.grid(padding=(0, 2))
        known = {**self.machine.as_dict(), **self.settings, "durability": self.durability}
        for name, value in known.items():
            grid.add_row(f"[dim]{name}[/]", str(value))
        console.print(grid, "")


def show(section: Section, console: Console) -> None:
    """Print one section as a table."""
    table = Table(title=section.title, title_justify="left", title_style="bold", expand=False)
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("aim", justify="right", no_wrap=True)
    table.add_column("what it is")
    for figure in section.figures:
        table.add_row(figure.key, number(figure.value), figure.unit, _aim(figure), figure.meaning)
    if section.figures:
        console.print(table)
    for note in section.notes:
        console.print(f"  {note}", highlight=False, markup=False)
    console.print()


def number(value: float) -> str:
    """Return *value* with as many digits as mean something."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return (
        f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    )


def _aim(figure: Figure) -> str:
    if figure.at_most is None:
        return ""
    sign = "[green]✓[/]" if figure.is_met else "[yellow]✗[/]"
    return f"≤ {figure.at_most:g} {sign}"


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "notes": list(section.notes),
        "figures": {
            figure.key: {
                "value": round(figure.value, 4),
                "unit": figure.unit,
                "meaning": figure.meaning,
                **({} if figure.at_most is None else {"at_most": figure.at_most}),
            }
            for figure in section.figures
        },
    }
