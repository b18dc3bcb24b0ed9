"""Cassandra's tool for operators, on the node that `servers/up` started."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.live.own_engine import SERVERS

TAG = "kept"


def nodetool(*words: str) -> None:
    """Run one of its commands."""
    done = subprocess.run(
        [SERVERS / "nodetool", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def snapshot(keyspace: str, target: Path) -> Mapping[str, Path]:
    """Copy the tables as they are on the disk into *target*; return their folders by name."""
    nodetool("snapshot", "-t", TAG, keyspace)
    folders: dict[str, Path] = {}
    for taken in _data_folder().glob(f"{keyspace}/*/snapshots/{TAG}"):
        table = taken.parents[1].name.rpartition("-")[0]
        if list(taken.glob("*-Data.db")):
            folders[table] = Path(shutil.copytree(taken, target / table))
    assert folders
    return folders


def _data_folder() -> Path:
    servers = os.environ.get("RILLMAIL_SERVERS_DATA", SERVERS.parent / "data" / "servers")
    return Path(servers) / "cassandra" / "data"
