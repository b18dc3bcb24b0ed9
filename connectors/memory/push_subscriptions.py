"""Subscriptions in a dict: for tests, and what the others are held against."""

from collections.abc import Sequence

from topologies.ports.push_subscriptions import MOST_OF_USER, PushSubscription


class MemoryPushSubscriptions:
    """The subscriptions of one process, gone with it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], PushSubscription] = {}

    async def put(self, subscription: PushSubscription) -> None:
        self._kept[subscription.user_id, subscription.subscription_id] = subscription
        for old in (await self.of(subscription.user_id))[:-MOST_OF_USER]:
            del self._kept[old.user_id, old.subscription_id]

    async def remove(self, user_id: str, subscription_id: str) -> bool:
        return self._kept.pop((user_id, subscription_id), None) is not None

    async def of(self, user_id: str) -> Sequence[PushSubscription]:
        mine = [kept for kept in self._kept.values() if kept.user_id == user_id]
        return sorted(mine, key=lambda each: (each.created_at, each.subscription_id))

    async def told(self, user_id: str) -> Sequence[PushSubscription]:
        return await self.of(user_id)
