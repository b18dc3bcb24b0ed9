"""The endpoints about our domains: what others report of them, and what they ask of others."""

from api import domain_reports, well_known
from api.endpoint import Endpoint
from api.shapes_domains import DmarcReportsOut, ReportsQuery, TlsReportsOut
from topologies.mail.mta_sts import PATH

DOMAIN_ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/admin/reports/dmarc",
        handler=domain_reports.dmarc,
        summary="What other systems saw of mail in the name of a domain",
        scope="admin",
        query=ReportsQuery,
        answers={200: DmarcReportsOut},
        problems=(400, 404),
    ),
    Endpoint(
        method="GET",
        path="/admin/reports/tls",
        handler=domain_reports.tls,
        summary="What other systems saw of TLS on the way to a domain",
        scope="admin",
        query=ReportsQuery,
        answers={200: TlsReportsOut},
        problems=(400, 404),
    ),
    Endpoint(
        method="GET",
        path=PATH,
        handler=well_known.mta_sts_policy,
        summary="The MTA-STS policy of the domain whose host is asked",
        scope=None,
        answers={200: "text/plain"},
        problems=(404,),
    ),
)
