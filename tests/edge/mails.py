"""A mail at the edge, as checks are asked about it."""

from typing import Any

from topologies.check import Transaction

CLIENT = "192.0.2.7"  # a stranger's: documentation addresses count as public
NETWORK = "192.0.2.0/24"


def a_mail(**told: Any) -> Transaction:
    """Return a mail from ann to bo, unless told otherwise."""
    usual: dict[str, Any] = {
        "origin": "smtp",
        "hostname": "mx.shop.example",
        "client_ip": CLIENT,
        "helo": "out.far.example",
        "mail_from": "ann@far.example",
        "recipient": "bo@shop.example",
        "mail_id": "0199c0de-0000-7000-8000-000000000001",
    }
    return Transaction(**(usual | told))
