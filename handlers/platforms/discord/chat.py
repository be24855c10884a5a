"""The Discord chat: takes interactions to the dispatcher and replies to people. Translation only, no decisions.

Slash commands, buttons, menus and dialog boxes need no message content, so none is asked for: the only intent is
guilds. Every interaction runs in a task of its own.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import discord
from discord import Interaction, InteractionType, app_commands
from discord.abc import Messageable
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from handlers.command import Command, Role
from handlers.drawing import Drawing
from handlers.legible import legible
from handlers.pace import DISCORD, Pace
from handlers.parameter import Parameter
from handlers.placing import Placed, unplaced
from handlers.platforms.discord.answering import SEND_WITHIN_S, Answering, Prepared, note, quietly
from handlers.platforms.discord.budget import LoginBudget, TooManyLogins, hush
from handlers.platforms.discord.components import dialog, pressed, typed
from handlers.platforms.discord.options import slash_command
from handlers.platforms.discord.render import Outgoing, messages
from handlers.platforms.discord.request import dialog_request, press_request, slash_request
from handlers.registry import Registry
from handlers.reply import Reply
from handlers.request import Request
from handlers.session import Handle
from handlers.speaker import PlatformDown
from handlers.text import mask

log = logging.getLogger(__name__)
_ANSWER_WITHIN_S = 2.0  # of the three seconds that Discord gives
_DIALOG_FOR_S = 3.0
_WAITED_FOR_S = (
    30.0  # longer waits are ours: one that the library sleeps through is cut off, and knocks again
)

type Suggest = Callable[[str, Parameter, str], tuple[str, ...]]
type Knows = Callable[[Request], bool]


def everybody(request: Request) -> bool:
    """For tests: whoever asks is shown what a crew member is shown before the dispatcher decides."""
    return True


@dataclass(frozen=True, slots=True)
class DiscordSettings:
    """How to reach Discord. Commands are offered in `guilds` (everywhere the bot is when empty)."""

    token: str = field(repr=False)
    guilds: tuple[int, ...] = ()
    base_url: str = ""
    gateway_url: str = ""
    dark_pictures: bool = True
    longest_retry_s: float = 300.0


REFUSED_FILES = (400, 413)
"""What Discord answers to a picture or file that it does not take."""


@dataclass(slots=True)
class DiscordChat:
    """One bot account. `run` connects, reconnects, and ends only when it is cancelled: the desk needs no chat.

    `suggest` answers autocompletion: user ("discord:id"), parameter, what was typed; nothing for strangers. `knows`
    tells whether a request comes from the crew in an allowed place: others see neither dialog box nor "thinking".
    """

    settings: DiscordSettings
    handle: Handle
    registry: Registry
    suggest: Suggest
    drawing: Drawing
    placed: Placed = unplaced
    knows: Knows = everybody
    pace: Pace = field(default_factory=lambda: Pace(DISCORD))
    platform: str = "discord"
    _client: discord.Client | None = field(init=False, default=None)
    _targets: dict[int, Messageable] = field(init=False, default_factory=dict)
    _budget: LoginBudget = field(init=False)

    def __post_init__(self) -> None:
        """Logins are counted for as long as the process lives."""
        self._budget = LoginBudget(lambda: asyncio.get_running_loop().time())

    async def run(self) -> None:
        """Stay connected; while Discord is away the desk goes on and notices wait."""
        self._point_elsewhere()
        wait_s = 1.0
        while True:
            client = self.client()
            least_s = 0.0
            try:
                self._client = client
                self._targets = {}
                await client.start(self.settings.token)
            except discord.LoginFailure:
                log.error("Discord refuses the token: the bot stays off until it is corrected")
                await asyncio.Event().wait()
            except TooManyLogins as spent:
                least_s = spent.wait_s
                log.warning("Discord: %s", spent)
            except (discord.DiscordException, OSError) as error:
                log.warning("Discord is not reachable: %s; next try in %.0f s", mask(str(error)), wait_s)
            except Exception as error:
                log.error("Discord failed; next try in %.0f s", wait_s, exc_info=error)
            finally:
                wait_s = 1.0 if client.is_ready() else wait_s
                self._client = None
                await client.close()
                hush(client)
            await asyncio.sleep(max(wait_s, least_s))
            wait_s = min(wait_s * 2, self.settings.longest_retry_s)

    def client(self) -> "DeskClient":
        """A client with every command as a slash command."""
        client = DeskClient(self)
        guilds = [discord.Object(guild) for guild in self.settings.guilds]
        for command in self.registry:
            client.tree.add_command(slash_command(command, self.slash, self._complete), guilds=guilds)
            if guilds:  # what is offered everywhere is not offered twice in the guilds
                client.tree.add_command(slash_command(command, self.slash, self._complete, private=True))
        return client

    async def say(self, chat_id: str, reply: Reply, silent: bool = False) -> str:
        """Send without being asked, to a channel or a person; see Speaker."""
        client = self._connected()
        png = await self._png(reply)
        return await self._guarded(
            chat_id, self._said(client, int(chat_id), reply, messages(reply, png), silent)
        )

    async def amend(self, chat_id: str, message_id: str, reply: Reply) -> None:
        """Change what was said; what has become too long or is gone is sent anew. See Speaker."""
        client = self._connected()
        outgoing = messages(reply, await self._png(reply))
        if len(outgoing) == 1 and message_id.isdigit():
            done = await self._guarded(
                chat_id, self._edited(client, int(chat_id), int(message_id), reply, outgoing)
            )
            if done:
                return
        await self._guarded(chat_id, self._said(client, int(chat_id), reply, outgoing, True))

    def budget(self) -> LoginBudget:
        """Logins of this process."""
        return self._budget

    def _connected(self) -> discord.Client:
        client = self._client
        if client is None or not client.is_ready():
            raise PlatformDown("not connected")
        return client

    async def _guarded[R](self, chat_id: str, sending: Coroutine[Any, Any, R]) -> R | str:
        """What `sending` answers; PlatformDown when it cannot be now, "" when Discord refuses for good."""
        try:
            return await sending
        except (discord.Forbidden, discord.NotFound) as error:
            log.error("Discord refuses a message for %s: %s", chat_id, mask(str(error)))
            return ""
        except discord.RateLimited as error:
            self.pace.hold(error.retry_after, chat_id)
            raise PlatformDown("too many messages", error.retry_after) from error
        except Exception as error:
            raise PlatformDown(mask(str(error)) or type(error).__name__) from error

    async def _said(
        self, client: discord.Client, number: int, reply: Reply, left: list[Outgoing], silent: bool
    ) -> str:
        """Send what is `left`; the id of the message with the first buttons, or of the last one."""
        target = await self._target(client, number)
        found, has_buttons = "", False
        while left:
            await self.pace.turn(str(number))
            try:
                async with asyncio.timeout(SEND_WITHIN_S):
                    message = await target.send(silent=silent, **left[0].arguments())
            except discord.HTTPException as error:
                if error.status not in REFUSED_FILES or not left[0].files:
                    raise
                log.warning("Discord refused a picture or file: %s", mask(str(error)))
                left[0] = left[0].bare()
                continue
            outgoing = left.pop(0)
            note(self.placed, reply, outgoing, str(message.id))
            if not has_buttons:
                found, has_buttons = str(message.id), bool(outgoing.buttons)
        return found

    async def _edited(
        self, client: discord.Client, number: int, message_id: int, reply: Reply, outgoing: list[Outgoing]
    ) -> str:
        """The message's id, "" when it is gone."""
        target = await self._target(client, number)
        channel: Any = await target.create_dm() if isinstance(target, discord.User) else target
        await self.pace.turn(str(number))
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await channel.get_partial_message(message_id).edit(**outgoing[0].changes())
        except discord.NotFound:
            return ""
        note(self.placed, reply, outgoing[0], str(message_id))
        return str(message_id)

    async def _target(self, client: discord.Client, number: int) -> Messageable:
        """The channel of that id, or the person; ids of both come from one sequence, so none is both."""
        if number not in self._targets:
            self._targets[number] = await _channel(client, number) or await client.fetch_user(number)
        return self._targets[number]

    async def _elsewhere(self, chat_id: str, reply: Reply, left: list[Outgoing]) -> str:
        client = self._connected()
        return await self._guarded(chat_id, self._said(client, int(chat_id), reply, left, False))

    def _answering(self) -> Answering:
        return Answering(self._elsewhere, self.placed, _ANSWER_WITHIN_S)

    async def slash(self, interaction: Interaction, command: Command, arguments: Mapping[str, str]) -> None:
        """A slash command; what is for admins only they see."""
        request = legible(lambda: slash_request(interaction, command.name, arguments))
        if request is not None:
            await self._answer(interaction, request, command.role is Role.ADMIN)

    async def press(self, interaction: Interaction) -> None:
        """A pressed button or a choice in a menu; one that needs a text opens a box for it."""
        data: object = interaction.data
        found = pressed(data) if isinstance(data, dict) else None
        request = legible(lambda: press_request(interaction, found.button)) if found else None
        if found is None or request is None:
            return
        if not found.prompt:
            await self._answer(interaction, request, private=False)
        elif self.knows(request):
            async with asyncio.timeout(_DIALOG_FOR_S):
                await quietly(interaction.response.send_modal(dialog(found)))

    async def filled(self, interaction: Interaction) -> None:
        """A filled dialog box."""
        request = legible(
            lambda: dialog_request(interaction, *found) if (found := typed(interaction)) else None
        )
        if request is not None:
            await self._answer(interaction, request, private=False)

    async def _answer(self, interaction: Interaction, request: Request, private: bool) -> None:
        may_wait = self.knows(request)
        await self._answering().answer(interaction, self._prepared(request), private, may_wait)

    async def _prepared(self, request: Request) -> Prepared | None:
        reply = await self.handle(request)
        if reply is None:
            return None
        return self._kept_private(reply), messages(reply, await self._png(reply))

    def _kept_private(self, reply: Reply) -> Reply:
        """What an admin's command answers is seen by the asker alone."""
        command = self.registry.find(reply.name)
        is_admins = command is not None and command.role is Role.ADMIN
        return replace(reply, private=reply.private or is_admins)

    async def _png(self, reply: Reply) -> bytes | None:
        if reply.image:
            return reply.image
        return await self.drawing.draw(reply.plot, self.settings.dark_pictures) if reply.plot else None

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
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            max_ratelimit_timeout=_WAITED_FOR_S,
        )
        self.tree: app_commands.CommandTree[Any] = _Tree(self)
        self._chat = chat

    async def setup_hook(self) -> None:
        """Offer the commands; the library calls this once after the login."""
        await self._find_gateway()
        for guild in self._chat.settings.guilds:
            await self.tree.sync(guild=discord.Object(guild))
        await self.tree.sync()

    async def _find_gateway(self) -> None:
        """Another server says itself where its gateway is; the library knows only Discord's own."""
        settings = self._chat.settings
        if settings.base_url and not settings.gateway_url:
            found = await self.http.request(Route("GET", "/gateway"))
            DiscordWebSocket.DEFAULT_GATEWAY = URL(str(found["url"]))

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """The library calls this before every login; too many of them would cost the token."""
        self._chat.budget().spend()
        await super().before_identify_hook(shard_id, initial=initial)

    async def on_interaction(self, interaction: Interaction) -> None:
        """Buttons, menus and boxes come here whatever message they hang on; slash commands go through the tree."""
        if interaction.type is InteractionType.component:
            await self._chat.press(interaction)
        elif interaction.type is InteractionType.modal_submit:
            await self._chat.filled(interaction)

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
