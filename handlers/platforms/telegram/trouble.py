"""What people are told about the bot itself: a second poller, a chat that somebody added it to."""

from telegram import Chat, ChatMember, ChatMemberUpdated, User
from telegram.constants import ChatMemberStatus, ChatType

from bot.domain.notice import Notice, NoticeKind, Severity
from handlers.text import echo

_PRESENT = frozenset(
    {
        ChatMemberStatus.MEMBER,
        ChatMemberStatus.ADMINISTRATOR,
        ChatMemberStatus.OWNER,
        ChatMemberStatus.RESTRICTED,
    }
)


def is_whole(change: ChatMemberUpdated) -> bool:
    """False for what Telegram never sends: no chat, nobody who did it, or no member."""
    parts = ((change.chat, Chat), (change.from_user, User), (change.new_chat_member, ChatMember))
    return all(isinstance(part, kind) for part, kind in parts) and type(change.chat.id) is int


def is_present(change: ChatMemberUpdated) -> bool:
    """True when the bot is now in a group or channel."""
    return change.chat.type != ChatType.PRIVATE and change.new_chat_member.status in _PRESENT


def conflict(at_ms: int) -> Notice:
    """Somebody else reads this bot's messages."""
    fields = (
        ("what it means", "commands sent here may reach the other process instead of this desk"),
        ("what to do", "stop the other process; if you know of none, revoke the token at @BotFather"),
    )
    title = "Another process reads this bot's messages"
    return Notice(NoticeKind.ACCESS, Severity.CRITICAL, at_ms, title, fields)


def added(change: ChatMemberUpdated, at_ms: int) -> Notice:
    """Somebody added the bot to a chat where it may not be."""
    who = change.from_user
    fields = (
        ("chat", f"{echo(change.chat.title or '')} ({change.chat.id})"),
        ("added by", f"{echo(who.full_name)} ({who.id})"),
        ("what was done", "left at once; nothing was answered there"),
        ("what to do", "to allow it, put its id into chat.telegram.chats and add the bot again"),
    )
    return Notice(
        NoticeKind.ACCESS, Severity.TRADE, at_ms, "The bot was added to a chat that is not allowed", fields
    )
