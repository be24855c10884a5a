"""Who is let in by the configuration, and where."""

from bot.config.people import Chat
from cli.front import configured_access
from handlers.command import Role
from handlers.request import ChatKind, Request, RequestKind


def said(platform: str, chat: str, *within: str) -> Request:
    """A line in a group."""
    kind = RequestKind.TEXT
    return Request(platform, "1", "Ann", chat, ChatKind.GROUP, kind, 0, text="/status", within=within)


def test_channels_narrow_the_server_down() -> None:
    """A Discord server alone allows all its channels; with channels named only those and their threads."""
    wide = configured_access(Chat.model_validate({"discord": {"guilds": ["5"]}}))
    assert wide.allows_chat(said("discord", "70", "5"))
    narrow = configured_access(Chat.model_validate({"discord": {"guilds": ["5"], "chats": ["70"]}}))
    assert narrow.allows_chat(said("discord", "70", "5"))
    assert narrow.allows_chat(said("discord", "71", "5", "70"))
    assert not narrow.allows_chat(said("discord", "72", "5"))


def test_places_belong_to_their_platform() -> None:
    """The same id elsewhere is another place; a topic can be named alone; the console's operator is an admin."""
    chat = {"telegram": {"chats": ["-100", "-200/7"]}, "slack": {"channels": ["C1"]}}
    access = configured_access(Chat.model_validate({**chat, "users": {"telegram:1": "trader"}}))
    assert access.allows_chat(said("telegram", "-100/3", "-100"))
    assert access.allows_chat(said("telegram", "-200/7", "-200"))
    assert not access.allows_chat(said("telegram", "-200/8", "-200"))
    assert not access.allows_chat(said("discord", "-100"))
    assert access.allows_chat(said("slack", "C1"))
    assert access.role("telegram:1", 0) is Role.TRADER
    assert access.role("discord:1", 0) is None
    assert access.role("console:operator", 0) is Role.ADMIN
