"""route: a blocked sender's mail goes where the user said, and nothing else is done with it."""

from typing import Literal

import pytest

from tests.inbound.test_rules import AWAY, BO, KEEPING, a_post, only
from topologies.events import Deliver
from topologies.mail import blocking
from topologies.ports.rules import Rules, UserRules


@pytest.mark.parametrize("into", ["spam", "trash"])
@pytest.mark.parametrize("target", ["zoe@far.example", "@far.example"])
async def test_their_mail_goes_aside_and_says_why(
    target: str, into: Literal["spam", "trash"]
) -> None:
    post = await a_post()
    await post.script('require "fileinto"; fileinto "Inbox";')
    rules = await post.services[Rules].read(post.ann.user_id)
    rules = blocking.with_blocked(rules, target, into, post.ann.created_at, [])
    assert await post.services[Rules].write(post.ann.user_id, rules)
    [copy] = await post.comes()
    assert isinstance(copy, Deliver)
    assert (copy.folder_id, copy.note) == (into, f"you have blocked {target}")
    assert await post.comes() == [copy]  # a replay


async def test_it_is_neither_answered_nor_sent_on() -> None:
    post = await a_post()
    rules = UserRules(away=AWAY, forwarding=KEEPING)
    rules = blocking.with_blocked(rules, "zoe@far.example", "spam", post.ann.created_at, [])
    await post.services[Rules].write(post.ann.user_id, rules)
    assert [type(event) for event in await post.comes()] == [Deliver]


async def test_others_get_it_as_ever() -> None:
    post = await a_post()
    rules = blocking.with_blocked(UserRules(), "@far.example", "spam", post.ann.created_at, [])
    await post.services[Rules].write(post.ann.user_id, rules)
    copies = only(Deliver, await post.comes(recipients=(post.ann.address, BO)))
    assert {copy.user_id: copy.folder_id for copy in copies} == {
        post.ann.user_id: "spam",
        post.bo.user_id: "inbox",
    }
