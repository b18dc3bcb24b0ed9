"""Who was answered by a machine of ours lately, so that nobody is answered too often."""

from datetime import datetime
from typing import Protocol


class Answers(Protocol):
    """The automatic answers of one deployment, each kept until it may be given again."""

    async def claim(
        self, user_id: str, handle: str, mail_id: str, *, at: datetime, period_s: int
    ) -> bool:
        """Return whether a mail is the one to be answered now.

        Of several mails at once one is; and that one is told so however often it asks, since a
        stage that is run again has to make the same answer again. A mail that asks anew after
        its period may be told otherwise.

        Args:
            user_id: Who answers.
            handle: Whom, and with what.
            mail_id: Of the mail.
            at: When it came.
            period_s: For so long no other mail is to be answered so.

        Raises:
            NoSpace: There is no room to take note of it.
            Retryable: Where they are kept is out of reach.
        """
        ...
