"""Distributions installed in a folder of a test, as an installer would do it."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
EXTRAS = CHECKOUT / "docs" / "examples" / "rillmail-extras"


def extras_installed(site: Path) -> None:
    """Install the example of docs/examples in *site*."""
    (site / "rillmail_extras").symlink_to(EXTRAS / "rillmail_extras")
    about = tomllib.loads((EXTRAS / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed(site, about["name"], about["entry-points"])


def installed(site: Path, name: str, points: Mapping[str, Mapping[str, str]]) -> None:
    """Write in *site* what tells of the distribution *name* and its entry points, by group."""
    folder = site / f"{name.replace('-', '_')}-0.1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    lines = [
        line
        for group, entries in points.items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()))
    ]
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n")
