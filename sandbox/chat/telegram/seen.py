"""A message as a person sees it."""

from dataclasses import dataclass, field

from sandbox.chat.telegram.markup import labels
from sandbox.chat.telegram.nouns import Post, User


@dataclass(frozen=True, slots=True)
class Seen:
    """Text without markup, the labels of the buttons row by row, and the bytes of picture and file.

    `past` holds the texts before edits, `fixed` what is shown in fixed width.
    """

    message_id: int
    text: str
    by_bot: bool
    sender: str = ""
    keyboard: tuple[tuple[str, ...], ...] = ()
    photo: bytes | None = field(default=None, repr=False)
    document: bytes | None = field(default=None, repr=False)
    file_name: str = ""
    is_edited: bool = False
    past: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    thread: int = 0
    reply_to: int = 0
    is_pinned: bool = False
    is_silent: bool = False
    asks_reply: bool = False

    @property
    def buttons(self) -> tuple[str, ...]:
        """All labels."""
        return tuple(label for row in self.keyboard for label in row)


def seen(post: Post, bot: User) -> Seen:
    """How this message looks now."""
    return Seen(
        message_id=post.id,
        text=post.text.text,
        by_bot=post.sender == bot,
        sender=post.sender.first_name if post.sender else post.room.title,
        keyboard=labels(post.markup),
        photo=post.photo.content if post.photo else None,
        document=post.document.content if post.document else None,
        file_name=post.document.name if post.document else "",
        is_edited=bool(post.edited_ms),
        past=tuple(post.past),
        fixed=tuple(post.text.piece(one) for one in post.text.entities if one.kind in {"pre", "code"}),
        thread=post.thread,
        reply_to=post.reply_to,
        is_pinned=post.pinned,
        is_silent=post.silent,
        asks_reply=bool((post.markup or {}).get("force_reply")),
    )
