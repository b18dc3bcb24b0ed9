"""`kill -9` signs nobody out, and lets nobody in twice: of the real process."""

import random
import threading
import time

import httpx
import pytest

from tests.process import RunningService

pytestmark = pytest.mark.process

KILLS = 2


def test_a_program_goes_on_with_its_last_refresh_token_whenever_it_is_killed(
    service: RunningService,
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    program = Program(service)
    program.sign_in()
    for _ in range(KILLS):
        program.start()
        time.sleep(moments.uniform(0.1, 0.6))  # the moment is what is tested
        service.kill()
        program.join()
        service.start()
        assert program.turn() == 200
    assert program.turns > KILLS
    assert program.get("/me") == 200
    assert program.turn(program.used[0]) == 400
    assert program.get("/me") == 401
    assert program.turn() == 400


class Program:
    """Turns its refresh token again and again, and keeps the last one that it was told."""

    def __init__(self, service: RunningService) -> None:
        self._service = service
        self._thread: threading.Thread | None = None
        self.turns = 0
        self.used: list[str] = []
        self._refresh = self._access = ""

    def sign_in(self) -> None:
        address, password = self._service.users[0]
        form = {"grant_type": "password", "username": address, "password": password}
        assert self._ask(form | {"scope": "read offline_access"}) == 200

    def turn(self, token: str = "") -> int:
        form = {"grant_type": "refresh_token", "refresh_token": token or self._refresh}
        return self._ask(form)

    def get(self, path: str) -> int:
        headers = {"Authorization": f"Bearer {self._access}"}
        url = f"{self._service.http_url}{path}"
        return httpx.get(url, headers=headers, timeout=30).status_code

    def start(self) -> None:
        self._thread = threading.Thread(target=self._until_it_is_gone)
        self._thread.start()

    def join(self) -> None:
        assert self._thread
        self._thread.join(60)

    def _until_it_is_gone(self) -> None:
        while True:
            try:
                self.turn()
            except httpx.HTTPError:
                return

    def _ask(self, form: dict[str, str]) -> int:
        answer = httpx.post(f"{self._service.http_url}/auth/token", data=form, timeout=30)
        if answer.status_code == 200:
            told = answer.json()
            if self._refresh:
                self.used.append(self._refresh)
            self._refresh, self._access = told["refresh_token"], told["access_token"]
            self.turns += 1
        return answer.status_code
