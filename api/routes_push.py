"""The endpoints about browsers that are told of new mail while the page is closed."""

from api import web_push
from api.endpoint import Endpoint
from api.shapes_push import PushKeyOut, PushSubscriptionIn, PushSubscriptionOut

PUSH_ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/push/key",
        handler=web_push.key,
        summary="The key that a browser subscribes to (VAPID, RFC 8292)",
        answers={200: PushKeyOut},
        problems=(507,),
    ),
    Endpoint(
        method="GET",
        path="/push/subscriptions",
        handler=web_push.list_subscriptions,
        summary="The browsers that are told of new mail, the oldest first",
        answers={200: list[PushSubscriptionOut]},
    ),
    Endpoint(
        method="POST",
        path="/push/subscriptions",
        handler=web_push.subscribe,
        summary="Tell a browser of new mail while the page is closed (RFC 8030)",
        body=PushSubscriptionIn,
        answers={201: PushSubscriptionOut},
        problems=(400, 413, 415, 422, 507),
    ),
    Endpoint(
        method="DELETE",
        path="/push/subscriptions/{subscription_id}",
        handler=web_push.unsubscribe,
        summary="Tell a browser nothing more",
        answers={204: None},
        problems=(404,),
    ),
)
