"""Web Push (RFC 8030): which browsers are told of new mail while the page is closed."""

from urllib.parse import urlsplit

from starlette.responses import Response

from api.endpoint import Call, json_answer
from api.problems import invalid, not_found
from api.shapes import FieldProblem
from api.shapes_push import PushKeyOut, PushSubscriptionIn, PushSubscriptionOut
from topologies.mail import push_messages as messages
from topologies.mail import webhook_rules as rules
from topologies.ports.push_subscriptions import PushSubscription

LONGEST_NAME = 200  # characters


async def key(call: Call) -> Response:
    """Answer what a browser subscribes to."""
    secret = await call.context.push_key.get()
    return json_answer(PushKeyOut(public_key=messages.public_of(messages.key_of(secret))))


async def list_subscriptions(call: Call) -> Response:
    """Answer the browsers that are told, the oldest first."""
    kept = await call.context.push_subscriptions.of(call.user_id)
    return json_answer([_told(each) for each in kept])


async def subscribe(call: Call) -> Response:
    """Tell a browser from now on; the same one again is no second one."""
    given: PushSubscriptionIn = await call.body(PushSubscriptionIn)
    subscription = PushSubscription(
        subscription_id=messages.subscription_id(call.user_id, given.endpoint),
        user_id=call.user_id,
        endpoint=_endpoint(call, given.endpoint),
        public_key=_public_key(given.keys.p256dh),
        auth=_auth(given.keys.auth),
        name=call.request.headers.get("user-agent", "")[:LONGEST_NAME],
        created_at=call.context.clock.now(),
    )
    await call.context.push_subscriptions.put(subscription)
    return json_answer(_told(subscription), 201)


async def unsubscribe(call: Call) -> Response:
    """Tell a browser nothing more."""
    subscriptions = call.context.push_subscriptions
    if not await subscriptions.remove(call.user_id, call.path["subscription_id"]):
        raise not_found("there is no such subscription")
    return Response(status_code=204)


def _endpoint(call: Call, given: str) -> str:
    is_private_allowed = call.context.settings.webhooks_to_private
    try:
        return rules.checked_url(given, is_private_allowed=is_private_allowed)
    except ValueError as error:
        raise invalid(FieldProblem(pointer="/endpoint", detail=str(error))) from None


def _public_key(given: str) -> bytes:
    public_key = _decoded(given, "/keys/p256dh")
    if not messages.is_public_key(public_key):
        detail = "it is no public key of P-256, uncompressed"
        raise invalid(FieldProblem(pointer="/keys/p256dh", detail=detail))
    return public_key


def _auth(given: str) -> bytes:
    auth = _decoded(given, "/keys/auth")
    if len(auth) != messages.AUTH_BYTES:
        detail = f"it has {messages.AUTH_BYTES} bytes"
        raise invalid(FieldProblem(pointer="/keys/auth", detail=detail))
    return auth


def _decoded(given: str, pointer: str) -> bytes:
    try:
        return messages.decoded(given)
    except ValueError as error:
        raise invalid(FieldProblem(pointer=pointer, detail=str(error))) from None


def _told(kept: PushSubscription) -> PushSubscriptionOut:
    return PushSubscriptionOut(
        subscription_id=kept.subscription_id,
        host=urlsplit(kept.endpoint).hostname or "",
        name=kept.name,
        created_at=kept.created_at,
    )
