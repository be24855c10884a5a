"""Menus of commands by scope and language."""

import re
from dataclasses import dataclass, field

import orjson

from sandbox.chat.telegram.fields import Fields, Json
from sandbox.chat.telegram.refusal import bad

MOST_COMMANDS = 100
DESCRIPTION_LENGTH = 256
_NAME = re.compile(r"[a-z0-9_]{1,32}")
_SCOPES = {
    "default": (),
    "all_private_chats": (),
    "all_group_chats": (),
    "all_chat_administrators": (),
    "chat": ("chat_id",),
    "chat_administrators": ("chat_id",),
    "chat_member": ("chat_id", "user_id"),
}


@dataclass(slots=True)
class Menus:
    """What people see when they type a slash."""

    kept: dict[str, list[Json]] = field(default_factory=dict)

    def put(self, scope: str, rows: list[Json]) -> None:
        """Replace a scope's menu; an empty one is deleted. Refused when a row is not allowed."""
        if len(rows) > MOST_COMMANDS:
            raise bad("BOT_COMMANDS_TOO_MUCH")
        for row in rows:
            _check(row)
        if rows:
            self.kept[scope] = [{name: row[name] for name in ("command", "description")} for row in rows]
        else:
            self.kept.pop(scope, None)

    def of(self, scope: str) -> list[Json]:
        """A scope's own menu."""
        return self.kept.get(scope, [])

    def seen(self, room_id: int, user_id: int, in_private: bool) -> list[tuple[str, str]]:
        """What this person sees there: the narrowest scope that has a menu. Pairs of command and description."""
        everywhere = "all_private_chats" if in_private else "all_group_chats"
        narrow = [scope_key("chat_member", room_id, user_id), scope_key("chat", room_id)]
        for scope in (*narrow, scope_key(everywhere), scope_key("default")):
            if scope in self.kept:
                return [(str(row["command"]), str(row["description"])) for row in self.kept[scope]]
        return []


def scope_key(kind: str, *ids: int, language: str = "") -> str:
    """The name under which a menu is kept."""
    return " ".join((kind, *map(str, ids), language)).strip()


def asked_scope(fields: Fields) -> tuple[str, int]:
    """The scope a call names, and the chat it is about (0: none); Refused when there is no such scope."""
    given = fields.structure("scope") or {"type": "default"}
    kind = str(given.get("type", ""))
    if kind not in _SCOPES:
        raise bad("can't parse BotCommandScope: type is not allowed")
    if any(name not in given for name in _SCOPES[kind]):
        raise bad("can't parse BotCommandScope: chat_id or user_id is missing")
    ids = [_whole(given[name]) for name in _SCOPES[kind]]
    return scope_key(kind, *ids, language=fields.text("language_code")), ids[0] if ids else 0


def _whole(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise bad("chat not found") from None


def _check(row: Json) -> None:
    if set(row) - {"command", "description"} or len(row) != 2:
        raise bad(f"can't parse BotCommand: {orjson.dumps(row).decode()[:60]}")
    if not _NAME.fullmatch(str(row["command"]).removeprefix("/")):
        raise bad("BOT_COMMAND_INVALID")
    if not 1 <= len(str(row["description"]).strip()) <= DESCRIPTION_LENGTH:
        raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
