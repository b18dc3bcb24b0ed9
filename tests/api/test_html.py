"""What is kept of HTML that strangers sent."""

import pytest

from api.html import sanitise


@pytest.mark.parametrize("value", ["#2456c7", "rgb(36, 86, 199)", "linear-gradient(red, blue)"])
def test_a_background_stays_beneath_the_text_that_is_to_be_read_on_it(value: str) -> None:
    button = f'<a style="background:{value};color:#ffffff">Buy</a>'

    html = sanitise(button, {}).html

    assert html is not None
    assert f"background:{value};color:#ffffff" in html


@pytest.mark.parametrize(
    "value",
    [
        "url(https://far.example/x.png)",
        "src('https://far.example/x.png')",
        "image-set('https://far.example/x.png' 1x)",
        "cross-fade(url(https://far.example/x.png), red)",
        r"u\72l(https://far.example/x.png)",
        "element(#x)",
        "paint(x)",
    ],
)
def test_a_background_that_would_load_something_goes_with_the_whole_style(value: str) -> None:
    html = sanitise(f'<p style="background:{value};color:#ffffff">Text</p>', {}).html

    assert html == "<p>Text</p>"
