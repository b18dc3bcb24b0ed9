"""rillmail capacity."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from api.capacity.inputs import Inputs
from api.capacity.page import as_page
from api.cli.capacity import capacity

PAGE = Path(__file__).parents[2] / "docs" / "capacity.md"


def test_the_page_is_what_the_model_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == as_page(Inputs()) + "\n", (
        "write it anew: .venv/bin/rillmail capacity --markdown > docs/capacity.md"
    )


def test_it_is_told_for_so_many_users_and_other_inputs() -> None:
    told = json.loads(ran("--users", "1000", "--set", "peak=4", "--json").stdout)
    values = {each["name"]: each["value"] for each in told["inputs"]}
    assert (values["users"], values["peak"]) == (1_000, 4)
    assert [role["name"] for role in told["needs"]["roles"]] == [
        "smtp",
        "api",
        "inbound",
        "mailbox",
        "outbound",
        "feedback",
    ]
    assert [node["users"] for node in told["nodes"]] == [10, 1_000, 1_000_000]


def test_people_get_tables() -> None:
    shown = ran("--users", "5e6").stdout
    assert "What breaks first on one machine" in shown
    assert "CPU of `mailbox` a mail" not in shown
    assert "CPU of mailbox a mail" in shown
    assert "**" not in shown


def test_an_input_that_there_is_not_is_told() -> None:
    result = ran("--set", "peek=4")
    assert (result.exit_code, "peek is no input" in result.stderr) == (1, True)
    assert "write NAME=VALUE" in ran("--set", "peak").stderr


def ran(*arguments: str) -> Result:
    return CliRunner().invoke(capacity, arguments)
