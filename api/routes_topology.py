"""The endpoints about stages and the way of a mail through them, for administrators."""

from api import admin_topology
from api.endpoint import Endpoint
from api.shapes_topology import TopologyOut, TopSendersOut, TopSendersQuery, TraceOut

TOPOLOGY_ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/admin/topology",
        handler=admin_topology.read_topology,
        summary="The stages, and how mail flows through them at the moment",
        scope="admin",
        answers={200: TopologyOut},
    ),
    Endpoint(
        method="GET",
        path="/admin/topology/picture",
        handler=admin_topology.draw,
        summary="The stages and topics as a picture",
        scope="admin",
        answers={200: "image/svg+xml"},
    ),
    Endpoint(
        method="GET",
        path="/admin/top-senders",
        handler=admin_topology.list_top_senders,
        summary="Who sent most in one hour of the last day",
        scope="admin",
        query=TopSendersQuery,
        answers={200: TopSendersOut},
        problems=(400,),
    ),
    Endpoint(
        method="GET",
        path="/admin/trace/{mail_id}",
        handler=admin_topology.trace,
        summary="Where a mail is, and every event about it",
        scope="admin",
        answers={200: TraceOut},
        problems=(404,),
    ),
)
