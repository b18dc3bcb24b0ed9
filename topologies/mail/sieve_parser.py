"""Sieve scripts as trees (RFC 5228 §8.2), before it is asked what their words mean.

Pure. Depth and size are bounded, so that what a stranger writes can be read by anybody.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from topologies.mail.sieve_lexer import SieveError, Token, tokens

DEEPEST = 15  # blocks and tests within each other
MOST_COMMANDS = 2_000  # tests included

Argument = Token | tuple[Token, ...]  # a number, a tag, a string; or a list of strings


@dataclass(slots=True)
class Written:
    """A command or test as written.

    Attributes:
        has_block: For commands: it has one, maybe empty.
    """

    name: str
    line: int
    column: int
    arguments: list[Argument] = field(default_factory=list[Argument])
    tests: list["Written"] = field(default_factory=list["Written"])
    block: list["Written"] = field(default_factory=list["Written"])
    has_block: bool = False


def parse(source: str) -> list[Written]:
    """Return the commands of *source*.

    Raises:
        SieveError: It does not follow the grammar; says where and why.
    """
    return _Parser(tokens(source)).commands(0)


class _Parser:
    def __init__(self, stream: Iterator[Token]) -> None:
        self._stream = stream
        self._next = next(stream)
        self._count = 0

    def commands(self, depth: int) -> list[Written]:
        found: list[Written] = []
        while self._next.kind == "word":
            found.append(self._command(depth))
        if depth == 0 and self._next.kind != "end":
            raise _unexpected(self._next, "a command")
        return found

    def _command(self, depth: int) -> Written:
        command = self._begun(depth)
        self._arguments(command, depth)
        if self._is_mark("{"):
            self._take()
            command.has_block = True
            command.block = self.commands(depth + 1)
            self._expect("}")
        else:
            self._expect(";")
        return command

    def _test(self, depth: int) -> Written:
        if self._next.kind != "word":
            raise _unexpected(self._next, "a test")
        test = self._begun(depth)
        self._arguments(test, depth)
        return test

    def _begun(self, depth: int) -> Written:
        token = self._take()
        self._count += 1
        if self._count > MOST_COMMANDS:
            raise SieveError("the script has too many commands", token.line, token.column)
        if depth > DEEPEST:
            reason = f"at most {DEEPEST} levels may be within each other"
            raise SieveError(reason, token.line, token.column)
        return Written(token.text, token.line, token.column)

    def _arguments(self, owner: Written, depth: int) -> None:
        while True:
            if self._next.kind in ("tag", "number", "string"):
                owner.arguments.append(self._take())
            elif self._is_mark("["):
                owner.arguments.append(self._strings())
            else:
                break
        if self._next.kind == "word":
            owner.tests.append(self._test(depth + 1))
        elif self._is_mark("("):
            self._take()
            owner.tests.append(self._test(depth + 1))
            while self._is_mark(","):
                self._take()
                owner.tests.append(self._test(depth + 1))
            self._expect(")")

    def _strings(self) -> tuple[Token, ...]:
        self._take()
        found = [self._string()]
        while self._is_mark(","):
            self._take()
            found.append(self._string())
        self._expect("]")
        return tuple(found)

    def _string(self) -> Token:
        if self._next.kind != "string":
            raise _unexpected(self._next, "a text in quotes")
        return self._take()

    def _is_mark(self, mark: str) -> bool:
        return self._next.kind == "mark" and self._next.text == mark

    def _expect(self, mark: str) -> None:
        if not self._is_mark(mark):
            raise _unexpected(self._next, f'"{mark}"')
        self._take()

    def _take(self) -> Token:
        taken = self._next
        if taken.kind != "end":
            self._next = next(self._stream)
        return taken


def _unexpected(token: Token, wanted: str) -> SieveError:
    found = "the script ends" if token.kind == "end" else f"{token.text[:40]!r} stands"
    return SieveError(f"{found} where {wanted} should be", token.line, token.column)
