"""What the app listens to. Each delivery is acknowledged first: Slack shows an error after three seconds."""

import logging
import re
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol

from slack_bolt.async_app import AsyncAck, AsyncApp

from handlers.text import mask

log = logging.getLogger(__name__)
_ANY = re.compile(".*", re.DOTALL)

type Body = Mapping[str, object]


class Listener(Protocol):
    """What a chat does with deliveries."""

    def begin(self, work: Coroutine[None, None, None]) -> None:
        """Do this beside everything else."""
        ...

    async def event(self, body: Body) -> None:
        """A message or a mention."""
        ...

    async def slash(self, body: Body) -> None:
        """A slash command."""
        ...

    async def press(self, body: Body, action: Body) -> None:
        """A pressed button or a choice."""
        ...

    async def filled(self, body: Body) -> None:
        """A submitted dialog box."""
        ...


def listen(app: AsyncApp, chat: Listener) -> None:
    """Take everything that is meant for the bot to the chat."""

    @app.event("app_mention")
    @app.event("message")
    async def event(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        chat.begin(chat.event(body))

    @app.command(_ANY)
    async def slash(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        chat.begin(chat.slash(body))

    @app.action(_ANY)
    async def press(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        await ack()
        chat.begin(chat.press(body, action))

    @app.view(_ANY)
    async def filled(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        chat.begin(chat.filled(body))

    @app.error
    async def failed(error: Exception) -> None:
        log.error("Slack: %s: %s", type(error).__name__, mask(str(error)))
