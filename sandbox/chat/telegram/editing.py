"""Methods that change what was sent."""

from dataclasses import replace

from sandbox.chat.telegram.fields import Fields, Json
from sandbox.chat.telegram.markup import caption, message_text, reply_markup
from sandbox.chat.telegram.nouns import Post, RoomKind
from sandbox.chat.telegram.refusal import bad
from sandbox.chat.telegram.world import World

DELETABLE_MS = 48 * 3_600_000


async def edit_message_text(world: World, fields: Fields) -> Json:
    """Another text; a keyboard that is not given again is gone."""
    post = _own(world, fields)
    if post.has_media or not post.text.text:
        raise bad("there is no text in the message to edit")
    edited = replace(post, text=message_text(fields), markup=reply_markup(fields))
    return world.change(post, edited).as_json()


async def edit_message_caption(world: World, fields: Fields) -> Json:
    """Another text below a picture or file."""
    post = _own(world, fields)
    if not post.has_media:
        raise bad("there is no caption in the message to edit")
    return world.change(post, replace(post, text=caption(fields), markup=reply_markup(fields))).as_json()


async def edit_message_media(world: World, fields: Fields) -> Json:
    """Another picture or file, caption and all."""
    post = _own(world, fields)
    media = fields.structure("media")
    if media is None or media.get("type") not in {"photo", "document"}:
        raise bad("can't parse InputMedia: type is not allowed")
    kind, inner = str(media["type"]), Fields(media, fields.uploads)
    stored = world.files.given(kind, inner.text("media"), fields.uploads)
    edited = replace(
        post,
        text=caption(inner),
        photo=stored if kind == "photo" else None,
        document=stored if kind == "document" else None,
        markup=reply_markup(fields),
    )
    return world.change(post, edited).as_json()


async def edit_message_reply_markup(world: World, fields: Fields) -> Json:
    """Another keyboard, or none."""
    post = _own(world, fields)
    return world.change(post, replace(post, markup=reply_markup(fields))).as_json()


async def delete_message(world: World, fields: Fields) -> bool:
    """Own messages, and in private also the person's, of the last 48 hours."""
    room = world.room(fields)
    post = room.posts.get(fields.whole("message_id"))
    if post is None:
        raise bad("message to delete not found")
    foreign = post.sender != world.bot and room.kind is not RoomKind.PRIVATE
    if foreign or world.wall_ms() - post.at_ms > DELETABLE_MS:
        raise bad("message can't be deleted for everyone")
    del room.posts[post.id]
    world.did("deleted", post)
    return True


async def pin_chat_message(world: World, fields: Fields) -> bool:
    """On top of the chat."""
    return _pin(world, fields, True)


async def unpin_chat_message(world: World, fields: Fields) -> bool:
    """No longer on top."""
    return _pin(world, fields, False)


def _pin(world: World, fields: Fields, pinned: bool) -> bool:
    post = world.room(fields).posts.get(fields.whole("message_id"))
    if post is None:
        raise bad(f"message to {'pin' if pinned else 'unpin'} not found")
    post.pinned = pinned
    return True


def _own(world: World, fields: Fields) -> Post:
    if "inline_message_id" in fields or "message_id" not in fields:
        raise bad("message identifier is not specified")
    post = world.room(fields).posts.get(fields.whole("message_id"))
    if post is None:
        raise bad("message to edit not found")
    if post.sender != world.bot:
        raise bad("message can't be edited")
    return post
