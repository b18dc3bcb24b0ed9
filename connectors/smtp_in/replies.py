"""What the server says: every reply that is more than a greeting, with its enhanced code.

Decides wording and codes only; what the checks say stands with them, in ``topologies.edge``.
``550 5.1.1`` is for good, ``451 4.3.0`` asks to come back (RFC 5321 §4.2.1); the second code
says why (RFC 3463, RFC 2034).
"""

import re

CODES = 9  # characters of the reply code and the enhanced one, which begin a reply

OK = "250 2.0.0 Ok"
SENDER_OK = "250 2.1.0 Ok"
SIGNED_IN = "235 2.7.0 Signed in"
RECIPIENT_OK = "250 2.1.5 Ok"
GO_AHEAD = "354 End data with <CRLF>.<CRLF>"
BYE = "221 2.0.0 Bye"
READY_FOR_TLS = "220 2.0.0 Ready to start TLS"

CHUNK_TAKEN = "250 2.0.0 {octets} octets taken"
TOO_MANY_OF_CLIENT = "421 4.7.0 Too many connections from where you are, come back in a minute"
TOO_MANY_MAILS = "421 4.7.0 Enough for one session: bring the others in another"
TOO_MANY_SESSIONS = "421 4.3.2 Too many connections, come back in a minute"
CLOSING = "421 4.3.2 The service is stopping, come back in a minute"
NOT_NOW = "421 4.3.0 Can't take mail right now, come back in a minute"
IDLE = "421 4.4.2 Nothing was heard for too long"
TOO_MANY_ERRORS = "421 4.7.0 Too many errors"
OUT_OF_REACH = "451 4.3.0 Can't take mail right now, come back in a minute"
NO_SPACE = "452 4.3.1 No space left for mail, come back later"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients: send to the others in another transaction"
AUTH_NOT_NOW = "454 4.7.0 Can't tell right now whether that is right, come back in a minute"
TOO_MANY_SIGN_INS = "454 4.7.0 Too many sign-ins failed, come back in {minutes} minutes"
NO_TLS = "454 4.7.0 TLS is not available"

LINE_TOO_LONG = "500 5.5.6 Line too long"
NO_CRLF = "500 5.5.2 A line ends with CRLF, and neither CR nor LF stands alone (RFC 5321 2.3.8)"
UNKNOWN_COMMAND = "500 5.5.1 Unknown command"
NOT_UTF8 = "501 5.5.2 Neither ASCII nor UTF-8"
NO_ARGUMENT = "501 5.5.4 No argument is wanted here"
NEEDS_NAME = "501 5.5.4 Say who you are"
NEEDS_ADDRESS = "501 5.5.4 Say which address"
MAIL_SYNTAX = "501 5.5.4 Syntax: MAIL FROM:<address>"
RCPT_SYNTAX = "501 5.5.4 Syntax: RCPT TO:<address>"
CHUNK_SYNTAX = "501 5.5.4 Syntax: BDAT size [LAST]"
BAD_PARAMETER = "501 5.5.4 That parameter has no such value, or is given twice"
HELLO_FIRST = "503 5.5.1 Say {hello} first"
AUTH_CANCELLED = "501 5.7.0 Sign-in given up"
AUTH_SYNTAX = "501 5.5.4 Syntax: AUTH mechanism [response]"
BAD_BASE64 = "501 5.5.2 That is no base64"
SIGNED_IN_ALREADY = "503 5.5.1 You are signed in already"
AUTH_IN_MAIL = "503 5.5.1 Sign in before MAIL"
UNKNOWN_MECHANISM = "504 5.5.4 There are PLAIN and LOGIN"
SIGN_IN_FIRST = "530 5.7.0 Sign in first"
TLS_FIRST = "530 5.7.0 Say STARTTLS first"
NEEDS_TLS = "530 5.7.10 REQUIRETLS can be asked for in TLS alone (RFC 8689 2)"
WRONG_PASSWORD = "535 5.7.8 Address or password is wrong"  # noqa: S105
NESTED_MAIL = "503 5.5.1 There is a sender already"
MAIL_FIRST = "503 5.5.1 Say MAIL first"
RCPT_FIRST = "503 5.5.1 Say RCPT first"
NEEDS_BDAT = "503 5.5.1 What is BINARYMIME comes by BDAT (RFC 3030 3)"
CHUNK_FIRST = "503 5.5.1 Say BDAT for the rest of the message, or RSET"
TLS_ALREADY = "503 5.5.1 TLS is on already"
TOO_BIG = "552 5.3.4 The message is too big: at most {max_bytes} bytes are taken"
BAD_SENDER = "553 5.1.7 That is no valid sender address"
NEEDS_SMTPUTF8 = "553 5.6.7 An address beyond ASCII needs the parameter SMTPUTF8"
NO_RECIPIENT_YET = "451 4.5.1 No recipient was accepted for now, come back later"
NO_RECIPIENT_LEFT = "554 5.5.1 No recipient was accepted"
LOOP = "554 5.4.6 The message went through too many servers: a loop"
BARE_LINE_END = "554 5.6.0 CR or LF stands alone: lines end with CRLF (RFC 5321 2.3.8)"
UNKNOWN_PARAMETER = "555 5.5.4 Unknown parameter"

CANNOT_VERIFY = "252 2.0.0 That is not told, but mail for it can be tried"

_HAS_ENHANCED = re.compile(r"\d{3}[ -][245]\.\d{1,3}\.\d{1,3} ")
_ENHANCED = {
    "250": "2.0.0",
    "500": "5.5.1",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
}


def queued(mail_id: str) -> str:
    """Return the answer to a message that is durable."""
    return f"250 2.0.0 Ok: queued as {mail_id}"


def with_enhanced_code(reply: str) -> str:
    """Return *reply* with the usual enhanced code where it has none (RFC 2034 §4).

    The commands that are aiosmtpd's own (RSET, NOOP, HELP, EXPN) answer without.
    """
    if _HAS_ENHANCED.match(reply) or reply[:3] not in _ENHANCED:
        return reply
    return f"{reply[:4]}{_ENHANCED[reply[:3]]} {reply[4:]}"
