"""What other systems look for at places that standards name: the MTA-STS policies of our domains.

Read from whoever asks, by the host that they ask for (RFC 8461 §3.3): mta-sts. and one of our
domains. TLS, with a certificate for that name, is the work of what stands before us.
"""

from starlette.responses import Response

from api.endpoint import Call
from api.problems import not_found
from topologies.mail import aggregate, mailbox_address, mta_sts

NO_POLICY = "no domain of ours has a policy at this host"


async def mta_sts_policy(call: Call) -> Response:
    """Answer the policy of the domain whose host is asked."""
    host = call.request.headers.get("host", "").lower().partition(":")[0].rstrip(".")
    if not host.startswith(mta_sts.HOST):
        raise not_found(NO_POLICY)
    try:
        domain = mailbox_address.domain_in_ascii(host.removeprefix(mta_sts.HOST))
    except ValueError:
        raise not_found(NO_POLICY) from None
    policy = await call.context.sts_policies.of(domain)
    # Of a domain that is ours no more it says nothing.
    if policy is None or await aggregate.domain_of(domain, call.context.directory) != domain:
        raise not_found(NO_POLICY)
    return Response(
        policy,
        headers={"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"},
        media_type="text/plain",
    )
