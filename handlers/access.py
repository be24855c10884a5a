"""Who is of the crew, and where the crew may be spoken to."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from handlers.command import Role
from handlers.request import ChatKind, Request


class Access(Protocol):
    """Answers who may ask and where; identity is the platform's user id alone."""

    def role(self, user: str, at_ms: int) -> Role | None:
        """The role of "platform:user_id" at a time, None for strangers."""
        ...

    def crew(self, at_ms: int) -> Mapping[str, Role]:
        """Everybody who has a role at a time, by "platform:user_id"."""
        ...

    def allows_chat(self, request: Request) -> bool:
        """True when commands may be given in the request's chat."""
        ...


@dataclass(frozen=True, slots=True)
class ConfiguredAccess:
    """Access as config.yaml says it: roles by "platform:user_id", groups by "platform:chat_id"."""

    users: Mapping[str, Role]
    chats: Collection[str] = ()

    def role(self, user: str, at_ms: int) -> Role | None:
        """The configured role; it does not change with time."""
        return self.users.get(user)

    def crew(self, at_ms: int) -> Mapping[str, Role]:
        """The configured roles."""
        return self.users

    def allows_chat(self, request: Request) -> bool:
        """A private chat is as good as its user; a group must be named."""
        if request.chat_kind is ChatKind.GROUP:
            places = (request.chat_id, *request.within)
            return any(f"{request.platform}:{place}" in self.chats for place in places)
        return request.chat_kind is not ChatKind.CHANNEL
