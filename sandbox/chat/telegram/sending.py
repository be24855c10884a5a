"""Methods that send."""

from sandbox.chat.telegram.fields import Fields, Json
from sandbox.chat.telegram.markup import caption, message_text, reply_markup
from sandbox.chat.telegram.nouns import Post, Room
from sandbox.chat.telegram.refusal import bad
from sandbox.chat.telegram.world import World

_ACTIONS = frozenset({
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note",
})  # fmt: skip


async def send_message(world: World, fields: Fields) -> Json:
    """A text."""
    post = _draft(world, fields)
    post.text = message_text(fields)
    return world.publish(post).as_json()


async def send_photo(world: World, fields: Fields) -> Json:
    """A picture, uploaded or sent before."""
    post = _draft(world, fields)
    post.text = caption(fields)
    post.photo = world.files.given("photo", fields.text("photo"), fields.uploads)
    return world.publish(post).as_json()


async def send_document(world: World, fields: Fields) -> Json:
    """A file, uploaded or sent before."""
    post = _draft(world, fields)
    post.text = caption(fields)
    post.document = world.files.given("document", fields.text("document"), fields.uploads)
    return world.publish(post).as_json()


async def send_chat_action(world: World, fields: Fields) -> bool:
    """The line "is typing"."""
    _thread(world.room(fields), fields)
    if fields.text("action") not in _ACTIONS:
        raise bad("wrong parameter action in request")
    return True


def _draft(world: World, fields: Fields) -> Post:
    """A message without content yet: where it goes, what it answers, what hangs below it."""
    room = world.room(fields)
    return Post(
        room,
        0,
        world.bot,
        world.wall_ms(),
        thread=_thread(room, fields),
        markup=reply_markup(fields),
        reply_to=_answered(room, fields),
        silent=fields.flag("disable_notification"),
    )


def _thread(room: Room, fields: Fields) -> int:
    thread = fields.whole("message_thread_id")
    if thread and (not room.is_forum or thread not in room.topics):
        raise bad("message thread not found")
    return thread


def _answered(room: Room, fields: Fields) -> int:
    """The number of the message that is answered; 0 for none."""
    given = fields.structure("reply_parameters")
    lenient = fields.flag("allow_sending_without_reply")
    number = fields.whole("reply_to_message_id")
    if given is not None:
        lenient = bool(given.get("allow_sending_without_reply"))
        number = Fields(given, {}).whole("message_id")
    if not number or number in room.posts:
        return number
    if lenient:
        return 0
    raise bad("message to be replied not found")
