"""Webhooks: who is told by HTTP what became of sent mail, and how that fares."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from msgspec import UNSET
from starlette.responses import Response

from api.endpoint import Call, json_answer
from api.problems import Problem, invalid, invalid_parameter, not_found
from api.shapes import FieldProblem
from api.shapes_webhooks import (
    AttemptsQuery,
    EventTypeOut,
    NewSecret,
    NewWebhook,
    WebhookAttemptOut,
    WebhookIn,
    WebhookOut,
    WebhookPatch,
    WebhookTested,
    WhoseQuery,
)
from topologies.mail import ids, mailbox_address, standard_webhooks
from topologies.mail import webhook_messages as messages
from topologies.mail import webhook_rules as rules
from topologies.mail.compose import has_controls
from topologies.ports.webhooks import Webhook, WebhookEventType, WebhookSecret

SWITCHED_OFF = "its owner switched it off"
MOST_SECRETS = 4  # that sign at once, however often one is replaced
MOST_TESTS, TESTS_WINDOW_S = 30, 300.0
_NONE_SUCH = "there is no such webhook"
_IN_ORDER = tuple(messages.MEANINGS)


async def list_event_types(call: Call) -> Response:
    """Answer what a webhook can be told."""
    del call
    told = [EventTypeOut(type=type_, meaning=text) for type_, text in messages.MEANINGS.items()]
    return json_answer(told)


async def list_webhooks(call: Call) -> Response:
    """Answer the webhooks there are, the oldest first."""
    owner = _owner(call, call.query(WhoseQuery))
    return json_answer(
        [WebhookOut(**_told(each)) for each in await call.context.webhooks.of(owner)]
    )


async def create_webhook(call: Call) -> Response:
    """Make one, and tell its secret this once."""
    owner = _owner(call, call.query(WhoseQuery))
    given: WebhookIn = await call.body(WebhookIn)
    now = call.context.clock.now()
    secret = standard_webhooks.new_secret()
    webhook = Webhook(
        webhook_id=ids.new_id(now),
        owner=owner,
        url=_url(call, given.url),
        events=_IN_ORDER if given.events is UNSET else _events(given.events),
        description=_description(given.description),
        secrets=(WebhookSecret(text=secret),),
        created_at=now,
        enabled_at=now,
    )
    try:
        await call.context.webhooks.add(webhook)
    except ValueError as error:
        raise Problem(409, f"{error}: remove one first") from error
    return json_answer(NewWebhook(**_told(webhook), secret=secret), 201)


async def read_webhook(call: Call) -> Response:
    """Answer one."""
    return json_answer(WebhookOut(**_told(await _find(call, call.query(WhoseQuery)))))


async def change_webhook(call: Call) -> Response:
    """Change one; switched on again, it is as if it had never failed."""
    webhook = await _find(call, call.query(WhoseQuery))
    given: WebhookPatch = await call.body(WebhookPatch)
    now = call.context.clock.now()
    changes: dict[str, Any] = {}
    if given.url is not UNSET:
        changes["url"] = _url(call, given.url)
    if given.events is not UNSET:
        changes["events"] = _events(given.events)
    if given.description is not UNSET:
        changes["description"] = _description(given.description)
    if given.is_enabled is True and not webhook.is_enabled:
        changes |= {"enabled_at": now, "disabled_at": None, "disabled_why": ""}
    if given.is_enabled is False and webhook.is_enabled:
        changes |= {"disabled_at": now, "disabled_why": SWITCHED_OFF}
    if "enabled_at" in changes or changes.get("url", webhook.url) != webhook.url:
        changes |= {"failing_since": None, "failures": 0}
    changed = replace(webhook, **changes)
    if not await call.context.webhooks.put(changed):
        raise not_found(_NONE_SUCH)
    return json_answer(WebhookOut(**_told(changed)))


async def delete_webhook(call: Call) -> Response:
    """Post nothing more there."""
    owner = _owner(call, call.query(WhoseQuery))
    if not await call.context.webhooks.remove(owner, call.path["webhook_id"]):
        raise not_found(_NONE_SUCH)
    return Response(status_code=204)


async def replace_secret(call: Call) -> Response:
    """Make a new secret, and tell it this once; the old one signs beside it for a while."""
    webhook = await _find(call, call.query(WhoseQuery))
    now = call.context.clock.now()
    until = now + rules.OLD_SECRET_SIGNS_FOR
    secret = standard_webhooks.new_secret()
    before = [
        replace(each, until=until) if each.until is None else each
        for each in webhook.secrets
        if each.until is None or each.until > now
    ]
    secrets = (WebhookSecret(text=secret), *before)[:MOST_SECRETS]
    if not await call.context.webhooks.put(replace(webhook, secrets=secrets)):
        raise not_found(_NONE_SUCH)
    told = NewSecret(webhook_id=webhook.webhook_id, secret=secret, old_signs_until=until)
    return json_answer(told)


async def list_attempts(call: Call) -> Response:
    """Answer the last times that something was posted, the newest first."""
    asked: AttemptsQuery = call.query(AttemptsQuery)
    webhook = await _find(call, asked)
    found = await call.context.webhooks.attempts(webhook.webhook_id, limit=asked.limit)
    names = WebhookAttemptOut.__struct_fields__
    told = [WebhookAttemptOut(**{name: getattr(each, name) for name in names}) for each in found]
    return json_answer(told)


async def try_webhook(call: Call) -> Response:
    """Post a message that tells nothing, once, whether or not it is enabled."""
    webhook = await _find(call, call.query(WhoseQuery))
    context = call.context
    verdict = await context.limits.hit(f"webhook-test:{webhook.owner}", MOST_TESTS, TESTS_WINDOW_S)
    if not verdict.allowed:
        wait = str(max(1, round(verdict.retry_after_s)))
        detail = f"at most {MOST_TESTS} in {TESTS_WINDOW_S:g} seconds"
        raise Problem(429, detail, headers={"Retry-After": wait})
    message = messages.of_trial(webhook, context.clock.now())
    await context.log.append([message])
    return json_answer(WebhookTested(message_id=message.message_id), 202)


def _owner(call: Call, asked: WhoseQuery) -> str:
    """Return whose webhooks are meant.

    Raises:
        Problem: The domain is none (400), or those of a domain are none of theirs (403).
    """
    if not asked.domain:
        return call.user_id
    if not call.user.is_admin or "admin" not in call.session.scopes:
        raise Problem(
            403,
            'webhooks of a domain need a token with the scope "admin"',
            headers={"WWW-Authenticate": 'Bearer error="insufficient_scope", scope="admin"'},
        )
    try:
        return "@" + mailbox_address.domain_in_ascii(asked.domain).lower()
    except ValueError as error:
        raise invalid_parameter("domain", str(error)) from None


async def _find(call: Call, asked: WhoseQuery) -> Webhook:
    found = await call.context.webhooks.find(_owner(call, asked), call.path["webhook_id"])
    if found is None:
        raise not_found(_NONE_SUCH)
    return found


def _url(call: Call, given: str) -> str:
    is_private_allowed = call.context.settings.webhooks_to_private
    try:
        return rules.checked_url(given, is_private_allowed=is_private_allowed)
    except ValueError as error:
        raise invalid(FieldProblem(pointer="/url", detail=str(error))) from None


def _events(given: Iterable[WebhookEventType]) -> tuple[WebhookEventType, ...]:
    wanted = set(given)
    return tuple(each for each in _IN_ORDER if each in wanted)


def _description(given: str) -> str:
    if has_controls(given):
        raise invalid(FieldProblem(pointer="/description", detail="it holds a control character"))
    return given


def _told(webhook: Webhook) -> dict[str, Any]:
    return {name: getattr(webhook, name) for name in WebhookOut.__struct_fields__}
