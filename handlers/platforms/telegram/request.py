"""Telegram's updates as requests."""

from telegram import Chat, Message, Update
from telegram.constants import ChatType

from handlers.legible import number
from handlers.request import ChatKind, Request, RequestKind

PAGE_ROWS = 30
_KINDS = {
    ChatType.PRIVATE.value: ChatKind.PRIVATE,
    ChatType.GROUP.value: ChatKind.GROUP,
    ChatType.SUPERGROUP.value: ChatKind.GROUP,
}


def message_request(update: Update, username: str) -> Request | None:
    """A text message; None when it has no text or speaks to another bot by name."""
    message = update.message or update.edited_message or update.channel_post or update.edited_channel_post
    if message is None or message.text is None or _is_for_another(message.text, username):
        return None
    sender = message.from_user
    chat_id, within = _place(message)
    return Request(
        platform="telegram",
        user_id=number(sender.id) if sender else "",
        user_name=sender.full_name if sender else "",
        chat_id=chat_id,
        chat_kind=_kind(message.chat),
        kind=RequestKind.TEXT,
        sent_at_ms=int(message.date.timestamp() * 1000),
        update_id=number(update.update_id),
        text=message.text,
        message_id=number(message.message_id),
        within=within,
        page_rows=PAGE_ROWS,
        edited=update.edited_message is not None or update.edited_channel_post is not None,
        forwarded=message.forward_origin is not None or bool(message.is_automatic_forward),
        from_bot=sender is not None and sender.is_bot,
        anonymous=sender is None or message.sender_chat is not None,
        via_bot=message.via_bot is not None,
    )


def press_request(update: Update, now_ms: int) -> Request | None:
    """A pressed button. Telegram does not say when it was pressed: a press counts from its arrival."""
    query = update.callback_query
    if query is None or query.message is None or not query.data:
        return None
    message = query.message
    chat_id, within = _place(message) if isinstance(message, Message) else (number(message.chat.id), ())
    return Request(
        platform="telegram",
        user_id=number(query.from_user.id),
        user_name=query.from_user.full_name,
        chat_id=chat_id,
        chat_kind=_kind(message.chat),
        kind=RequestKind.BUTTON,
        sent_at_ms=now_ms,
        update_id=number(update.update_id),
        button=query.data,
        message_id=number(message.message_id),
        within=within,
        page_rows=PAGE_ROWS,
        from_bot=query.from_user.is_bot,
    )


def split_place(chat_id: str) -> tuple[int, int | None]:
    """Chat and topic from "chat" or "chat/topic"."""
    chat, _, topic = chat_id.partition("/")
    return int(chat), int(topic) if topic else None


def _place(message: Message) -> tuple[str, tuple[str, ...]]:
    """The chat, or the topic within its group."""
    chat = number(message.chat.id)
    if message.is_topic_message and message.message_thread_id is not None:
        return f"{chat}/{number(message.message_thread_id)}", (chat,)
    return chat, ()


def _kind(chat: Chat) -> ChatKind:
    """What is neither private nor a group speaks for nobody."""
    return _KINDS.get(str(chat.type), ChatKind.CHANNEL)


def _is_for_another(text: str, username: str) -> bool:
    words = text.split(maxsplit=1)
    name = words[0].partition("@")[2] if words and words[0].startswith("/") else ""
    return bool(name) and name.casefold() != username.casefold()
