"""What each user gets a judged mail as: the common verdict, and what they reported before."""

from topologies.events import MailScored, SpamVerdict
from topologies.mail import personal
from topologies.ports.personal_spam import PersonalSpam


class OwnSpam:
    """One mail, judged for each of its readers; what it is known by is found once, if at all."""

    def __init__(self, mail: MailScored, learnt: PersonalSpam) -> None:
        self._mail = mail
        self._learnt = learnt
        self._kind: personal.Kind | None = None

    async def verdict_for(self, user_id: str) -> SpamVerdict:
        """Return the verdict on the mail for one user.

        Raises:
            Retryable: What the user taught is out of reach.
        """
        verdict = self._mail.spam
        if not verdict.model:  # nobody judged it
            return verdict
        learnt = await self._learnt.of(user_id)
        if not learnt.weights:
            return verdict
        if self._kind is None:
            self._kind = personal.kind_of(self._mail.message, self._mail.authentication)
        return personal.judged(verdict, personal.opinion(learnt, self._kind))
