"""Sieve scripts read: what they mean is known to be sensible before any mail comes (RFC 5228).

Pure. Checks what each command and test is given against ``sieve_forms``, and that what it uses
was required (§3.2). Running one is ``sieve_run``'s work.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from topologies.mail import mailbox_address
from topologies.mail import sieve_forms as forms
from topologies.mail.sieve_forms import Form, Kind
from topologies.mail.sieve_lexer import SieveError, Token
from topologies.mail.sieve_parser import Argument, Written, parse

__all__ = ["Node", "Script", "SieveError", "compiled"]

MOST_STRINGS = 500  # in one list

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")
_ENCODED = re.compile(
    r"\$\{(?:hex:((?:\s*[0-9a-f]{1,2})(?:\s+[0-9a-f]{1,2})*)\s*"
    r"|unicode:((?:\s*[0-9a-f]+)(?:\s+[0-9a-f]+)*)\s*)\}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Node:
    """A command or test that is as it should be.

    Attributes:
        strings: What it takes without tags, each a list of texts, numbers left out.
        number: The number that it takes without a tag.
        tags: Those that stand there; a number, texts, or nothing each.
    """

    name: str
    line: int
    column: int
    strings: tuple[tuple[str, ...], ...]
    number: int
    tags: dict[str, int | tuple[str, ...]]
    tests: tuple["Node", ...] = ()
    block: tuple["Node", ...] = ()

    def has(self, tag: str) -> bool:
        """Tell whether *tag* stands there."""
        return tag in self.tags

    def text(self, tag: str) -> str:
        """Return the text that follows *tag*; empty without."""
        value = self.tags.get(tag)
        return value[0] if isinstance(value, tuple) and value else ""

    def texts(self, tag: str) -> tuple[str, ...]:
        """Return the texts that follow *tag*."""
        value = self.tags.get(tag)
        return value if isinstance(value, tuple) else ()

    def amount(self, tag: str) -> int | None:
        """Return the number that follows *tag*; None without."""
        value = self.tags.get(tag)
        return value if isinstance(value, int) else None


@dataclass(frozen=True, slots=True)
class Script:
    """A script that can be run."""

    commands: tuple[Node, ...]
    extensions: frozenset[str]


@lru_cache(maxsize=256)
def compiled(source: str) -> Script:
    """Return *source* as what can be run.

    Raises:
        SieveError: It can't be; says where and why.
    """
    written = parse(source)
    required: set[str] = set()
    count = 0
    for command in written:  # §3.2: before anything else
        if command.name != "require":
            break
        count += 1
        required |= _required(command)
    compiler = _Compiler(frozenset(required))
    return Script(compiler.block(written[count:]), frozenset(required))


def _required(command: Written) -> set[str]:
    [names] = _Compiler(frozenset()).node(command, forms.COMMANDS["require"]).strings
    for name in names:
        if name not in forms.EXTENSIONS:
            raise SieveError(f"there is no extension {name!r}", command.line, command.column)
    return set(names)


class _Compiler:
    def __init__(self, required: frozenset[str]) -> None:
        self._required = required

    def block(self, commands: Sequence[Written]) -> tuple[Node, ...]:
        nodes: list[Node] = []
        before = ""
        for command in commands:
            form = forms.COMMANDS.get(command.name)
            if form is None:
                what = "a test, and stands alone" if command.name in forms.TESTS else "no command"
                raise _wrong(command, f"{command.name!r} is {what}")
            if command.name == "require":
                raise _wrong(command, "require stands at the beginning of the script")
            if form.after and before not in form.after:
                raise _wrong(command, f"{command.name} comes after {' or '.join(form.after)}")
            nodes.append(self.node(command, form))
            before = command.name
        return tuple(nodes)

    def node(self, written: Written, form: Form) -> Node:
        if form.needs and not self._required & set(form.needs):
            raise _wrong(written, f'{written.name} needs: require "{form.needs[0]}";')
        if form.block != written.has_block:
            raise _wrong(
                written, f"{written.name} has {'a' if form.block else 'no'} block in {{ }}"
            )
        tags, plain = self._tags(written, form)
        takes = form.takes
        if form.optional_first and len(plain) == len(takes) - 1:
            takes = takes[1:]
        elif form.optional_first and form.optional_first not in self._required and len(plain) > 1:
            raise _wrong(
                written, f'a variable in {written.name} needs: require "{form.optional_first}";'
            )
        if len(plain) != len(takes):
            raise _wrong(
                written, f"{written.name} takes {_counted(len(takes))}, here are {len(plain)}"
            )
        values = [
            self._value(written, kind, given) for kind, given in zip(takes, plain, strict=True)
        ]
        node = Node(
            written.name,
            written.line,
            written.column,
            tuple(value for value in values if isinstance(value, tuple)),
            next((value for value in values if isinstance(value, int)), 0),
            tags,
            self._tests(written, form),
            self.block(written.block) if form.block else (),
        )
        _check(written, node)
        return node

    def _tests(self, written: Written, form: Form) -> tuple[Node, ...]:
        count = len(written.tests)
        if (form.tests == "none") != (count == 0) or (form.tests == "one" and count != 1):
            wanted = {"none": "no test", "one": "one test", "some": "tests in ( )"}[form.tests]
            raise _wrong(written, f"{written.name} takes {wanted}")
        found: list[Node] = []
        for test in written.tests:
            test_form = forms.TESTS.get(test.name)
            if test_form is None:
                raise _wrong(test, f"{test.name!r} is no test")
            found.append(self.node(test, test_form))
        return tuple(found)

    def _tags(
        self, written: Written, form: Form
    ) -> tuple[dict[str, int | tuple[str, ...]], list[Argument]]:
        tags: dict[str, int | tuple[str, ...]] = {}
        groups: set[str] = set()
        plain: list[Argument] = []
        rest = iter(written.arguments)
        for argument in rest:
            if not isinstance(argument, Token) or argument.kind != "tag":
                plain.append(argument)
                continue
            tag = form.tags.get(argument.text)
            if tag is None:
                raise _at(argument, f"{written.name} knows no :{argument.text}")
            if tag.needs and tag.needs not in self._required:
                raise _at(argument, f':{argument.text} needs: require "{tag.needs}";')
            if argument.text in tags or (tag.group and tag.group in groups):
                raise _at(argument, f"there is more than one {tag.group or ':' + argument.text}")
            groups.add(tag.group)
            value: int | tuple[str, ...] = ()
            if tag.value is not None:
                given = next(rest, None)
                if given is None:
                    raise _at(argument, f":{argument.text} lacks what should follow it")
                value = self._value(written, tag.value, given)
            tags[argument.text] = value
        return tags, plain

    def _value(self, written: Written, kind: Kind, given: Argument) -> int | tuple[str, ...]:
        place = given if isinstance(given, Token) else given[0]
        if isinstance(given, Token) and given.kind == "number":
            if kind != "number":
                raise _at(place, f"{written.name} takes a text in quotes here, not a number")
            return given.number
        if isinstance(given, Token) and given.kind == "tag":
            raise _at(place, f":{given.text} can't stand here")
        if kind == "number":
            raise _at(place, f"{written.name} takes a number here, not a text")
        if not isinstance(given, Token):
            if kind != "strings":
                raise _at(place, f"{written.name} takes one text here, not a list")
            if len(given) > MOST_STRINGS:
                raise _at(place, f"a list has at most {MOST_STRINGS} texts")
            return tuple(self._decoded(each) for each in given)
        return (self._decoded(given),)

    def _decoded(self, token: Token) -> str:
        if "encoded-character" not in self._required or "${" not in token.text:
            return token.text

        def decoded(match: re.Match[str]) -> str:
            if match[1]:
                return bytes(int(each, 16) for each in match[1].split()).decode("utf-8", "replace")
            points = [int(each, 16) for each in match[2].split()]
            if any(point > 0x10FFFF or 0xD800 <= point < 0xE000 for point in points):
                raise _at(token, "there is no such character in Unicode")
            return "".join(map(chr, points))

        return _ENCODED.sub(decoded, token.text)


def _check(written: Written, node: Node) -> None:
    """Check what the table of forms can't say.

    Raises:
        SieveError: Something does not go together.
    """
    comparator = node.text("comparator")
    if comparator and comparator not in forms.COMPARATORS:
        raise _wrong(written, f"there is no comparator {comparator!r}")
    if comparator == "i;ascii-numeric" and (node.has("contains") or node.has("matches")):
        raise _wrong(written, "numbers are compared whole: use :is or :value")
    for tag in ("value", "count"):
        if node.has(tag) and node.text(tag).lower() not in forms.RELATIONS:
            raise _wrong(written, f":{tag} is followed by one of {', '.join(forms.RELATIONS)}")
    if node.name == "size" and not node.tags:
        raise _wrong(written, "size takes :over or :under")
    if node.name == "set" and not _VARIABLE.fullmatch(node.strings[0][0]):
        raise _wrong(written, f"{node.strings[0][0]!r} can't be the name of a variable")
    if node.name == "redirect" and "${" not in node.strings[0][0]:
        try:
            mailbox_address.parse(node.strings[0][0].strip())
        except ValueError as error:
            raise _wrong(written, f"redirect takes an address: {error}") from error
    if node.has("last") and not node.has("index"):
        raise _wrong(written, ":last goes with :index")
    if node.has("index") and node.amount("index") == 0:
        raise _wrong(written, ":index counts from 1")


def _counted(count: int) -> str:
    return {0: "nothing without a tag", 1: "one argument"}.get(count, f"{count} arguments")


def _wrong(written: Written, reason: str) -> SieveError:
    return SieveError(reason, written.line, written.column)


def _at(token: Token, reason: str) -> SieveError:
    return SieveError(reason, token.line, token.column)
