"""The Discord chat: takes interactions to the dispatcher and replies to people. Translation only, no decisions.

Slash commands and buttons need no message content, so none is asked for: the only intent is guilds.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import discord
from discord import Interaction, app_commands
from discord.abc import Messageable
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.domain.notice import Notice
from handlers.command import Command, Role
from handlers.drawing import Drawing
from handlers.notices import PlatformDown
from handlers.parameter import Parameter
from handlers.platforms.discord.options import slash_command
from handlers.platforms.discord.render import Outgoing, messages
from handlers.platforms.discord.request import press_request, slash_request
from handlers.registry import Registry
from handlers.render_text import notice_reply
from handlers.reply import Reply
from handlers.request import Request
from handlers.session import Handle
from handlers.text import mask

log = logging.getLogger(__name__)
_ANSWER_WITHIN_S = 2.0  # of the three seconds that Discord gives

type Suggest = Callable[[str, Parameter, str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class DiscordSettings:
    """How to reach Discord. Commands are offered in `guilds` (everywhere the bot is when empty)."""

    token: str = field(repr=False)
    guilds: tuple[int, ...] = ()
    base_url: str = ""
    gateway_url: str = ""
    dark_pictures: bool = True
    longest_retry_s: float = 300.0  # Discord allows a thousand logins a day


@dataclass(slots=True)
class DiscordChat:
    """One bot account. `run` connects, reconnects, and ends only when it is cancelled: the desk needs no chat.

    `suggest` answers autocompletion: user ("discord:id"), parameter, what was typed; nothing for strangers.
    """

    settings: DiscordSettings
    handle: Handle
    registry: Registry
    suggest: Suggest
    drawing: Drawing
    platform: str = "discord"
    _client: discord.Client | None = field(init=False, default=None)
    _targets: dict[int, Messageable] = field(init=False, default_factory=dict)

    async def run(self) -> None:
        """Stay connected; while Discord is away the desk goes on and notices wait."""
        self._point_elsewhere()
        wait_s = 1.0
        while True:
            client = self.client()
            try:
                self._client = client
                self._targets = {}
                await client.start(self.settings.token)
            except discord.LoginFailure:
                log.error("Discord refuses the token: the bot stays off until it is corrected")
                await asyncio.Event().wait()
            except (discord.DiscordException, OSError) as error:
                log.warning("Discord is not reachable: %s; next try in %.0f s", mask(str(error)), wait_s)
            except Exception as error:
                log.error("Discord failed; next try in %.0f s", wait_s, exc_info=error)
            finally:
                wait_s = 1.0 if client.is_ready() else wait_s
                self._client = None
                await client.close()
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, self.settings.longest_retry_s)

    def client(self) -> "DeskClient":
        """A client with every command as a slash command."""
        client = DeskClient(self)
        guilds = [discord.Object(guild) for guild in self.settings.guilds]
        for command in self.registry:
            client.tree.add_command(slash_command(command, self.slash, self._complete), guilds=guilds)
        return client

    async def send_notice(self, chat_id: str, notice: Notice, silent: bool) -> None:
        """Send a notice to a channel or a person; a refusal for good is logged, the rest is for the courier."""
        client = self._client
        if client is None or not client.is_ready():
            raise PlatformDown("not connected")
        try:
            target = await self._target(client, int(chat_id))
            for outgoing in messages(notice_reply(notice), None):
                await target.send(silent=silent, **outgoing.arguments())
        except (discord.Forbidden, discord.NotFound) as error:
            log.error("Discord refuses a notice for %s: %s", chat_id, mask(str(error)))
        except (discord.DiscordException, OSError) as error:
            raise PlatformDown(mask(str(error))) from error

    async def _target(self, client: discord.Client, number: int) -> Messageable:
        """The channel of that id, or the person; ids of both come from one sequence, so none is both."""
        if number not in self._targets:
            self._targets[number] = await _channel(client, number) or await client.fetch_user(number)
        return self._targets[number]

    async def slash(self, interaction: Interaction, command: Command, arguments: Mapping[str, str]) -> None:
        """A slash command; what is for admins only they see."""
        await self._answer(
            interaction, slash_request(interaction, command.name, arguments), command.role is Role.ADMIN
        )

    async def press(self, interaction: Interaction) -> None:
        """A pressed button."""
        request = press_request(interaction)
        if request is not None:
            await self._answer(interaction, request, None)

    async def _answer(self, interaction: Interaction, request: Request, private: bool | None) -> None:
        """Answer in time: when the desk takes longer, Discord is told to wait. Strangers hear nothing."""
        task = asyncio.ensure_future(self._prepared(request))
        await asyncio.wait({task}, timeout=_ANSWER_WITHIN_S)
        if not task.done():
            await _defer(interaction, private)
        prepared = await task
        if prepared is not None:
            reply, outgoing = prepared
            await self._respond(interaction, reply, outgoing, bool(private) or self._is_private(reply))

    async def _prepared(self, request: Request) -> tuple[Reply, list[Outgoing]] | None:
        reply = await self.handle(request)
        if reply is None:
            return None
        png = await self.drawing.draw(reply.plot, self.settings.dark_pictures) if reply.plot else None
        return reply, messages(reply, png)

    async def _respond(
        self, interaction: Interaction, reply: Reply, outgoing: list[Outgoing], private: bool
    ) -> None:
        try:
            await _first(interaction, reply, outgoing[0], private)
            for more in outgoing[1:]:
                await interaction.followup.send(**more.arguments(private))
        except discord.HTTPException as error:
            log.warning("Discord did not take the answer to %s: %s", reply.name, mask(str(error)))
            if not private and isinstance(interaction.channel, Messageable):
                await _into_channel(interaction.channel, outgoing)

    def _is_private(self, reply: Reply) -> bool:
        command = self.registry.find(reply.name)
        return not reply.ok or (command is not None and command.role is Role.ADMIN)

    def _complete(self, interaction: Interaction, parameter: Parameter, typed: str) -> tuple[str, ...]:
        return self.suggest(f"discord:{interaction.user.id}", parameter, typed)

    def _point_elsewhere(self) -> None:
        """Other addresses than Discord's, for emulators: the library keeps them on its classes."""
        if self.settings.base_url:
            Route.BASE = self.settings.base_url
        if self.settings.gateway_url:
            DiscordWebSocket.DEFAULT_GATEWAY = URL(self.settings.gateway_url)


class DeskClient(discord.Client):
    """The library's client with our commands in its tree."""

    def __init__(self, chat: DiscordChat) -> None:
        """`chat` gets what comes in."""
        super().__init__(
            intents=discord.Intents(guilds=True), allowed_mentions=discord.AllowedMentions.none()
        )
        self.tree: app_commands.CommandTree[Any] = _Tree(self)
        self._chat = chat

    async def setup_hook(self) -> None:
        """Offer the commands; the library calls this once after the login."""
        for guild in self._chat.settings.guilds:
            await self.tree.sync(guild=discord.Object(guild))
        if not self._chat.settings.guilds:
            await self.tree.sync()

    async def on_interaction(self, interaction: Interaction) -> None:
        """Buttons come here whatever message they hang on; slash commands go through the tree."""
        if interaction.type is discord.InteractionType.component:
            await self._chat.press(interaction)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        """The library calls this inside its exception handler."""
        log.error("Discord: %s failed", event_method, exc_info=sys.exception())


class _Tree(app_commands.CommandTree[Any]):
    """The command tree with our log."""

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        """What broke outside the dispatcher."""
        log.error("Discord: a slash command failed", exc_info=error)


async def _channel(client: discord.Client, number: int) -> Messageable | None:
    try:
        found = client.get_channel(number) or await client.fetch_channel(number)
    except discord.NotFound:
        return None
    return found if isinstance(found, Messageable) else None


async def _defer(interaction: Interaction, private: bool | None) -> None:
    try:
        if interaction.type is discord.InteractionType.component:
            await interaction.response.defer()
        else:
            await interaction.response.defer(ephemeral=bool(private), thinking=True)
    except discord.HTTPException as error:
        log.warning("Discord: too late to ask for time: %s", mask(str(error)))


async def _first(interaction: Interaction, reply: Reply, outgoing: Outgoing, private: bool) -> None:
    """The response proper: in place of a card, into the place kept for it, or as a new message."""
    is_press = interaction.type is discord.InteractionType.component
    is_late = interaction.response.is_done()
    if reply.in_place and is_press:
        edit = interaction.edit_original_response if is_late else interaction.response.edit_message
        changed = outgoing.arguments()
        await edit(attachments=changed.pop("files", []), view=changed.pop("view", None), **changed)
    elif is_late:
        await interaction.followup.send(**outgoing.arguments(private))
    else:
        await interaction.response.send_message(**outgoing.arguments(private))


async def _into_channel(channel: Messageable, outgoing: list[Outgoing]) -> None:
    """The outcome must be told even when the interaction has gone."""
    try:
        for message in outgoing:
            await channel.send(**message.arguments())
    except discord.DiscordException as error:
        log.error("Discord did not take an outcome: %s", mask(str(error)))
