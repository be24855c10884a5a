"""The provider's truth: the bot, its chats, what was written, and what the bot did."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.chat.bell import Bell
from sandbox.chat.pace import Seconds, loop_seconds
from sandbox.chat.telegram.fields import Fields, Json
from sandbox.chat.telegram.files import Files
from sandbox.chat.telegram.menus import Menus
from sandbox.chat.telegram.nouns import Deed, Ping, Post, Press, Room, RoomKind, User
from sandbox.chat.telegram.rates import Rates
from sandbox.chat.telegram.refusal import bad, forbidden
from sandbox.chat.telegram.styled import Styled
from sandbox.chat.telegram.updates import Updates


@dataclass(slots=True)
class World:
    """Everything of one bot. `wall_ms` dates messages, `seconds` measures limits."""

    bot: User
    wall_ms: Callable[[], int]
    seconds: Seconds = loop_seconds
    bell: Bell = field(default_factory=Bell)
    files: Files = field(default_factory=Files)
    menus: Menus = field(default_factory=Menus)
    rooms: dict[int, Room] = field(default_factory=dict)
    presses: dict[str, Press] = field(default_factory=dict)
    pings: list[Ping] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    updates: Updates = field(init=False)
    rates: Rates = field(init=False)

    def __post_init__(self) -> None:
        self.updates = Updates(self.wall_ms, self.bell)
        self.rates = Rates(self.seconds)

    def room(self, fields: Fields) -> Room:
        """The chat a call is about; Refused when there is none, or it does not let the bot in."""
        room = self.known_room(fields.text("chat_id"))
        if room.closed:
            raise forbidden(room.closed)
        return room

    def known_room(self, name: str) -> Room:
        """A chat by its id, or a public one by its @name; Refused when there is none."""
        if not name:
            raise bad("chat_id is empty")
        for room in self.rooms.values():
            public = room.username and room.kind is not RoomKind.PRIVATE
            if name == str(room.id) or (public and name.lower() == f"@{room.username}".lower()):
                return room
        raise bad("chat not found")

    def publish(self, post: Post) -> Post:
        """The bot sends; raises Refused when it is too fast."""
        self.rates.take(post.room)
        self.keep(post)
        self.did("sent", post)
        return post

    def keep(self, post: Post) -> Post:
        """A new message gets its number."""
        post.room.last_id += 1
        post.id = post.room.last_id
        post.room.posts[post.id] = post
        return post

    def did(self, what: str, post: Post) -> None:
        """Book what the bot did, and whom it would notify."""
        if what in {"sent", "edited"}:
            self.pings += [Ping(post.room.id, post.id, who) for who in post.text.pings()]
        self.deeds.append(Deed(what, post.room.id, post.id))
        self.bell.ring()

    def change(self, post: Post, edited: Post) -> Post:
        """The bot edits its message into another; Refused when nothing changes or it is too fast."""
        if edited.content == post.content:
            raise bad(
                "message is not modified: specified new message content and reply markup are exactly "
                "the same as a current content and reply markup of the message"
            )
        self.rates.take(post.room)
        if (edited.text, edited.photo, edited.document) != (post.text, post.photo, post.document):
            post.past.append(post.text.text)
            post.edited_ms = self.wall_ms()
        post.text, post.photo, post.document = edited.text, edited.photo, edited.document
        post.markup = edited.markup
        self.did("edited", post)
        return post

    def about(self) -> Json:
        """The bot as getMe shows it."""
        return self.bot.as_json() | {
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    def service(self, room: Room, sender: User, more: Json) -> Post:
        """A line that the provider itself writes into a chat."""
        return self.keep(Post(room, 0, sender, self.wall_ms(), Styled(), more=more))
