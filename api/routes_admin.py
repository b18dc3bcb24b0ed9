"""The endpoints about domains, users and aliases, for administrators."""

from api import admin_directory, admin_users
from api.endpoint import Endpoint
from api.shapes import ListQuery
from api.shapes_admin import (
    AliasIn,
    AliasOut,
    AliasPage,
    DomainIn,
    DomainOut,
    DomainPage,
    DomainQuery,
    RemoveQuery,
    UsagePage,
    UserIn,
    UserList,
    UserOut,
    UserPatch,
)
from topologies.mail.local_names import MOST_TARGETS

CHANGED = (400, 404, 409, 413, 415, 422, 507)


def _body_of_an_alias(_: int) -> int:
    return 1_024 + MOST_TARGETS * 1_024


ADMIN_ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/admin/domains",
        handler=admin_directory.list_domains,
        summary="The domains whose mail is taken here",
        scope="admin",
        query=ListQuery,
        answers={200: DomainPage},
        problems=(400,),
    ),
    Endpoint(
        method="POST",
        path="/admin/domains",
        handler=admin_directory.add_domain,
        summary="Take mail for a domain, and make keys that its mail is signed with",
        scope="admin",
        body=DomainIn,
        answers={200: DomainOut, 201: DomainOut},
        problems=CHANGED,
    ),
    Endpoint(
        method="DELETE",
        path="/admin/domains/{domain}",
        handler=admin_directory.remove_domain,
        summary="Take no more mail for a domain that holds nothing",
        scope="admin",
        answers={204: None},
        problems=(404, 409, 507),
    ),
    Endpoint(
        method="GET",
        path="/admin/users",
        handler=admin_users.list_users,
        summary="Users, in an order that stays",
        scope="admin",
        query=DomainQuery,
        answers={200: UserList},
        problems=(400,),
    ),
    Endpoint(
        method="POST",
        path="/admin/users",
        handler=admin_users.add_user,
        summary="Give an address of ours a mailbox",
        scope="admin",
        body=UserIn,
        answers={201: UserOut},
        problems=CHANGED,
    ),
    Endpoint(
        method="GET",
        path="/admin/users/{user_id}",
        handler=admin_users.read_user,
        summary="A user, by id or address",
        scope="admin",
        answers={200: UserOut},
        problems=(404,),
    ),
    Endpoint(
        method="PATCH",
        path="/admin/users/{user_id}",
        handler=admin_users.change_user,
        summary="Suspend or resume a user, set the quota or another password",
        scope="admin",
        body=UserPatch,
        answers={200: UserOut},
        problems=CHANGED,
    ),
    Endpoint(
        method="DELETE",
        path="/admin/users/{user_id}",
        handler=admin_users.remove_user,
        summary="Delete a user: suspended at once, gone when the grace is over",
        scope="admin",
        query=RemoveQuery,
        answers={200: UserOut, 204: None},
        problems=(400, 404, 409, 507),
    ),
    Endpoint(
        method="POST",
        path="/admin/users/{user_id}/restore",
        handler=admin_users.restore_user,
        summary="Let a user stay who was to be deleted",
        scope="admin",
        answers={200: UserOut},
        problems=(404, 409, 507),
    ),
    Endpoint(
        method="GET",
        path="/admin/usage",
        handler=admin_users.list_usage,
        summary="How many bytes and mails each user has here",
        scope="admin",
        query=DomainQuery,
        answers={200: UsagePage},
        problems=(400,),
    ),
    Endpoint(
        method="GET",
        path="/admin/aliases",
        handler=admin_directory.list_aliases,
        summary="Aliases and where they lead, by address",
        scope="admin",
        query=DomainQuery,
        answers={200: AliasPage},
        problems=(400,),
    ),
    Endpoint(
        method="PUT",
        path="/admin/aliases/{alias}",
        handler=admin_directory.put_alias,
        summary="Let an address lead to others, and no longer to where it led before",
        scope="admin",
        body=AliasIn,
        largest_body=_body_of_an_alias,
        answers={200: AliasOut},
        problems=CHANGED,
    ),
    Endpoint(
        method="DELETE",
        path="/admin/aliases/{alias}",
        handler=admin_directory.remove_alias,
        summary="Let an address lead nowhere",
        scope="admin",
        answers={204: None},
        problems=(404, 507),
    ),
)
