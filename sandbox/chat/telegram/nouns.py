"""Who is there, where they write, and what was written."""

from dataclasses import dataclass, field
from enum import StrEnum

from sandbox.chat.telegram.fields import Json
from sandbox.chat.telegram.markup import inline_rows
from sandbox.chat.telegram.styled import Styled


class RoomKind(StrEnum):
    """Kinds of chats, by the Bot API's words."""

    PRIVATE = "private"
    GROUP = "group"
    SUPERGROUP = "supergroup"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class User:
    """A person or a bot."""

    id: int
    first_name: str
    username: str = ""
    is_bot: bool = False

    def as_json(self) -> Json:
        """As the Bot API shows them."""
        made: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        return made | ({"username": self.username} if self.username else {})


@dataclass(frozen=True, slots=True)
class Stored:
    """A file at the provider; pictures have a size."""

    id: str
    name: str
    kind: str
    content: bytes = field(repr=False)
    width: int = 0
    height: int = 0

    @property
    def path(self) -> str:
        """Where it is downloaded from, behind the token."""
        return f"{'photos' if self.width else 'documents'}/{self.id}"

    def as_json(self) -> Json:
        """As a picture's size or as a document."""
        made: Json = {"file_id": self.id, "file_unique_id": f"u{self.id}", "file_size": len(self.content)}
        if self.width:
            return made | {"width": self.width, "height": self.height}
        return made | {"file_name": self.name, "mime_type": self.kind}


@dataclass(slots=True)
class Room:
    """A chat. `topics` maps the threads of a forum to their titles; `closed` is why the bot may not write here."""

    id: int
    kind: RoomKind
    title: str = ""
    username: str = ""
    is_forum: bool = False
    topics: dict[int, str] = field(default_factory=dict)
    closed: str = ""
    reads_all: bool = False
    posts: dict[int, "Post"] = field(default_factory=dict)
    last_id: int = 0

    @property
    def is_group(self) -> bool:
        """Several people write here."""
        return self.kind in {RoomKind.GROUP, RoomKind.SUPERGROUP}

    def as_json(self) -> Json:
        """As the Bot API shows it within messages."""
        name = "first_name" if self.kind is RoomKind.PRIVATE else "title"
        made: Json = {"id": self.id, "type": self.kind.value, name: self.title}
        made |= {"username": self.username} if self.username else {}
        return made | ({"is_forum": True} if self.is_forum else {})


@dataclass(slots=True)
class Post:
    """A message. `past` holds its earlier texts, `more` what few have: a forward's origin, the bot in between."""

    room: Room
    id: int
    sender: User | None
    at_ms: int
    text: Styled = field(default_factory=Styled)
    photo: Stored | None = None
    document: Stored | None = None
    thread: int = 0
    markup: Json | None = None
    reply_to: int = 0
    edited_ms: int = 0
    silent: bool = False
    pinned: bool = False
    past: list[str] = field(default_factory=list)
    more: Json = field(default_factory=dict)

    @property
    def has_media(self) -> bool:
        """A picture or a file: its text is a caption."""
        return self.photo is not None or self.document is not None

    @property
    def content(self) -> tuple[object, ...]:
        """What an edit has to change."""
        return (self.text, self.photo, self.document, self.markup)

    def as_json(self, deep: bool = True) -> Json:
        """The whole message as the Bot API shows it; `deep` with the message that it answers."""
        made: Json = {"message_id": self.id, "date": self.at_ms // 1000, "chat": self.room.as_json()}
        if self.room.kind is RoomKind.CHANNEL:
            made["sender_chat"] = self.room.as_json()
        elif self.sender is not None:
            made["from"] = self.sender.as_json()
        if self.edited_ms:
            made["edit_date"] = self.edited_ms // 1000
        if self.thread:
            made |= {"message_thread_id": self.thread, "is_topic_message": True}
        if inline_rows(self.markup):
            made["reply_markup"] = self.markup
        answered = self.room.posts.get(self.reply_to)
        if deep and answered is not None:
            made["reply_to_message"] = answered.as_json(deep=False)
        return made | self._content_json() | self.more

    def _content_json(self) -> Json:
        made: Json = {}
        if self.photo is not None:
            made["photo"] = [self.photo.as_json()]
        if self.document is not None:
            made["document"] = self.document.as_json()
        text, entities = ("caption", "caption_entities") if self.has_media else ("text", "entities")
        if self.text.text:
            made[text] = self.text.text
        if self.text.entities:
            made[entities] = [one.as_json() for one in self.text.entities]
        return made


@dataclass(frozen=True, slots=True)
class Ping:
    """A mention that a client would notify somebody of: an @name or the id of a person."""

    room_id: int
    post_id: int
    who: str


@dataclass(slots=True)
class Press:
    """A button that somebody pressed; the bot answers it once. `order` is how much the bot had done by then."""

    id: str
    user: User
    room: Room
    post_id: int
    at_s: float
    order: int
    update_id: int | None = None
    answered: bool = False
    toast: str = ""
    is_alert: bool = False


@dataclass(frozen=True, slots=True)
class Deed:
    """Something the bot did in a chat: sent, edited, deleted."""

    what: str
    room_id: int
    post_id: int
