"""The state of the sandbox's Discord: who is where, which commands are registered, what was written."""

from collections.abc import Callable, Iterator, Sequence

from sandbox.chat.bell import Bell
from sandbox.chat.bodies import Upload
from sandbox.chat.discord.answers import Json, Refused, unknown
from sandbox.chat.discord.message_rules import check_full, check_message
from sandbox.chat.discord.nouns import (
    SILENT,
    Attachment,
    Channel,
    ChannelKind,
    Guild,
    Message,
    Snowflakes,
    User,
)
from sandbox.chat.discord.pings import pings
from sandbox.chat.discord.rules import DiscordRules

NONCE_MS = 180_000
"""Discord says "the past few minutes"; three are our choice."""


class World:
    """Everything that lasts. `publish(name, body, guild_id)` tells the gateway; `bell` rings at every change."""

    def __init__(self, token: str, rules: DiscordRules, wall_ms: Callable[[], int]) -> None:
        """One application, whose bot holds `token`, in no guild yet."""
        self.token = token
        self.rules = rules
        self.wall_ms = wall_ms
        self.ids = Snowflakes(wall_ms)
        self.bell = Bell()
        self.bot = User(self.ids.next(), "quarterdeck", bot=True)
        self.users: dict[str, User] = {self.bot.id: self.bot}
        self.guilds: dict[str, Guild] = {}
        self.channels: dict[str, Channel] = {}
        self.webhooks: dict[tuple[str, str], str] = {}
        self.commands: dict[str | None, list[Json]] = {}
        self.publish: Callable[[str, Json, str | None], None] = lambda name, body, guild_id: None

    @property
    def application_id(self) -> str:
        """The bot's user has the same id, as in reality."""
        return self.bot.id

    def add_user(self, name: str, number: str = "") -> User:
        """A person, with that id when it matters."""
        user = User(number or self.ids.next(), name)
        self.users[user.id] = user
        return user

    def add_guild(self, name: str, number: str = "") -> Guild:
        """A guild with the bot in it, with that id when it matters."""
        guild = Guild(number or self.ids.next(), name, {self.bot.id: ()})
        self.guilds[guild.id] = guild
        return guild

    def add_channel(
        self, guild: Guild, name: str, parent: Channel | None = None, number: str = ""
    ) -> Channel:
        """A text channel of a guild, or with `parent` a thread in one; with that id when it matters."""
        kind = ChannelKind.TEXT if parent is None else ChannelKind.THREAD
        channel = Channel(number or self.ids.next(), kind, name, guild.id, parent.id if parent else None)
        self.channels[channel.id] = channel
        name_of_event = "CHANNEL_CREATE" if parent is None else "THREAD_CREATE"
        self.publish(name_of_event, channel.json(), guild.id)
        return channel

    def direct(self, user: User) -> Channel:
        """The bot's direct messages with a person."""
        found = next((one for one in self.channels.values() if one.recipient is user), None)
        if found is None:
            found = Channel(self.ids.next(), ChannelKind.DM, recipient=user)
            self.channels[found.id] = found
        return found

    def add_webhook(self, channel: Channel) -> tuple[str, str]:
        """An incoming webhook of a channel: its id and its token, in the form Discord gives them."""
        made = (self.ids.next(), f"sandbox-webhook-{'x' * 52}{len(self.webhooks)}")
        self.webhooks[made] = channel.id
        return made

    def channel(self, number: str) -> Channel:
        """404 when there is none, or the bot does not see it."""
        if number not in self.channels:
            raise unknown(10003, "Channel")
        return self.channels[number]

    def message(self, channel: Channel, number: str) -> Message:
        """A message all can see; 404 otherwise."""
        for message in channel.messages:
            if message.id == number and not message.gone and message.only_for is None:
                return message
        raise unknown(10008, "Message")

    def all_messages(self) -> Iterator[Message]:
        """Every message of every channel, deleted ones too."""
        for channel in self.channels.values():
            yield from channel.messages

    def write(
        self,
        channel: Channel,
        payload: Json,
        files: Sequence[Upload],
        only_for: str | None = None,
        author: Json | None = None,
    ) -> Message:
        """A new message of the bot, or of `author`; refused when it breaks a rule.

        With `enforce_nonce` the message that was written under the same nonce lately is answered, and none is made.
        """
        self._weigh(payload, files)
        known = self._known(channel, payload)
        if known is not None:
            return known
        message = Message(
            self.ids.next(), channel.id, author or self.bot.json(), self.wall_ms(), only_for=only_for
        )
        message.author_id = str(message.author["id"])
        message.nonce = str(payload.get("nonce") or "")
        message.silent = bool(int(payload.get("flags") or 0) & SILENT)
        self._fill(message, payload, files)
        channel.messages.append(message)
        self._tell("MESSAGE_CREATE", channel, message)
        return message

    def change(self, message: Message, payload: Json, files: Sequence[Upload]) -> Message:
        """The parts that are named are replaced; refused as a whole when it breaks a rule."""
        self._weigh(payload, files, [one.name for one in message.attachments])
        self._fill(message, payload, files)
        message.edited_at_ms = self.wall_ms()
        self._tell("MESSAGE_UPDATE", self.channels[message.channel_id], message)
        return message

    def remove(self, message: Message) -> None:
        """Nobody sees it any more."""
        message.gone = True
        body = {"id": message.id, "channel_id": message.channel_id}
        self.publish("MESSAGE_DELETE", body, self.channels[message.channel_id].guild_id)
        self.bell.ring()

    def wait(self, channel: Channel, only_for: str | None) -> Message:
        """A message that says "is thinking" until it is filled."""
        message = Message(self.ids.next(), channel.id, self.bot.json(), self.wall_ms(), only_for=only_for)
        message.author_id, message.loading = self.bot.id, True
        channel.messages.append(message)
        return message

    def _weigh(self, payload: Json, files: Sequence[Upload], kept: Sequence[str] = ()) -> None:
        if any(len(file.content) > self.rules.file_bytes for file in files):
            raise Refused(413, 40005, "Request entity too large")
        check_message(payload, [*(file.name for file in files), *kept])

    def _fill(self, message: Message, payload: Json, files: Sequence[Upload]) -> None:
        """Compose, see that something is left, then keep it."""
        content = str(payload.get("content") or "") if "content" in payload else message.content
        embeds = list(payload.get("embeds") or []) if "embeds" in payload else message.embeds
        parts = list(payload.get("components") or []) if "components" in payload else message.components
        attachments = self._kept(message, payload) + [self._attached(file) for file in files]
        check_full(content, embeds, parts, len(attachments))
        message.content, message.embeds, message.components = content, embeds, parts
        message.attachments, message.loading = attachments, False
        if "content" in payload:
            message.pings = pings(content, payload.get("allowed_mentions"))

    def _known(self, channel: Channel, payload: Json) -> Message | None:
        """The message that was written under this nonce within the last minutes."""
        nonce, since_ms = payload.get("nonce"), self.wall_ms() - NONCE_MS
        if nonce is None or payload.get("enforce_nonce") is not True:
            return None
        recent = (one for one in reversed(channel.messages) if one.at_ms >= since_ms)
        return next((one for one in recent if one.nonce == str(nonce) and one.author_id == self.bot.id), None)

    def _kept(self, message: Message, payload: Json) -> list[Attachment]:
        if payload.get("attachments") is None:
            return list(message.attachments)
        named = {str(one.get("id")) for one in payload["attachments"]}
        return [one for one in message.attachments if one.id in named]

    def _attached(self, file: Upload) -> Attachment:
        return Attachment(self.ids.next(), file.name, file.kind, file.content)

    def _tell(self, name: str, channel: Channel, message: Message) -> None:
        if message.only_for is None:
            self.publish(name, {**message.json(), "guild_id": channel.guild_id}, channel.guild_id)
        self.bell.ring()
