"""What `rillmail stage new` writes: a stage that does nothing yet, and its test, in our style."""

import builtins
import keyword
import re
import types
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, get_args, get_origin

import msgspec

from topologies.events import Command, Deliver, Event, MailboxChanged
from topologies.topics import topic_of

WIDTH = 100  # of a line
LONGEST_NAME = 40
_CALLED: dict[type[Event], str] = {Deliver: "delivery", MailboxChanged: "change"}


def stage_module(name: str, reads: type[Event], writes: Sequence[type[Event]]) -> str:
    """Return the text of the stage's module.

    Raises:
        ValueError: An event that it is to write holds more than can be guessed; says what.
    """
    said = called(reads)
    made = [_made(kind, reads, name, said) for kind in writes]
    imports = _imports([*dict.fromkeys([Event, reads, *writes])])
    if any("ids.command_id(" in text for text in made):
        imports += "from topologies.mail import ids\n"
    topics = list(dict.fromkeys(topic_of(kind).name for kind in writes))
    told = " and ".join(f"`{topic}`" for topic in topics) if topics else "no event yet"
    if made:
        body = "    return [\n" + "".join(f"        {text},\n" for text in made) + "    ]\n"
    else:
        body = f"    del {said}  # nothing follows from it yet: begin here\n    return []\n"
    return f'''"""{_words(name)}: say here, in one line, what it is for.

Reads `{topic_of(reads).name}`; writes {told}.
Say here what it decides, and what it does not.
"""

from collections.abc import Sequence

{imports}from topologies.stage import stage


{_decorated(reads.__name__, ", ".join(kind.__name__ for kind in writes))}
async def {name}({said}: {reads.__name__}) -> Sequence[Event]:
    """Return what follows from *{said}*."""
{body}'''


def test_module(name: str, path: str, example: str, writes: Sequence[type[Event]]) -> str:
    """Return the text of the module with the stage's test."""
    if writes:
        kinds = ", ".join(kind.__name__ for kind in writes)
        test = f"""async def test_what_it_reads_leads_to_what_it_says() -> None:
    event = example("{example}").event
    written = await {name}(event)
    assert [type(each) for each in written] == [{kinds}]
"""
        imports = _imports(list(writes))
    else:
        test = f"""async def test_nothing_follows_yet() -> None:
    event = example("{example}").event
    assert await {name}(event) == []
"""
        imports = ""
    return f'''"""{_words(name)}: a sentence for each thing that it promises."""

from tests.examples import example
{imports}{_import(f"topologies.{path}.{name}", [name])}

{test}'''


def called(kind: type[Event]) -> str:
    """Return what a parameter that holds a *kind* is called."""
    if kind in _CALLED:
        return _CALLED[kind]
    if issubclass(kind, Command):
        return "command"
    return "mail" if kind.__name__.startswith("Mail") else "event"


def _decorated(reads: str, writes: str) -> str:
    line = f"@stage(reads={reads}, writes=[{writes}])"
    return line if len(line) <= WIDTH else f"@stage(\n    reads={reads}, writes=[{writes}]\n)"


def _imports(kinds: Sequence[type[Event]]) -> str:
    return _import("topologies.events", sorted(kind.__name__ for kind in kinds))


def _import(module: str, names: Sequence[str]) -> str:
    line = f"from {module} import {', '.join(names)}\n"
    if len(line) - 1 <= WIDTH:
        return line
    return f"from {module} import (\n" + "".join(f"    {n},\n" for n in names) + ")\n"


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _made(kind: type[Event], reads: type[Event], name: str, said: str) -> str:
    """Return an expression that makes a *kind* of what was read."""
    have = {field.name: field.type for field in msgspec.structs.fields(reads)}
    lines: list[str] = []
    for field in msgspec.structs.fields(kind):
        if not field.required:
            continue
        value = _value(field.name, field.type, have, name, said)
        if value is None:
            raise ValueError(
                f"{kind.__name__} needs {field.name}, of which {reads.__name__} tells nothing:"
                " leave --writes out, and write that part by hand"
            )
        lines.append(f"            {field.name}={value},\n")
    return f"{kind.__name__}(\n" + "".join(lines) + "        )"


def _value(field: str, kind: Any, have: dict[str, Any], name: str, said: str) -> str | None:
    if field == "command_id":
        first = next((each for each in ("command_id", "mail_id", "email_id") if each in have), None)
        rest = f", {said}.{first}" if first is not None else f", {said}.key"
        return f'ids.command_id("{name.replace("_", "-")}"{rest})'
    if have.get(field) == kind:
        return f"{said}.{field}"
    if field == "email_ids" and "email_id" in have:
        return f"({said}.email_id,)"
    if kind is datetime:
        times = [each for each, other in have.items() if other is datetime]
        return f"{said}.{times[0]}" if times else None
    if get_origin(kind) is Literal:
        return f'"{get_args(kind)[0]}"'
    if get_origin(kind) is tuple:
        return "()"
    simple = {str: '""', int: "0", bool: "False", float: "0.0", types.NoneType: "None"}
    if field.endswith("_id") and kind is str:
        return '"inbox"' if field == "folder_id" else None  # an id is never empty
    return simple.get(kind)


def is_name(text: str) -> bool:
    """Tell whether *text* may be the name of a stage."""
    is_word = re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", text) is not None
    return is_word and len(text) <= LONGEST_NAME and not keyword.iskeyword(text)


def stands_for(text: str) -> str:
    """Return what a file of a stage called *text* would take it for; empty: for the stage."""
    if text in ("stage", "ids", "example"):
        return "what the written files import"
    if text.startswith("test_"):
        return "a test"  # pytest runs it as one
    return "what Python calls so" if hasattr(builtins, text) else ""
