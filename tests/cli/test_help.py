"""What `--help` shows can be typed."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from api.cli.main import main

ENDS = re.compile(r"^(\||>|<|2>|&&)")  # of what is ours, for a shell


def examples(command: click.Command) -> Iterator[str]:
    """Yield all lines that are shown as examples, of *command* and those below."""
    for line in (command.epilog or "").splitlines():
        if line.strip().startswith("rillmail "):
            yield line.strip()
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from examples(below)


@pytest.fixture
def _files_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (click.File, click.Path):
        monkeypatch.setattr(kind, "convert", lambda _, value, *__: value)


@pytest.mark.usefixtures("_files_are_there")
@pytest.mark.parametrize("line", sorted(set(examples(main))))
def test_an_example_is_understood(line: str) -> None:
    _, *words = shlex.split(line, comments=True)
    ours = next((number for number, word in enumerate(words) if ENDS.match(word)), len(words))
    parsed(main, words[:ours])


def test_there_are_examples() -> None:
    assert len(set(examples(main))) > 50


def parsed(command: click.Command, words: list[str]) -> None:
    """Parse *words* and do nothing."""
    context = command.make_context(command.name, words)
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]
        name, below, rest = context.command.resolve_command(context, rest)
        assert below is not None
        context = below.make_context(name, rest, parent=context)
