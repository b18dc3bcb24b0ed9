"""What is found out about mails that reached a mailbox. Each module here is a stage."""

from rillmail_extras.events import InvitationFound, LanguageFound
from topologies.topic import Topic

TOPICS = (
    Topic(name="mail.languages", key="user_id", events=(LanguageFound,)),
    Topic(name="mail.invitations", key="user_id", events=(InvitationFound,)),
)
