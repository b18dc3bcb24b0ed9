"""The endpoints about drafts."""

from api import draft_sending, drafts
from api.endpoint import Endpoint
from api.shapes_drafts import DraftIn, DraftOut
from api.shapes_emails import DeleteQuery
from api.shapes_sending import Pending, Sent


def _body_of_a_mail(max_message_bytes: int) -> int:
    return max_message_bytes * 2  # base64 makes 4/3 of it, JSON's escapes a little more


DRAFT_ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="POST",
        path="/drafts",
        handler=drafts.create,
        summary="Begin a draft: what is typed, finished or not",
        body=DraftIn,
        largest_body=_body_of_a_mail,
        answers={201: DraftOut, 202: Pending},
        problems=(400, 413, 415, 422, 507),
        headers=("Idempotency-Key",),
    ),
    Endpoint(
        method="GET",
        path="/drafts/{draft_id}",
        handler=drafts.read,
        summary="A draft as it was typed",
        answers={200: DraftOut},
        problems=(404,),
    ),
    Endpoint(
        method="PUT",
        path="/drafts/{draft_id}",
        handler=drafts.save,
        summary="Save a draft in place of the version that If-Match names; 412 if there is another",
        body=DraftIn,
        largest_body=_body_of_a_mail,
        answers={200: DraftOut, 202: Pending},
        problems=(400, 404, 409, 412, 413, 415, 422, 428, 507),
        headers=("If-Match",),
    ),
    Endpoint(
        method="DELETE",
        path="/drafts/{draft_id}",
        handler=drafts.discard,
        summary="Move a draft to trash; from there, or with permanent, for good",
        query=DeleteQuery,
        answers={202: Pending, 204: None},
        problems=(400, 404, 409, 412),
        headers=("If-Match",),
    ),
    Endpoint(
        method="POST",
        path="/drafts/{draft_id}/send",
        handler=draft_sending.send_draft,
        summary="Send a draft as it was saved; asking again sends it once and answers the same",
        scope="send",
        answers={202: Sent},
        problems=(400, 404, 409, 412, 413, 422, 429, 507),
        headers=("If-Match",),
    ),
)
