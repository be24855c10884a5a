"""Saying things unasked, on whatever platform is up: redacted, and never in anybody's way."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from handlers.outgoing import Redact, redacted
from handlers.reply import Reply
from handlers.speaker import PlatformDown, Speaker

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Voice:
    """The speakers by platform; one that is missing is not running, or has no mouth (a web form)."""

    speakers: Mapping[str, Speaker]
    redact: Redact

    async def say(self, platform: str, chat_id: str, reply: Reply, silent: bool = False) -> str:
        """Send; returns the message's id, "" where there is no speaker. Raises PlatformDown."""
        speaker = self.speakers.get(platform)
        if speaker is None:
            return ""
        return await speaker.say(chat_id, redacted(reply, self.redact), silent)

    async def try_say(self, platform: str, chat_id: str, reply: Reply) -> str:
        """Send what may get lost: an outage is logged."""
        try:
            return await self.say(platform, chat_id, reply)
        except PlatformDown as down:
            log.warning("%s took no message of /%s: %s", platform, reply.name, down)
            return ""

    async def try_amend(self, platform: str, chat_id: str, message_id: str, reply: Reply) -> None:
        """Change a message if it was sent and the platform is up."""
        speaker = self.speakers.get(platform)
        if speaker is None or not message_id:
            return
        try:
            await speaker.amend(chat_id, message_id, redacted(reply, self.redact))
        except PlatformDown as down:
            log.warning("%s changed no message of /%s: %s", platform, reply.name, down)
