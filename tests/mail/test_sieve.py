"""Sieve: what a script makes of a mail, and what is told to whoever wrote a wrong one."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.events import SpamVerdict
from topologies.mail.message import parse_message
from topologies.mail.sieve import SieveError, compiled
from topologies.mail.sieve_actions import (
    Action,
    FileInto,
    Keep,
    Outcome,
    Redirect,
    Reject,
    Vacation,
)
from topologies.mail.sieve_match import Exhausted, Purse, matched
from topologies.mail.sieve_run import run, with_forms
from topologies.mail.sieve_view import View

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)  # a Sunday
MAIL = (
    b"Received: from a by b; Sat, 28 Feb 2026 23:15:00 -0800\r\n"
    b"Received: from c by d; Sat, 28 Feb 2026 23:14:00 -0800\r\n"
    b"From: Zoe <zoe+Pumps@Far.example>\r\n"
    b"To: bo@shop.example, ann@shop.example\r\n"
    b"Subject: =?utf-8?q?The_pump_f=C3=BCr_Bo?= is here\r\n"
    b"Date: Sat, 28 Feb 2026 23:13:00 -0800\r\n"
    b"X-Count: 12\r\n"
    b"X-Empty:\r\n"
    b"X-Last-Day: Fri, 31 Dec 9999 23:59:59 -1200\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"VGhlIHB1bXAgY29zdHMgMTAwIGV1cm9zLg==\r\n"
    b"--b\r\nContent-Type: text/csv\r\n\r\npump;100\r\n--b--\r\n"
)
ALL = (
    'require ["fileinto","envelope","variables","relational","subaddress","imap4flags","body",'
    '"date","index","copy","mailbox","reject","ereject","vacation","vacation-seconds",'
    '"encoded-character","spamtestplus","comparator-i;ascii-numeric"];\n'
)
KEPT = Outcome(actions=(Keep(),), is_kept_anyway=True)


@pytest.mark.parametrize(
    "test",
    [
        "true",
        "not false",
        "allof(true, not false)",
        "anyof(false, true)",
        "size :over 100",
        "not size :over 1K",
        "size :under 1K",
        'exists ["From", "subject"]',
        'not exists ["From", "X-Nothing"]',
        'header :is "x-count" "12"',
        'header "x-count" "12"',
        'header :contains "subject" "FüR bo"',
        'header :contains "subject" "für"',
        'not header :contains :comparator "i;octet" "subject" "the"',
        'header :matches "subject" "the * is her?"',
        'header :is ["nothing", "x-count"] ["11", "12"]',
        'header :is "x-empty" ""',
        'not header :contains "nothing" ""',
        'address :all "from" "zoe+pumps@far.example"',
        'address :localpart "from" "zoe+pumps"',
        'address :domain ["to"] "SHOP.example"',
        'address :user "from" "zoe"',
        'address :detail "from" "pumps"',
        'not address :detail "to" ""',
        'address "to" ["ann@shop.example"]',
        'envelope "from" "zoe@far.example"',
        'envelope :localpart "to" "bo+x"',
        'not envelope "nothing" "zoe@far.example"',
        'header :value "gt" :comparator "i;ascii-numeric" "x-count" "9"',
        'not header :value "gt" "x-count" "9"',
        'header :count "eq" :comparator "i;ascii-numeric" "received" "2"',
        'address :count "ge" "to" "2"',
        'header :is :comparator "i;ascii-numeric" "x-count" "012"',
        'header :index 1 :contains "received" "from a"',
        'header :index 1 :last :contains "received" "from c"',
        'not header :index 3 :contains "received" "from"',
        'body :contains "costs 100 euros"',
        'not body :raw :contains "costs"',
        'body :raw :contains "VGhlIHB1bXA"',
        'body :content "text/csv" :contains "pump;100"',
        'body :content "text" :contains ["nothing", "costs"]',
        'not body :content "text/csv" :contains "costs"',
        'date "date" "year" "2026"',
        'date :zone "+0000" "date" "hour" "07"',
        'date :originalzone "date" "date" "2026-02-28"',
        'date :zone "+0000" "date" "date" "2026-03-01"',
        'date :index 1 :zone "+0100" "received" "time" "08:15:00"',
        'currentdate "weekday" "0"',
        'currentdate :value "ge" "date" "2026-03-01"',
        'currentdate :zone "-0130" "iso8601" "2026-03-01T11:00:00-01:30"',
        'not date "x-count" "year" "2026"',
        'not date "x-last-day" "year" "9999"',
        'mailboxexists "Pumps"',
        'not mailboxexists ["pumps", "nothing"]',
        'string "a" "A"',
        'header :is "x-count" "${hex: 31 32}"',
        'header :contains "subject" "f${unicode:fc}r"',
        'string "${unicode: 0000000041 42}" "AB"',
        # comments and texts of several lines
        '/* a\n * b */ # c\n string :contains text: # d\na"b\n..c\n.\n [".c", "\\""]',
    ],
)
def test_a_test_is_passed(test: str) -> None:
    assert done(f'if {test} {{ fileinto "yes"; }}') == [FileInto(folder="yes")]


@pytest.mark.parametrize(
    ("spam", "level", "percent"),
    [
        (SpamVerdict(probability=0.0, is_spam=False, threshold=0.9), "1", "0"),
        (SpamVerdict(probability=0.45, is_spam=False, threshold=0.9), "5", "45"),
        (SpamVerdict(probability=0.899, is_spam=False, threshold=0.9), "9", "90"),
        (SpamVerdict(probability=0.95, is_spam=True, threshold=0.9), "10", "95"),
        # Its reader's own reports moved it across the threshold.
        (SpamVerdict(probability=0.95, is_spam=False, threshold=0.9), "9", "95"),
        (SpamVerdict(probability=0.5, is_spam=True, threshold=0.9), "10", "50"),
    ],
)
def test_a_mail_is_as_near_to_spam_as_it_was_judged(
    spam: SpamVerdict, level: str, percent: str
) -> None:
    assert passes(f'spamtest "{level}"', spam)
    assert passes(f'spamtest :percent "{percent}"', spam)
    assert passes('spamtest :count "eq" "1"', spam)
    assert passes('spamtest :value "ge" :comparator "i;ascii-numeric" "10"', spam) == spam.is_spam


@pytest.mark.parametrize("spam", [None, SpamVerdict(probability=0.0, is_spam=False)])
def test_what_nobody_judged_is_told_from_what_is_clear_of_spam(spam: SpamVerdict | None) -> None:
    assert passes('spamtest "0"', spam)
    assert passes('spamtest :count "eq" "0"', spam)
    assert not passes('spamtest :percent :contains ""', spam)


def test_a_comparison_of_bytes_minds_case_and_one_of_letters_those_of_ascii_alone() -> None:
    assert passes('string :comparator "i;octet" "a" "a"')
    assert not passes('string :comparator "i;octet" "a" "A"')
    assert not passes('string "ü" "Ü"')


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("", [Keep()], id="nothing is done: the mail is kept"),
        pytest.param("keep;", [Keep()], id="keep"),
        pytest.param("discard;", [], id="discard"),
        pytest.param("discard; keep;", [Keep()], id="what is kept is not discarded"),
        pytest.param('fileinto "a";', [FileInto(folder="a")], id="filed alone"),
        pytest.param('fileinto "a"; keep;', [FileInto(folder="a"), Keep()], id="and kept"),
        pytest.param('fileinto :copy "a";', [FileInto(folder="a"), Keep()], id="a copy"),
        pytest.param('fileinto "a"; fileinto "A";', [FileInto(folder="A")], id="once a folder"),
        pytest.param('fileinto :create "a";', [FileInto(folder="a", create=True)], id="created"),
        pytest.param('redirect "x@y.example";', [Redirect(address="x@y.example")], id="redirect"),
        pytest.param(
            'redirect :copy "x@y.example"; redirect "x@y.example";',
            [Redirect(address="x@y.example")],
            id="once an address",
        ),
        pytest.param('reject "no";', [Reject(reason="no")], id="reject"),
        pytest.param('ereject "no";', [Reject(reason="no")], id="ereject"),
        pytest.param("stop; discard;", [Keep()], id="nothing after stop"),
        pytest.param("if true { stop; } discard;", [Keep()], id="nor after one in a block"),
        pytest.param(
            'if false { discard; } elsif true { fileinto "a"; } elsif true { fileinto "b"; }'
            ' else { fileinto "c"; }',
            [FileInto(folder="a")],
            id="the first that is so",
        ),
        pytest.param('if false { discard; } else { fileinto "c"; }', [FileInto(folder="c")]),
        pytest.param(
            r'addflag ["\\Seen", "$Label1 \\Flagged"]; keep;',
            [Keep(flags=("\\Seen", "$Label1", "\\Flagged"))],
            id="flags",
        ),
        pytest.param(r'setflag "\\Seen";', [Keep(flags=("\\Seen",))], id="of what is kept anyway"),
        pytest.param(
            r'setflag ["a","b"]; removeflag "A"; addflag "B"; keep;', [Keep(flags=("b",))]
        ),
        pytest.param(
            r'setflag "a"; fileinto :flags "\\Seen" "x";',
            [FileInto(folder="x", flags=("\\Seen",))],
            id="flags of one place",
        ),
        pytest.param(
            'setflag "mine" ["x", "y"];'
            ' if hasflag :count "eq" "mine" "2" { keep :flags "${mine}"; }',
            [Keep(flags=("x", "y"))],
            id="flags in a variable",
        ),
        pytest.param(
            'if header :matches "subject" "the * is *" { fileinto "${1}/${2}/${3}"; }',
            [FileInto(folder="pump für Bo/here/")],
            id="what wildcards stood for",
        ),
        pytest.param(
            'set :upperfirst :lower "n" "PUMPS"; fileinto "in.${N}${none}";',
            [FileInto(folder="in.Pumps")],
            id="variables",
        ),
        pytest.param(
            'set :length "n" "fünf"; set "m" "${n}${n}"; fileinto "${m}";',
            [FileInto(folder="44")],
        ),
        pytest.param('set :quotewildcard "n" "a*b"; fileinto "${n}";', [FileInto(folder="a\\*b")]),
        pytest.param(
            'vacation :days 3 :subject "Away" :addresses ["b@shop.example"] "Back soon.";',
            [
                Vacation(
                    reason="Back soon.",
                    period_s=3 * 86_400,
                    subject="Away",
                    addresses=("b@shop.example",),
                ),
                Keep(),
            ],
            id="vacation",
        ),
        pytest.param(
            'vacation :seconds 900 "x"; discard;',
            [Vacation(reason="x", period_s=900)],
            id="seconds",
        ),
        pytest.param(
            'vacation :seconds 0 "x"; discard;',
            [Vacation(reason="x", period_s=600)],
            id="never each mail",
        ),
        pytest.param(
            'vacation :days 0 "x"; discard;', [Vacation(reason="x", period_s=86_400)], id="a day"
        ),
    ],
)
def test_a_script_comes_to_actions(script: str, expected: Sequence[Action]) -> None:
    assert done(script) == expected


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ('set "a" "nobody"; redirect "${a}";', "no address"),
        ('reject "no"; keep;', "refused"),
        ('keep; reject "no";', "refused"),
        ('fileinto " ";', "no name"),
        ('vacation "a"; vacation "b";', "one answer"),
        ("".join(f'redirect "x{n}@y.example";' for n in range(6)), "at most 5"),
        ("".join(f'fileinto "{n}";' for n in range(11)), "at most 10"),
        ("".join(f'set "v{n}" "";' for n in range(129)), "too many variables"),
    ],
)
def test_what_goes_wrong_keeps_the_mail_alone_and_tells_why(script: str, error: str) -> None:
    outcome = run(compiled(ALL + script), view())
    assert (outcome.actions, outcome.is_kept_anyway) == ((Keep(),), True)
    assert error in outcome.error


@pytest.mark.parametrize(
    ("script", "line", "column", "reason"),
    [
        ("keep", 1, 5, "the script ends"),
        ("keep;\n  nonsense;", 2, 3, "no command"),
        ("if { keep; }", 1, 1, "one test"),
        ("if true keep;", 1, 1, "block"),
        ("else { keep; }", 1, 1, "comes after"),
        ("keep; else { stop; }", 1, 7, "comes after"),
        ('fileinto "a";', 1, 1, 'require "fileinto"'),
        ('require "nothing";', 1, 1, "no extension"),
        ('keep; require "fileinto";', 1, 7, "beginning"),
        ('if header :is :contains "a" "b" { }', 1, 15, "more than one match type"),
        ('if header "a" { }', 1, 4, "takes 2 arguments"),
        ('if header 1 "a" { }', 1, 11, "not a number"),
        ('if size :over "1" { }', 1, 15, "takes a number"),
        ("if size 1 { }", 1, 4, ":over or :under"),
        ("if size :over 99999999999999999999 { }", 1, 15, "numbers go up"),
        ('if header :nothing "a" "b" { }', 1, 11, "knows no :nothing"),
        ('if header :comparator "x" "a" "b" { }', 1, 4, "no comparator"),
        ('if header :value "gt" "a" "b" { }', 1, 11, 'require "relational"'),
        ('"a', 1, 1, "no closing quote"),
        ("/* a", 1, 1, "no end"),
        ("keep; text:\na", 1, 7, "no end"),
        ('redirect "nobody";', 1, 1, "takes an address"),
        ("keep; }", 1, 7, "stands where"),
        ("keep %;", 1, 6, "does not belong"),
        ("if true {" * 20, 1, 139, "at most 15 levels"),
        ("if " + "not " * 30 + "true {}", 1, 64, "at most 15 levels"),
        ("#" * 40_000, 1, 1, "at most 32 KiB"),
        ("keep;" * 2_001, 1, 10_001, "too many commands"),
    ],
)
def test_a_wrong_script_is_told_where_and_why(
    script: str, line: int, column: int, reason: str
) -> None:
    with pytest.raises(SieveError) as caught:
        compiled(script)
    assert reason in caught.value.reason
    assert (caught.value.line, caught.value.column) == (line, column)


def test_what_compares_too_much_is_ended() -> None:
    keys = ",".join(f'"{n}*a*b*c?*d*"' for n in range(400))
    script = "".join(f"if body :matches [{keys}] {{ stop; }}" for _ in range(3))
    large = b"Subject: x\r\n\r\n" + b"abc " * 60_000
    outcome = run(compiled('require "body";' + script), view(large))
    assert "compares too much" in outcome.error
    assert outcome.actions == (Keep(),)


@pytest.mark.parametrize(
    "test",
    [
        'header :count "gt" ["x-a", "x-b"] "1"',
        'header :contains ["x-a", "x-b"] ["nothing", "none"]',
        'address :count "gt" ["x-a"] "1"',
        'string :count "gt" [{many}] "1"',
        'body :content ["a", "b"] :contains "nothing"',
    ],
)
def test_a_script_that_asks_for_too_much_of_a_large_mail_is_ended(test: str) -> None:
    header = b"".join(b"X-A: a%d@b.example\r\n" % n for n in range(2_000))
    parts = b"".join(b"--b\r\nContent-Type: a/b\r\n\r\nx\r\n" for _ in range(900))
    raw = header + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts
    many = ",".join(['"${a}${a}${a}${a}"'] * 100)
    tests = test.replace("{many}", many)
    start = 'set "a" "' + "x" * 3_000 + '";'
    count = min(900, 27_000 // (len(tests) + 10))
    script = compiled(ALL + start + f"if {tests} {{ }}\n" * count)
    outcome = run(script, view(raw))
    assert outcome.error == "" or "compares too much" in outcome.error


def test_forms_add_to_a_script_and_a_script_that_drops_a_mail_has_the_last_word() -> None:
    onward, away = Redirect(address="x@y.example"), Vacation(reason="away", period_s=1)
    forms = (onward, away)
    assert with_forms(KEPT, forms, keeps_copy=True).actions == (Keep(), onward, away)
    assert with_forms(KEPT, forms, keeps_copy=False).actions == (onward, away)
    asked = Outcome(actions=(Keep(),))
    assert with_forms(asked, forms, keeps_copy=False).actions == (Keep(), onward, away)
    filed = Outcome(actions=(FileInto(folder="a"),))
    assert with_forms(filed, (onward,), keeps_copy=False).actions == (*filed.actions, onward)
    own = Outcome(actions=(Vacation(reason="own", period_s=1), Keep()), is_kept_anyway=True)
    assert with_forms(own, (away,), keeps_copy=True).actions == own.actions
    for last_word in (Outcome(), Outcome(actions=(Reject(reason="no"),))):
        assert with_forms(last_word, forms, keeps_copy=True) == last_word


@given(value=st.text("ab*?\\", max_size=12), pattern=st.text("ab*?\\", max_size=8))
def test_wildcards_match_as_one_that_tries_everything(value: str, pattern: str) -> None:
    found = matched(value, pattern, value)
    assert (found is not None) == _slowly(value, pattern)
    if found is not None:
        assert found[0] == value


@given(script=st.text(max_size=200))
def test_any_text_is_read_or_refused(script: str) -> None:
    error = refusal(script)
    assert error is None or (error.line >= 1 and error.column >= 1)


PIECES = (
    "keep;|discard;|stop;|if true {|}|else {|elsif false {|fileinto|redirect|:copy|:is|"
    '"a@b.example"|"${1}"|header|["a", "b"]|;|,|(|)|not|allof|set|vacation|reject|12|text:\n.\n'
).split("|")


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=25))
def test_what_can_be_read_runs_and_comes_to_the_same_again(pieces: list[str]) -> None:
    written = ALL + " ".join(pieces)
    if refusal(written):
        return
    script = compiled(written)
    outcome = run(script, view())
    assert run(script, view()) == outcome
    if outcome.error:
        assert outcome.actions == (Keep(),)


def test_an_empty_purse_ends_it() -> None:
    with pytest.raises(Exhausted):
        Purse(left=110).pay(11)


# --- builders -----------------------------------------------------------------------


def view(raw: bytes = MAIL, spam: SpamVerdict | None = None) -> View:
    return View(
        raw=raw,
        message=parse_message(raw).message,
        received_at=AT,
        mail_from="zoe@far.example",
        recipient="bo+x@shop.example",
        folders=frozenset({"inbox", "pumps"}),
        spam=spam,
    )


def done(script: str, spam: SpamVerdict | None = None) -> list[Action]:
    outcome = run(compiled(ALL + script), view(spam=spam))
    assert not outcome.error
    return list(outcome.actions)


def refusal(script: str) -> SieveError | None:
    try:
        compiled(script)
    except SieveError as error:
        return error
    return None


def passes(test: str, spam: SpamVerdict | None = None) -> bool:
    return done(f"if {test} {{ discard; }}", spam) == []


def _slowly(value: str, pattern: str) -> bool:
    if not pattern:
        return not value
    head, rest = pattern[0], pattern[1:]
    if head == "*":
        return any(_slowly(value[n:], rest) for n in range(len(value) + 1))
    if head == "\\":
        head, rest = pattern[1:2], pattern[2:]
        if not head:
            return not value
    elif head == "?":
        return bool(value) and _slowly(value[1:], rest)
    return value[:1] == head and _slowly(value[1:], rest)
