"""Sending replies to Slack: messages, changes, files, words for one person's eyes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from handlers.pace import UNPACED, Pace
from handlers.placing import Placed, unplaced
from handlers.platforms.slack.place import is_person, split_place
from handlers.platforms.slack.render import Outgoing, messages, safe
from handlers.reply import Attachment, Reply
from handlers.speaker import PlatformDown, without_files
from handlers.text import mask

log = logging.getLogger(__name__)
CALL_WITHIN_S = 30.0
"""Every call ends by then, whatever Slack does."""

FILES_ASIDE = "The picture or file is in your direct messages with me."
_SHORT_WAITS = 5
_SHORT_WAIT_S = 5.0
_PASSING = frozenset(
    {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "timeout"}
)
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive"})
_REFUSED_PLACE = frozenset({"not_in_channel", "channel_not_found", "user_not_in_channel"})
REFUSED_TOKEN = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "not_allowed_token_type",
    }
)


class Refused(Exception):
    """Slack refuses a message for good; the text is Slack's own word for why."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Who alone may see an answer, and the address Slack gave for answering ("" when it gave none)."""

    user: str
    response_url: str = ""


@dataclass(slots=True)
class Sender:
    """Sends through one bot; `placed` hears on which message buttons hang."""

    client: AsyncWebClient
    placed: Placed = unplaced
    pace: Pace = field(default_factory=lambda: Pace(UNPACED))
    _direct: dict[str, str] = field(init=False, default_factory=dict)

    async def send(self, chat_id: str, reply: Reply, png: bytes | None) -> str:
        """All of a reply; answers the id of the message with the first buttons, or of the last one."""
        channel, thread = await self._channel(chat_id)
        taken = await self._taken(channel, thread, reply, png)
        return await self._post(channel, thread, reply, messages(reply if taken else without_files(reply)))

    async def _taken(self, channel: str, thread: str, reply: Reply, png: bytes | None) -> bool:
        """Whether Slack took picture and file: where it refuses them for good the words must get there."""
        try:
            await self._files(channel, thread, reply, png)
        except Refused as refused:
            if refused_place(refused):
                raise
            log.warning("Slack refused a picture or file: %s", refused)
            return False
        return True

    async def update(self, chat_id: str, message_id: str, reply: Reply, png: bytes | None) -> str:
        """Make a message show this; what is more than one message follows it. Answers its id."""
        channel, thread = await self._channel(chat_id)
        first, *more = messages(reply)
        try:
            await self._call(
                lambda: self.client.chat_update(
                    channel=channel, ts=message_id, blocks=first.blocks, text=first.text
                )
            )
        except Refused as refused:
            if str(refused) not in _GONE:
                raise
            return await self.send(chat_id, reply, png)
        self._note(reply, first, message_id)
        await self._files(channel, thread, reply, png)
        await self._post(channel, thread, reply, more)
        return message_id

    async def whisper(self, chat_id: str, reply: Reply, png: bytes | None, aside: Aside) -> str:
        """For one person's eyes, in the chat where the person is; pictures and files go to the person's own chat."""
        channel, thread = await self._channel(chat_id)
        has_files = bool(png or reply.file)
        told = replace(reply, text=f"{reply.text}\n{FILES_ASIDE}".strip()) if has_files else reply
        found = ""
        for outgoing in messages(told):
            found = await self._ephemeral(channel, thread, outgoing, aside)
            self._note(reply, outgoing, found)
        if has_files:
            await self._files((await self._channel(aside.user))[0], "", reply, png)
        return found

    async def answer(self, reply: Reply, aside: Aside, replace_original: bool, openly: bool) -> None:
        """Through the address Slack gave with the request: it works where the bot itself may not write."""
        hook = AsyncWebhookClient(aside.response_url)
        for number, outgoing in enumerate(messages(reply)):
            sent = await hook.send(
                text=outgoing.text,
                blocks=outgoing.blocks,
                response_type="in_channel" if openly else "ephemeral",
                replace_original=replace_original and number == 0,
            )
            if sent.status_code != 200:
                raise PlatformDown(f"response address: {sent.status_code}")

    async def _ephemeral(self, channel: str, thread: str, outgoing: Outgoing, aside: Aside) -> str:
        user = split_place(aside.user)[0]
        sent = await self._call(
            lambda: self.client.chat_postEphemeral(
                channel=channel,
                user=user,
                thread_ts=thread or None,
                blocks=outgoing.blocks,
                text=outgoing.text,
            ),
            channel,
        )
        return str(sent.get("message_ts", ""))

    async def _post(self, channel: str, thread: str, reply: Reply, outgoing: list[Outgoing]) -> str:
        found, has_buttons = "", False
        for one in outgoing:
            ts = await self._message(channel, thread, one)
            self._note(reply, one, ts)
            if not has_buttons:
                found, has_buttons = ts, bool(one.buttons)
        return found

    async def _message(self, channel: str, thread: str, outgoing: Outgoing) -> str:
        sent = await self._call(
            lambda: self.client.chat_postMessage(
                channel=channel,
                thread_ts=thread or None,
                blocks=outgoing.blocks,
                text=outgoing.text,
                unfurl_links=False,
                unfurl_media=False,
            ),
            channel,
        )
        return str(sent.get("ts", ""))

    async def _files(self, channel: str, thread: str, reply: Reply, png: bytes | None) -> None:
        """The picture and the file, above the words that belong to them."""
        name = reply.name or "picture"
        if png:
            await self._file(channel, thread, Attachment(f"{name}.png", png, "image/png"), reply.title)
        if reply.file is not None:
            await self._file(channel, thread, reply.file, reply.file.name)

    async def _file(self, channel: str, thread: str, file: Attachment, title: str) -> None:
        await self._call(
            lambda: self.client.files_upload_v2(
                channel=channel,
                thread_ts=thread or None,
                file=file.content,
                filename=file.name,
                title=safe(title)[:200],
            )
        )

    async def _channel(self, chat_id: str) -> tuple[str, str]:
        """The channel's id and the thread; a person's is the direct message with that person."""
        channel, thread = split_place(chat_id)
        if not is_person(channel):
            return channel, thread
        if channel not in self._direct:
            opened = await self._call(lambda: self.client.conversations_open(users=channel))
            self._direct[channel] = str(opened["channel"]["id"])
        return self._direct[channel], thread

    async def _call(self, call: Callable[[], Awaitable[Any]], chat_id: str = "") -> Any:
        """Slack's answer; PlatformDown when it may work later, Refused when it never will. Short waits are waited.

        What goes into a chat waits for its turn there.
        """
        for _ in range(_SHORT_WAITS):
            try:
                return await self._in_turn(call, chat_id)
            except PlatformDown as down:
                if down.retry_after_s and chat_id:
                    self.pace.hold(down.retry_after_s, chat_id)
                if not 0 < down.retry_after_s <= _SHORT_WAIT_S:
                    raise
                await asyncio.sleep(down.retry_after_s)
        return await self._in_turn(call, chat_id)

    async def _in_turn(self, call: Callable[[], Awaitable[Any]], chat_id: str) -> Any:
        if chat_id:
            await self.pace.turn(chat_id)
        async with bounded():
            return await self._tried(call)

    async def _tried(self, call: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await call()
        except SlackApiError as error:
            raise _translated(error) from error

    def _note(self, reply: Reply, outgoing: Outgoing, message_id: str) -> None:
        if outgoing.buttons:
            self.placed(replace(reply, buttons=outgoing.buttons), message_id)


def refused_place(refused: Refused) -> bool:
    """True when the bot may not write in that channel."""
    return str(refused) in _REFUSED_PLACE


def error_word(error: SlackApiError) -> str:
    """Slack's word for what is wrong."""
    answer: Any = error.response
    found = answer.get("error") if hasattr(answer, "get") else None
    return found if isinstance(found, str) else "no answer"


def _translated(error: SlackApiError) -> Exception:
    answer: Any = error.response
    found = error_word(error)
    status = getattr(answer, "status_code", 0)
    if found in _PASSING or status == 429 or status >= 500 or found == "no answer":
        headers = getattr(answer, "headers", None) or {}
        wait = str(headers.get("Retry-After", "0"))
        return PlatformDown(found, float(wait) if wait.isdecimal() else 0)
    return Refused(found)


@asynccontextmanager
async def bounded(within_s: float = 0.0) -> AsyncIterator[None]:
    """A send ends in time, and whatever broke on the way is PlatformDown; Refused stays what it is."""
    try:
        async with asyncio.timeout(within_s or CALL_WITHIN_S):
            yield
    except (Refused, PlatformDown):
        raise
    except Exception as error:
        # The library lets its transport's errors through; all of them may be gone on the next try.
        raise PlatformDown(mask(str(error)) or type(error).__name__) from error
