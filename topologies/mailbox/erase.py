"""Erase: of a user who is gone nothing is left.

Reads `users.deleted`; forgets what each store has of the user, and writes the command that
takes their mailbox away, behind all that was to be done with it before. `store` carries it out
in steps, and `index` empties the search when it is done. Each step says "nothing of this user":
done again, or after a crash in the middle, it comes to the same. Blobs that no other mailbox
refers to go with the next sweep; what stores keep for days only goes by itself.
"""

from collections.abc import Sequence

from topologies.events import EraseMailbox, Event, UserDeleted
from topologies.mail import ids
from topologies.ports.app_passwords import AppPasswords
from topologies.ports.contacts import Contacts
from topologies.ports.directory import Directory
from topologies.ports.personal_spam import PersonalSpam
from topologies.ports.push_subscriptions import PushSubscriptions
from topologies.ports.restraints import Restraints
from topologies.ports.rules import Rules
from topologies.ports.scheduled import Scheduled
from topologies.ports.second_factors import SecondFactors
from topologies.ports.snoozes import Snoozes
from topologies.ports.suppressions import MAX_SUPPRESSIONS_PAGE, Suppressions
from topologies.ports.unsubscribes import Unsubscribes
from topologies.ports.webhooks import Webhooks
from topologies.stage import stage


@stage(reads=UserDeleted, writes=[EraseMailbox])
async def erase(
    user: UserDeleted,
    *,
    app_passwords: AppPasswords,
    contacts: Contacts,
    directory: Directory,
    learnt: PersonalSpam,
    push_subscriptions: PushSubscriptions,
    restraints: Restraints,
    rules: Rules,
    scheduled: Scheduled,
    second_factors: SecondFactors,
    snoozes: Snoozes,
    suppressions: Suppressions,
    unsubscribes: Unsubscribes,
    webhooks: Webhooks,
) -> Sequence[Event]:
    """Forget *user* everywhere, and have their mailbox taken away."""
    user_id = user.user_id
    await directory.delete_user(user_id)  # with aliases and sessions: nobody gets in any more
    await second_factors.remove(user_id)
    for password in await app_passwords.of(user_id):
        await app_passwords.remove(user_id, password.password_id)
    for webhook in await webhooks.of(user_id):
        await webhooks.remove(user_id, webhook.webhook_id)
    for each in await push_subscriptions.of(user_id):
        await push_subscriptions.remove(user_id, each.subscription_id)
    await rules.erase(user_id)
    await contacts.erase(user_id)
    await learnt.erase(user_id)
    await snoozes.erase(user_id)
    await scheduled.erase(user_id)
    await unsubscribes.erase(user_id)
    await restraints.lift(user_id)
    await _forget_suppressions(user_id, suppressions)
    return [
        EraseMailbox(
            user_id=user_id,
            command_id=ids.command_id("erase", user_id),
            issued_at=user.deleted_at,
        )
    ]


async def _forget_suppressions(user_id: str, suppressions: Suppressions) -> None:
    while True:
        page = await suppressions.page(user_id, limit=MAX_SUPPRESSIONS_PAGE)
        for each in page.suppressions:
            await suppressions.remove(user_id, each.target)
        if page.next_cursor is None:
            return
