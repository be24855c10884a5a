"""The people who write to the bot, and what they see.

ann = telegram.people.person(2, "Ann", "ann")          # has pressed Start in a private chat with the bot
said = ann.says("/status")
seen = await ann.answer(said)                          # the bot's message as Ann sees it
press = ann.presses("Refresh")                         # by its label, on the newest message that has it
desk = telegram.people.supergroup(-1001, "Desk", topics={7: "account A"})
ann.says("/status@deck_bot", desk, thread=7)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Unpack

from sandbox.chat.telegram.fields import Json
from sandbox.chat.telegram.manner import Manner, is_for_bot, posed
from sandbox.chat.telegram.markup import inline_rows
from sandbox.chat.telegram.nouns import Post, Press, Room, RoomKind, User
from sandbox.chat.telegram.seen import Seen, seen
from sandbox.chat.telegram.styled import Styled
from sandbox.chat.telegram.world import World

BLOCKED = "bot was blocked by the user"
KICKED = "bot was kicked from the {kind} chat"
PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Said:
    """Something a person did. `update_id` None: the bot is not told of it. `order`: the bot's deeds until then."""

    room: Room
    message_id: int
    update_id: int | None
    order: int


@dataclass(slots=True)
class Person:
    """One person. Where no chat is named, the private one with the bot is meant."""

    user: User
    world: World

    @property
    def home(self) -> Room:
        """The private chat with the bot; KeyError as long as the person never wrote to it."""
        return self.world.rooms[self.user.id]

    def starts(self) -> Room:
        """Begin the private chat, if that has not been done yet; writing does it by itself."""
        room = Room(self.user.id, RoomKind.PRIVATE, self.user.first_name, self.user.username)
        return self.world.rooms.setdefault(room.id, room)

    def says(self, text: str, room: Room | None = None, **manner: Unpack[Manner]) -> Said:
        """Write a line; `manner` says how: thread, reply_to, forwarded, via_bot, anonymous, auto_forward, at_ms."""
        return self._write(Styled(text).found(), room or self.starts(), manner)

    def sends_photo(
        self, content: bytes, text: str = "", room: Room | None = None, **manner: Unpack[Manner]
    ) -> Said:
        """A picture with a caption."""
        return self._write(Styled(text).found(), room or self.starts(), manner, content)

    def replies(self, to: "Seen | Said", text: str, room: Room | None = None) -> Said:
        """Answer a message."""
        where = room or self.home
        return self.says(text, where, reply_to=to.message_id, thread=where.posts[to.message_id].thread)

    def edits(self, said: Said, text: str) -> Said:
        """Change what was said before."""
        post = said.room.posts[said.message_id]
        post.past.append(post.text.text)
        post.text, post.edited_ms = Styled(text).found(), self.world.wall_ms()
        kind = "edited_channel_post" if said.room.kind is RoomKind.CHANNEL else "edited_message"
        return self._tell(kind, post)

    def presses(self, label: str, room: Room | None = None, on: int | None = None) -> Press:
        """Press a button by its label, on message `on` or on the newest that has it; LookupError when none has."""
        where = room or self.home
        numbers = [on] if on is not None else sorted(where.posts, reverse=True)
        for number in numbers:
            for row in inline_rows(where.posts[number].markup):
                for button in row:
                    if button["text"] == label and "callback_data" in button:
                        return self.forges(str(button["callback_data"]), number, where)
        raise LookupError(f"no button {label!r} in chat {where.id}")

    def forges(self, code: str, on: int, room: Room | None = None) -> Press:
        """Press what a changed client may invent: any code, on any message of the chat, shown or not."""
        where, world = room or self.home, self.world
        press = Press(f"{7000 + len(world.presses)}", self.user, where, on, world.seconds(), len(world.deeds))
        world.presses[press.id] = press
        gone: Json = {"chat": where.as_json(), "message_id": on, "date": 0}
        post = where.posts.get(on)
        body: Json = {
            "id": press.id,
            "from": self.user.as_json(),
            "message": post.as_json() if post else gone,
            "chat_instance": f"{where.id}0",
            "data": code,
        }
        press.update_id = world.updates.add("callback_query", body)
        return press

    def adds_bot(self, room: Room) -> int | None:
        """Bring the bot into a group or channel; returns the id of the update."""
        room.closed = ""
        return self._member(room, "left", "administrator" if room.kind is RoomKind.CHANNEL else "member")

    def removes_bot(self, room: Room) -> int | None:
        """Throw the bot out."""
        room.closed = KICKED.format(kind=room.kind.value)
        return self._member(room, "member", "kicked")

    def blocks_bot(self) -> int | None:
        """Stop the bot in the private chat."""
        self.home.closed = BLOCKED
        return self._member(self.home, "member", "kicked")

    def unblocks_bot(self) -> int | None:
        """Let the bot write again."""
        self.home.closed = ""
        return self._member(self.home, "kicked", "member")

    def sees(self, room: Room | None = None, thread: int | None = None) -> list[Seen]:
        """The messages of a chat (or of one of its topics) as they look now, oldest first."""
        posts = (room or self.home).posts
        return [
            seen(posts[number], self.world.bot)
            for number in sorted(posts)
            if thread is None or posts[number].thread == thread
        ]

    def menu(self, room: Room | None = None) -> list[tuple[str, str]]:
        """The commands offered when this person types a slash there, with their descriptions."""
        where = room or self.home
        return self.world.menus.seen(where.id, self.user.id, where.kind is RoomKind.PRIVATE)

    async def answer(self, after: Said | Press, timeout_s: float = PATIENCE_S, quiet_s: float = 0.0) -> Seen:
        """The bot's newest message there, once it sent or edited one after `after`; TimeoutError when it does not.

        With `quiet_s` it is waited until the bot did nothing there for so long, in seconds of the loop.
        """
        found = await self.answers(after, timeout_s, quiet_s)
        if not found:
            raise TimeoutError(f"no answer in chat {after.room.id} within {timeout_s:g} s")
        return found[-1]

    async def answers(
        self, after: Said | Press, timeout_s: float = PATIENCE_S, quiet_s: float = 0.0
    ) -> list[Seen]:
        """All messages the bot sent or edited there after `after`, in the order of its deeds; none when it did not."""
        await self.world.bell.until(lambda: bool(self._done(after)), timeout_s)
        while quiet_s and await self.world.bell.until(self._goes_on(after), quiet_s):
            pass
        posts = after.room.posts
        return [seen(posts[number], self.world.bot) for number in self._done(after) if number in posts]

    async def toast(self, press: Press, timeout_s: float = PATIENCE_S) -> str:
        """The text in the box over the chat, "" when the press was only acknowledged; TimeoutError without either."""
        if not await self.world.bell.until(lambda: press.answered, timeout_s):
            raise TimeoutError(f"the press was not answered within {timeout_s:g} s")
        return press.toast

    def _done(self, after: Said | Press) -> list[int]:
        """Numbers of the messages the bot sent or edited, each where it was last touched."""
        return list(dict.fromkeys(reversed(self._touched(after))))[::-1]

    def _touched(self, after: Said | Press) -> list[int]:
        return [
            deed.post_id
            for deed in self.world.deeds[after.order :]
            if deed.room_id == after.room.id and deed.what in {"sent", "edited"}
        ]

    def _goes_on(self, after: Said | Press) -> Callable[[], bool]:
        """Whether the bot did more there than by now."""
        count = len(self._touched(after))
        return lambda: len(self._touched(after)) > count

    def _write(self, text: Styled, room: Room, manner: Manner, photo: bytes = b"") -> Said:
        sender, more = posed(self.user, room, manner)
        at_ms = manner.get("at_ms") or self.world.wall_ms()
        post = Post(room, 0, sender, at_ms, text, thread=manner.get("thread", 0), more=more)
        post.reply_to = manner.get("reply_to", 0)
        post.photo = self.world.files.photo(photo) if photo else None
        self.world.keep(post)
        kind = "channel_post" if room.kind is RoomKind.CHANNEL else "message"
        return self._tell(kind, post)

    def _tell(self, kind: str, post: Post) -> Said:
        """Tell the bot, if it may know."""
        world, room = self.world, post.room
        knows = not room.closed and is_for_bot(post, world.bot)
        update_id = world.updates.add(kind, post.as_json()) if knows else None
        return Said(room, post.id, update_id, len(world.deeds))

    def _member(self, room: Room, before: str, after: str) -> int | None:
        world, bot = self.world, self.world.bot.as_json()
        body: Json = {
            "chat": room.as_json(),
            "from": self.user.as_json(),
            "date": world.wall_ms() // 1000,
            "old_chat_member": _membership(bot, before),
            "new_chat_member": _membership(bot, after),
        }
        if room.is_group and after == "member":
            post = world.service(room, self.user, {"new_chat_members": [bot]})
            world.updates.add("message", post.as_json())
        return world.updates.add("my_chat_member", body)


@dataclass(slots=True)
class People:
    """Everybody, and the chats they share with the bot."""

    world: World
    persons: dict[int, Person] = field(default_factory=dict)

    def person(self, number: int, name: str, username: str = "", *, started: bool = True) -> Person:
        """A person; unless `started` they never wrote to the bot, and it cannot write to them."""
        user = User(number, name, username)
        self.persons[number] = Person(user, self.world)
        if started:
            self.persons[number].starts()
        return self.persons[number]

    def group(self, number: int, title: str, *, reads_all: bool = False) -> Room:
        """A small group with the bot in it; `reads_all`: the bot is an admin and sees what is not meant for it."""
        return self._room(Room(number, RoomKind.GROUP, title, reads_all=reads_all))

    def supergroup(
        self,
        number: int,
        title: str,
        topics: Mapping[int, str] | None = None,
        *,
        reads_all: bool = False,
    ) -> Room:
        """A supergroup with the bot in it; with `topics` (thread to title) a forum."""
        room = Room(number, RoomKind.SUPERGROUP, title, is_forum=topics is not None, reads_all=reads_all)
        room.topics.update(topics or {})
        room.last_id = max(room.topics, default=0)
        return self._room(room)

    def channel(self, number: int, title: str, username: str = "") -> Room:
        """A channel with the bot as admin."""
        return self._room(Room(number, RoomKind.CHANNEL, title, username, reads_all=True))

    def delivers(self, kind: str, body: Json) -> int | None:
        """An update of any kind and content, however odd; returns its id, None when the bot does not want the kind."""
        return self.world.updates.add(kind, body)

    def delivers_again(self, update_id: int) -> None:
        """An update comes once more, confirmed or not."""
        self.world.updates.again(update_id)

    def update_ids_begin_at(self, number: int) -> None:
        """Ids of updates go on from here, as after a quiet week."""
        self.world.updates.next_id = number

    def _room(self, room: Room) -> Room:
        self.world.rooms[room.id] = room
        return room


def _membership(user: Json, status: str) -> Json:
    made: Json = {"status": status, "user": user}
    if status == "kicked":
        made["until_date"] = 0
    if status == "administrator":
        made |= dict.fromkeys(_RIGHTS, False)
    return made


_RIGHTS = (
    "can_be_edited",
    "is_anonymous",
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)
