"""Speaking without being asked: what the dispatcher and the courier need of a platform.

Everything a platform sends by itself (notices, lists after downtime, requests to admins, progress) goes this way, so
that one pace and one outage are known in one place.
"""

from dataclasses import replace
from typing import Protocol

from handlers.reply import Reply

CONSOLE = "console"
NOT_TAKEN = "The picture or file that belongs here was refused by this platform."
"""What is said where a message had to do without."""


def without_files(reply: Reply) -> Reply:
    """The same for a platform that refuses its picture or file: the words must get there."""
    words = f"{reply.text}\n{NOT_TAKEN}".strip()
    return replace(reply, plot=None, image=b"", file=None, text=words)


class PlatformDown(Exception):
    """A platform could not take a message now; `retry_after_s` is what it asked for, 0 when it did not say."""

    def __init__(self, why: str, retry_after_s: float = 0) -> None:
        """`why` is for the log."""
        super().__init__(why)
        self.retry_after_s = retry_after_s


class Speaker(Protocol):
    """A platform's mouth. Chats are the platform's own ids, as `Request.chat_id` gives them."""

    @property
    def platform(self) -> str:
        """The platform's name, as requests carry it."""
        ...

    async def say(self, chat_id: str, reply: Reply, silent: bool = False) -> str:
        """Send a reply with buttons, picture and file; answers the message's id ("" where there is none).

        Raises PlatformDown when it cannot be sent now. A chat that refuses for good (blocked, gone) is logged and
        answered with "".
        """
        ...

    async def amend(self, chat_id: str, message_id: str, reply: Reply) -> None:
        """Make a message that `say` sent show this reply instead; one that is gone is sent anew.

        Raises PlatformDown.
        """
        ...


def private_chat(user: str) -> str:
    """The chat in which a user ("platform:user_id") is spoken to alone: platforms take the user's own id.

    The console is one chat, whoever sits there.
    """
    platform, _, own = user.partition(":")
    return CONSOLE if platform == CONSOLE else own
