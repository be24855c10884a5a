"""Webhooks of Slack and Discord: mouths without ears, for channels that get the notices and command nothing.

Their addresses are secrets and are never logged. Text only: no buttons, no pictures; nobody is mentioned.
"""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import aiohttp

from bot.domain.errors import ConfigError
from bot.domain.notice import Severity
from handlers.lanes import Recipient
from handlers.pace import DISCORD, SLACK, Pace
from handlers.render_text import broken_lines, field_lines, table_lines, text_lines
from handlers.reply import Reply
from handlers.speaker import PlatformDown, Speaker
from handlers.text import clean, defused, unlinked

if TYPE_CHECKING:
    from discord import Webhook

log = logging.getLogger(__name__)
CHAT = "notices"
WIDTH = 60
WITHIN_S = 20
SLACK_LENGTH = 3_500
DISCORD_LENGTH = 1_900
_LINE = 700  # escaping at most doubles or trebles a line
_MARKS = {Severity.CRITICAL: "!! ", Severity.TRADE: "", Severity.INFO: ""}
_HTTP_OK, _HTTP_TOO_MANY, _HTTP_SERVER = 200, 429, 500


def recipient(speaker: Speaker) -> Recipient:
    """A webhook as one of the people: it hears what everybody may hear, by the configuration's wishes."""
    return Recipient(f"{speaker.platform}:{CHAT}", CHAT)


class SlackWebhook:
    """An incoming webhook of Slack; see Speaker."""

    platform = "slack_webhook"

    def __init__(self, url: str) -> None:
        """`url` as Slack shows it. Raises ConfigError when it is no address."""
        if not url.startswith(("https://", "http://")):
            raise ConfigError("SLACK_WEBHOOK: an http or https address is allowed")
        self._url = url
        self._pace = Pace(SLACK)

    async def say(self, chat_id: str, reply: Reply, silent: bool = False) -> str:
        """Send the reply's words. Raises PlatformDown; what Slack refuses for good is logged."""
        for text in slack_texts(reply):
            await self._pace.turn(chat_id)
            await self._send(text)
        return ""

    async def amend(self, chat_id: str, message_id: str, reply: Reply) -> None:
        """A webhook takes nothing back: it is said anew."""
        await self.say(chat_id, reply)

    async def _send(self, text: str) -> None:
        from slack_sdk.webhook.async_client import AsyncWebhookClient

        client = AsyncWebhookClient(self._url, timeout=WITHIN_S, logger=_silent(), retry_handlers=[])
        try:
            answer = await client.send(text=text)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise PlatformDown(type(error).__name__) from None
        if answer.status_code == _HTTP_TOO_MANY:
            wait_s = _seconds(answer.headers.get("Retry-After", ""))
            self._pace.hold(wait_s)
            raise PlatformDown("too many messages", wait_s)
        if answer.status_code >= _HTTP_SERVER:
            raise PlatformDown(f"HTTP {answer.status_code}")
        if answer.status_code != _HTTP_OK:
            log.error(
                "Slack's webhook refuses a notice: HTTP %d %s", answer.status_code, clean(answer.body)[:80]
            )


class DiscordWebhook:
    """A webhook of Discord; see Speaker."""

    platform = "discord_webhook"

    def __init__(self, url: str) -> None:
        """`url` as Discord shows it. Raises ConfigError when it is none of Discord's."""
        from discord import Webhook

        try:
            Webhook.from_url(url)
        except ValueError:
            raise ConfigError("DISCORD_WEBHOOK: this is no address of a Discord webhook") from None
        except TypeError:
            log.debug("the address was read; there is no session yet")
        self._url = url
        self._pace = Pace(DISCORD)

    async def say(self, chat_id: str, reply: Reply, silent: bool = False) -> str:
        """Send the reply's words. Raises PlatformDown; what Discord refuses for good is logged."""
        from discord import Webhook

        timeout = aiohttp.ClientTimeout(total=WITHIN_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            webhook = Webhook.from_url(self._url, session=session)
            for text in discord_texts(reply):
                await self._pace.turn(chat_id)
                await self._send(webhook, text, silent)
        return ""

    async def amend(self, chat_id: str, message_id: str, reply: Reply) -> None:
        """A webhook takes nothing back here: it is said anew."""
        await self.say(chat_id, reply)

    async def _send(self, webhook: "Webhook", text: str, silent: bool) -> None:
        from discord import AllowedMentions, DiscordException, HTTPException, RateLimited

        try:
            await webhook.send(text, allowed_mentions=AllowedMentions.none(), silent=silent, wait=True)
        except RateLimited as error:
            self._pace.hold(error.retry_after)
            raise PlatformDown("too many messages", error.retry_after) from None
        except HTTPException as error:
            if error.status == _HTTP_TOO_MANY or error.status >= _HTTP_SERVER:
                raise PlatformDown(f"HTTP {error.status}") from None
            log.error("Discord's webhook refuses a notice: HTTP %d, code %d", error.status, error.code)
        except (DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise PlatformDown(type(error).__name__) from None


def slack_texts(reply: Reply) -> Iterator[str]:
    """The reply's words as messages of Slack's markup."""
    title = f"*{_slack_safe(_MARKS[reply.severity] + clean(reply.title)).replace('*', '∗')}*"
    body = [_slack_safe(line) for line in _body(reply)]
    return _messages(title, body, SLACK_LENGTH)


def discord_texts(reply: Reply) -> Iterator[str]:
    """The reply's words as messages of Discord's markup."""
    from discord.utils import escape_markdown

    title = f"**{escape_markdown(unlinked(defused(_MARKS[reply.severity] + clean(reply.title))))}**"
    body = [defused(line) for line in _body(reply)]
    return _messages(title, body, DISCORD_LENGTH)


def _slack_safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _body(reply: Reply) -> list[str]:
    """Fields, table and text as lines that may stand in a block of code."""
    lines = field_lines(reply.fields)
    lines += table_lines(reply.table, WIDTH) if reply.table else []
    lines += text_lines(reply.text)
    return [line.replace("`", "ˋ") for line in broken_lines(lines, _LINE)]


def _messages(title: str, lines: list[str], most: int) -> Iterator[str]:
    """The title and blocks of code with the lines, each message within the limit; nothing is cut."""
    heads = list(broken_lines([title], most - 100))
    yield from heads[:-1]
    block: list[str] = []
    head = f"{heads[-1]}\n"
    for line in lines:
        used = len(head) + sum(len(one) + 1 for one in block) + 8
        if block and used + len(line) > most:
            yield _message(head, block)
            head, block = "", []
        block.append(line)
    yield _message(head, block)


def _message(head: str, block: list[str]) -> str:
    text = "\n".join(block)
    return f"{head}```\n{text}\n```" if block else head.strip()


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else 1.0


def _silent() -> logging.Logger:
    """The library's own lines may hold the address."""
    quiet = logging.getLogger("slack_sdk.webhook.quiet")
    quiet.setLevel(logging.CRITICAL)
    return quiet
