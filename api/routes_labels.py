"""The endpoints of labels."""

from api import labels
from api.endpoint import Endpoint
from api.shapes import PageQuery
from api.shapes_emails import EmailLines, EmailPage
from api.shapes_folders import LabelIn, LabelledIn, LabelOut, LabelPatch
from api.shapes_sending import Pending

LABEL_ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/labels",
        handler=labels.list_labels,
        summary="All labels with exact counts",
        answers={200: list[LabelOut]},
    ),
    Endpoint(
        method="POST",
        path="/labels",
        handler=labels.create_label,
        summary="Make a label",
        body=LabelIn,
        answers={201: LabelOut, 202: Pending},
        problems=(400, 409, 413, 415, 422),
    ),
    Endpoint(
        method="PATCH",
        path="/labels/{label_id}",
        handler=labels.change_label,
        summary="Give a label another name or colour",
        body=LabelPatch,
        answers={200: LabelOut, 202: Pending},
        problems=(400, 404, 409, 413, 415, 422),
    ),
    Endpoint(
        method="DELETE",
        path="/labels/{label_id}",
        handler=labels.delete_label,
        summary="Delete a label; the mails that carry it stay where they are",
        answers={202: Pending, 204: None},
        problems=(404,),
    ),
    Endpoint(
        method="GET",
        path="/labels/{label_id}/emails",
        handler=labels.list_emails,
        summary="The mails that carry a label, wherever they lie, newest first",
        query=PageQuery,
        answers={200: EmailPage},
        problems=(400, 404),
    ),
    Endpoint(
        method="POST",
        path="/emails/labels",
        handler=labels.put_on,
        summary="Put labels on up to 1,000 mails and take others off them, in one step",
        body=LabelledIn,
        answers={200: EmailLines, 202: Pending},
        problems=(400, 404, 413, 415, 422),
    ),
)
