"""Who and what there is in Slack: users, channels, messages, modals, addresses to respond to."""

from dataclasses import dataclass, field

from sandbox.chat.slack.answers import Json


@dataclass(slots=True)
class User:
    """An account of the workspace."""

    id: str
    name: str
    bot: bool = False

    def json(self, team: str) -> Json:
        """As users.info shows it."""
        profile = {"real_name": self.name, "display_name": self.name}
        return {
            "id": self.id,
            "team_id": team,
            "name": self.name,
            "real_name": self.name,
            "is_bot": self.bot,
            "deleted": False,
            "tz": "Etc/UTC",
            "profile": profile,
        }


@dataclass(slots=True)
class Channel:
    """A channel with its members' ids, or with `person` the direct messages of the app with one. `archived`: closed."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    person: User | None = None
    archived: bool = False
    messages: list["Message"] = field(default_factory=list)

    def json(self) -> Json:
        """As conversations.info shows it."""
        if self.person is not None:
            return {"id": self.id, "is_im": True, "is_channel": False, "user": self.person.id}
        return {
            "id": self.id,
            "name": self.name,
            "is_channel": True,
            "is_im": False,
            "is_archived": self.archived,
            "num_members": len(self.members),
        }


@dataclass(slots=True)
class File:
    """An uploaded file; `content` None until its bytes are there."""

    id: str
    name: str
    length: int
    content: bytes | None = field(default=None, repr=False)
    done: bool = False


@dataclass(slots=True)
class Message:
    """One message. `ts` is its id in its channel; `only_for`: the one user who sees it (ephemeral)."""

    ts: str
    channel_id: str
    user_id: str
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str = ""
    only_for: str = ""
    pings: tuple[str, ...] = ()
    files: list[File] = field(default_factory=list)
    edited: bool = False
    gone: bool = False
    of_bot: bool = False

    def json(self) -> Json:
        """As web methods and interactions show it."""
        made: Json = {"type": "message", "user": self.user_id, "ts": self.ts, "text": self.text}
        if self.of_bot:
            made |= {"bot_id": "B0", "app_id": "A0"}
        if self.blocks:
            made["blocks"] = self.blocks
        if self.thread_ts:
            made["thread_ts"] = self.thread_ts
        if self.edited:
            made["edited"] = {"user": self.user_id, "ts": self.ts}
        return made


@dataclass(slots=True)
class Trigger:
    """What a person did; it opens one modal within three seconds."""

    id: str
    user: User
    at_s: float
    used: bool = False


@dataclass(slots=True)
class Respond:
    """An address to respond to something a person did, and the message it hung on."""

    key: str
    user: User
    channel: Channel
    at_s: float
    message: Message | None = None
    uses: int = 0


@dataclass(slots=True)
class View:
    """A modal that is open before a person. `hash` changes with every update."""

    id: str
    user: User
    body: Json
    version: int = 1
    open: bool = True

    @property
    def hash(self) -> str:
        """What an update may ask to be unchanged."""
        return f"{self.id}.{self.version}"

    def json(self, team: str, values: Json | None = None) -> Json:
        """As web methods and interactions show it."""
        return {
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            **self.body,
            "id": self.id,
            "team_id": team,
            "hash": self.hash,
            "state": {"values": values or {}},
            "root_view_id": self.id,
            "previous_view_id": None,
            "app_id": "A0",
            "bot_id": "B0",
        }
