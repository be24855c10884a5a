"""Who and what there is in Discord: users, guilds, channels, messages, interactions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum

from sandbox.chat.discord.answers import Json
from sandbox.chat.discord.pings import Pings

EPOCH_MS = 1_420_070_400_000
EPHEMERAL = 1 << 6
SILENT = 1 << 12
LOADING = 1 << 7


class ChannelKind(IntEnum):
    """Discord's numbers for the channels there are here."""

    TEXT = 0
    DM = 1
    THREAD = 11


class InteractionKind(IntEnum):
    """Discord's numbers for what a person does."""

    COMMAND = 2
    COMPONENT = 3
    COMPLETION = 4
    MODAL = 5


class Snowflakes:
    """Ids that say when they were made, and never repeat."""

    def __init__(self, wall_ms: Callable[[], int]) -> None:
        self._wall_ms = wall_ms
        self._made = 0

    def next(self) -> str:
        """The next id."""
        self._made += 1
        return str(((self._wall_ms() - EPOCH_MS) << 22) + (self._made & 0x3FFFFF))


@dataclass(slots=True)
class User:
    """An account. `takes_dms` False: messages to it are refused (50007)."""

    id: str
    name: str
    bot: bool = False
    takes_dms: bool = True

    def json(self) -> Json:
        """As Discord shows it."""
        return {
            "id": self.id,
            "username": self.name,
            "discriminator": "0",
            "global_name": None if self.bot else self.name,
            "avatar": None,
            "bot": self.bot,
        }


@dataclass(slots=True)
class Channel:
    """A text channel, a thread in one, or the bot's direct messages with `recipient`.

    `writable` False: the bot lacks the permission (50013).
    """

    id: str
    kind: ChannelKind
    name: str = ""
    guild_id: str | None = None
    parent_id: str | None = None
    recipient: User | None = None
    writable: bool = True
    messages: list["Message"] = field(default_factory=list)

    def json(self) -> Json:
        """As Discord shows it."""
        if self.recipient is not None:
            return {"id": self.id, "type": 1, "last_message_id": None, "recipients": [self.recipient.json()]}
        made: Json = {"id": self.id, "type": int(self.kind), "name": self.name, "guild_id": self.guild_id}
        if self.kind is ChannelKind.TEXT:
            return {**made, "position": 0, "permission_overwrites": [], "parent_id": None, "nsfw": False}
        stamp = shown_time(EPOCH_MS)
        closing = {
            "archived": False,
            "auto_archive_duration": 1440,
            "archive_timestamp": stamp,
            "locked": False,
        }
        return {
            **made,
            "parent_id": self.parent_id,
            "owner_id": "1",
            "member_count": 1,
            "message_count": 0,
            "thread_metadata": closing,
        }


@dataclass(slots=True)
class Guild:
    """A server with its members (user id to role ids), roles (id to name) and channels."""

    id: str
    name: str
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Attachment:
    """A file of a message."""

    id: str
    name: str
    kind: str
    content: bytes = field(repr=False)

    def json(self) -> Json:
        """As Discord shows it; its address leads nowhere."""
        url = f"https://cdn.invalid/attachments/{self.id}/{self.name}"
        return {
            "id": self.id,
            "filename": self.name,
            "content_type": self.kind,
            "size": len(self.content),
            "url": url,
            "proxy_url": url,
        }


@dataclass(slots=True)
class Message:
    """One message. `only_for`: the one user who sees it (ephemeral). `loading`: "is thinking". `silent`: no sound."""

    id: str
    channel_id: str
    author: Json
    at_ms: int
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    pings: Pings = field(default_factory=Pings)
    only_for: str | None = None
    loading: bool = False
    edited_at_ms: int | None = None
    gone: bool = False
    author_id: str = ""
    silent: bool = False
    nonce: str = ""

    def json(self) -> Json:
        """As Discord shows it; pictures of embeds have an address of their own."""
        flags = (
            (EPHEMERAL if self.only_for else 0)
            | (LOADING if self.loading else 0)
            | (SILENT if self.silent else 0)
        )
        return {
            "id": self.id,
            "channel_id": self.channel_id,
            "author": self.author,
            "content": self.content,
            "timestamp": shown_time(self.at_ms),
            "edited_timestamp": None if self.edited_at_ms is None else shown_time(self.edited_at_ms),
            "tts": False,
            "mention_everyone": self.pings.everyone,
            "mentions": [],
            "mention_roles": list(self.pings.roles),
            "attachments": [one.json() for one in self.attachments],
            "embeds": [_stored(embed) for embed in self.embeds],
            "components": self.components,
            "pinned": False,
            "type": 0,
            "flags": flags,
            **({"nonce": self.nonce} if self.nonce else {}),
        }


@dataclass(slots=True)
class Interaction:
    """Something a person did that the bot must answer. `at_s` on the clock of the limits.

    `answered` is the type of the first answer; `original` the message it made or changed, `messages` all that followed.
    """

    id: str
    kind: InteractionKind
    token: str
    user: User
    channel: Channel
    at_s: float
    payload: Json
    pressed: Message | None = None
    answered: int | None = None
    private: bool = False
    original: Message | None = None
    messages: list[Message] = field(default_factory=list)
    choices: list[Json] = field(default_factory=list)
    modal: Json | None = None
    pressed_state: tuple[object, ...] = ()


def shown_time(at_ms: int) -> str:
    """A time as Discord writes it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _stored(embed: Json) -> Json:
    made = {"type": "rich", **embed}
    for part in ("image", "thumbnail"):
        url = str((embed.get(part) or {}).get("url", ""))
        if url.startswith("attachment://"):
            made[part] = {**embed[part], "url": f"https://cdn.invalid/{url.removeprefix('attachment://')}"}
    return made
