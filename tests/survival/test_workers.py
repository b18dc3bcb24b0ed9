"""Workers are killed, join and leave with mail flowing: nothing is lost, doubled or reordered."""

import random
import time

import pytest

from tests.survival.house import House
from tests.survival.workers import ROLES

pytestmark = [pytest.mark.live, pytest.mark.survival]

KILLS = 8


def test_each_role_is_killed_in_turn(house: House) -> None:
    with house.load() as load:
        for role in ROLES:
            with load.disturbance(f"{role} killed"):
                house.worker(role).kill()
                time.sleep(1)
                house.worker(role).await_ready()
        house.settle(load)


def test_roles_are_killed_at_random_moments(house: House) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with house.load() as load:
        with load.disturbance(f"{KILLS} kills at random"):
            for _ in range(KILLS):
                time.sleep(chance.uniform(1, 5))  # the moment is what is tested
                house.worker(chance.choice(ROLES)).kill()
        house.settle(load)


def test_workers_join_and_leave_in_order_and_by_a_kill(house: House) -> None:
    with house.load() as load:
        with load.disturbance("inbound and mailbox join and leave"):
            joined = [house.join(role) for role in ("inbound", "mailbox")]
            for worker in joined:
                worker.await_ready()
            load.await_mails(30)
            assert [house.leave(worker) for worker in joined] == [0, 0]
            load.await_mails(30)
        with load.disturbance("inbound and mailbox join and are killed"):
            joined = [house.join(role) for role in ("inbound", "mailbox")]
            for worker in joined:
                worker.await_ready()
            load.await_mails(30)
            for worker in joined:
                house.workers.remove(worker)
                worker.die()
        house.settle(load)
