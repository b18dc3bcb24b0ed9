"""Arguments of MAIL and RCPT, as clients write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.smtp_in.paths import Argument, is_sender, read


@pytest.mark.parametrize(
    ("text", "path", "parameters"),
    [
        ("TO:<a@b.example>", "a@b.example", {}),
        ("to: <a@b.example> ", "a@b.example", {}),
        ("TO:a@b.example X=1", "a@b.example", {"X": "1"}),
        ("TO:<> SIZE=1  smtputf8", "", {"SIZE": "1", "SMTPUTF8": ""}),
        ('TO:<"a>b \\" c"@b.example>', '"a>b \\" c"@b.example', {}),
        ("TO:<@c.example,@d.example:a@b.example>", "a@b.example", {}),
    ],
)
def test_a_path_and_its_parameters_are_read(
    text: str, path: str, parameters: dict[str, str]
) -> None:
    assert read("TO:", text) == Argument(path, parameters)


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "TO", "TO:", "FROM:<a@b>", "TO:<a@b", "TO:a@b>", "TO:<<a@b>>", "TO:<a@b>X=1"),
        *("TO:<a@b> =1", "TO:<a@b> X=", "TO:<a@b> X==", "TO:<a@b> X=1=2", 'TO:<"a@b>'),
    ],
)
def test_anything_else_is_none(text: str | None) -> None:
    assert read("TO:", text) is None


@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    found = read("TO:", "TO:" + text)
    assert found is None or isinstance(is_sender(found.path), bool)


def test_long_nonsense_takes_no_time() -> None:
    for unit in ('"', '"\\', "<", "@a:", "a ", '\\"'):
        read("TO:", "TO:<" + unit * 500)
