"""Whom a message would notify, given what it says and what `allowed_mentions` lets through."""

import re
from dataclasses import dataclass

from sandbox.chat.discord.answers import Json

_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_EVERYONE = re.compile(r"@(everyone|here)\b")


@dataclass(frozen=True, slots=True)
class Pings:
    """User and role ids, and whether everybody is. Embeds never notify; only the content does."""

    users: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    everyone: bool = False

    def __bool__(self) -> bool:
        """Whether anybody hears of it."""
        return bool(self.users or self.roles or self.everyone)


def pings(content: str, allowed: Json | None) -> Pings:
    """Who would be notified. Without `allowed_mentions` everybody that is named is: the real default.

    Stricter than Discord: what stands in code marks notifies nobody there, and is counted here.
    """
    users = _passing(_USER.findall(content), "users", allowed)
    roles = _passing(_ROLE.findall(content), "roles", allowed)
    everyone = bool(_EVERYONE.search(content)) and (
        allowed is None or "everyone" in (allowed.get("parse") or [])
    )
    return Pings(users, roles, everyone)


def _passing(named: list[str], part: str, allowed: Json | None) -> tuple[str, ...]:
    if allowed is None or part in (allowed.get("parse") or []):
        return tuple(dict.fromkeys(named))
    chosen = {str(one) for one in allowed.get(part) or []}
    return tuple(dict.fromkeys(one for one in named if one in chosen))
