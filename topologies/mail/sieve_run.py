"""Sieve scripts run on a mail: what shall become of it, as values (RFC 5228).

Pure: nothing is carried out here, and the same mail and script come to the same. A script has
no loops, so it ends; what its tests may look at is bounded besides. What goes wrong keeps the
mail and tells why (§2.10.6).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from topologies.mail import mailbox_address, sieve_variables
from topologies.mail.sieve import Node, Script, SieveError
from topologies.mail.sieve_actions import (
    Action,
    FileInto,
    Keep,
    Outcome,
    Redirect,
    Reject,
    Vacation,
)
from topologies.mail.sieve_match import Exhausted, Purse
from topologies.mail.sieve_tests import Tester
from topologies.mail.sieve_variables import Variables
from topologies.mail.sieve_view import View

MOST_REDIRECTS = 5
MOST_FILED = 10  # folders that one mail goes to
MOST_FLAGS = 50
LONGEST_REASON = 8_000  # characters of an answer
DEFAULT_DAYS = 7  # RFC 5230 §4.1
LEAST_DAYS, MOST_DAYS = 1, 30
LEAST_S = 600  # RFC 6131 §2 leaves it to us: never each mail, or two machines could go on for ever
DAY_S = 86_400


def run(script: Script, view: View) -> Outcome:
    """Return what *script* wants done with the mail in *view*."""
    running = _Run(script, view)
    try:
        running.block(script.commands)
        return running.outcome()
    except SieveError as error:
        return _failed(str(error))
    except Exhausted as error:
        return _failed(str(error))


def _failed(error: str) -> Outcome:
    return Outcome(actions=(Keep(),), is_kept_anyway=True, error=error)


class _Run:
    def __init__(self, script: Script, view: View) -> None:
        self._variables = Variables(is_on="variables" in script.extensions)
        self._flags: tuple[str, ...] = ()
        self._actions: list[Action] = []
        self._is_kept = True  # by itself
        self._tester = Tester(view, self._variables, Purse(), self._flags_of)

    def block(self, commands: Sequence[Node]) -> bool:
        """Run *commands*; return False if the script stopped."""
        is_decided = False
        for command in commands:
            match command.name:
                case "if" | "elsif" | "else":
                    is_decided = is_decided and command.name != "if"
                    if is_decided:
                        continue
                    is_decided = command.name == "else" or self._tester.passes(command.tests[0])
                    if is_decided and not self.block(command.block):
                        return False
                case "stop":
                    return False
                case _:
                    self._do(command)
        return True

    def outcome(self) -> Outcome:
        """Return what all that was run comes to.

        Raises:
            SieveError: Its parts do not go together.
        """
        actions = list(dict.fromkeys(self._actions))
        if self._is_kept and not any(isinstance(each, Keep) for each in actions):
            actions.append(Keep(flags=self._flags))
        return Outcome(actions=tuple(actions), is_kept_anyway=self._is_kept)

    def _do(self, command: Node) -> None:
        match command.name:
            case "keep":
                self._is_kept = False
                self._add(command, Keep(flags=self._flagged(command)))
            case "discard":
                self._is_kept = False
            case "fileinto":
                self._file(command)
            case "redirect":
                self._redirect(command)
            case "reject" | "ereject":
                self._is_kept = False
                self._add(command, Reject(reason=self._text(command)[:LONGEST_REASON]))
            case "vacation":
                self._add(command, self._vacation(command))
            case "set":
                value = sieve_variables.modified(
                    self._variables.expanded(command.strings[1][0]), command
                )
                if not self._variables.put(command.strings[0][0], value):
                    raise _at(command, "there are too many variables")
            case _:
                self._flag(command)

    def _add(self, command: Node, action: Action) -> None:
        """Take *action* among those to be done.

        Raises:
            SieveError: It does not go with the others, or is one too many.
        """
        others = [each for each in self._actions if each != action]
        if isinstance(action, Reject):
            if others:  # RFC 5429 §2.3
                raise _at(command, "what is refused can't be kept, forwarded or answered as well")
        elif any(isinstance(each, Reject) for each in others):
            raise _at(command, "what is refused can't be kept, forwarded or answered as well")
        if isinstance(action, Vacation) and any(isinstance(each, Vacation) for each in others):
            raise _at(command, "one answer is enough")  # RFC 5230 §4.7
        for kind, most in ((Redirect, MOST_REDIRECTS), (FileInto, MOST_FILED)):
            count = len({each for each in others if isinstance(each, kind)})
            if isinstance(action, kind) and count >= most:
                raise _at(command, f"at most {most} times for one mail")
        if isinstance(action, Keep | FileInto):
            # The same place twice is one copy, with the flags said last (RFC 5232 §4.1).
            self._actions = [each for each in others if not _is_same_place(each, action)]
        self._actions.append(action)

    def _file(self, command: Node) -> None:
        folder = self._text(command).strip()
        if not folder:
            raise _at(command, "the folder has no name")
        if not command.has("copy"):
            self._is_kept = False
        flags = self._flagged(command)
        if folder.lower() == "inbox":
            self._add(command, FileInto(folder="inbox", flags=flags))
        else:
            create = command.has("create")
            self._add(command, FileInto(folder=folder, flags=flags, create=create))

    def _redirect(self, command: Node) -> None:
        written = self._text(command).strip()
        try:
            address = mailbox_address.parse(written)
        except ValueError as error:
            raise _at(command, f"{written[:80]!r} is no address to forward to: {error}") from error
        if not command.has("copy"):
            self._is_kept = False
        self._add(command, Redirect(address=str(address)))

    def _vacation(self, command: Node) -> Vacation:
        days, seconds = command.amount("days"), command.amount("seconds")
        if seconds is not None:
            period_s = max(LEAST_S, min(seconds, MOST_DAYS * DAY_S))
        else:
            wanted = DEFAULT_DAYS if days is None else days
            period_s = max(LEAST_DAYS, min(wanted, MOST_DAYS)) * DAY_S
        expanded = self._variables.expanded
        words = (command.strings[0][0], command.text("subject"), command.text("from"))
        return Vacation(
            reason=self._text(command)[:LONGEST_REASON],
            period_s=period_s,
            subject=_one_line(expanded(command.text("subject"))),
            sender=_one_line(expanded(command.text("from"))),
            addresses=tuple(expanded(each) for each in command.texts("addresses")),
            is_mime=command.has("mime"),
            handle=expanded(command.text("handle")),
            written="\0".join(words) if any(expanded(each) != each for each in words) else "",
        )

    def _flag(self, command: Node) -> None:
        name = command.strings[0][0] if len(command.strings) == 2 else ""
        given = self._listed(command.strings[-1])
        before = tuple(self._flags_of(name))
        if command.name == "setflag":
            after = given
        elif command.name == "addflag":
            after = _each_once((*before, *given))
        else:
            gone = {flag.lower() for flag in given}
            after = tuple(flag for flag in before if flag.lower() not in gone)
        if name:
            if not self._variables.put(name, " ".join(after)):
                raise _at(command, "there are too many variables")
        else:
            self._flags = after

    def _flags_of(self, name: str) -> Sequence[str]:
        return self._variables.get(name).split() if name else self._flags

    def _flagged(self, command: Node) -> tuple[str, ...]:
        return self._listed(command.texts("flags")) if command.has("flags") else self._flags

    def _listed(self, written: Sequence[str]) -> tuple[str, ...]:
        # RFC 5232 §2: one text may hold several, with spaces between them.
        return _each_once(f for text in written for f in self._variables.expanded(text).split())

    def _text(self, command: Node) -> str:
        return self._variables.expanded(command.strings[0][0])


def with_forms(outcome: Outcome, forms: Sequence[Action], *, keeps_copy: bool) -> Outcome:
    """Return *outcome* with what the user has set without a script.

    What a script discards, refuses or answers itself is left as it is.

    Args:
        outcome: Of the user's script; without one: kept.
        forms: Redirects and a vacation.
        keeps_copy: Otherwise what is forwarded is not kept by itself.
    """
    if outcome.error or not outcome.actions:
        return outcome
    if any(isinstance(each, Reject) for each in outcome.actions):
        return outcome
    has_answer = any(isinstance(each, Vacation) for each in outcome.actions)
    added = [
        each
        for each in forms
        if each not in outcome.actions and not (has_answer and isinstance(each, Vacation))
    ]
    kept = outcome.actions
    is_kept_anyway = outcome.is_kept_anyway
    if is_kept_anyway and not keeps_copy and any(isinstance(each, Redirect) for each in added):
        kept = tuple(each for each in kept if not isinstance(each, Keep))
        is_kept_anyway = False
    return replace(outcome, actions=(*kept, *added), is_kept_anyway=is_kept_anyway)


def _is_same_place(one: Action, other: Action) -> bool:
    def place(action: Action) -> str | None:
        if isinstance(action, FileInto):
            return action.folder.lower()
        return "" if isinstance(action, Keep) else None

    return place(one) is not None and place(one) == place(other)


def _each_once(flags: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for flag in flags:
        if len(found) < MOST_FLAGS:
            found.setdefault(flag.lower(), flag[:100])
    return tuple(found.values())


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]


def _at(command: Node, reason: str) -> SieveError:
    return SieveError(reason, command.line, command.column)
