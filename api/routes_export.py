"""The endpoints by which a user takes along what is theirs, and brings along what they had."""

from api import export, importing
from api.endpoint import Endpoint
from api.shapes_export import ExportQuery
from api.shapes_importing import ImportedOut, ImportQuery

ZIP = "application/zip"
MBOX = "application/mbox"  # RFC 4155; or message/rfc822

EXPORT_ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/export",
        handler=export.export,
        summary="A zip file with all mail as mbox or Maildir, and everything else as JSON",
        query=ExportQuery,
        answers={200: ZIP},
        problems=(429,),
    ),
    Endpoint(
        method="POST",
        path="/import",
        handler=importing.import_mail,
        summary="Bring along the mail of an mbox file, or one message; twice is once",
        query=ImportQuery,
        takes=MBOX,
        answers={202: ImportedOut},
        problems=(400, 415, 422, 429, 507),
    ),
)
