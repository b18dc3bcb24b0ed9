"""docs/sending.md: its commands work as they are written, and its settings and replies are ours."""

import re
from pathlib import Path

import click
import msgspec
import pytest

from api.cli.domain import domain
from api.cli.user import user
from connectors.settings import Settings
from tests.cli.stores_in_memory import MemoryStores, in_json
from topologies.mail import own_fields

PAGE = (Path(__file__).parents[2] / "docs/sending.md").read_text(encoding="utf-8")
GROUPS: dict[str, click.Command] = {"domain": domain, "user": user}
ASKS_THE_DNS = "domain check"
COMMANDS = [
    line.removeprefix("rillmail ")
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line.startswith("rillmail ")
]


def test_the_commands_do_what_they_are_said_to() -> None:
    stores = MemoryStores()
    stores.run(domain, "add", "example.com")
    stores.run(user, "add", "bo@example.com", "--password-file", "-", typed="a secret")
    for line in COMMANDS:
        if line.startswith(ASKS_THE_DNS):
            continue
        if "PASSWORD_ID" in line:
            listed = in_json(stores.run(user, "app-password", "list", "bo@example.com", "--json"))
            line = line.replace("PASSWORD_ID", listed[0]["password_id"])
        group, *words = line.split()
        result = stores.run(GROUPS[group], *words)
        assert result.exit_code == 0, (line, result.output)
    assert len(COMMANDS) == 8


def test_settings_are_told_with_their_defaults() -> None:
    defaults = {field.name.upper(): field.default for field in msgspec.structs.fields(Settings)}
    for name, told in re.findall(r"^\| `RILLMAIL_(\w+)` \| ([\d,]+)", PAGE, re.MULTILINE):
        assert defaults[name] == int(told.replace(",", ""))
    for name in re.findall(r"RILLMAIL_(\w+)", PAGE):
        assert name in defaults


@pytest.mark.parametrize(
    "name",
    [
        "X-Order",
        *re.findall(
            r"`([A-Z][\w-]*[a-z])`(?=,| \|)",
            next(line for line in PAGE.splitlines() if line.startswith("| `headers`")),
        ),
    ],
)
def test_fields_that_can_be_set_are_listed(name: str) -> None:
    assert own_fields.problem_with(name, "x") == ""
