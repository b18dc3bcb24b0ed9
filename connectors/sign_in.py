"""Signing in to send: with an app password, or the user's own.

Where a user has a second factor, which SMTP has no place for, an app password is the only way.
"""

from connectors.sign_in_limits import SignIn
from topologies.ports.app_passwords import AppPasswords
from topologies.ports.directory import Directory, User
from topologies.ports.limits import Limits
from topologies.ports.second_factors import SecondFactors


class TooManyFailures(Exception):
    """Nobody is let in for now.

    Attributes:
        wait_s: For how long.
    """

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"wait {wait_s:.0f} s")
        self.wait_s = wait_s


class SignIns:
    """Who may send by SMTP."""

    def __init__(
        self,
        directory: Directory,
        app_passwords: AppPasswords,
        limits: Limits,
        second_factors: SecondFactors,
    ) -> None:
        self._directory = directory
        self._app_passwords = app_passwords
        self._limits = limits
        self._second_factors = second_factors

    async def sign_in(self, address: str, password: str, client_ip: str) -> User | None:
        """Return the user if the password is right and they may sign in, else None.

        Raises:
            TooManyFailures: It is not even looked whether it is.
            Retryable: It can't be told now.
        """
        trying = SignIn(self._limits, address, client_ip)
        if (wait_s := await trying.begin()) > 0:
            raise TooManyFailures(wait_s)
        try:
            user = await self._user(address, password)
        except BaseException:
            await trying.take_back()  # nobody knows if it was right
            raise
        if user is not None:
            await trying.take_back()
        return user

    async def _user(self, address: str, password: str) -> User | None:
        user = await self._directory.user_by_address(address)
        if user is not None and await self._app_passwords.found(user.user_id, password):
            return None if user.is_suspended else user
        # Also for nobody's address, so that it takes as long.
        found = await self._directory.sign_in(address, password)
        factor = await self._second_factors.of(found.user_id) if found is not None else None
        return None if factor is not None and factor.is_on else found
