"""How the service is: whether it lives, whether mail flows, and its figures."""

from starlette.responses import Response

from api.endpoint import Call, json_answer
from api.shapes import Alive


async def alive(call: Call) -> Response:  # noqa: ARG001  whoever asks, it lives
    """Answer that the process answers."""
    return json_answer(Alive(status="ok"))


async def ready(call: Call) -> Response:
    """Answer whether mail flows, and what it waits for if not."""
    health = await call.context.health()
    return json_answer(health, 200 if health["ready"] else 503)


async def metrics(call: Call) -> Response:
    """Answer all figures, as Prometheus reads them."""
    text, content_type = call.context.metrics()
    return Response(text, 200, {"Cache-Control": "no-store", "Content-Type": content_type})
