"""Methods that ask: updates, presses, menus, chats, files, and who we are."""

from sandbox.chat.telegram.fields import Fields, Json
from sandbox.chat.telegram.files import DOWNLOAD_BYTES
from sandbox.chat.telegram.menus import asked_scope
from sandbox.chat.telegram.nouns import RoomKind
from sandbox.chat.telegram.refusal import bad
from sandbox.chat.telegram.styled import utf16
from sandbox.chat.telegram.world import World

QUERY_S = 15.0
"""So long a press waits for its answer. The manual gives no figure; clients give up after about so long."""
TOAST_UNITS = 200
LEFT = "bot is not a member of the {kind} chat"


async def get_me(world: World, _: Fields) -> Json:
    """The bot itself."""
    return world.about()


async def get_updates(world: World, fields: Fields) -> list[Json]:
    """What people did; held until there is something."""
    allowed = fields.items("allowed_updates")
    names = None if allowed is None else [str(name) for name in allowed]
    return await world.updates.poll(
        fields.whole("offset"), fields.whole("limit", 100), fields.whole("timeout"), names
    )


async def delete_webhook(world: World, fields: Fields) -> bool:
    """There is none; what waits may be dropped."""
    if fields.flag("drop_pending_updates"):
        world.updates.drop()
    return True


async def get_webhook_info(world: World, _: Fields) -> Json:
    """There is none; how much waits."""
    waiting = len(world.updates.queue)
    return {"url": "", "has_custom_certificate": False, "pending_update_count": waiting}


async def answer_callback_query(world: World, fields: Fields) -> bool:
    """The box over the chat, or only the end of the hourglass; once for each press."""
    press = world.presses.get(fields.text("callback_query_id"))
    if press is None or press.answered or world.seconds() - press.at_s > QUERY_S:
        raise bad("query is too old and response timeout expired or query ID is invalid")
    if utf16(fields.text("text")) > TOAST_UNITS:
        raise bad("MESSAGE_TOO_LONG")
    press.answered = True
    press.toast, press.is_alert = fields.text("text"), fields.flag("show_alert")
    world.bell.ring()
    return True


async def set_my_commands(world: World, fields: Fields) -> bool:
    """A menu for a scope."""
    rows = fields.rows("commands")
    if rows is None:
        raise bad("can't parse commands")
    world.menus.put(_scope(world, fields), rows)
    return True


async def delete_my_commands(world: World, fields: Fields) -> bool:
    """No menu for a scope."""
    world.menus.put(_scope(world, fields), [])
    return True


async def get_my_commands(world: World, fields: Fields) -> list[Json]:
    """The menu of a scope."""
    return world.menus.of(_scope(world, fields))


async def get_chat(world: World, fields: Fields) -> Json:
    """A chat with all that is known of it."""
    gifts = {"unlimited_gifts": False, "limited_gifts": False, "unique_gifts": False}
    more: Json = {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": gifts | {"premium_subscription": False, "gifts_from_channels": False},
    }
    return world.room(fields).as_json() | more


async def leave_chat(world: World, fields: Fields) -> bool:
    """The bot goes; it may not write there any more."""
    room = world.room(fields)
    if room.kind is RoomKind.PRIVATE:
        raise bad("chat member status can't be changed in private chats")
    room.closed = LEFT.format(kind=room.kind.value)
    return True


async def get_file(world: World, fields: Fields) -> Json:
    """Where a file is downloaded from."""
    stored = world.files.stored.get(fields.text("file_id"))
    if stored is None:
        raise bad("wrong file_id or the file is temporarily unavailable")
    if len(stored.content) > DOWNLOAD_BYTES:
        raise bad("file is too big")
    found = stored.as_json()
    return {name: found[name] for name in ("file_id", "file_unique_id", "file_size")} | {
        "file_path": stored.path
    }


def _scope(world: World, fields: Fields) -> str:
    scope, room_id = asked_scope(fields)
    if room_id:
        world.known_room(str(room_id))
    return scope
