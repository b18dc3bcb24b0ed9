"""The endpoint by which a user takes along what is theirs."""

from api import export
from api.endpoint import Endpoint
from api.shapes_export import ExportQuery

ZIP = "application/zip"

EXPORT_ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/export",
        handler=export.export,
        summary="A zip file with all mail as mbox, and everything else as JSON",
        query=ExportQuery,
        answers={200: ZIP},
        problems=(429,),
    ),
)
