"""The endpoints about users' own rules. What can send mail in one's name needs that scope."""

from api import identities, rules
from api.endpoint import Endpoint
from api.shapes_identities import IdentityIn, IdentityOut
from api.shapes_rules import (
    ActiveScript,
    Away,
    Checked,
    Forwards,
    ScriptIn,
    ScriptLine,
    ScriptOut,
)
from topologies.mail.sieve_lexer import MOST_BYTES


def _body_of_a_script(_: int) -> int:
    return 6 * MOST_BYTES + 1_024  # JSON's escapes make six bytes of some


RULES_ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/rules/scripts",
        handler=rules.list_scripts,
        summary="All Sieve scripts, by name",
        answers={200: list[ScriptLine]},
    ),
    Endpoint(
        method="GET",
        path="/rules/scripts/{name}",
        handler=rules.read_script,
        summary="A Sieve script",
        answers={200: ScriptOut},
        problems=(404,),
    ),
    Endpoint(
        method="PUT",
        path="/rules/scripts/{name}",
        handler=rules.put_script,
        summary="Keep a Sieve script, or another in its place",
        scope="send",
        body=ScriptIn,
        largest_body=_body_of_a_script,
        answers={200: ScriptOut, 201: ScriptOut},
        problems=(400, 412, 413, 415, 422, 507),
        headers=("If-Match", "If-None-Match"),
    ),
    Endpoint(
        method="DELETE",
        path="/rules/scripts/{name}",
        handler=rules.delete_script,
        summary="Delete a Sieve script that is not active",
        scope="send",
        answers={204: None},
        problems=(404, 409, 412, 507),
        headers=("If-Match", "If-None-Match"),
    ),
    Endpoint(
        method="PUT",
        path="/rules/active",
        handler=rules.activate,
        summary="Let a Sieve script be run on each mail that comes, or none",
        scope="send",
        body=ActiveScript,
        answers={200: list[ScriptLine]},
        problems=(400, 404, 413, 415, 422, 507),
    ),
    Endpoint(
        method="POST",
        path="/rules/check",
        handler=rules.check_script,
        summary="Whether a Sieve script could be run; the first error with its place",
        body=ScriptIn,
        largest_body=_body_of_a_script,
        answers={200: Checked},
        problems=(400, 413, 415, 422),
    ),
    Endpoint(
        method="GET",
        path="/settings/vacation",
        handler=rules.read_away,
        summary="What is answered while one is away",
        answers={200: Away},
    ),
    Endpoint(
        method="PUT",
        path="/settings/vacation",
        handler=rules.put_away,
        summary="Set what is answered while one is away",
        scope="send",
        body=Away,
        answers={200: Away},
        problems=(400, 413, 415, 422, 507),
    ),
    Endpoint(
        method="GET",
        path="/settings/forwarding",
        handler=rules.read_forwarding,
        summary="Where mail goes on to",
        answers={200: Forwards},
    ),
    Endpoint(
        method="PUT",
        path="/settings/forwarding",
        handler=rules.put_forwarding,
        summary="Set where mail goes on to",
        scope="send",
        body=Forwards,
        answers={200: Forwards},
        problems=(400, 413, 415, 422, 507),
    ),
    Endpoint(
        method="GET",
        path="/settings/identities",
        handler=identities.list_identities,
        summary="The addresses that one writes as, each with a name and a signature",
        answers={200: list[IdentityOut]},
    ),
    Endpoint(
        method="PUT",
        path="/settings/identities/{address}",
        holds_slashes=True,
        handler=identities.put_identity,
        summary="Set the name and the signature at an address of one's own",
        scope="send",
        body=IdentityIn,
        answers={200: IdentityOut},
        problems=(400, 413, 415, 422, 507),
    ),
    Endpoint(
        method="DELETE",
        path="/settings/identities/{address}",
        holds_slashes=True,
        handler=identities.delete_identity,
        summary="Forget the name and the signature at an address",
        scope="send",
        answers={204: None},
        problems=(404, 507),
    ),
)
