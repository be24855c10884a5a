"""How a person writes: as themselves, through something else, hidden behind a chat; and what the bot is told."""

from typing import TypedDict

from sandbox.chat.telegram.fields import Json
from sandbox.chat.telegram.nouns import Post, Room, RoomKind, User

ANONYMOUS = User(1_087_968_824, "Group", "GroupAnonymousBot", is_bot=True)
SERVICE = User(777_000, "Telegram")
INLINE_BOT = User(555, "Inline", "some_inline_bot", is_bot=True)
_HIDDEN_DATE = 1_600_000_000


class Manner(TypedDict, total=False):
    """All optional. `anonymous`: as admin in the group's name; `auto_forward`: out of a linked channel.

    `thread`: the topic; `reply_to`: the number of the message answered; `at_ms`: written so long ago (UTC ms).
    """

    thread: int
    reply_to: int
    forwarded: bool
    via_bot: bool
    anonymous: bool
    auto_forward: bool
    at_ms: int


def posed(user: User, room: Room, manner: Manner) -> tuple[User | None, Json]:
    """Who the message seems to come from, and what it has beside its text."""
    more: Json = {}
    if room.kind is RoomKind.CHANNEL:
        return None, more
    if manner.get("forwarded"):
        more["forward_origin"] = {"type": "user", "date": _HIDDEN_DATE, "sender_user": user.as_json()}
    if manner.get("via_bot"):
        more["via_bot"] = INLINE_BOT.as_json()
    if manner.get("anonymous"):
        return ANONYMOUS, more | {"sender_chat": room.as_json()}
    if manner.get("auto_forward"):
        source: Json = {"id": -1_009_999, "type": "channel", "title": "Linked channel"}
        origin: Json = {"type": "channel", "date": _HIDDEN_DATE, "chat": source, "message_id": 1}
        more |= {"sender_chat": source, "is_automatic_forward": True, "forward_origin": origin}
        return SERVICE, more
    return user, more


def is_for_bot(post: Post, bot: User) -> bool:
    """In groups a bot sees commands (its own, or without a name), mentions of it and answers to it, and no more."""
    if not post.room.is_group or post.room.reads_all:
        return True
    answered = post.room.posts.get(post.reply_to)
    if answered is not None and answered.sender == bot:
        return True
    return any(_addresses(post, place, bot) for place in range(len(post.text.entities)))


def _addresses(post: Post, place: int, bot: User) -> bool:
    entity = post.text.entities[place]
    word = post.text.piece(entity).lower()
    name = f"@{bot.username}".lower()
    match entity.kind:
        case "bot_command":
            return word.endswith(name) or "@" not in word
        case "mention":
            return word == name
        case _:
            return False
