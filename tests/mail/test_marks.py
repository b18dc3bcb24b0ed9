"""What a header tells of the program that made a message."""

import pytest

from topologies.mail.message import parse_message


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("Subject: x", (), id="none"),
        pytest.param("X-Mailer: Bulk 2.1", ("mailer:Bulk 2.1",), id="a mailer"),
        pytest.param("User-Agent: Mail\r\n App", ("mailer:Mail App",), id="an agent, folded"),
        pytest.param(
            "X-Priority: 1 (Highest)\r\nImportance: HIGH",
            ("priority:1 (highest)", "priority:high"),
            id="priorities",
        ),
        pytest.param("Content-Type: text/html", ("type:text/html",), id="html"),
        pytest.param(
            'Content-Type: multipart/mixed; boundary="----=_NextPart_000_0012_01C2"',
            ("boundary:----=_NaPa_0_0_0",),
            id="a boundary",
        ),
        pytest.param(f"X-Mailer: {'x' * 9_000}", (f"mailer:{'x' * 80}",), id="a long one"),
        pytest.param("Content-Type: text/plain; charset=koi8-r", (), id="no language"),
    ],
)
def test_a_message_has_the_marks_of_what_made_it(header: str, expected: tuple[str, ...]) -> None:
    assert parse_message(f"{header}\r\n\r\nhello".encode()).message.marks == expected
